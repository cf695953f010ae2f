"""The tier policy: what is measured, where the lines are drawn, and what follows from each side.

Predicate `https://openward.org/tier-policy/v1`, the predicate of a signed statement:

    {"name": "...", "version": 3, "valid_from": "2026-10-01T00:00:00Z", "valid_until": "...",
     "alpha": 0.05, "evidence_validity_days": 180,
     "domains": {"cyber": {"catastrophic": true, "evaluations": [
         {"id": "ctf", "task": "...", "scorer": "...", "samples": 200,
          "low": 0.2, "high": 0.5, "critical": 0.8, "cites": ["..."]}]}, ...},
     "when_unassessed": "identity-gated", "assessment_days": 90,
     "proportionality": {...}, "duties": {...}, "terms": {...}, "alternatives": {...},
     "appeal": "...", "cites": ["..."]}

A policy is refused whole unless:

* each of the eight risk domains is named, with at least one evaluation, and nothing else is;
* every evaluation has 0 <= low < high <= critical <= 1, with critical exactly in the domains
  marked catastrophic: without it Tier 4 could not be told from Tier 3, and with it a domain that
  is not catastrophic could close a model;
* every number is finite and every period is positive;
* no member is unknown: a restriction that a reader skips is a restriction that does not hold.

Its digest is the SHA-256 of the canonical JSON (RFC 8785) of the predicate.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from openward.errors import Malformed
from openward.policy.alternatives import Alternatives, parse_alternatives
from openward.policy.bounded import parse_cites, parse_days, parse_line, parse_prose
from openward.policy.clause import Proportionality, parse_proportionality, proportionality_json
from openward.statements.strict_json import Fields, JsonValue, canonical_json, format_time
from openward.vocabulary import RiskDomain, Sha256

PREDICATE_TYPE = "https://openward.org/tier-policy/v1"
MAX_POLICY_SIZE = 40_000  # base64 within a signed envelope within an entry of 65,535 bytes
MAX_EVALUATIONS = 16  # a domain; a decision names each one and must fit in an entry


class Treatment(Enum):
    """What happens to weights while they have no tier."""

    IDENTITY_GATED = "identity-gated"
    EVALUATORS_ONLY = "evaluators-only"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Where an evaluation's lines lie. `critical` is set in catastrophic domains only."""

    low: float
    high: float
    critical: float | None = None

    def __post_init__(self) -> None:
        top = 1.0 if self.critical is None else self.critical
        # Also what refuses NaN: every comparison with it is false, and it would open the model.
        if not 0.0 <= self.low < self.high <= top <= 1.0:
            raise Malformed("thresholds: expected 0 <= low < high <= critical <= 1")


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One required evaluation: the task, how it is scored, on how many samples at least."""

    id: str
    task: str
    scorer: str
    samples: int
    dataset: Sha256 | None
    thresholds: Thresholds
    cites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class DomainRule:
    """What is required in one risk domain: all of its evaluations, never an average of them."""

    domain: RiskDomain
    catastrophic: bool
    evaluations: tuple[Evaluation, ...]

    def __post_init__(self) -> None:
        here = f"policy.domains.{self.domain.value}"
        if not 1 <= len(self.evaluations) <= MAX_EVALUATIONS:
            raise Malformed(f"{here}: expected 1 to {MAX_EVALUATIONS} evaluations")
        if len({evaluation.id for evaluation in self.evaluations}) < len(self.evaluations):
            raise Malformed(f"{here}: two evaluations have one id")
        for evaluation in self.evaluations:
            if (evaluation.thresholds.critical is not None) is not self.catastrophic:
                raise Malformed(f"{here}: critical belongs to catastrophic domains, and to all")


@dataclass(frozen=True, slots=True)
class Terms:
    """The promise of use asked for at Tier 2, and its digest, which the promise is bound to."""

    text: str

    @property
    def sha256(self) -> Sha256:
        return Sha256(hashlib.sha256(self.text.encode("utf-8")).hexdigest())


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy whose meaning was checked. `demonstration` is its label when it is only that."""

    name: str
    demonstration: str | None
    version: int
    valid_from: datetime
    valid_until: datetime
    alpha: float
    evidence_validity_days: int
    domains: tuple[DomainRule, ...]
    when_unassessed: Treatment
    assessment_days: int
    proportionality: Proportionality
    lease_days: int
    evaluation_lease_days: int
    terms: Terms
    alternatives: Alternatives
    appeal: str
    cites: tuple[str, ...]

    def __post_init__(self) -> None:
        if tuple(rule.domain for rule in self.domains) != tuple(RiskDomain):
            raise Malformed("policy.domains: expected each risk domain once, in order")
        if not self.valid_from < self.valid_until:
            raise Malformed("policy.valid_until: expected a time after valid_from")
        if not 0.0 < self.alpha <= 0.5:
            raise Malformed("policy.alpha: expected more than 0, at most 0.5")

    @property
    def required(self) -> tuple[tuple[DomainRule, Evaluation], ...]:
        """Every required evaluation beside its domain, in the order of the risk domains."""
        return tuple((rule, evaluation) for rule in self.domains for evaluation in rule.evaluations)

    @property
    def digest(self) -> Sha256:
        """SHA-256 of the canonical JSON of the predicate."""
        return Sha256(hashlib.sha256(canonical_json(policy_json(self))).hexdigest())


def parse_policy(predicate: JsonValue) -> Policy:
    """Read the predicate and hold it against the rules above. Raises Malformed."""
    if len(canonical_json(predicate)) > MAX_POLICY_SIZE:
        raise Malformed(f"policy: at most {MAX_POLICY_SIZE} bytes of canonical JSON are read")
    fields = Fields.of(predicate, "policy")
    duties = fields.fields("duties")
    demonstration = (
        parse_line(fields, "demonstration", 200) if fields.has("demonstration") else None
    )
    policy = Policy(
        name=parse_line(fields, "name", 200),
        demonstration=demonstration,
        version=fields.integer("version", minimum=1),
        valid_from=fields.time("valid_from"),
        valid_until=fields.time("valid_until"),
        alpha=fields.number("alpha"),
        evidence_validity_days=parse_days(fields, "evidence_validity_days"),
        domains=_parse_domains(fields.fields("domains")),
        when_unassessed=fields.choice("when_unassessed", Treatment),
        assessment_days=parse_days(fields, "assessment_days"),
        proportionality=parse_proportionality(fields.fields("proportionality")),
        lease_days=parse_days(duties, "lease_days"),
        evaluation_lease_days=parse_days(duties, "evaluation_lease_days"),
        terms=_parse_terms(fields.fields("terms")),
        alternatives=parse_alternatives(fields.fields("alternatives")),
        appeal=parse_prose(fields, "appeal"),
        cites=parse_cites(fields),
    )
    duties.nothing_else()
    fields.nothing_else()
    return policy


def policy_json(policy: Policy) -> dict[str, JsonValue]:
    """The predicate; `parse_policy` reads it back as the same policy."""
    label = {} if policy.demonstration is None else {"demonstration": policy.demonstration}
    return {
        "name": policy.name,
        **label,
        "version": policy.version,
        "valid_from": format_time(policy.valid_from),
        "valid_until": format_time(policy.valid_until),
        "alpha": policy.alpha,
        "evidence_validity_days": policy.evidence_validity_days,
        "domains": {rule.domain.value: _domain_json(rule) for rule in policy.domains},
        "when_unassessed": policy.when_unassessed.value,
        "assessment_days": policy.assessment_days,
        "proportionality": proportionality_json(policy.proportionality),
        "duties": {
            "lease_days": policy.lease_days,
            "evaluation_lease_days": policy.evaluation_lease_days,
        },
        "terms": {"text": policy.terms.text, "sha256": policy.terms.sha256},
        "alternatives": policy.alternatives.json(),
        "appeal": policy.appeal,
        "cites": policy.cites,
    }


def _parse_domains(fields: Fields) -> tuple[DomainRule, ...]:
    rules = tuple(_parse_domain(domain, fields.fields(domain.value)) for domain in RiskDomain)
    fields.nothing_else()
    return rules


def _parse_domain(domain: RiskDomain, fields: Fields) -> DomainRule:
    catastrophic = fields.flag("catastrophic")
    evaluations = tuple(_parse_evaluation(each) for each in fields.listing("evaluations"))
    fields.nothing_else()
    return DomainRule(domain, catastrophic, evaluations)


def _parse_evaluation(fields: Fields) -> Evaluation:
    evaluation = Evaluation(
        id=fields.party("id"),
        task=parse_line(fields, "task", 200),
        scorer=parse_line(fields, "scorer", 200),
        samples=fields.integer("samples", minimum=1),
        dataset=fields.optional_sha256("dataset"),
        thresholds=Thresholds(
            fields.number("low"), fields.number("high"), fields.optional_number("critical")
        ),
        cites=parse_cites(fields),
    )
    fields.nothing_else()
    return evaluation


def _domain_json(rule: DomainRule) -> JsonValue:
    evaluations = tuple(_evaluation_json(evaluation) for evaluation in rule.evaluations)
    return {"catastrophic": rule.catastrophic, "evaluations": evaluations}


def _evaluation_json(evaluation: Evaluation) -> JsonValue:
    lines = evaluation.thresholds
    members: dict[str, JsonValue] = {
        "id": evaluation.id,
        "task": evaluation.task,
        "scorer": evaluation.scorer,
        "samples": evaluation.samples,
        "low": lines.low,
        "high": lines.high,
        "cites": evaluation.cites,
    }
    if evaluation.dataset is not None:
        members["dataset"] = evaluation.dataset
    if lines.critical is not None:
        members["critical"] = lines.critical
    return members


def _parse_terms(fields: Fields) -> Terms:
    terms = Terms(fields.text("text"))
    if fields.sha256("sha256") != terms.sha256:
        raise Malformed(f"{fields.path}.sha256: not the digest of the text")
    fields.nothing_else()
    return terms
