"""Whether a lease is given.

    gate         publisher    asked of the applicant
    OPEN         none         nothing: no lease is needed
    OPEN         auto/manual  an account
    IDENTITY     any          verified identity, and a usage attestation by this applicant, for
                              this subject, on the terms in force, running now
    beyond       any          no lease of use; evaluators ask for an evaluation lease
    ...          manual       and the publisher's approval

A publisher may ask for more than the tier does, never for less. What is demanded is answered at
once; everything that is lacking is named together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from openward.access.identity import Applicant
from openward.access.lease import Lease, LeaseKind
from openward.access.refusal import BECOME_EVALUATOR, BY_GATE, Denied, decide_denied
from openward.access.usage import UsageAttestation
from openward.policy import rulebook as rules
from openward.policy.duties import Demand, Gate
from openward.vocabulary import Reason


class PublisherGate(Enum):
    """What the publisher asks for beyond the tier."""

    NONE = "none"
    AUTO = "auto"
    MANUAL = "manual"


class Approval(Enum):
    """The publisher's answer to one request."""

    PENDING = "pending"
    GIVEN = "given"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Granted:
    """The lease that begins now, and why it is given."""

    lease: Lease
    reasons: tuple[Reason, ...]


def decide_grant(
    demand: Demand,
    publisher: PublisherGate,
    applicant: Applicant,
    attestation: UsageAttestation | None,
    approval: Approval,
    now: datetime,
) -> Granted | Denied:
    """Whether `applicant` is given a lease of use on the demand's subject.

    `approval` is looked at only where the publisher approves by hand.
    """
    if demand.gate in BY_GATE:
        return decide_denied(demand, (BY_GATE[demand.gate],), BECOME_EVALUATOR)
    if demand.gate is Gate.OPEN and publisher is PublisherGate.NONE:
        return decide_denied(demand, (Reason(rules.NOT_NEEDED, "open to everyone"),))
    lacking = tuple(_lacking(demand, publisher, applicant, attestation, approval, now))
    if lacking:
        return decide_denied(demand, lacking, *(_STEP[reason.rule.id] for reason in lacking))
    until = now + timedelta(days=demand.lease_days)
    if attestation is not None and demand.gate is Gate.IDENTITY:
        until = min(until, attestation.expires_at)
    return _granted(demand, LeaseKind.USE, applicant, now, until)


def decide_evaluation_grant(
    demand: Demand, applicant: Applicant, now: datetime
) -> Granted | Denied:
    """Whether `applicant` is given a lease to evaluate the demand's subject, at any gate."""
    if applicant.evaluator is None:
        lacking = Reason(rules.ACCREDITATION_WANTED, "no running accreditation")
        return decide_denied(demand, (lacking,), BECOME_EVALUATOR)
    until = now + timedelta(days=demand.evaluation_lease_days)
    return _granted(demand, LeaseKind.EVALUATION, applicant, now, until)


def _granted(
    demand: Demand, kind: LeaseKind, applicant: Applicant, now: datetime, until: datetime
) -> Granted:
    lease = Lease(kind, applicant.account, demand.subject, demand.terms, now, until)
    return Granted(lease, (Reason(rules.GRANTED, f"until {until:%Y-%m-%d}"),))


_STEP = {
    rules.IDENTITY_WANTED.id: "Have your identity verified.",
    rules.PROMISE_WANTED.id: "Accept the terms in force and state your purpose.",
    rules.PROMISE_NOT_RUNNING.id: "Accept the terms again.",
    rules.APPROVAL_WANTED.id: "The publisher's approval.",
    rules.PUBLISHER_DECLINED.id: "Another answer by the publisher.",
}


def _lacking(
    demand: Demand,
    publisher: PublisherGate,
    applicant: Applicant,
    attestation: UsageAttestation | None,
    approval: Approval,
    now: datetime,
) -> Iterator[Reason]:
    if demand.gate is Gate.IDENTITY:
        if applicant.verified_by(now) is None:
            yield Reason(rules.IDENTITY_WANTED, "identity not verified")
        yield from _promise_lacking(demand, applicant, attestation, now)
    if publisher is PublisherGate.MANUAL:
        if approval is Approval.PENDING:
            yield Reason(rules.APPROVAL_WANTED, "not answered yet")
        if approval is Approval.DECLINED:
            yield Reason(rules.PUBLISHER_DECLINED, "declined")


def _promise_lacking(
    demand: Demand, applicant: Applicant, attestation: UsageAttestation | None, now: datetime
) -> Iterator[Reason]:
    if attestation is None:
        yield Reason(rules.PROMISE_WANTED, "no attestation")
        return
    if attestation.applicant != applicant.commitment:
        yield Reason(rules.PROMISE_WANTED, "made by somebody else")
    if attestation.subject != demand.subject:
        yield Reason(rules.PROMISE_WANTED, "made for other weights")
    if attestation.terms != demand.terms:
        yield Reason(rules.PROMISE_WANTED, "made on other terms")
    if not attestation.accepted_at <= now < attestation.expires_at:
        yield Reason(rules.PROMISE_NOT_RUNNING, f"ends {attestation.expires_at:%Y-%m-%d}")
