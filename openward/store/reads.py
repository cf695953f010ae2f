"""Read-only views of the record: entries, standing decisions, policies, leases.

Queries that every download asks are built once: building one costs several times its running.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, bindparam, func, select

from openward.errors import VerificationError
from openward.store import schema as t
from openward.store.rows import rows_of
from openward.vocabulary import Sha256


@dataclass(frozen=True, slots=True)
class DecisionRow:
    """A decision as recorded; `tier` is 0 where the subject is unassessed.

    `public_from` is the entry that shows it: its own, or the one that opened its commitment; None
    while it is under embargo.
    """

    index: int
    subject: Sha256
    case: Sha256
    policy_entry: int
    state: str
    tier: int
    treatment: str | None
    due: datetime | None
    reasons: tuple[tuple[str, str], ...]
    at: datetime
    public_from: int | None


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """A policy as adopted; `document` is canonical JSON."""

    index: int
    digest: Sha256
    version: int
    document: bytes


@dataclass(frozen=True, slots=True)
class EvidenceRow:
    """A signed evaluation as filed; `envelope` is the DSSE envelope in canonical JSON."""

    index: int
    statement: Sha256
    subject: Sha256
    domain: str
    evaluator: str
    log: Sha256
    samples: Sha256 | None
    envelope: bytes
    at: datetime


@dataclass(frozen=True, slots=True)
class LeaseRow:
    """A grant (`grant`) or an evaluation lease (`evaluation-lease`) on a subject."""

    index: int
    kind: str
    account: int
    subject: Sha256
    starts: datetime
    until: datetime
    terms: str
    ended_by: int | None


def log_size(connection: Connection) -> int:
    """How many entries are durable; the published checkpoint may cover fewer."""
    last = connection.execute(select(func.max(t.entry.c.number))).scalar()
    return 0 if last is None else int(last) + 1


def entries(connection: Connection, start: int, end: int) -> list[bytes]:
    """The entries [start, end), as they were written."""
    query = select(t.entry.c.bytes).where(t.entry.c.number >= start, t.entry.c.number < end)
    return [row.bytes for row in connection.execute(query.order_by(t.entry.c.number))]


_CHECKPOINT = select(t.checkpoint).where(t.checkpoint.c.origin == bindparam("origin"))


def published(connection: Connection, origin: str) -> tuple[int, bytes | None]:
    """Size and note of the last signed checkpoint; (0, None) before the first."""
    rows = rows_of(connection, _CHECKPOINT, {"origin": origin})
    return (int(rows[0].size), bytes(rows[0].note)) if rows else (0, None)


def decisions_on(connection: Connection, subject: Sha256) -> list[DecisionRow]:
    """Every decision on a subject, oldest first."""
    return [_decision(row) for row in rows_of(connection, _DECISIONS, {"subject": subject})]


_DECISIONS = (
    select(t.decision, t.hidden.c.number.label("hidden"), t.hidden.c.opened_by)
    .join_from(t.decision, t.hidden, t.decision.c.number == t.hidden.c.number, isouter=True)
    .where(t.decision.c.subject == bindparam("subject"))
    .order_by(t.decision.c.number)
)


def _decision(row: Row[tuple[object, ...]]) -> DecisionRow:
    m = row._mapping
    return DecisionRow(
        index=m[t.decision.c.number],
        subject=m["subject"],
        case=m["case"],
        policy_entry=m["policy_entry"],
        state=m["state"],
        tier=m["tier"],
        treatment=m["treatment"],
        due=m["due"],
        reasons=tuple((rule, found) for rule, found in json.loads(m["reasons"])),
        at=m["at"],
        public_from=m[t.decision.c.number] if m["hidden"] is None else m["opened_by"],
    )


def policy_in_force(connection: Connection, now: datetime) -> PolicyRow | None:
    """The newest policy that has begun; before the first begins, the newest (council.in_force)."""
    rows = rows_of(connection, _BEGUN, {"now": now}) or rows_of(connection, _NEWEST, {})
    return policy_at(connection, rows[0].number) if rows else None


_NEWEST = select(t.policy.c.number).order_by(t.policy.c.number.desc()).limit(1)
_BEGUN = _NEWEST.where(t.policy.c.valid_from <= bindparam("now"))


def policy_at(connection: Connection, index: int) -> PolicyRow | None:
    rows = rows_of(connection, _POLICY, {"number": index})
    return _policy(rows[0] if rows else None)


_POLICY = select(t.policy).where(t.policy.c.number == bindparam("number"))


def _policy(row: Row[tuple[object, ...]] | None) -> PolicyRow | None:
    if row is None:
        return None
    m = row._mapping
    document = bytes(m["document"])
    # A byte that turned over on disk must not become another threshold.
    if hashlib.sha256(document).hexdigest() != m["digest"]:
        raise VerificationError(f"policy {m['digest']}: the bytes kept here are not those adopted")
    return PolicyRow(m["number"], m["digest"], m["version"], document)


def accreditation_envelopes(connection: Connection) -> list[bytes]:
    query = select(t.accreditation.c.envelope).order_by(t.accreditation.c.number)
    return [bytes(row.envelope) for row in connection.execute(query)]


def evidence_on(connection: Connection, subject: Sha256) -> list[EvidenceRow]:
    """Every statement filed about a subject, oldest first, with the time it was filed."""
    query = (
        select(t.evidence, t.entry.c.at)
        .join_from(t.evidence, t.entry, t.evidence.c.number == t.entry.c.number)
        .where(t.evidence.c.subject == subject)
        .order_by(t.evidence.c.number)
    )
    return [
        EvidenceRow(
            index=r.number,
            statement=r.statement,
            subject=r.subject,
            domain=r.domain,
            evaluator=r.evaluator,
            log=r.log,
            samples=r.samples,
            envelope=bytes(r.envelope),
            at=r.at,
        )
        for r in connection.execute(query)
    ]


def leases_of(
    connection: Connection, *, account: int | None = None, subject: Sha256 | None = None
) -> list[LeaseRow]:
    """Leases of an account, on a subject, or both; newest first."""
    query = select(t.lease).order_by(t.lease.c.number.desc())
    if account is not None:
        query = query.where(t.lease.c.account == account)
    if subject is not None:
        query = query.where(t.lease.c.subject == subject)
    return [LeaseRow(*row) for row in connection.execute(query)]


def lease_at(connection: Connection, index: int) -> LeaseRow | None:
    """The lease that the entry at `index` gave."""
    row = connection.execute(select(t.lease).where(t.lease.c.number == index)).one_or_none()
    return None if row is None else LeaseRow(*row)


def subjects_undecided(connection: Connection, policy_entry: int) -> list[Sha256]:
    """Subjects of commits that no decision under this policy speaks of."""
    decided = select(t.decision.c.subject).where(t.decision.c.policy_entry == policy_entry)
    query = select(t.revision.c.subject).where(t.revision.c.subject.not_in(decided)).distinct()
    return [Sha256(row.subject) for row in connection.execute(query)]


def hidden_evidence(connection: Connection, subject: Sha256) -> list[int]:
    """The unopened commitments to evidence on a subject."""
    query = (
        select(t.evidence.c.number)
        .join_from(t.evidence, t.hidden, t.evidence.c.number == t.hidden.c.number)
        .where(t.evidence.c.subject == subject, t.hidden.c.opened_by.is_(None))
        .order_by(t.evidence.c.number)
    )
    return [row.number for row in connection.execute(query)]


def last_decisions(connection: Connection) -> list[DecisionRow]:
    """The last decision on every subject."""
    last = select(func.max(t.decision.c.number)).group_by(t.decision.c.subject)
    query = (
        select(t.decision, t.hidden.c.number.label("hidden"), t.hidden.c.opened_by)
        .join_from(t.decision, t.hidden, t.decision.c.number == t.hidden.c.number, isouter=True)
        .where(t.decision.c.number.in_(last))
        .order_by(t.decision.c.number)
    )
    return [_decision(row) for row in connection.execute(query)]


def subjects_with_evidence(connection: Connection) -> list[Sha256]:
    """Published subjects on which evidence was filed."""
    query = (
        select(t.evidence.c.subject)
        .where(t.evidence.c.subject.in_(select(t.revision.c.subject)))
        .distinct()
    )
    return [Sha256(row.subject) for row in connection.execute(query)]


def time_of(connection: Connection, index: int) -> datetime | None:
    """When the entry at `index` was written."""
    found: datetime | None = connection.execute(
        select(t.entry.c.at).where(t.entry.c.number == index)
    ).scalar()
    return found


def policy_by_digest(connection: Connection, digest: Sha256) -> PolicyRow | None:
    """A policy ever adopted."""
    query = select(t.policy).where(t.policy.c.digest == digest)
    return _policy(connection.execute(query).one_or_none())


def case_is_public(connection: Connection, case: Sha256) -> bool:
    """Whether a decision that everybody may read rests on this case."""
    query = (
        select(t.decision.c.number, t.hidden.c.number.label("hidden"), t.hidden.c.opened_by)
        .join_from(t.decision, t.hidden, t.decision.c.number == t.hidden.c.number, isouter=True)
        .where(t.decision.c.case == case)
    )
    return any(row.hidden is None or row.opened_by is not None for row in connection.execute(query))


def public_evidence(
    connection: Connection, *, statement: Sha256 | None = None, log: Sha256 | None = None
) -> EvidenceRow | None:
    """A filed statement that everybody may read: by its digest, or by its log's or samples'."""
    query = (
        select(t.evidence.c.subject, t.evidence.c.statement)
        .join_from(t.evidence, t.hidden, t.evidence.c.number == t.hidden.c.number, isouter=True)
        .where((t.hidden.c.number.is_(None)) | (t.hidden.c.opened_by.is_not(None)))
    )
    if statement is not None:
        query = query.where(t.evidence.c.statement == statement)
    if log is not None:
        query = query.where((t.evidence.c.log == log) | (t.evidence.c.samples == log))
    found = connection.execute(query.limit(1)).one_or_none()
    if found is None:
        return None
    rows = evidence_on(connection, Sha256(found.subject))
    return next(row for row in rows if row.statement == found.statement)
