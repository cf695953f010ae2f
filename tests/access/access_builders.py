"""Demands, applicants and promises for the tests of this folder."""

from datetime import UTC, datetime, timedelta

from openward.access.identity import Applicant
from openward.access.lease import Lease, LeaseKind
from openward.access.usage import UsageAttestation
from openward.policy.duties import Demand, Gate
from openward.policy.rulebook import BELOW_HIGH
from openward.vocabulary import PartyId, Reason, Sha256

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SECOND, DAY = timedelta(seconds=1), timedelta(days=1)
SUBJECT, TERMS, OTHER = Sha256("b" * 64), Sha256("c" * 64), Sha256("d" * 64)

STRANGER = Applicant("ada", Sha256("a" * 64))
VERIFIED = Applicant("ada", Sha256("a" * 64), verified_at=NOW - DAY)
EVALUATOR = Applicant("ada", Sha256("a" * 64), evaluator=PartyId("ada-lab"))
PROMISE = UsageAttestation(
    STRANGER.commitment, SUBJECT, "lab/model", TERMS, "To study it.", NOW - DAY, NOW + 365 * DAY
)


def demand(gate: Gate) -> Demand:
    return Demand(
        subject=SUBJECT,
        gate=gate,
        lease_days=90,
        evaluation_lease_days=60,
        terms=TERMS,
        evidence=(Reason(BELOW_HIGH, "cyber/ctf: upper bound 0.31"),),
        changes=("Current evaluations that show less capability.",),
        alternative="Use an open model.",
        appeal="Challenge it on the model's page.",
    )


def lease(kind: LeaseKind = LeaseKind.USE) -> Lease:
    return Lease(kind, "ada", SUBJECT, TERMS, NOW - DAY, NOW + DAY)
