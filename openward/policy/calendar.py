"""What changes when, if nobody acts.

Until the first date listed, the decision stays what it is (a property of
tests/policy/test_policy_calendar.py): whoever reads it today knows how long it holds.
"""

from dataclasses import dataclass
from datetime import datetime

from openward.policy import rulebook as rules
from openward.policy.case import Case
from openward.policy.decision import TierDecision
from openward.policy.document import Policy
from openward.policy.record import appraise_record
from openward.vocabulary import Reason


@dataclass(frozen=True, slots=True)
class Change:
    """On this day, for this reason, unless somebody acts before."""

    at: datetime
    what: Reason


def decide_changes(
    policy: Policy, case: Case, decision: TierDecision, now: datetime
) -> tuple[Change, ...]:
    """The dates after `now`, the earliest first."""
    changes = [
        Change(policy.valid_from, Reason(rules.POLICY_NOT_YET, "the policy takes effect")),
        Change(policy.valid_until, Reason(rules.POLICY_EXPIRED, "the policy ends")),
    ]
    for each in appraise_record(policy, case, now):
        if each.current_until is not None:
            found = f"{each.at}: the measurement ends"
            changes.append(Change(each.current_until, Reason(rules.LAPSED, found)))
    if decision.due is not None:
        found = "the evidence that is missing is due"
        changes.append(Change(decision.due, Reason(rules.NOT_MEASURED, found)))
    later = (change for change in changes if change.at > now)
    return tuple(sorted(later, key=lambda change: (change.at, change.what.rule.id)))
