"""request -> grant -> lease: who asked for which weights, and what was answered.

    the tier and the publisher ask nothing more ...... a lease at once
    the publisher answers by hand .................... pending, with a date for the answer
    something is lacking ............................. a refusal that names all of it

A grant enters the record as a salted commitment; its content (who, the countersigned promise) stays
here and can be erased without hurting the record.
"""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from openward.access.grant import (
    Approval,
    Granted,
    PublisherGate,
    decide_evaluation_grant,
    decide_grant,
)
from openward.access.lease import Lease
from openward.access.refusal import Denied
from openward.access.usage import (
    PREDICATE_TYPE,
    UsageAttestation,
    parse_usage_attestation,
    usage_attestation_json,
)
from openward.errors import Conflict
from openward.policy.duties import Demand, Gate
from openward.policy.rulebook import APPROVAL_WANTED
from openward.registrar.applicants import applicant_of, pseudonym
from openward.registrar.office import Office
from openward.registrar.parties import Party
from openward.registrar.passages import demand_of
from openward.registrar.standing import standing_of
from openward.statements.dsse import sign_envelope
from openward.statements.entry import Ended
from openward.statements.intoto import PAYLOAD_TYPE, statement_bytes
from openward.statements.strict_json import JsonValue, format_time, parse_json
from openward.store import reads
from openward.store.accounts import AccountRow, account_by_id
from openward.store.records import Hidden, enter, enter_hidden
from openward.store.repositories import RepoRow
from openward.store.requests import RequestRow, answer_request, find_request, put_request
from openward.store.revisions import RevisionRow, find_revision
from openward.vocabulary import Sha256

ANSWER_WITHIN = timedelta(days=30)
"""By when a publisher answers a request; the applicant sees the date."""


@dataclass(frozen=True, slots=True)
class Leased:
    """Granted: the entry of the commitment, and when the lease ends."""

    entry: int | None
    until: datetime


@dataclass(frozen=True, slots=True)
class Pending:
    """Waiting for the publisher, who has until `due`."""

    due: datetime


Answer = Leased | Pending | Denied


@dataclass(frozen=True, slots=True)
class Promise:
    """What an applicant promises: the digest of the terms accepted, and a purpose in words."""

    terms: Sha256
    purpose: str


def demand_on(
    office: Office, connection: Connection, repo: RepoRow, revision: RevisionRow, now: datetime
) -> Demand:
    """What the revision's standing asks for now."""
    standing = standing_of(office, connection, revision.subject, now, inside=repo.private)
    return demand_of(standing, revision.subject)


def request_access(
    office: Office,
    account: AccountRow,
    repo: RepoRow,
    revision: RevisionRow,
    promise: Promise | None,
    fields: JsonValue = None,
) -> Answer:
    """Ask for a revision's weights. `fields` is what the publisher's own form asked for.

    Raises Malformed for a promise that is none.
    """
    now = office.clock()
    with office.database.writing() as connection:
        demand = demand_on(office, connection, repo, revision, now)
        attestation = _attestation(office, account, repo, demand, promise, now)
        answer = _answer(office, connection, account, repo, demand, attestation, now)
        if not isinstance(answer, Denied):
            kept: dict[str, JsonValue] = {"fields": fields, "revision": revision.oid}
            if attestation is not None:
                kept["attestation"] = usage_attestation_json(attestation)
            put_request(
                connection,
                repo.id,
                account.id,
                state="pending" if isinstance(answer, Pending) else "accepted",
                fields=json.dumps(kept),
                at=now,
                due=answer.due if isinstance(answer, Pending) else None,
            )
            _note_accepted(connection, repo, account, answer, now)
    office.sequencer.publish()
    return answer


def _note_accepted(
    connection: Connection, repo: RepoRow, account: AccountRow, answer: Answer, now: datetime
) -> None:
    request = find_request(connection, repo.id, account.id)
    if request is not None and isinstance(answer, Leased):
        answer_request(connection, request.id, state="accepted", by="openward", at=now)


def answer_for_publisher(
    office: Office,
    connection: Connection,
    repo: RepoRow,
    request: RequestRow,
    *,
    accepted: bool,
    by: str,
    reason: str | None = None,
) -> Answer | None:
    """The publisher's answer; an acceptance that the tier allows gives the lease.

    Returns None for a rejection. The caller publishes the log after its transaction.
    """
    now = office.clock()
    state = "accepted" if accepted else "rejected"
    answer_request(connection, request.id, state=state, by=by, at=now, reason=reason)
    account = account_by_id(connection, request.account)
    kept = json.loads(request.fields)
    revision = find_revision(connection, repo.id, str(kept.get("revision") or "main"))
    if not accepted or account is None or revision is None:
        return None
    demand = demand_on(office, connection, repo, revision, now)
    promised = kept.get("attestation")
    attestation = None if promised is None else parse_usage_attestation(promised)
    applicant = applicant_of(office, connection, account, now)
    gate = PublisherGate(repo.gate)
    outcome = decide_grant(demand, gate, applicant, attestation, Approval.GIVEN, now)
    if isinstance(outcome, Denied):
        return outcome
    return _lease(office, connection, account, demand, outcome.lease, attestation, now)


def _answer(
    office: Office,
    connection: Connection,
    account: AccountRow,
    repo: RepoRow,
    demand: Demand,
    attestation: UsageAttestation | None,
    now: datetime,
) -> Answer:
    applicant = applicant_of(office, connection, account, now)
    gate = PublisherGate(repo.gate)
    before = find_request(connection, repo.id, account.id)
    approval = Approval.PENDING
    if before is not None and before.state == "accepted" and before.decided_by != "openward":
        approval = Approval.GIVEN
    if before is not None and before.state == "rejected" and gate is not PublisherGate.NONE:
        # Also where the gate answers by itself: who was turned away is not let in by asking again.
        gate, approval = PublisherGate.MANUAL, Approval.DECLINED
    outcome = decide_grant(demand, gate, applicant, attestation, approval, now)
    if isinstance(outcome, Granted):
        return _lease(office, connection, account, demand, outcome.lease, attestation, now)
    if {reason.rule for reason in outcome.reasons} == {APPROVAL_WANTED}:
        waiting = before is not None and before.state == "pending" and before.due is not None
        return Pending(before.due if waiting and before and before.due else now + ANSWER_WITHIN)
    return outcome


def _attestation(
    office: Office,
    account: AccountRow,
    repo: RepoRow,
    demand: Demand,
    promise: Promise | None,
    now: datetime,
) -> UsageAttestation | None:
    if promise is None:
        return None
    attestation = UsageAttestation(
        applicant=pseudonym(office, account),
        subject=demand.subject,
        repository=repo.full_name,
        terms=promise.terms,
        purpose=promise.purpose,
        accepted_at=now,
        expires_at=now + timedelta(days=demand.lease_days),
    )
    # What cannot be read back could never be answered by the publisher.
    return parse_usage_attestation(usage_attestation_json(attestation))


def _lease(
    office: Office,
    connection: Connection,
    account: AccountRow,
    demand: Demand,
    lease: Lease,
    attestation: UsageAttestation | None,
    now: datetime,
) -> Leased:
    if demand.gate is Gate.OPEN:
        return Leased(None, lease.until)  # the publisher's own gate: not the record's business
    return _commit(office, connection, "grant", account, lease, attestation, now)


def _commit(
    office: Office,
    connection: Connection,
    what: str,
    account: AccountRow,
    lease: Lease,
    attestation: UsageAttestation | None,
    now: datetime,
) -> Leased:
    hidden: dict[str, JsonValue] = {
        "account": account.id,
        "subject": lease.subject,
        "until": format_time(lease.until),
        "terms": lease.terms,
    }
    if attestation is not None:
        hidden["promise"] = countersigned(office, attestation)
    salt = office.entropy(32)
    return Leased(enter_hidden(connection, Hidden(what, salt, hidden), now), lease.until)


def countersigned(office: Office, attestation: UsageAttestation) -> JsonValue:
    """The promise as accepted in an authenticated session, under the hub's signature."""
    predicate = usage_attestation_json(attestation)
    payload = statement_bytes([("weights", attestation.subject)], PREDICATE_TYPE, predicate)
    return parse_json(sign_envelope(PAYLOAD_TYPE, payload, [office.hub_signer]).text())


def lend_for_evaluation(
    office: Office, party: Party, repo: RepoRow, revision: RevisionRow
) -> Leased | Denied:
    """An evaluation lease for an accredited evaluator, logged; or nothing could be evaluated."""
    now = office.clock()
    with office.database.writing() as connection:
        demand = demand_on(office, connection, repo, revision, now)
        applicant = applicant_of(office, connection, party.account, now)
        outcome = decide_evaluation_grant(demand, applicant, now)
        if isinstance(outcome, Denied):
            return outcome
        leased = _commit(
            office, connection, "evaluation-lease", party.account, outcome.lease, None, now
        )
    office.sequencer.publish()
    return leased


def end_lease(office: Office, entry: int, reason: str) -> int:
    """End a lease before its date, by an entry that says why; returns that entry's index.

    Raises Conflict where no lease stands at `entry`, or it was ended before.
    """
    with office.database.writing() as connection:
        lease = reads.lease_at(connection, entry)
        if lease is None or lease.ended_by is not None:
            raise Conflict(f"entry {entry} is no lease that could still be ended")
        index = enter(connection, Ended(entry, reason), office.clock())
    office.sequencer.publish()
    return index
