"""The publisher's side of the gate: answering requests, granting unasked, and taking back.

    pending  ->  accepted | rejected
    accepted ->  pending | rejected      what was granted ends with it, and the record says so
    rejected ->  accepted | pending

Whoever may write to a repository answers for it. An acceptance never opens more than the tier
allows: where the tier demands a promise of use, the applicant still has to give it.
"""

import json
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from sqlalchemy import Connection

from openward.errors import Malformed
from openward.policy.duties import Gate
from openward.registrar.admissions import answer_for_publisher, demand_on
from openward.registrar.office import Office
from openward.registrar.parties import Party
from openward.registrar.refusals import Ground, Refusal
from openward.registrar.repositories import MAIN, seen, written
from openward.statements.entry import Ended
from openward.store import reads
from openward.store.accounts import AccountRow, find_account
from openward.store.records import enter
from openward.store.repositories import RepoRow
from openward.store.requests import (
    RequestRow,
    answer_request,
    drop_request,
    find_request,
    put_request,
    requests_for,
)
from openward.store.revisions import RevisionRow, find_revision

LONGEST_REASON = 200  # characters


class RequestState(Enum):
    """Where a request stands, in the word the clients use."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class Ruling:
    """An answer to one request: whose (a name, or the number of a request), and which."""

    account: str | None
    request: int | None
    state: RequestState
    reason: str | None = None


def answer_requests(
    office: Office, party: Party, type: str, name: str, rulings: tuple[Ruling, ...]
) -> Refusal | None:
    """Answer requests, all or none. Raises Malformed for a repository that has no gate."""
    now = office.clock()
    with office.database.writing() as connection:
        repo = written(connection, party, type, name)
        if isinstance(repo, Refusal):
            return repo
        _refuse_ungated(office, connection, repo, now)
        found: list[tuple[RequestRow, Ruling]] = []
        for ruling in rulings:
            request = _named_request(connection, repo, ruling)
            if isinstance(request, Refusal):
                return request
            found.append((request, ruling))
        for request, ruling in found:
            _answer(office, connection, party, repo, request, ruling, now)
    office.sequencer.publish()
    return None


def grant_unasked(
    office: Office, party: Party, type: str, name: str, account: str
) -> Refusal | None:
    """Accept somebody who has not asked. Raises Malformed where there is nothing to grant."""
    now = office.clock()
    with office.database.writing() as connection:
        repo = written(connection, party, type, name)
        if isinstance(repo, Refusal):
            return repo
        _refuse_ungated(office, connection, repo, now)
        person = find_account(connection, account)
        if person is None or person.kind != "person":
            return Refusal(Ground.NO_ENTRY, "There is no account of this name")
        before = find_request(connection, repo.id, person.id)
        if before is not None and before.state == RequestState.ACCEPTED.value:
            raise Malformed(f"{person.name} already has access to {repo.full_name}")
        if before is None:
            _make_request(connection, repo, person, now)
        request = find_request(connection, repo.id, person.id)
        assert request is not None  # noqa: S101  # made just above where there was none
        ruling = Ruling(person.name, None, RequestState.ACCEPTED)
        _answer(office, connection, party, repo, request, ruling, now)
    office.sequencer.publish()
    return None


def withdraw(office: Office, party: Party, type: str, name: str) -> Refusal | None:
    """Take one's own request back; what it led to ends."""
    now = office.clock()
    with office.database.writing() as connection:
        repo = seen(connection, party, type, name)
        if isinstance(repo, Refusal):
            return repo
        request = find_request(connection, repo.id, party.account.id)
        if request is None:
            return Refusal(Ground.NO_ENTRY, "You have not asked for access")
        if request.state == RequestState.REJECTED.value:
            # Forgetting the answer would let the same request be made as if for the first time.
            return Refusal(Ground.OUT_OF_STATE, "Your request was answered already")
        drop_request(connection, repo.id, party.account.id)
        _end_leases(connection, repo, party.account.id, "withdrawn by the applicant", now)
    office.sequencer.publish()
    return None


def _answer(
    office: Office,
    connection: Connection,
    party: Party,
    repo: RepoRow,
    request: RequestRow,
    ruling: Ruling,
    now: datetime,
) -> None:
    by = party.account.name
    if ruling.state is RequestState.PENDING:
        answer_request(connection, request.id, state="pending", by=by, at=now)
    else:
        answer_for_publisher(
            office,
            connection,
            repo,
            request,
            accepted=ruling.state is RequestState.ACCEPTED,
            by=by,
            reason=ruling.reason,
        )
    if ruling.state is not RequestState.ACCEPTED:
        _end_leases(
            connection, repo, request.account, f"{ruling.state.value} by the publisher", now
        )


def _end_leases(
    connection: Connection, repo: RepoRow, account: int, reason: str, now: datetime
) -> None:
    """End what runs on the weights of the repository's main branch; evaluators keep theirs."""
    revision = _main(connection, repo)
    if revision is None:
        return
    for lease in reads.leases_of(connection, account=account, subject=revision.subject):
        if lease.kind == "grant" and lease.ended_by is None and now < lease.until:
            enter(connection, Ended(lease.index, reason), now)


def _named_request(connection: Connection, repo: RepoRow, ruling: Ruling) -> RequestRow | Refusal:
    """The request a ruling is about, refused where there is none or it stands so already."""
    request: RequestRow | None = None
    if ruling.account is not None:
        person = find_account(connection, ruling.account)
        if person is not None:
            request = find_request(connection, repo.id, person.id)
    else:
        every = requests_for(connection, repo.id)
        request = next((each for each in every if each.id == ruling.request), None)
    if request is None:
        return Refusal(Ground.NO_ENTRY, "There is no such access request")
    if request.state == ruling.state.value:
        return Refusal(
            Ground.NO_ENTRY, f"The access request is already in the {ruling.state.value} list"
        )
    return request


def _refuse_ungated(office: Office, connection: Connection, repo: RepoRow, now: datetime) -> None:
    revision = _main(connection, repo)
    gated = repo.gate != "none"
    if revision is not None and not gated:
        gated = demand_on(office, connection, repo, revision, now).gate is not Gate.OPEN
    if not gated:
        raise Malformed(f"{repo.full_name} is not gated")


def _make_request(connection: Connection, repo: RepoRow, person: AccountRow, now: datetime) -> None:
    revision = _main(connection, repo)
    kept = {"fields": None, "revision": MAIN if revision is None else revision.oid}
    put_request(
        connection,
        repo.id,
        person.id,
        state=RequestState.PENDING.value,
        fields=json.dumps(kept),
        at=now,
        due=None,
    )


def _main(connection: Connection, repo: RepoRow) -> RevisionRow | None:
    return find_revision(connection, repo.id, MAIN)
