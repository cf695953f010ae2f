"""The effective gate in front of one file: the tier, the file's own floor, the publisher's gate.

The gate is found before anybody is looked at: where it is open, the caller is never asked for, so
the answer cannot depend on who asks. The tier is read from the record each time; none is cached.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection

from openward.access import identity
from openward.access.grant import PublisherGate
from openward.access.identity import Possession
from openward.access.lease import Lease, LeaseKind, LeaseState
from openward.access.passage import Allowed, decide_access
from openward.access.refusal import Refused
from openward.policy.duties import Demand, Gate, decide_demand
from openward.policy.rulebook import NOT_MEASURED, OPEN_TO_ALL
from openward.registrar.applicants import applicant_of
from openward.registrar.notices import notice_of
from openward.registrar.office import Office
from openward.registrar.parties import Party
from openward.registrar.standing import Standing, floor_of, standing_of
from openward.store import reads
from openward.store.contents import blobs_of_subject, possesses, subjects_holding
from openward.store.reads import LeaseRow
from openward.store.repositories import RepoRow
from openward.store.requests import find_request
from openward.store.revisions import RevisionRow, TreeFile
from openward.vocabulary import Reason, Sha256, Tier

ALWAYS_SHOWN = ("README.md", ".gitattributes")
"""Shown before any gate, as far as their bytes are recognised as no weights."""

_KINDS = {"grant": LeaseKind.USE, "evaluation-lease": LeaseKind.EVALUATION}
_FLOORS = {
    Tier.UNRESTRICTED: Gate.OPEN,
    Tier.GATED: Gate.IDENTITY,
    Tier.RESTRICTED: Gate.VETTED,
    Tier.CLOSED: Gate.CLOSED,
}
_ANYBODY = Allowed(Reason(OPEN_TO_ALL, "open to everyone"))

Caller = Callable[[], Party | None]
"""Reads the caller's credential; called only where the gate is not open."""


@dataclass(frozen=True, slots=True)
class Passage:
    """Whether the bytes are handed over, and through which gate.

    `entry` is the decision's index in the record, `lease` that of the lease it rests on, `party`
    who was let through where somebody had to be; `notice` announces a change that is near.
    """

    outcome: Allowed | Refused
    demand: Demand
    publisher: PublisherGate
    entry: int | None
    lease: int | None
    party: Party | None
    notice: str | None

    @property
    def audited(self) -> bool:
        """Whether an access through this gate is noted: everything above Tier 2 is."""
        return self.demand.gate > Gate.IDENTITY

    @property
    def open_to_all(self) -> bool:
        return self.demand.gate is Gate.OPEN and self.publisher is PublisherGate.NONE


def decide_passage(
    office: Office,
    connection: Connection,
    repo: RepoRow,
    revision: RevisionRow,
    file: TreeFile | None,
    caller: Caller,
    now: datetime,
) -> Passage:
    """Whether the caller may have `file` (None: whatever the revision's weights are)."""
    standing = standing_of(office, connection, revision.subject, now, inside=repo.private)
    demand = demand_of(standing, revision.subject)
    if file is not None:
        demand = _raised(connection, office, demand, file)
    publisher = PublisherGate(repo.gate)
    entry = None if standing is None else standing.row.index
    notice = None if standing is None else notice_of(standing, repo, now)
    open_to_all = demand.gate is Gate.OPEN and publisher is PublisherGate.NONE
    if open_to_all or _shown(connection, revision, file):
        return Passage(_ANYBODY, demand, publisher, entry, None, None, notice)
    party = caller()
    leases = _leases(connection, repo, revision.subject, party, demand)
    outcome = decide_access(
        demand,
        publisher,
        _party(office, connection, party, revision, file, now),
        leases.values(),
        now,
    )
    lease = _used(leases, now) if isinstance(outcome, Allowed) else None
    return Passage(outcome, demand, publisher, entry, lease, party, notice)


def _shown(connection: Connection, revision: RevisionRow, file: TreeFile | None) -> bool:
    """Whether the file is one that goes before any gate, and no part of these weights."""
    if file is None or file.path not in ALWAYS_SHOWN or file.blob.recognition != "text":
        return False
    # Text past a commit's allowance counts with the weights.
    sha256 = file.blob.sha256
    return revision.subject not in subjects_holding(connection, [sha256]).get(sha256, set())


def demand_of(standing: Standing | None, subject: Sha256) -> Demand:
    """What a standing asks for; without a decision in effect, nobody gets anything."""
    if standing is not None:
        return decide_demand(standing.policy, subject, standing.decision)
    return Demand(
        subject=subject,
        gate=Gate.EVALUATORS,
        lease_days=1,
        evaluation_lease_days=30,
        terms=Sha256("0" * 64),
        evidence=(Reason(NOT_MEASURED, "no decision is in effect yet"),),
        changes=("A policy in force and a decision under it.",),
        alternative="Use an open model from this hub's catalogue of Tier 1 models.",
        appeal="Write to the hub's operator; the record shows what was decided and what was not.",
    )


def _raised(connection: Connection, office: Office, demand: Demand, file: TreeFile) -> Demand:
    floor = floor_of(connection, office.config.origin, file.blob.sha256)
    return replace(demand, gate=max(demand.gate, _FLOORS[floor]))


def _party(
    office: Office,
    connection: Connection,
    party: Party | None,
    revision: RevisionRow,
    file: TreeFile | None,
    now: datetime,
) -> identity.Party:
    if party is None:
        return identity.Party()
    # Whether a path exists may be known to whoever holds all the weights.
    asked = blobs_of_subject(connection, revision.subject) if file is None else [file.blob]
    held = bool(asked) and all(
        possesses(connection, blob.sha256, party.account.id) for blob in asked
    )
    possession = Possession.PROVED if held else Possession.UNPROVEN
    return identity.Party(applicant_of(office, connection, party.account, now), possession)


def _leases(
    connection: Connection,
    repo: RepoRow,
    subject: Sha256,
    party: Party | None,
    demand: Demand,
) -> dict[int, Lease]:
    """The party's leases on the subject by entry; the publisher's own approval stands as -1."""
    if party is None:
        return {}
    account = party.account.id
    rows = reads.leases_of(connection, account=account, subject=subject)
    leases = {
        row.index: lease_of(connection, row, party.account.name, demand.terms) for row in rows
    }
    request = find_request(connection, repo.id, account)
    if request is not None and request.state == "accepted" and demand.gate is Gate.OPEN:
        starts = request.decided_at or request.at
        until = starts + timedelta(days=demand.lease_days)
        leases[-1] = Lease(LeaseKind.USE, party.account.name, subject, demand.terms, starts, until)
    return leases


def lease_of(connection: Connection, row: LeaseRow, holder: str, terms: Sha256) -> Lease:
    """A lease as recorded, with the time of the entry that ended it."""
    ended = None if row.ended_by is None else reads.time_of(connection, row.ended_by)
    return Lease(_KINDS[row.kind], holder, row.subject, terms, row.starts, row.until, ended)


def _used(leases: dict[int, Lease], now: datetime) -> int | None:
    running = [index for index, each in leases.items() if each.state(now) is LeaseState.RUNNING]
    return max(running, default=None)
