"""What a piece of evidence is worth for one required evaluation.

    other weights, another log, domain, task, scorer or dataset ..... not this evidence
    not signed by an accredited evaluator, or out of its period ..... not this evaluator
    developer, affiliated, or tied to the namespace by the register . self-assessed
    too few items, no measurement at the level asked ................ not enough
    run after now, or `validity` ago or longer ...................... not now
    whatever the log itself shows ................................... its own findings

Upheld, each as a property in tests/evidence/test_appraisal.py: appraisal is total; evidence with
a blocking finding is kept and never admissible; without a measurement the interval is all of
[0, 1]; time only ever takes admissibility away, once the run is past.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from openward.evidence.accreditation import Register
from openward.evidence.capability_evaluation import CapabilityEvaluation, Relationship
from openward.evidence.measurement import (
    ALPHA,
    EvaluationLog,
    Finding,
    FindingCode,
    Measurement,
    quoted,
)
from openward.vocabulary import PartyId, RiskDomain, Sha256

_END_OF_TIME = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Presented:
    """A signed statement taken apart, and the log that came with it, read and digested.

    `about` are the statement's subjects, `signers` the ids of the keys proven to have signed it.
    """

    claim: CapabilityEvaluation
    about: tuple[Sha256, ...]
    signers: frozenset[Sha256]
    log: EvaluationLog
    log_sha256: Sha256
    samples_sha256: Sha256 | None = None


@dataclass(frozen=True, slots=True)
class RequiredEvaluation:
    """What a policy asks for: at least `samples` items, of exactly `dataset` where it is named."""

    id: str
    domain: RiskDomain
    task: str
    scorer: str
    samples: int
    dataset: Sha256 | None = None
    alpha: float = ALPHA


@dataclass(frozen=True, slots=True)
class Appraised:
    """Evidence as a decision looks at it; `upper` and `lower` are rounded outward to 1e-6."""

    domain: RiskDomain
    evaluation: str
    estimate: float
    lower: float
    upper: float
    n: int
    ran_at: datetime
    valid_until: datetime
    evaluator: PartyId
    findings: tuple[Finding, ...] = ()

    def __post_init__(self) -> None:
        # NaN compares false with every threshold: it would open the model.
        if not 0 <= self.lower <= self.estimate <= self.upper <= 1:
            raise ValueError(f"not an interval: {self.lower} <= {self.estimate} <= {self.upper}")

    @property
    def admissible(self) -> bool:
        return not any(finding.code.blocks for finding in self.findings)


def appraise(
    presented: Presented,
    subject: Sha256,
    namespace: str,
    register: Register,
    required: RequiredEvaluation,
    validity: timedelta,
    now: datetime,
) -> Appraised:
    """Appraise evidence on the weights of digest `subject`, as things stood at `now`.

    `namespace` is who publishes them.
    """
    claim, measurement = presented.claim, _measurement(presented.log, required)
    first, last = _times(presented)
    valid_until = first + min(validity, _END_OF_TIME - first)
    findings = (
        *presented.log.findings,
        *_identity(presented, subject, required),
        *_standing(presented, namespace, register, required),
        *_measured(measurement, required),
        *_timely(last, valid_until, now),
    )
    return Appraised(
        domain=required.domain,
        evaluation=required.id,
        estimate=measurement.estimate if measurement else 1.0,
        lower=measurement.lower if measurement else 0.0,
        upper=measurement.upper if measurement else 1.0,
        n=measurement.n if measurement else 0,
        ran_at=first,
        valid_until=valid_until,
        evaluator=claim.evaluator,
        findings=findings,
    )


def _times(presented: Presented) -> tuple[datetime, datetime]:
    """The earlier and the later of when the statement and the log say the run began.

    A new statement about an old log is old evidence; an old one about a new log is no older.
    """
    stated, logged = presented.claim.ran_at, presented.log.created
    return min(stated, logged or stated), max(stated, logged or stated)


def _measurement(log: EvaluationLog, required: RequiredEvaluation) -> Measurement | None:
    measurement = log.measurement(required.scorer)
    return measurement if measurement and measurement.alpha <= required.alpha else None


def _identity(
    presented: Presented, subject: Sha256, required: RequiredEvaluation
) -> Iterator[Finding]:
    claim, log = presented.claim, presented.log
    if set(presented.about) != {subject}:
        yield Finding(FindingCode.OTHER_WEIGHTS, "the statement is about other weights")
    stated = (claim.log.sha256, claim.log.samples, claim.log.format)
    if stated != (presented.log_sha256, presented.samples_sha256, log.format):
        yield Finding(FindingCode.WRONG_LOG, "the log is not the one the statement names")
    if claim.domain is not required.domain:
        yield Finding(
            FindingCode.WRONG_DOMAIN,
            f"the statement is on {claim.domain.value}, not {required.domain.value}",
        )
    if not (claim.task == log.task == required.task and claim.scorer == required.scorer):
        yield Finding(
            FindingCode.WRONG_TASK,
            f"{quoted(log.task)}, stated as {quoted(claim.task)} by {quoted(claim.scorer)}; "
            f"asked for: {quoted(required.task)} by {quoted(required.scorer)}",
        )
    if required.dataset is not None and log.dataset != required.dataset:
        yield Finding(FindingCode.WRONG_DATASET, "the items are not those the policy names")


def _standing(
    presented: Presented, namespace: str, register: Register, required: RequiredEvaluation
) -> Iterator[Finding]:
    claim = presented.claim
    signed = [a for a in register.of(claim.evaluator) if a.key_ids() & presented.signers]
    fitting = [a for a in signed if required.domain in a.domains]
    if not fitting:
        yield Finding(
            FindingCode.NOT_ACCREDITED,
            f"no key of {claim.evaluator} accredited for {required.domain.value} signed this",
        )
    elif not any(all(map(a.covers, _times(presented))) for a in fitting):
        yield Finding(
            FindingCode.OUT_OF_ACCREDITATION_PERIOD,
            f"{claim.evaluator} was not accredited when the run began",
        )
    if claim.relationship is not Relationship.INDEPENDENT:
        yield Finding(
            FindingCode.SELF_ASSESSED,
            f"{claim.evaluator} states that it is {claim.relationship.value}",
        )
    elif not register.independent(claim.evaluator, namespace):
        yield Finding(
            FindingCode.SELF_ASSESSED, f"{claim.evaluator} is not independent of {namespace}"
        )


def _measured(measurement: Measurement | None, required: RequiredEvaluation) -> Iterator[Finding]:
    if measurement is None:
        yield Finding(
            FindingCode.NO_MEASUREMENT,
            f"nothing measured by {quoted(required.scorer)} at level {required.alpha:g}",
        )
    elif measurement.n < required.samples:
        yield Finding(
            FindingCode.TOO_FEW_SAMPLES,
            f"{measurement.n} items where {required.samples} are asked for",
        )


def _timely(last: datetime, valid_until: datetime, now: datetime) -> Iterator[Finding]:
    if last > now:
        yield Finding(FindingCode.FUTURE, f"the run is dated {last:%Y-%m-%d}, after today")
    if valid_until <= now:
        yield Finding(FindingCode.STALE, f"it was valid until {valid_until:%Y-%m-%d}")
