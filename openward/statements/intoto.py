"""in-toto Statement v1, https://github.com/in-toto/attestation/blob/main/spec/v1/statement.md.

    {"_type": "https://in-toto.io/Statement/v1",
     "subject": [{"name": "weights", "digest": {"sha256": "<64 hex>"}}],
     "predicateType": "<URI>", "predicate": {...}}

A statement is about exactly the digests it names. `verify_about` compares the whole set: a
statement about two things is no statement about one of them.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from openward.errors import Malformed, VerificationError
from openward.statements.strict_json import (
    Fields,
    JsonValue,
    canonical_json,
    parse_json,
)
from openward.vocabulary import Sha256

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
MOST_SUBJECTS = 1024


@dataclass(frozen=True, slots=True)
class Resource:
    """One subject of a statement; only the SHA-256 is compared, the name is for people."""

    name: str | None
    sha256: Sha256
    unknown: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Statement:
    """What somebody says about some digests; `predicate` is read by its own parser."""

    subjects: tuple[Resource, ...]
    predicate_type: str
    predicate: Mapping[str, JsonValue]
    unknown: Mapping[str, JsonValue] = field(default_factory=dict)


def parse_statement(payload: bytes) -> Statement:
    """Read a statement of 1 to 1,024 subjects, each with a SHA-256. Raises Malformed."""
    fields = Fields.of(parse_json(payload), "statement")
    if fields.text("_type") != STATEMENT_TYPE:
        raise Malformed(f"statement._type: expected {STATEMENT_TYPE}")
    subjects = fields.listing("subject")
    if not 1 <= len(subjects) <= MOST_SUBJECTS:
        raise Malformed(f"statement.subject: expected 1 to {MOST_SUBJECTS}")
    predicate_type = fields.text("predicateType")
    predicate = fields.optional_fields("predicate")
    return Statement(
        tuple(map(_resource, subjects)),
        predicate_type,
        # An absent predicate means an empty one (Statement v1, "predicate").
        {} if predicate is None else predicate.members,
        fields.rest(),
    )


def _resource(fields: Fields) -> Resource:
    name = fields.optional_text("name")
    return Resource(name, fields.fields("digest").sha256("sha256"), fields.rest())


def statement_bytes(
    subjects: Iterable[tuple[str, Sha256]],
    predicate_type: str,
    predicate: Mapping[str, JsonValue],
) -> bytes:
    """A statement in canonical JSON, about (name, SHA-256) pairs.

    Raises Malformed where `parse_statement` would not read it.
    """
    raw = canonical_json(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": name, "digest": {"sha256": sha}} for name, sha in subjects],
            "predicateType": predicate_type,
            "predicate": predicate,
        }
    )
    parse_statement(raw)
    return raw


def verify_about(
    statement: Statement, predicate_type: str, subjects: Iterable[Sha256]
) -> Mapping[str, JsonValue]:
    """The predicate, once the statement is of `predicate_type` and about exactly `subjects`.

    Raises VerificationError.
    """
    if statement.predicate_type != predicate_type:
        raise VerificationError(f"statement says {statement.predicate_type!r}")
    if {resource.sha256 for resource in statement.subjects} != set(subjects):
        raise VerificationError("statement is about other subjects")
    return statement.predicate
