"""What the case says on one required evaluation: what counts, what is current, what is wanted.

A result counts when it is admissible, was run by `now`, has enough samples, and no other one that
counts was run at or after its end. It is current until the earlier of its own `valid_until` and
the policy's validity after the run.

    run ─────────── end                        current, counts
                    ├──────── ...              lapsed: opens nothing, still counts
                    ├──── run of another       replaced: neither

So what counts does not depend on the clock, as long as nothing new was run; only whether it is
current does. That is why a lapse cannot open a model, not even where an older and a newer result
disagree (tests/policy/test_policy_decision.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from openward.policy.case import Case
from openward.policy.document import DomainRule, Evaluation, Policy
from openward.policy.fact import EvidenceFact, Interval
from openward.policy.rulebook import INADMISSIBLE, LAPSED, NOT_MEASURED
from openward.policy.threshold import RULE_OF, decide_reached
from openward.vocabulary import Reason, RiskDomain, Tier


@dataclass(frozen=True, slots=True)
class Counted:
    """One result that counts, and when it ends."""

    fact: EvidenceFact
    interval: Interval
    ends: datetime


@dataclass(frozen=True, slots=True)
class Reached:
    """The most open tier that what counts allows, and why."""

    tier: Tier
    reason: Reason


@dataclass(frozen=True, slots=True)
class Measured:
    """One required evaluation, with the results that count for it.

    `current_until` is None, and `wanting` says what is missing, where no result is current.
    """

    rule: DomainRule
    evaluation: Evaluation
    counted: tuple[Counted, ...]
    current_until: datetime | None
    wanting: Reason | None

    @property
    def reached(self) -> Reached | None:
        """What the largest upper bound allows; several results are never averaged."""
        uppers = [each.interval.upper for each in self.counted]
        if not uppers:
            return None
        tier = decide_reached(max(uppers), self.evaluation.thresholds)
        return Reached(tier, Reason(RULE_OF[tier], f"{self.at}: upper bound {max(uppers)}"))

    @property
    def at(self) -> str:
        """Where in the policy: domain and evaluation."""
        return f"{self.rule.domain.value}/{self.evaluation.id}"


def appraise_record(policy: Policy, case: Case, now: datetime) -> tuple[Measured, ...]:
    """The case's evidence on each required evaluation, in the policy's order."""
    filed: dict[tuple[RiskDomain, str], list[EvidenceFact]] = {}
    for fact in case.evidence:
        filed.setdefault((fact.domain, fact.evaluation), []).append(fact)
    return tuple(
        _appraise_one(policy, rule, evaluation, filed, now) for rule, evaluation in policy.required
    )


def _appraise_one(
    policy: Policy,
    rule: DomainRule,
    evaluation: Evaluation,
    filed: Mapping[tuple[RiskDomain, str], list[EvidenceFact]],
    now: datetime,
) -> Measured:
    facts = filed.get((rule.domain, evaluation.id), [])
    validity = timedelta(days=policy.evidence_validity_days)
    usable = [
        Counted(fact, fact.interval, min(fact.valid_until, fact.ran_at + validity))
        for fact in facts
        if fact.interval is not None and not _fault(fact, evaluation, now)
    ]
    latest = max((each.fact.ran_at for each in usable), default=now)
    counted = tuple(each for each in usable if each.ends > latest)
    ends = max((each.ends for each in counted), default=now)
    if ends > now:
        return Measured(rule, evaluation, counted, ends, None)
    here = f"{rule.domain.value}/{evaluation.id}"
    return Measured(rule, evaluation, counted, None, _wanting(here, facts, usable, evaluation, now))


def _fault(fact: EvidenceFact, evaluation: Evaluation, now: datetime) -> str:
    """Why a result cannot be used; empty where it can."""
    if not fact.admissible:
        return ", ".join(fact.findings) or "inadmissible"
    if fact.ran_at > now:
        return "run after the decision"
    if fact.n < evaluation.samples:
        return f"{fact.n} samples of at least {evaluation.samples}"
    return ""


def _wanting(
    here: str,
    facts: list[EvidenceFact],
    usable: list[Counted],
    evaluation: Evaluation,
    now: datetime,
) -> Reason:
    if usable:
        ended = max(each.ends for each in usable)
        return Reason(LAPSED, f"{here}: ended {ended:%Y-%m-%d}")
    if facts:
        return Reason(INADMISSIBLE, f"{here}: {_fault(facts[-1], evaluation, now)[:120]}")
    return Reason(NOT_MEASURED, f"{here}: no measurement")
