"""A case: everything the decision looks at, as plain values, and nothing else.

A decision enters the record with the digest of its case; whoever holds the case and the policy can
decide again and must reach the same answer. So a case has one spelling (canonical JSON, RFC 8785):
its lists are sorted, and numbers are kept as the very doubles that were decided on. Its parts:

    files, linked, overlaps, evidence, parents, declared_domains, open_challenges,
    namespace_recent_presumed, opened_at

Evidence is appraised before it comes here; inadmissible evidence is kept, with its findings, and
has no interval where none could be computed.
"""

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import TypeVar

from openward.errors import Malformed
from openward.policy.fact import LATEST, EvidenceFact, evidence_json, evidence_order, parse_evidence
from openward.statements.strict_json import Fields, JsonValue, canonical_json, format_time
from openward.vocabulary import Sha256, Subject, Tier, WeightFile, subject_of

Part = TypeVar("Part")


class Reading(Enum):
    """Whether a file's tensors can be read, or only its bytes counted."""

    READABLE = "readable"
    UNREADABLE = "unreadable"


class Derivation(Enum):
    """How a declared parent was turned into the child."""

    ADAPTER = "adapter"
    QUANTISATION = "quantisation"
    FINETUNE = "finetune"
    MERGE = "merge"
    CONVERSION = "conversion"
    UNKNOWN = "unknown"


class LinkKind(Enum):
    """What makes two releases count as one."""

    SHARED_BLOB = "shared-blob"
    INDEX = "index"
    FAMILY = "declared-family"
    BASE = "declared-base"


@dataclass(frozen=True, slots=True)
class CaseFile:
    """One weight file: its content, its format, and whether it is an adapter for other weights."""

    file: WeightFile
    reading: Reading
    adapter: bool


@dataclass(frozen=True, slots=True)
class Parent:
    """A declared parent. `tier` is None while undecided, `size` where nobody here knows it."""

    name: str
    kind: Derivation
    tier: Tier | None
    size: int | None


@dataclass(frozen=True, slots=True)
class Link:
    """One reason why another release counts with this one; `to` names the subject or the family."""

    kind: LinkKind
    to: str


@dataclass(frozen=True, slots=True)
class Linked:
    """Bytes over this release and all that are linked with it, each distinct file once."""

    size: int
    unreadable: int
    by: tuple[Link, ...] = ()

    def __post_init__(self) -> None:
        links = _sorted("linked.by", self.by, lambda link: (link.kind.value, link.to))
        object.__setattr__(self, "by", links)


@dataclass(frozen=True, slots=True)
class Overlap:
    """Another subject that holds one of these files. `tier` is None while it is undecided."""

    subject: Sha256
    size: int
    tier: Tier | None


@dataclass(frozen=True, slots=True)
class Case:
    """The facts. Lists are put in order, so that one set of facts has one digest.

    `opened_at` is when the present question arose and the clock began.
    `namespace_recent_presumed` counts the releases that the namespace published under the
    proportionality clause within the policy's window, this one included.
    """

    files: tuple[CaseFile, ...]
    linked: Linked
    opened_at: datetime
    evidence: tuple[EvidenceFact, ...] = ()
    parents: tuple[Parent, ...] = ()
    overlaps: tuple[Overlap, ...] = ()
    declared_domains: tuple[str, ...] = ()
    open_challenges: int = 0
    namespace_recent_presumed: int = 0

    def __post_init__(self) -> None:
        put = object.__setattr__
        put(self, "files", _sorted("files", self.files, lambda f: (f.file.sha256,)))
        put(self, "evidence", _sorted("evidence", self.evidence, evidence_order))
        put(self, "parents", _sorted("parents", self.parents, lambda p: (p.name, p.kind.value)))
        put(self, "overlaps", _sorted("overlaps", self.overlaps, lambda o: (o.subject,)))
        tags = _sorted("declared_domains", self.declared_domains, lambda tag: (tag,))
        put(self, "declared_domains", tags)
        unreadable = sum(f.file.size for f in self.files if f.reading is Reading.UNREADABLE)
        # A total below its own part would let a large release pass as a small one.
        if self.linked.size < self.subject.size or self.linked.unreadable < unreadable:
            raise Malformed("case.linked: smaller than the release itself")
        if self.opened_at >= LATEST:
            raise Malformed("case.opened_at: beyond any calendar")

    @property
    def subject(self) -> Subject:
        return subject_of(f.file for f in self.files)

    @property
    def digest(self) -> Sha256:
        """SHA-256 of the canonical JSON."""
        return Sha256(hashlib.sha256(canonical_json(case_json(self))).hexdigest())


def case_json(case: Case) -> JsonValue:
    """The one spelling of a case."""
    return {
        "files": [_file_json(f) for f in case.files],
        "linked": {
            "bytes": case.linked.size,
            "unreadable_bytes": case.linked.unreadable,
            "by": [{"kind": link.kind.value, "to": link.to} for link in case.linked.by],
        },
        "opened_at": format_time(case.opened_at),
        "evidence": [evidence_json(fact) for fact in case.evidence],
        "parents": [_parent_json(parent) for parent in case.parents],
        "overlaps": [
            {"subject": o.subject, "bytes": o.size, **_tier_json(o.tier)} for o in case.overlaps
        ],
        "declared_domains": case.declared_domains,
        "open_challenges": case.open_challenges,
        "namespace_recent_presumed": case.namespace_recent_presumed,
    }


def parse_case(value: JsonValue) -> Case:
    """Read a case in its one spelling. Raises Malformed."""
    fields = Fields.of(value, "case")
    case = Case(
        files=tuple(_parse_file(each) for each in fields.listing("files")),
        linked=_parse_linked(fields.fields("linked")),
        opened_at=fields.time("opened_at"),
        evidence=tuple(parse_evidence(each) for each in fields.listing("evidence")),
        parents=tuple(_parse_parent(each) for each in fields.listing("parents")),
        overlaps=tuple(_parse_overlap(each) for each in fields.listing("overlaps")),
        declared_domains=fields.texts("declared_domains"),
        open_challenges=fields.integer("open_challenges", minimum=0),
        namespace_recent_presumed=fields.integer("namespace_recent_presumed", minimum=0),
    )
    # The round trip refuses unknown members and lists out of order in one place.
    if canonical_json(case_json(case)) != canonical_json(value):
        raise Malformed("case: unknown members, or lists out of order")
    return case


def _sorted(
    name: str, parts: Iterable[Part], key: Callable[[Part], tuple[str, ...]]
) -> tuple[Part, ...]:
    ordered = tuple(sorted(parts, key=key))
    if len({key(part) for part in ordered}) < len(ordered):
        raise Malformed(f"case.{name}: one is given twice")
    # Refused when it is built: it would be recorded, and then nobody could read it back.
    if any(not text or "\0" in text for part in ordered for text in key(part)):
        raise Malformed(f"case.{name}: empty, or holds U+0000")
    return ordered


def _file_json(part: CaseFile) -> JsonValue:
    return {
        "sha256": part.file.sha256,
        "bytes": part.file.size,
        "reading": part.reading.value,
        "adapter": part.adapter,
    }


def _parse_file(fields: Fields) -> CaseFile:
    file = WeightFile(fields.sha256("sha256"), fields.integer("bytes", minimum=0))
    return CaseFile(file, fields.choice("reading", Reading), fields.flag("adapter"))


def _parse_linked(fields: Fields) -> Linked:
    return Linked(
        fields.integer("bytes", minimum=0),
        fields.integer("unreadable_bytes", minimum=0),
        tuple(Link(by.choice("kind", LinkKind), by.text("to")) for by in fields.listing("by")),
    )


def _parent_json(parent: Parent) -> JsonValue:
    size: dict[str, JsonValue] = {} if parent.size is None else {"bytes": parent.size}
    return {"name": parent.name, "kind": parent.kind.value, **size, **_tier_json(parent.tier)}


def _parse_parent(fields: Fields) -> Parent:
    return Parent(
        name=fields.text("name"),
        kind=fields.choice("kind", Derivation),
        tier=_parse_tier(fields),
        size=fields.optional_integer("bytes", minimum=0),
    )


def _parse_overlap(fields: Fields) -> Overlap:
    size = fields.integer("bytes", minimum=0)
    return Overlap(fields.sha256("subject"), size, _parse_tier(fields))


def _tier_json(tier: Tier | None) -> dict[str, JsonValue]:
    return {} if tier is None else {"tier": int(tier)}


def _parse_tier(fields: Fields) -> Tier | None:
    number = fields.optional_integer("tier", minimum=1, maximum=4)
    return None if number is None else Tier(number)
