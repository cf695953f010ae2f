"""Which tier a release belongs to.

`decide_tier` is the centre of the house: a total, pure function of policy, case and time. Whoever
holds the three can run it again and must reach the same answer (`replay`).

    policy not in its time ................................. unassessed
    no weights ............................................. Tier 1, presumed
    every required evaluation measured, and current:
        every domain shown below low ....................... Tier 1
        else every domain shown below high ................. Tier 2
        else every catastrophic domain shown <= critical ... Tier 3
        else ............................................... Tier 4
    within the proportionality clause ...................... Tier 1, presumed
    otherwise .............................................. unassessed (a state, not a tier)

Unassessed weights are treated as the policy says, or as evaluators-only where the evidence that
counts, a parent or a set sharing bytes is known to stand in Tier 3 or 4.

Invariants, each tested as a property in tests/policy/test_policy_decision.py:

* more capability never opens; the passing of time alone never opens;
* taking evidence away never yields a tier by evidence, nor a more open treatment than the
  evidence that remains allows; what is inadmissible changes nothing;
* the order of facts does not matter;
* only a catastrophic domain closes;
* the presumption never applies above an allowance;
* every reason names a rule, and every rule cites its source.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from openward.policy import rulebook as rules
from openward.policy.case import Case
from openward.policy.document import Policy, Treatment
from openward.policy.presumption import decide_barriers
from openward.policy.record import Measured, appraise_record
from openward.vocabulary import Reason, RiskDomain, Tier


class State(Enum):
    """How a standing was reached. A presumption is never shown as an evaluation."""

    ASSESSED = "assessed"
    PRESUMED = "presumed"
    UNASSESSED = "unassessed"


@dataclass(frozen=True, slots=True)
class Missing:
    """One required evaluation that has no current result, and what would supply it."""

    domain: RiskDomain
    evaluation: str
    task: str
    samples: int
    why: Reason


@dataclass(frozen=True, slots=True)
class TierDecision:
    """Where a release stands, and why.

    `tier` is None, and `treatment` and `due` are set, exactly where the state is unassessed.
    `missing` lists what evidence a tier by evidence still wants, whatever the state. `review`
    holds what somebody should look at; it changes nothing by itself.
    """

    state: State
    tier: Tier | None
    reasons: tuple[Reason, ...]
    missing: tuple[Missing, ...] = ()
    treatment: Treatment | None = None
    review: tuple[Reason, ...] = ()
    due: datetime | None = None


def decide_tier(policy: Policy, case: Case, now: datetime) -> TierDecision:
    """Decide where the release of `case` stands under `policy`, as things stood at `now`."""
    measured = appraise_record(policy, case, now)
    if asleep := _policy_asleep(policy, now):
        return _unassessed(policy, case, measured, asleep)
    if not case.files:
        nothing = (Reason(rules.NO_WEIGHTS, "no weight files"),)
        return TierDecision(State.PRESUMED, Tier.UNRESTRICTED, nothing, review=_review(case))
    if all(each.wanting is None for each in measured):
        return _assessed(case, measured)
    if barriers := decide_barriers(policy, case, measured):
        return _unassessed(policy, case, measured, barriers)
    return _presumed(policy, case, measured)


def _policy_asleep(policy: Policy, now: datetime) -> tuple[Reason, ...]:
    if now < policy.valid_from:
        return (Reason(rules.POLICY_NOT_YET, f"takes effect {policy.valid_from:%Y-%m-%d}"),)
    if now >= policy.valid_until:
        return (Reason(rules.POLICY_EXPIRED, f"ended {policy.valid_until:%Y-%m-%d}"),)
    return ()


def _assessed(case: Case, measured: Sequence[Measured]) -> TierDecision:
    reached = [each.reached for each in measured if each.reached is not None]
    tier = max(each.tier for each in reached)
    reasons = [each.reason for each in reached if each.tier == tier]
    higher = [p for p in case.parents if p.tier is not None and p.tier > tier]
    if higher:
        reasons.append(Reason(rules.OWN_EVIDENCE, f"parent {higher[0].name[:120]}"))
    return TierDecision(State.ASSESSED, tier, tuple(reasons), review=_review(case))


def _presumed(policy: Policy, case: Case, measured: Sequence[Measured]) -> TierDecision:
    clause = policy.proportionality
    review = list(_review(case))
    if case.namespace_recent_presumed > clause.review_releases:
        found = f"{case.namespace_recent_presumed} releases within {clause.review_days} days"
        review.append(Reason(rules.MANY_PRESUMED, found))
    found = f"{case.linked.size} bytes, {case.linked.unreadable} of them unreadable"
    return TierDecision(
        State.PRESUMED,
        Tier.UNRESTRICTED,
        (Reason(rules.SMALL, found),),
        missing=_missing(measured),
        review=tuple(review),
    )


def _unassessed(
    policy: Policy, case: Case, measured: Sequence[Measured], why: tuple[Reason, ...]
) -> TierDecision:
    missing = _missing(measured)
    treatment = policy.when_unassessed
    reasons = [*why, *(each.why for each in missing)]
    if held := _held(case, measured):
        treatment = Treatment.EVALUATORS_ONLY
        reasons.append(held)
    else:
        reasons.append(Reason(_TREATED_BY[treatment], "the policy's treatment"))
    return TierDecision(
        State.UNASSESSED,
        None,
        tuple(reasons),
        missing=missing,
        treatment=treatment,
        review=_review(case),
        due=case.opened_at + timedelta(days=policy.assessment_days),
    )


_TREATED_BY = {
    Treatment.IDENTITY_GATED: rules.IDENTITY_GATED,
    Treatment.EVALUATORS_ONLY: rules.EVALUATORS_ONLY,
}


def _held(case: Case, measured: Sequence[Measured]) -> Reason | None:
    """What already stands in Tier 3 or 4: losing the rest of the evidence must not open it."""
    for each in measured:
        if each.reached is not None and each.reached.tier >= Tier.RESTRICTED:
            return Reason(rules.HELD, each.reached.reason.found)
    for parent in case.parents:
        if parent.tier is not None and parent.tier >= Tier.RESTRICTED:
            return Reason(rules.HELD, f"parent {parent.name[:120]} in Tier {parent.tier}")
    for other in case.overlaps:
        if other.tier is not None and other.tier >= Tier.RESTRICTED:
            return Reason(rules.HELD, f"bytes of {other.subject} in Tier {other.tier}")
    return None


def _missing(measured: Sequence[Measured]) -> tuple[Missing, ...]:
    return tuple(
        Missing(
            each.rule.domain,
            each.evaluation.id,
            each.evaluation.task,
            each.evaluation.samples,
            each.wanting,
        )
        for each in measured
        if each.wanting is not None
    )


def _review(case: Case) -> tuple[Reason, ...]:
    if case.open_challenges:
        return (Reason(rules.CHALLENGED, f"{case.open_challenges} open"),)
    return ()
