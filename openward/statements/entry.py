"""What may be written in the public record: a closed list of entry bodies.

An entry is one line of canonical JSON (RFC 8785), at most 65,535 bytes (C2SP tlog-tiles):

    {"at":"2026-10-01T12:00:00Z","body":{...},"type":"openward/decision/v1"}

The list is closed on purpose. No body has a member that could name a natural person: what
concerns a person enters as a commitment (SHA-256 over a 32-byte salt and the hidden text), so that
the record cannot become a register of people, and erasing the salt leaves the tree intact
(LIBERTIES CL-12, CL-19). What concerns a repository that is still private enters in the same way
and is opened, by `Opened`, before anything is served.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from openward.errors import Malformed, VerificationError
from openward.statements.strict_json import (
    Fields,
    JsonValue,
    canonical_json,
    format_time,
    parse_json,
)
from openward.vocabulary import Sha256

MAX_ENTRY_SIZE = 65_535  # C2SP tlog-tiles: entries carry a 16-bit length
SALT_SIZE = 32
_PREFIX = "openward/"
_SUFFIX = "/v1"


@dataclass(frozen=True, slots=True)
class Genesis:
    """Entry 0: the log's name, and the key that may adopt policies until a council exists."""

    origin: str
    founding_key: str  # base64 of the SPKI, RFC 5280 section 4.1


@dataclass(frozen=True, slots=True)
class PolicyAdopted:
    """A tier policy, as the DSSE envelope that the founding key signed."""

    envelope: JsonValue


@dataclass(frozen=True, slots=True)
class Accredited:
    """An evaluator's standing, as the DSSE envelope that the founding key signed."""

    envelope: JsonValue


@dataclass(frozen=True, slots=True)
class EvidenceFiled:
    """A signed evaluation, admissible or not; `statement` is the digest of its envelope."""

    statement: Sha256
    envelope: JsonValue


@dataclass(frozen=True, slots=True)
class Decided:
    """A tier decision. `policy_entry` is where the policy stands; `case` and `subject` are digests.

    `tier` is 0 where the subject is unassessed; `treatment` says how it is treated then, and `due`
    when its clock runs out. `reasons` are (rule id, what was found); `review` likewise, what
    somebody should look at.
    """

    subject: Sha256
    case: Sha256
    policy: Sha256
    policy_entry: int
    state: str
    tier: int
    reasons: tuple[tuple[str, str], ...]
    treatment: str | None = None
    due: datetime | None = None
    review: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Committed:
    """A hidden body: SHA-256 of salt and canonical text. `what` is one of COMMITMENTS."""

    what: str
    commitment: Sha256


@dataclass(frozen=True, slots=True)
class Opened:
    """What a commitment hid. `entry` is the index of the `Committed` entry."""

    entry: int
    salt: str
    hidden: JsonValue


@dataclass(frozen=True, slots=True)
class Ended:
    """A committed grant or lease ended before its date; `entry` is the index of its commitment."""

    entry: int
    reason: str


COMMITMENTS = ("decision", "evidence", "grant", "evaluation-lease")
Body = Genesis | PolicyAdopted | Accredited | EvidenceFiled | Decided | Committed | Opened | Ended
_NAMES: Mapping[type[Body], str] = {
    Genesis: "genesis",
    PolicyAdopted: "policy",
    Accredited: "accreditation",
    EvidenceFiled: "evidence",
    Decided: "decision",
    Committed: "commitment",
    Opened: "opening",
    Ended: "end",
}
KINDS = tuple(_NAMES.values())


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the record: when, and what."""

    at: datetime
    body: Body

    @property
    def kind(self) -> str:
        return _NAMES[type(self.body)]

    def to_bytes(self) -> bytes:
        """The only spelling of this entry. Raises Malformed when it is too large to be logged."""
        raw = canonical_json(
            {
                "type": f"{_PREFIX}{self.kind}{_SUFFIX}",
                "at": format_time(self.at),
                "body": body_json(self.body),
            }
        )
        if len(raw) > MAX_ENTRY_SIZE:
            raise Malformed(f"entry: {len(raw)} bytes; the record takes at most {MAX_ENTRY_SIZE}")
        return raw


def body_json(body: Body) -> JsonValue:
    """The body as JSON members, in the order of canonical JSON once written."""
    match body:
        case Genesis(origin, founding_key):
            return {"origin": origin, "founding_key": founding_key}
        case PolicyAdopted(envelope) | Accredited(envelope):
            return {"envelope": envelope}
        case EvidenceFiled(statement, envelope):
            return {"statement": statement, "envelope": envelope}
        case Decided():
            return _decided_json(body)
        case Committed(what, commitment):
            return {"what": what, "commitment": commitment}
        case Opened(entry, salt, hidden):
            return {"entry": entry, "salt": salt, "hidden": hidden}
        case Ended(entry, reason):
            return {"entry": entry, "reason": reason}


def _decided_json(body: Decided) -> JsonValue:
    clock = {} if body.due is None else {"due": format_time(body.due)}
    treatment = {} if body.treatment is None else {"treatment": body.treatment}
    review = {} if not body.review else {"review": _reasons_json(body.review)}
    return {
        "subject": body.subject,
        "case": body.case,
        "policy": body.policy,
        "policy_entry": body.policy_entry,
        "state": body.state,
        "tier": body.tier,
        "reasons": _reasons_json(body.reasons),
        **treatment,
        **clock,
        **review,
    }


def _reasons_json(reasons: Iterable[tuple[str, str]]) -> JsonValue:
    return [{"rule": rule, "found": found} for rule, found in reasons]


def parse_entry(raw: bytes) -> Entry:
    """Read an entry in its only spelling. Raises Malformed."""
    fields = Fields.of(parse_json(raw, limit=MAX_ENTRY_SIZE), "entry")
    kind = fields.text("type")
    entry = Entry(fields.time("at"), parse_body(kind, fields.fields("body")))
    if entry.to_bytes() != raw:
        raise Malformed(f"entry: {kind} has unknown members or is not in canonical form")
    return entry


def parse_body(kind: str, body: Fields) -> Body:
    """Read the body of an entry of type `openward/<kind>/v1`. Raises Malformed."""
    match kind.removeprefix(_PREFIX).removesuffix(_SUFFIX):
        case "genesis":
            return Genesis(body.text("origin"), body.text("founding_key"))
        case "policy":
            return PolicyAdopted(body.value("envelope"))
        case "accreditation":
            return Accredited(body.value("envelope"))
        case "evidence":
            return EvidenceFiled(body.sha256("statement"), body.value("envelope"))
        case "decision":
            return _parse_decided(body)
        case "commitment":
            what = body.text("what")
            if what not in COMMITMENTS:
                raise Malformed(f"entry: a commitment to {what!r} is not in the closed list")
            return Committed(what, body.sha256("commitment"))
        case "opening":
            return Opened(body.integer("entry", minimum=0), body.text("salt"), body.value("hidden"))
        case "end":
            return Ended(body.integer("entry", minimum=0), body.text("reason"))
        case _:
            raise Malformed(f"entry: type {kind!r} is not in the closed list")


def _parse_decided(body: Fields) -> Decided:
    return Decided(
        subject=body.sha256("subject"),
        case=body.sha256("case"),
        policy=body.sha256("policy"),
        policy_entry=body.integer("policy_entry", minimum=0),
        state=body.text("state"),
        tier=body.integer("tier", minimum=0, maximum=4),
        reasons=_parse_reasons(body.listing("reasons")),
        treatment=body.optional_text("treatment"),
        due=body.optional_time("due"),
        review=_parse_reasons(body.optional_listing("review") or ()),
    )


def _parse_reasons(listed: Iterable[Fields]) -> tuple[tuple[str, str], ...]:
    return tuple((each.text("rule"), each.text("found")) for each in listed)


def commit_to(what: str, salt: bytes, hidden: JsonValue) -> Committed:
    """The commitment that hides `hidden`; `salt` is 32 fresh random bytes, kept by the hub."""
    if len(salt) != SALT_SIZE:
        raise ValueError(f"a commitment takes a salt of {SALT_SIZE} bytes")
    digest = hashlib.sha256(salt + canonical_json(hidden)).hexdigest()
    return Committed(what, Sha256(digest))


def verify_opening(committed: Committed, opened: Opened) -> JsonValue:
    """What the commitment hid, proven. Raises VerificationError when the opening is another's."""
    try:
        salt = base64.b64decode(opened.salt, validate=True)
    except ValueError as e:
        raise VerificationError("opening: the salt is not base64") from e
    if len(salt) != SALT_SIZE or commit_to(committed.what, salt, opened.hidden) != committed:
        raise VerificationError(f"opening of entry {opened.entry}: salt and text do not match it")
    return opened.hidden
