"""One appraised result of one required evaluation, as a case holds it.

    {"domain": "cyber", "evaluation": "ctf", "estimate": 0.4, "lower": 0.3, "upper": 0.5, "n": 200,
     "ran_at": "...", "valid_until": "...", "evaluator": "...", "statement": "<sha256>",
     "log": "<sha256>", "findings": [], "admissible": true}

The interval is left out where none could be computed; such a result is never admissible.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from openward.errors import Malformed
from openward.statements.strict_json import Fields, JsonValue, format_time
from openward.vocabulary import PartyId, RiskDomain, Sha256

# Periods of the policy are added to times of the case; the sum must stay a date.
LATEST = datetime(9000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate within [0, 1] and its one-sided bounds, rounded outward already."""

    estimate: float
    lower: float
    upper: float

    def __post_init__(self) -> None:
        # NaN fails every comparison and is refused here with the rest.
        if not 0.0 <= self.lower <= self.estimate <= self.upper <= 1.0:
            raise Malformed("interval: expected 0 <= lower <= estimate <= upper <= 1")


@dataclass(frozen=True, slots=True)
class EvidenceFact:
    """One appraised result of one required evaluation. `findings` are codes."""

    domain: RiskDomain
    evaluation: str
    interval: Interval | None
    n: int
    ran_at: datetime
    valid_until: datetime
    evaluator: PartyId
    statement: Sha256
    log: Sha256
    findings: tuple[str, ...]
    admissible: bool

    def __post_init__(self) -> None:
        if self.admissible and self.interval is None:
            raise Malformed("evidence: an admissible result has an interval")
        if self.ran_at >= LATEST:
            raise Malformed("evidence.ran_at: beyond any calendar")


def evidence_order(fact: EvidenceFact) -> tuple[str, ...]:
    """What a result is told apart and sorted by."""
    return (fact.domain.value, fact.evaluation, fact.statement)


def evidence_json(fact: EvidenceFact) -> JsonValue:
    """The members of one result."""
    members: dict[str, JsonValue] = {
        "domain": fact.domain.value,
        "evaluation": fact.evaluation,
        "n": fact.n,
        "ran_at": format_time(fact.ran_at),
        "valid_until": format_time(fact.valid_until),
        "evaluator": fact.evaluator,
        "statement": fact.statement,
        "log": fact.log,
        "findings": fact.findings,
        "admissible": fact.admissible,
    }
    if fact.interval is not None:
        members["estimate"] = fact.interval.estimate
        members["lower"] = fact.interval.lower
        members["upper"] = fact.interval.upper
    return members


def parse_evidence(fields: Fields) -> EvidenceFact:
    """Read one result. Raises Malformed."""
    interval = None
    if fields.has("estimate"):
        interval = Interval(
            fields.number("estimate"), fields.number("lower"), fields.number("upper")
        )
    return EvidenceFact(
        domain=fields.choice("domain", RiskDomain),
        evaluation=fields.party("evaluation"),
        interval=interval,
        n=fields.integer("n", minimum=0),
        ran_at=fields.time("ran_at"),
        valid_until=fields.time("valid_until"),
        evaluator=fields.party("evaluator"),
        statement=fields.sha256("statement"),
        log=fields.sha256("log"),
        findings=fields.texts("findings"),
        admissible=fields.flag("admissible"),
    )
