from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from openward.policy.calendar import decide_changes
from openward.policy.case import Case
from openward.policy.decision import decide_tier
from openward.policy.document import Policy
from openward.vocabulary import RiskDomain
from tests.policy.policy_builders import (
    DEMONSTRATION,
    ENDS,
    FROM,
    LARGE,
    NOW,
    THOROUGH,
    UNTIL,
    all_at,
    case_of,
    fact,
    questions,
)

SECOND = timedelta(seconds=1)


@given(questions(), st.integers(0, 500), st.floats(0, 1))
@THOROUGH
def test_until_the_first_date_nothing_changes(
    question: tuple[Policy, Case], offset: int, share: float
) -> None:
    policy, case = question
    now = NOW + timedelta(days=offset)
    decision = decide_tier(policy, case, now)
    changes = decide_changes(policy, case, decision, now)
    assert [c.at for c in changes] == sorted(c.at for c in changes)
    assert all(c.at > now for c in changes)
    first = min((c.at for c in changes), default=now + timedelta(days=1000))
    then = min(now + (first - now) * share, first - SECOND)
    again = decide_tier(policy, case, then)
    assert (again.state, again.tier, again.treatment) == (
        decision.state,
        decision.tier,
        decision.treatment,
    )


def test_an_assessed_model_lists_the_end_of_each_measurement_and_of_the_policy() -> None:
    evidence = (*all_at(0.1), replace(fact(RiskDomain.CYBER, 0.1, number=1), valid_until=NOW))
    later = replace(fact(RiskDomain.CYBER, 0.1, number=2), valid_until=ENDS + timedelta(days=1))
    case = case_of(LARGE, evidence=(*evidence, later))
    changes = decide_changes(DEMONSTRATION, case, decide_tier(DEMONSTRATION, case, NOW), NOW)
    listed = [(c.at, c.what.rule.id, c.what.found.split("/")[0]) for c in changes]
    others = [
        (ENDS, "evidence.lapsed", domain.value)
        for domain in RiskDomain
        if domain is not RiskDomain.CYBER
    ]
    assert listed == [
        *others,
        (ENDS + timedelta(days=1), "evidence.lapsed", "cyber"),
        (UNTIL, "policy.expired", "the policy ends"),
    ]


def test_an_unassessed_model_lists_when_its_evidence_is_due() -> None:
    case = case_of(LARGE)
    decision = decide_tier(DEMONSTRATION, case, NOW)
    changes = decide_changes(DEMONSTRATION, case, decision, NOW)
    assert [c.at for c in changes] == [NOW + timedelta(DEMONSTRATION.assessment_days), UNTIL]
    past = NOW + timedelta(DEMONSTRATION.assessment_days)
    decision = decide_tier(DEMONSTRATION, case, past)
    assert [c.at for c in decide_changes(DEMONSTRATION, case, decision, past)] == [UNTIL]


def test_a_policy_to_come_lists_the_day_it_takes_effect() -> None:
    case, now = case_of(LARGE, evidence=all_at(0.1)), FROM - timedelta(days=1)
    changes = decide_changes(DEMONSTRATION, case, decide_tier(DEMONSTRATION, case, now), now)
    assert (changes[0].at, changes[0].what.rule.id) == (FROM, "policy.not-yet")
