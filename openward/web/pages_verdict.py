"""The verdict in a sentence: what a page about a model says first.

    assessed, Tier 1     every required evaluation shows it below its low threshold
    assessed, Tier 2-4   which domains: a score at or above which threshold is not ruled out
    presumed             how much weighs how little, and that it was not evaluated
    unassessed           how many evaluations are missing, and what kept the presumption away

Pure: it words what was decided and decides nothing.
"""

from dataclasses import dataclass

from openward.policy import rulebook as rules
from openward.policy.case import Case
from openward.policy.decision import State, TierDecision
from openward.policy.document import Policy
from openward.policy.record import Measured
from openward.vocabulary import Reason, Rule, Tier
from openward.web.pages_words import (
    Badge,
    badge_of,
    counted,
    domain_words,
    joined,
    plain_rule,
    size_words,
)

_LINES = {
    Tier.GATED: "at or above the low threshold",
    Tier.RESTRICTED: "at or above the high threshold",
    Tier.CLOSED: "above the critical threshold",
}
_BARRIERS = (
    rules.TOO_LARGE,
    rules.UNREADABLE,
    rules.ADAPTER,
    rules.DERIVATIVE,
    rules.SHARED_BYTES,
    rules.LISTED_DOMAIN,
    rules.REBUTTED,
    rules.DECIDED_BEFORE,
)
_ASLEEP = (rules.POLICY_NOT_YET, rules.POLICY_EXPIRED)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The badge, the sentence, and what the sentence leaves to say."""

    badge: Badge
    headline: str
    rest: str


NO_DECISION = Verdict(
    badge_of(None),
    "No decision on these weights is in effect yet.",
    "A decision takes effect once the public record covers it.",
)


def verdict_of(
    policy: Policy, case: Case, decision: TierDecision, measured: tuple[Measured, ...]
) -> Verdict:
    """The verdict on a standing; `measured` is the case's evidence as appraised now."""
    badge = badge_of(decision)
    match decision.state:
        case State.ASSESSED:
            headline, rest = _assessed(decision, measured)
        case State.PRESUMED:
            headline, rest = _presumed(policy, case, decision)
        case State.UNASSESSED:
            headline, rest = _unassessed(policy, case, decision)
    return Verdict(badge, headline, rest)


def _assessed(decision: TierDecision, measured: tuple[Measured, ...]) -> tuple[str, str]:
    tier = decision.tier or Tier.UNRESTRICTED
    if tier is Tier.UNRESTRICTED:
        headline = "Every required evaluation shows it below its low threshold."
        return headline, f"{counted(len(measured), 'evaluation')} count."
    reaching = [each for each in measured if each.reached and each.reached.tier is tier]
    names = joined(list(dict.fromkeys(domain_words(each.rule.domain) for each in reaching)))
    headline = f"{names.capitalize()}: a score {_LINES[tier]} is not ruled out."
    below = [each for each in measured if each.reached and each.reached.tier < tier]
    if not below:
        return headline, ""
    clear = all(each.reached and each.reached.tier is Tier.UNRESTRICTED for each in below)
    others = counted(len(below), "other evaluation")
    shows = "shows" if len(below) == 1 else "show"
    return headline, f"{others} {shows} it below {'low' if clear else 'that line'}."


def _presumed(policy: Policy, case: Case, decision: TierDecision) -> tuple[str, str]:
    if any(reason.rule == rules.NO_WEIGHTS for reason in decision.reasons):
        return "It holds no weights, so there is nothing to measure.", ""
    allowed = size_words(policy.proportionality.presumed_open_bytes)
    headline = f"Presumed open by its size: {size_words(case.linked.size)} of weights."
    rest = f"The policy presumes up to {allowed} to be harmless until shown otherwise."
    measured = "It was not evaluated." if decision.missing else ""
    return headline, f"{rest} {measured}".strip()


def _unassessed(policy: Policy, case: Case, decision: TierDecision) -> tuple[str, str]:
    asleep = _first(decision, _ASLEEP)
    if asleep is not None:
        return "It has no tier: no policy is in its time.", asleep.rule.says
    missing, required = len(decision.missing), len(policy.required)
    verb = "is" if missing == 1 else "are"
    headline = f"It has no tier: {missing} of {required} required evaluations {verb} missing."
    barrier = _first(decision, _BARRIERS)
    return headline, "" if barrier is None else _why_not_presumed(policy, case, barrier)


def _why_not_presumed(policy: Policy, case: Case, barrier: Reason) -> str:
    if barrier.rule == rules.TOO_LARGE:
        allowed = size_words(policy.proportionality.presumed_open_bytes)
        return f"With {size_words(case.linked.size)} it is above the {allowed} presumed harmless."
    return plain_rule(barrier.rule)


def _first(decision: TierDecision, wanted: tuple[Rule, ...]) -> Reason | None:
    return next((reason for reason in decision.reasons if reason.rule in wanted), None)
