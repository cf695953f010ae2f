"""Whether the bytes are handed over, to this party, now.

    open to everyone ........................ to anybody, and nobody is looked at
    own bytes ............................... to who proved to hold them, in any tier
    accredited evaluator, evaluation lease .. in any tier
    Tier 3, Tier 4, unassessed and closed ... to nobody else
    Tier 2, unassessed and gated ............ to a verified person with a running lease
    open, but gated by the publisher ........ to somebody with a running lease

The publisher's gate only ever narrows. Where nothing is asked the party is not even read, so that
the answer cannot depend on who asks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from openward.access.grant import PublisherGate
from openward.access.identity import Applicant, Party, Possession
from openward.access.lease import Lease, LeaseKind, decide_running
from openward.access.refusal import BECOME_EVALUATOR, BY_GATE, Refused, decide_refused
from openward.policy import rulebook as rules
from openward.policy.duties import Demand, Gate
from openward.vocabulary import Reason

_BY_PUBLISHER = {
    PublisherGate.AUTO: (
        Reason(rules.SIGN_IN_WANTED, "no running lease"),
        "Sign in and request these weights; the answer comes at once.",
    ),
    PublisherGate.MANUAL: (
        Reason(rules.APPROVAL_WANTED, "no running lease"),
        "Sign in and request these weights; the publisher answers.",
    ),
}


@dataclass(frozen=True, slots=True)
class Allowed:
    """The bytes are handed over, on this basis."""

    basis: Reason


def decide_access(
    demand: Demand,
    publisher: PublisherGate,
    party: Party,
    leases: Iterable[Lease],
    now: datetime,
) -> Allowed | Refused:
    """Whether `party` may have the bytes of the demand's subject."""
    if demand.gate is Gate.OPEN and publisher is PublisherGate.NONE:
        return Allowed(Reason(rules.OPEN_TO_ALL, "open to everyone"))
    if party.possession is Possession.PROVED:
        return Allowed(Reason(rules.OWN_BYTES, "possession proved"))
    held = tuple(leases)
    applicant = party.applicant
    evaluating = _evaluating(demand, applicant, held, now)
    if evaluating is not None:
        return Allowed(Reason(rules.BY_EVALUATION_LEASE, _until(evaluating)))
    if demand.gate in BY_GATE:
        return decide_refused(demand, BY_GATE[demand.gate], BECOME_EVALUATOR)
    return _by_lease(demand, publisher, applicant, held, now)


def _evaluating(
    demand: Demand, applicant: Applicant | None, leases: tuple[Lease, ...], now: datetime
) -> Lease | None:
    if applicant is None or applicant.evaluator is None:
        return None
    return decide_running(leases, LeaseKind.EVALUATION, applicant.account, demand.subject, now)


def _by_lease(
    demand: Demand,
    publisher: PublisherGate,
    applicant: Applicant | None,
    leases: tuple[Lease, ...],
    now: datetime,
) -> Allowed | Refused:
    gated = demand.gate is Gate.IDENTITY
    if gated and (unknown := _unknown(demand, applicant, now)):
        return unknown
    if applicant is not None:
        lease = decide_running(leases, LeaseKind.USE, applicant.account, demand.subject, now)
        if lease is not None:
            rule = rules.BY_LEASE if gated else rules.BY_PUBLISHER_LEASE
            return Allowed(Reason(rule, _until(lease)))
    if publisher is PublisherGate.NONE or (gated and publisher is PublisherGate.AUTO):
        wanted = Reason(rules.LEASE_WANTED, "no running lease")
        return decide_refused(
            demand, wanted, "Accept the terms of use; the lease is given at once."
        )
    reason, step = _BY_PUBLISHER[publisher]
    return decide_refused(demand, reason, step)


def _unknown(demand: Demand, applicant: Applicant | None, now: datetime) -> Refused | None:
    """Why somebody does not pass as a verified person; None where they do."""
    if applicant is None:
        return decide_refused(
            demand,
            Reason(rules.IDENTITY_WANTED, "not signed in"),
            "Sign in, have your identity verified and accept the terms of use.",
        )
    if applicant.verified_by(now) is None:
        return decide_refused(
            demand,
            Reason(rules.IDENTITY_WANTED, "identity not verified"),
            "Have your identity verified and accept the terms of use.",
        )
    return None


def _until(lease: Lease) -> str:
    return f"lease until {lease.until:%Y-%m-%d}"
