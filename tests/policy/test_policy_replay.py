from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given

from openward.errors import VerificationError
from openward.policy.case import Case, case_json, parse_case
from openward.policy.decision import decide_tier
from openward.policy.document import Policy, parse_policy, policy_json
from openward.policy.replay import appraise_replay, record_decision, verify_replay
from openward.statements.entry import Decided, Entry, parse_entry
from openward.statements.strict_json import canonical_json, parse_json
from tests.policy.policy_builders import (
    DEMONSTRATION,
    LARGE,
    NOW,
    PATIENT,
    all_at,
    case_of,
    questions,
    sha,
)

CASE = case_of(LARGE, evidence=all_at(0.6))
DECISION = decide_tier(DEMONSTRATION, CASE, NOW)
RECORDED = record_decision(DEMONSTRATION, 1, CASE, DECISION)


@given(questions())
@PATIENT
def test_a_decision_read_from_the_record_replays_from_its_written_inputs(
    question: tuple[Policy, Case],
) -> None:
    policy, case = question
    decision = decide_tier(policy, case, NOW)
    raw = Entry(NOW, record_decision(policy, 3, case, decision)).to_bytes()
    policy_bytes, case_bytes = canonical_json(policy_json(policy)), canonical_json(case_json(case))
    entry = parse_entry(raw)
    assert isinstance(entry.body, Decided)
    again = verify_replay(
        entry.body,
        parse_policy(parse_json(policy_bytes)),
        parse_case(parse_json(case_bytes)),
        entry.at,
    )
    assert again == decision


@pytest.mark.parametrize(
    ("recorded", "field"),
    [
        (replace(RECORDED, policy=sha(9)), "policy"),
        (replace(RECORDED, case=sha(9)), "case"),
        (replace(RECORDED, subject=sha(9)), "subject"),
        (replace(RECORDED, state="presumed"), "state"),
        (replace(RECORDED, tier=1), "tier"),
        (replace(RECORDED, treatment="identity-gated"), "treatment"),
        (replace(RECORDED, due=NOW), "due"),
        (replace(RECORDED, reasons=RECORDED.reasons[1:]), "reasons"),
        (replace(RECORDED, reasons=RECORDED.reasons[::-1]), "reasons"),
    ],
)
def test_a_record_that_differs_is_named_by_its_field(recorded: Decided, field: str) -> None:
    (difference,) = appraise_replay(recorded, DEMONSTRATION, CASE, NOW)
    assert difference.startswith(f"{field}: ")
    with pytest.raises(VerificationError, match=f"decision: {field}: recorded"):
        verify_replay(recorded, DEMONSTRATION, CASE, NOW)


def test_other_inputs_do_not_replay() -> None:
    with pytest.raises(VerificationError, match=r"state.*tier"):
        verify_replay(RECORDED, DEMONSTRATION, CASE, NOW + timedelta(days=200))
    with pytest.raises(VerificationError, match="case"):
        verify_replay(RECORDED, DEMONSTRATION, replace(CASE, open_challenges=1), NOW)


def test_unassessed_is_recorded_as_tier_zero() -> None:
    case = case_of(LARGE)
    recorded = record_decision(DEMONSTRATION, 1, case, decide_tier(DEMONSTRATION, case, NOW))
    assert (recorded.state, recorded.tier) == ("unassessed", 0)
    assert recorded.treatment == "identity-gated"
    assert recorded.due == NOW + timedelta(DEMONSTRATION.assessment_days)
    assert (RECORDED.state, RECORDED.tier, RECORDED.policy_entry) == ("assessed", 2, 1)


def test_the_largest_decision_fits_in_an_entry() -> None:
    rules = tuple(
        replace(
            rule,
            evaluations=tuple(
                replace(rule.evaluations[0], id=f"{'e' * 90}{n:02}") for n in range(16)
            ),
        )
        for rule in DEMONSTRATION.domains
    )
    policy = replace(DEMONSTRATION, domains=rules)
    case = case_of(LARGE)
    decision = decide_tier(policy, case, NOW)
    assert len(decision.missing) == 128
    assert Entry(NOW, record_decision(policy, 1, case, decision)).to_bytes()
