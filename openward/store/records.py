"""Writing the record: an entry and its projection, in one transaction.

`enter` is the only way a row reaches the record's tables. What it writes there is a function of
the entry (and, for a commitment, of the hidden text beside it), so `rebuild` can drop the
projection and make it again from the log; a test compares the two.
"""

import base64
import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, func, insert, select, update

from openward.errors import Conflict, Malformed, Unavailable
from openward.evidence.capability_evaluation import parse_capability_evaluation
from openward.policy.document import parse_policy
from openward.statements.dsse import parse_envelope
from openward.statements.entry import (
    Accredited,
    Body,
    Committed,
    Decided,
    Ended,
    Entry,
    EvidenceFiled,
    Genesis,
    Opened,
    PolicyAdopted,
    commit_to,
    parse_body,
    parse_entry,
)
from openward.statements.intoto import parse_statement
from openward.statements.strict_json import (
    LARGEST_INTEGER,
    Fields,
    JsonValue,
    canonical_json,
    parse_json,
)
from openward.store import schema as t

ROLLBACK_TOLERANCE = timedelta(minutes=5)
"""How far a clock may lag behind the last entry (leap smear, resynchronisation) and be believed."""

_PROJECTION = (t.lease, t.decision, t.evidence, t.accreditation, t.policy)


@dataclass(frozen=True, slots=True)
class Hidden:
    """What a commitment hides, and the salt that hides it."""

    what: str
    salt: bytes
    text: JsonValue


def time_of_entry(connection: Connection, now: datetime) -> datetime:
    """The later of the clock and the last entry. Raises Unavailable when the clock moved back."""
    last: datetime | None = connection.execute(select(func.max(t.entry.c.at))).scalar()
    if last is None or last <= now:
        return now
    if last - now > ROLLBACK_TOLERANCE:
        raise Unavailable(
            f"the clock says {now:%Y-%m-%dT%H:%M:%SZ} but the record already holds an entry of "
            f"{last:%Y-%m-%dT%H:%M:%SZ}; nothing is recorded until the clock is right again"
        )
    return last


def enter(connection: Connection, body: Body, now: datetime) -> int:
    """Write an entry and its projection; returns its index."""
    return _append(connection, Entry(time_of_entry(connection, now), body), None)


def enter_hidden(connection: Connection, hidden: Hidden, now: datetime) -> int:
    """Write a commitment, keep what it hides, and project that; returns the entry's index.

    Raises Malformed for a text too large to be opened: what it speaks of could never be shown.
    """
    body = commit_to(hidden.what, hidden.salt, hidden.text)
    at = time_of_entry(connection, now)
    Entry(at, _opening(LARGEST_INTEGER, hidden.salt, hidden.text)).to_bytes()
    return _append(connection, Entry(at, body), hidden)


def _opening(index: int, salt: bytes, text: JsonValue) -> Opened:
    return Opened(index, base64.b64encode(salt).decode("ascii"), text)


def open_hidden(connection: Connection, index: int, now: datetime) -> int:
    """Open the commitment at `index` in public; returns the opening entry's index."""
    row = connection.execute(select(t.hidden).where(t.hidden.c.number == index)).one_or_none()
    if row is None:
        raise Conflict(f"entry {index} hides nothing that this hub still holds")
    if row.opened_by is not None:
        return int(row.opened_by)
    return enter(connection, _opening(index, row.salt, parse_json(row.text)), now)


def _append(connection: Connection, entry: Entry, hidden: Hidden | None) -> int:
    last = connection.execute(select(func.max(t.entry.c.number))).scalar()
    index = 0 if last is None else last + 1
    connection.execute(
        insert(t.entry).values(number=index, kind=entry.kind, at=entry.at, bytes=entry.to_bytes())
    )
    if hidden is not None:
        connection.execute(
            insert(t.hidden).values(
                number=index, salt=hidden.salt, text=canonical_json(hidden.text)
            )
        )
    project(connection, index, entry, hidden.text if hidden else None)
    return index


def project(connection: Connection, index: int, entry: Entry, hidden: JsonValue | None) -> None:
    """Write the rows that follow from one entry."""
    match entry.body:
        case Genesis():
            pass
        case PolicyAdopted(envelope):
            _project_policy(connection, index, envelope)
        case Accredited(envelope):
            _project_accreditation(connection, index, envelope)
        case EvidenceFiled():
            _project_evidence(connection, index, entry.body)
        case Decided():
            _project_decision(connection, index, entry.at, entry.body)
        case Committed(what, _):
            _project_hidden(connection, index, entry.at, what, hidden)
        case Opened(committed, _, _):
            connection.execute(
                update(t.hidden).where(t.hidden.c.number == committed).values(opened_by=index)
            )
        case Ended(committed, _):
            connection.execute(
                update(t.lease).where(t.lease.c.number == committed).values(ended_by=index)
            )


def rebuild(connection: Connection) -> int:
    """Drop the record's tables and make them again from the log; returns how many entries."""
    for table in _PROJECTION:
        connection.execute(delete(table))
    connection.execute(update(t.hidden).values(opened_by=None))
    texts = {row.number: parse_json(row.text) for row in connection.execute(select(t.hidden))}
    rows = connection.execute(select(t.entry).order_by(t.entry.c.number)).all()
    for row in rows:
        project(connection, row.number, parse_entry(row.bytes), texts.get(row.number))
    return len(rows)


def _project_policy(connection: Connection, index: int, envelope: JsonValue) -> None:
    statement = parse_statement(parse_envelope(canonical_json(envelope)).payload)
    policy = parse_policy(statement.predicate)
    connection.execute(
        insert(t.policy).values(
            number=index,
            digest=policy.digest,
            version=policy.version,
            valid_from=policy.valid_from,
            document=canonical_json(statement.predicate),
        )
    )


def _project_accreditation(connection: Connection, index: int, envelope: JsonValue) -> None:
    statement = parse_statement(parse_envelope(canonical_json(envelope)).payload)
    evaluator = Fields.of(statement.predicate, "accreditation").text("evaluator")
    connection.execute(
        insert(t.accreditation).values(
            number=index, evaluator=evaluator, envelope=canonical_json(envelope)
        )
    )


def _project_evidence(connection: Connection, index: int, filed: EvidenceFiled) -> None:
    raw = canonical_json(filed.envelope)
    statement = parse_statement(parse_envelope(raw).payload)
    evaluation = parse_capability_evaluation(statement.predicate)
    if len(statement.subjects) != 1:
        raise Malformed("evidence: a statement speaks of exactly one set of weights")
    connection.execute(
        insert(t.evidence).values(
            number=index,
            statement=filed.statement,
            subject=statement.subjects[0].sha256,
            domain=evaluation.domain.value,
            evaluator=evaluation.evaluator,
            log=evaluation.log.sha256,
            samples=evaluation.log.samples,
            envelope=raw,
        )
    )


def _project_decision(connection: Connection, index: int, at: datetime, decided: Decided) -> None:
    connection.execute(
        insert(t.decision).values(
            number=index,
            subject=decided.subject,
            case=decided.case,
            policy_entry=decided.policy_entry,
            state=decided.state,
            tier=decided.tier,
            treatment=decided.treatment,
            due=decided.due,
            reasons=json.dumps(decided.reasons),
            at=at,
        )
    )


def _project_hidden(
    connection: Connection, index: int, at: datetime, what: str, hidden: JsonValue | None
) -> None:
    if hidden is None:
        return  # salt and text were erased: the commitment stands, its row does not
    fields = Fields.of(hidden, what)
    match what:
        case "decision":
            body = parse_body("decision", fields)
            assert isinstance(body, Decided)  # noqa: S101  # parse_body's case "decision"
            _project_decision(connection, index, at, body)
        case "evidence":
            body = parse_body("evidence", fields)
            assert isinstance(body, EvidenceFiled)  # noqa: S101  # parse_body's case "evidence"
            _project_evidence(connection, index, body)
        case _:
            connection.execute(
                insert(t.lease).values(
                    number=index,
                    kind=what,
                    account=fields.integer("account"),
                    subject=fields.text("subject"),
                    starts=at,
                    until=fields.time("until"),
                    terms=fields.text("terms"),
                )
            )
