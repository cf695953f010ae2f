from dataclasses import replace

import pytest

from openward.policy.case import Case
from openward.policy.decision import TierDecision, decide_tier
from openward.policy.document import Treatment
from openward.policy.duties import Demand, Gate, decide_demand
from openward.vocabulary import Tier
from tests.policy.policy_builders import DEMONSTRATION, LARGE, NOW, SMALL, all_at, case_of, sha

MISSING = decide_tier(DEMONSTRATION, case_of(LARGE), NOW)


def demand(decision: TierDecision) -> Demand:
    return decide_demand(DEMONSTRATION, sha(1), decision)


@pytest.mark.parametrize(
    ("case", "gate", "alternative"),
    [
        (case_of(), Gate.OPEN, "gated"),
        (case_of(SMALL), Gate.OPEN, "gated"),
        (case_of(LARGE, evidence=all_at(0.1)), Gate.OPEN, "gated"),
        (case_of(LARGE, evidence=all_at(0.6)), Gate.IDENTITY, "gated"),
        (case_of(LARGE, evidence=all_at(0.7)), Gate.VETTED, "restricted"),
        (case_of(LARGE, evidence=all_at(0.9)), Gate.CLOSED, "closed"),
        (case_of(LARGE), Gate.IDENTITY, "unassessed"),
        (case_of(LARGE, evidence=all_at(0.9)[1:]), Gate.EVALUATORS, "unassessed"),
    ],
)
def test_the_table_of_gates(case: Case, gate: Gate, alternative: str) -> None:
    asked = demand(decide_tier(DEMONSTRATION, case, NOW))
    assert asked.gate is gate
    assert asked.alternative == getattr(DEMONSTRATION.alternatives, alternative)


def test_a_more_closed_standing_never_has_a_wider_gate() -> None:
    order: list[TierDecision] = [replace(MISSING, tier=tier, treatment=None) for tier in Tier]
    gates = [demand(decision).gate for decision in order]
    assert gates == sorted(gates)
    held = demand(replace(MISSING, treatment=Treatment.EVALUATORS_ONLY)).gate
    assert held >= demand(order[2]).gate


def test_the_demand_carries_what_a_refusal_must_say() -> None:
    asked = demand(MISSING)
    assert asked.subject == sha(1)
    assert asked.terms == DEMONSTRATION.terms.sha256
    assert (asked.lease_days, asked.evaluation_lease_days) == (90, 60)
    assert asked.evidence == MISSING.reasons
    assert asked.appeal == DEMONSTRATION.appeal


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "Current independent evaluations of chemical/proxy."),
        (
            3,
            "Current independent evaluations of chemical/proxy, biological/proxy, "
            "radiological/proxy.",
        ),
        (
            5,
            "Current independent evaluations of chemical/proxy, biological/proxy, "
            "radiological/proxy and 2 more.",
        ),
    ],
)
def test_what_would_change_the_answer_names_what_is_missing(count: int, said: str) -> None:
    assert demand(replace(MISSING, missing=MISSING.missing[:count])).changes == (said,)


def test_only_lower_results_would_change_a_tier_by_evidence_and_nothing_an_open_one() -> None:
    for upper, said in ((0.1, ()), (0.9, ("Current evaluations that show less capability.",))):
        case = case_of(LARGE, evidence=all_at(upper))
        assert demand(decide_tier(DEMONSTRATION, case, NOW)).changes == said
    assert demand(decide_tier(DEMONSTRATION, case_of(SMALL), NOW)).changes == ()
