from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from openward.policy.case import Case, CaseFile, Derivation, Linked, Overlap, Parent, Reading
from openward.policy.decision import State, TierDecision, decide_tier
from openward.policy.document import Policy, Treatment
from openward.policy.fact import EvidenceFact, Interval
from openward.policy.record import appraise_record
from openward.policy.rulebook import RULES
from openward.vocabulary import RiskDomain, Tier, WeightFile
from tests.policy.policy_builders import (
    DEMONSTRATION,
    ENDS,
    FROM,
    LARGE,
    MEBIBYTE,
    NOW,
    PATIENT,
    RAN,
    SMALL,
    THOROUGH,
    UNTIL,
    all_at,
    bounds,
    case_of,
    fact,
    questions,
    sha,
)

Question = tuple[Policy, Case]
ASSESSED, PRESUMED, UNASSESSED = State.ASSESSED, State.PRESUMED, State.UNASSESSED
SECOND = timedelta(seconds=1)
ALLOWANCE = DEMONSTRATION.proportionality.presumed_open_bytes
UNREADABLE = DEMONSTRATION.proportionality.unreadable_bytes
EVALUATORS_ONLY = replace(DEMONSTRATION, when_unassessed=Treatment.EVALUATORS_ONLY)


def closedness(decision: TierDecision) -> int:
    """How far from open: what access makes of a standing."""
    if decision.tier is not None:
        return {1: 0, 2: 1, 3: 2, 4: 3}[decision.tier]
    return 1 if decision.treatment is Treatment.IDENTITY_GATED else 2


def opens(before: TierDecision, after: TierDecision) -> bool:
    # Tier 3, Tier 4 and evaluators-only let the same people in: accredited evaluators.
    return min(closedness(after), 2) < min(closedness(before), 2)


def instead(case: Case, old: EvidenceFact, new: EvidenceFact) -> Case:
    return replace(case, evidence=tuple(new if f == old else f for f in case.evidence))


def rule_ids(decision: TierDecision) -> set[str]:
    return {reason.rule.id for reason in decision.reasons}


# --- properties -------------------------------------------------------------------------------


@given(questions(), st.data(), bounds)
@THOROUGH
def test_more_capability_never_opens(question: Question, data: st.DataObject, rise: float) -> None:
    policy, case = question
    assume(case.evidence)
    old = data.draw(st.sampled_from(case.evidence))
    assume(old.interval is not None)
    assert old.interval is not None
    shown = old.interval
    raised = Interval(
        min(1.0, shown.estimate + rise), min(1.0, shown.lower + rise), min(1.0, shown.upper + rise)
    )
    before = decide_tier(policy, case, NOW)
    after = decide_tier(policy, instead(case, old, replace(old, interval=raised)), NOW)
    assert not opens(before, after)
    assert after.tier is None or before.tier is None or after.tier >= before.tier


@given(questions(), st.integers(0, 400), st.integers(0, 400))
@THOROUGH
def test_time_alone_never_opens(question: Question, sooner: int, later: int) -> None:
    policy, case = question
    sooner, later = sorted((sooner, later))
    before = decide_tier(policy, case, NOW + timedelta(days=sooner))
    after = decide_tier(policy, case, NOW + timedelta(days=later))
    assert not opens(before, after)


@given(questions())
@THOROUGH
def test_there_is_a_tier_by_evidence_only_where_nothing_is_missing(question: Question) -> None:
    policy, case = question
    decision = decide_tier(policy, case, NOW)
    lacking = {
        (rule.domain, evaluation.id)
        for rule, evaluation in policy.required
        if not any(
            f.admissible
            and (f.domain, f.evaluation) == (rule.domain, evaluation.id)
            and f.ran_at <= NOW < f.valid_until
            and f.ran_at + timedelta(days=policy.evidence_validity_days) > NOW
            and f.n >= evaluation.samples
            for f in case.evidence
        )
    }
    if case.files:
        assert {(m.domain, m.evaluation) for m in decision.missing} == lacking
        assert (decision.state is ASSESSED) == (not lacking)


@given(questions(), st.data())
@THOROUGH
def test_less_evidence_yields_no_tier_and_no_more_than_the_rest_allows(
    question: Question, data: st.DataObject
) -> None:
    policy, case = question
    required = [(rule.domain, evaluation.id) for rule, evaluation in policy.required]
    gone = data.draw(st.sampled_from(required))
    rest = tuple(f for f in case.evidence if (f.domain, f.evaluation) != gone)
    less = replace(case, evidence=rest)
    decision = decide_tier(policy, less, NOW)
    assert decision.state is not ASSESSED
    if decision.state is UNASSESSED:
        reached = [m.reached.tier for m in appraise_record(policy, less, NOW) if m.reached]
        if max(reached, default=Tier.UNRESTRICTED) >= Tier.RESTRICTED:
            assert decision.treatment is Treatment.EVALUATORS_ONLY


@given(questions(), st.data())
@PATIENT
def test_what_is_inadmissible_changes_nothing_but_what_is_said(
    question: Question, data: st.DataObject
) -> None:
    policy, case = question
    before = decide_tier(policy, case, NOW)
    kept = tuple(f for f in case.evidence if f.admissible)
    after = decide_tier(policy, replace(case, evidence=kept), NOW)
    assert (after.state, after.tier, after.treatment) == (
        before.state,
        before.tier,
        before.treatment,
    )


@given(questions())
@PATIENT
def test_only_a_catastrophic_domain_closes(question: Question) -> None:
    policy, case = question
    decision = decide_tier(policy, case, NOW)
    if decision.tier is Tier.CLOSED:
        catastrophic = {rule.domain.value for rule in policy.domains if rule.catastrophic}
        assert all(
            r.found.split("/")[0] in catastrophic
            for r in decision.reasons
            if r.rule.id == "tier.above-critical"
        )
        assert "tier.above-critical" in rule_ids(decision)


@given(questions())
@PATIENT
def test_the_presumption_never_applies_above_an_allowance(question: Question) -> None:
    policy, case = question
    if case.files and decide_tier(policy, case, NOW).state is PRESUMED:
        assert case.linked.size <= ALLOWANCE
        assert case.linked.unreadable <= UNREADABLE


@given(questions(), st.integers(-400, 400))
@PATIENT
def test_every_reason_names_a_rule_of_the_book(question: Question, days: int) -> None:
    policy, case = question
    decision = decide_tier(policy, case, NOW + timedelta(days=days))
    said = (*decision.reasons, *decision.review, *(m.why for m in decision.missing))
    assert decision.reasons
    assert all(r.rule in RULES and r.rule.cites and r.found for r in said)


@given(questions(), st.integers(-400, 400))
@PATIENT
def test_a_standing_is_whole(question: Question, days: int) -> None:
    policy, case = question
    decision = decide_tier(policy, case, NOW + timedelta(days=days))
    unassessed = decision.state is UNASSESSED
    assert (decision.tier is None) == unassessed
    assert (decision.treatment is not None) == unassessed
    assert (decision.due is not None) == unassessed
    if decision.state is PRESUMED:
        assert decision.tier is Tier.UNRESTRICTED
    assert decision == decide_tier(policy, case, NOW + timedelta(days=days))


# --- tiers by evidence ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "upper", "tier"),
    [
        # cyber is catastrophic: .5, .7, .85
        (RiskDomain.CYBER, 0.499999, Tier.UNRESTRICTED),
        (RiskDomain.CYBER, 0.5, Tier.GATED),  # at low is not below it
        (RiskDomain.CYBER, 0.699999, Tier.GATED),
        (RiskDomain.CYBER, 0.7, Tier.RESTRICTED),  # at high is not below it
        (RiskDomain.CYBER, 0.85, Tier.RESTRICTED),  # at critical is not above it
        (RiskDomain.CYBER, 0.850001, Tier.CLOSED),
        (RiskDomain.CYBER, 1.0, Tier.CLOSED),
        # manipulation is not: .5, .7
        (RiskDomain.MANIPULATION, 0.499999, Tier.UNRESTRICTED),
        (RiskDomain.MANIPULATION, 0.5, Tier.GATED),
        (RiskDomain.MANIPULATION, 0.7, Tier.RESTRICTED),
        (RiskDomain.MANIPULATION, 1.0, Tier.RESTRICTED),
    ],
)
@pytest.mark.parametrize("file", [LARGE, SMALL])
def test_the_table_of_tiers(domain: RiskDomain, upper: float, tier: Tier, file: CaseFile) -> None:
    others = tuple(f for f in all_at(0.1) if f.domain is not domain)
    decision = decide_tier(
        DEMONSTRATION, case_of(file, evidence=(*others, fact(domain, upper))), NOW
    )
    assert (decision.state, decision.tier) == (ASSESSED, tier)
    if tier > Tier.UNRESTRICTED:
        (reason,) = decision.reasons
        assert reason.found == f"{domain.value}/proxy: upper bound {upper}"


def test_the_most_closed_domain_decides_and_all_at_that_tier_are_named() -> None:
    evidence = (
        fact(RiskDomain.CYBER, 0.7),
        fact(RiskDomain.NUCLEAR, 0.6),
        fact(RiskDomain.MANIPULATION, 0.8),
        *(
            f
            for f in all_at(0.1)
            if f.domain not in (RiskDomain.CYBER, RiskDomain.NUCLEAR, RiskDomain.MANIPULATION)
        ),
    )
    decision = decide_tier(DEMONSTRATION, case_of(LARGE, evidence=evidence), NOW)
    assert decision.tier is Tier.RESTRICTED
    assert [r.found.split("/")[0] for r in decision.reasons] == ["cyber", "manipulation"]


def test_every_required_evaluation_of_a_domain_has_its_say() -> None:
    rules = list(DEMONSTRATION.domains)
    cyber = next(n for n, rule in enumerate(rules) if rule.domain is RiskDomain.CYBER)
    first = rules[cyber].evaluations[0]
    rules[cyber] = replace(rules[cyber], evaluations=(first, replace(first, id="second")))
    policy = replace(DEMONSTRATION, domains=tuple(rules))
    case = case_of(LARGE, evidence=all_at(0.1))
    lacking = decide_tier(policy, case, NOW)
    assert [m.evaluation for m in lacking.missing] == ["second"]
    second = fact(RiskDomain.CYBER, 0.6, evaluation="second")
    case = replace(case, evidence=(*case.evidence, second))
    assert decide_tier(policy, case, NOW).tier is Tier.GATED


@pytest.mark.parametrize("uppers", [(0.1, 0.6), (0.6, 0.1)])
def test_of_several_results_the_largest_upper_bound_counts(uppers: tuple[float, float]) -> None:
    two = tuple(fact(RiskDomain.CYBER, u, number=n + 1) for n, u in enumerate(uppers))
    rest = tuple(f for f in all_at(0.1) if f.domain is not RiskDomain.CYBER)
    decision = decide_tier(DEMONSTRATION, case_of(LARGE, evidence=rest + two), NOW)
    assert decision.tier is Tier.GATED
    assert [r.found for r in decision.reasons] == ["cyber/proxy: upper bound 0.6"]


def test_evidence_for_what_the_policy_does_not_ask_is_passed_over() -> None:
    extra = fact(RiskDomain.CYBER, 1.0, lower=1.0, evaluation="unheard-of")
    decision = decide_tier(DEMONSTRATION, case_of(SMALL, evidence=(extra,)), NOW)
    assert decision.state is PRESUMED


def test_complete_evidence_decides_a_derivative_and_says_so() -> None:
    parent = Parent("lab/giant", Derivation.FINETUNE, Tier.CLOSED, 1 << 40)
    case = replace(case_of(LARGE, evidence=all_at(0.1)), parents=(parent,))
    decision = decide_tier(DEMONSTRATION, case, NOW)
    assert decision.tier is Tier.UNRESTRICTED
    assert "tier.own-evidence" in rule_ids(decision)
    for tier in (Tier.UNRESTRICTED, None):
        same = replace(case, parents=(replace(parent, tier=tier),))
        assert "tier.own-evidence" not in rule_ids(decide_tier(DEMONSTRATION, same, NOW))


# --- what is missing --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "now", "rule", "found"),
    [
        ({}, ENDS - SECOND, None, ""),
        ({}, ENDS, "evidence.lapsed", "ended 2027-01-30"),
        ({"valid_until": ENDS + timedelta(900)}, RAN + timedelta(182), "evidence.lapsed", "ended"),
        ({"valid_until": ENDS + timedelta(900)}, RAN + timedelta(182) - SECOND, None, ""),
        ({}, RAN, None, ""),
        ({}, RAN - SECOND, "evidence.inadmissible", "run after the decision"),
        ({"n": 99}, NOW, "evidence.inadmissible", "99 samples of at least 100"),
        ({"n": 101}, NOW, None, ""),
        (
            {"admissible": False, "findings": ("stale", "incomplete")},
            NOW,
            "evidence.inadmissible",
            "stale, incomplete",
        ),
        ({"admissible": False}, NOW, "evidence.inadmissible", "inadmissible"),
        (
            {"admissible": False, "interval": None, "findings": ("no-samples",)},
            NOW,
            "evidence.inadmissible",
            "no-samples",
        ),
    ],
)
def test_the_table_of_what_is_missing(
    change: dict[str, object], now: datetime, rule: str | None, found: str
) -> None:
    lasting = tuple(
        replace(f, ran_at=RAN - SECOND, valid_until=RAN + timedelta(181, 86_000))
        for f in all_at(0.1)
        if f.domain is not RiskDomain.CYBER
    )
    policy = replace(DEMONSTRATION, evidence_validity_days=182)
    odd = replace(fact(RiskDomain.CYBER, 0.1), **change)  # type: ignore[arg-type]
    decision = decide_tier(policy, case_of(LARGE, evidence=(*lasting, odd)), now)
    wanted = [m for m in decision.missing if m.domain is RiskDomain.CYBER]
    assert [m.why.rule.id for m in wanted] == ([rule] if rule else [])
    assert all(found in m.why.found for m in wanted)
    if rule:
        assert (decision.state, decision.tier) == (UNASSESSED, None)


def test_of_several_results_that_ended_the_last_end_is_named() -> None:
    two = tuple(
        replace(
            fact(RiskDomain.CYBER, 0.1, number=number),
            ran_at=NOW - timedelta(days=60),
            valid_until=NOW - timedelta(days=30 - number),
        )
        for number in (0, 1)
    )
    decision = decide_tier(DEMONSTRATION, case_of(LARGE, evidence=two), NOW)
    assert "cyber/proxy: ended 2026-10-03" in {m.why.found for m in decision.missing}


def test_many_findings_are_named_briefly() -> None:
    odd = replace(fact(RiskDomain.CYBER, 0.1), admissible=False, findings=("f" * 50,) * 9)
    decision = decide_tier(DEMONSTRATION, case_of(LARGE, evidence=(odd,)), NOW)
    (said,) = [m.why.found for m in decision.missing if m.domain is RiskDomain.CYBER]
    assert said == "cyber/proxy: " + ", ".join(["f" * 50] * 9)[:120]


def test_what_is_missing_is_listed_with_what_would_supply_it() -> None:
    decision = decide_tier(DEMONSTRATION, case_of(LARGE), NOW)
    assert [m.domain for m in decision.missing] == list(RiskDomain)
    cyber = next(m for m in decision.missing if m.domain is RiskDomain.CYBER)
    assert (cyber.evaluation, cyber.task, cyber.samples) == ("proxy", "openward_proxy_cyber", 100)
    assert {r.found for r in decision.reasons} >= {"cyber/proxy: no measurement"}


def test_a_lapsed_result_stays_against_the_model_until_one_run_after_its_end() -> None:
    rest = tuple(f for f in all_at(0.1) if f.domain is not RiskDomain.CYBER)
    old = replace(
        fact(RiskDomain.CYBER, 0.9, number=1),
        ran_at=NOW - timedelta(90),
        valid_until=NOW - timedelta(20),
    )

    def tier(ran_at: datetime) -> Tier | None:
        new = replace(fact(RiskDomain.CYBER, 0.1, number=2), ran_at=ran_at)
        return decide_tier(DEMONSTRATION, case_of(LARGE, evidence=(*rest, old, new)), NOW).tier

    assert tier(NOW - timedelta(20) - SECOND) is Tier.CLOSED
    assert tier(NOW - timedelta(20)) is Tier.UNRESTRICTED


def test_the_policys_validity_ends_a_result_that_claims_more() -> None:
    rest = tuple(f for f in all_at(0.1) if f.domain is not RiskDomain.CYBER)
    policy = replace(DEMONSTRATION, evidence_validity_days=60)
    old = replace(fact(RiskDomain.CYBER, 0.9, number=1), ran_at=NOW - timedelta(90))
    new = fact(RiskDomain.CYBER, 0.1, number=2)
    case = case_of(LARGE, evidence=(*rest, old, new))
    assert decide_tier(policy, case, NOW).tier is Tier.UNRESTRICTED
    longer = replace(policy, evidence_validity_days=61)
    assert decide_tier(longer, case, NOW).tier is Tier.CLOSED


# --- policies out of their time ---------------------------------------------------------------


@pytest.mark.parametrize("case", [case_of(), case_of(SMALL), case_of(LARGE, evidence=all_at(0.1))])
@pytest.mark.parametrize(
    ("now", "rule"),
    [
        (FROM - SECOND, "policy.not-yet"),
        (FROM, None),
        (UNTIL - SECOND, None),
        (UNTIL, "policy.expired"),
    ],
)
def test_a_policy_out_of_its_time_decides_nothing(
    case: Case, now: datetime, rule: str | None
) -> None:
    decision = decide_tier(DEMONSTRATION, case, now)
    ids = rule_ids(decision) & {"policy.not-yet", "policy.expired"}
    assert ids == ({rule} if rule else set())
    if rule:
        assert (decision.state, decision.tier) == (UNASSESSED, None)


# --- the proportionality clause ---------------------------------------------------------------


def sized(readable: int, unreadable: int) -> Case:
    parts = (
        CaseFile(WeightFile(sha(1), readable), Reading.READABLE, False),
        CaseFile(WeightFile(sha(2), unreadable), Reading.UNREADABLE, False),
    )
    return case_of(*parts)


@pytest.mark.parametrize(
    ("readable", "unreadable", "barriers"),
    [
        (0, 0, set()),
        (ALLOWANCE - 1, 0, set()),
        (ALLOWANCE, 0, set()),
        (ALLOWANCE + 1, 0, {"presumed.too-large"}),
        (0, UNREADABLE - 1, set()),
        (0, UNREADABLE, set()),
        (0, UNREADABLE + 1, {"presumed.unreadable"}),
        (ALLOWANCE - UNREADABLE, UNREADABLE, set()),
        (ALLOWANCE - UNREADABLE + 1, UNREADABLE, {"presumed.too-large"}),
        (ALLOWANCE, ALLOWANCE, {"presumed.too-large", "presumed.unreadable"}),
    ],
)
def test_the_table_of_both_allowances(readable: int, unreadable: int, barriers: set[str]) -> None:
    decision = decide_tier(DEMONSTRATION, sized(readable, unreadable), NOW)
    assert decision.state is (UNASSESSED if barriers else PRESUMED)
    assert {i for i in rule_ids(decision) if i.startswith("presumed.")} == (
        barriers or {"presumed.small"}
    )


def test_linked_releases_count_together() -> None:
    case = case_of(SMALL)
    at = replace(case, linked=Linked(ALLOWANCE, 0))
    above = replace(case, linked=Linked(ALLOWANCE + 1, 0))
    unread = replace(case, linked=Linked(ALLOWANCE, UNREADABLE + 1))
    states = [decide_tier(DEMONSTRATION, c, NOW).state for c in (at, above, unread)]
    assert states == [PRESUMED, UNASSESSED, UNASSESSED]


@pytest.mark.parametrize(
    ("tier", "size", "held"),
    [
        (None, None, True),  # unknown size opens nothing
        (None, MEBIBYTE - 1, False),
        (None, MEBIBYTE, False),
        (None, MEBIBYTE + 1, True),
        (Tier.UNRESTRICTED, 1 << 40, False),
        (Tier.UNRESTRICTED, None, False),
        (Tier.GATED, 1, True),
        (Tier.RESTRICTED, 1, True),
        (Tier.CLOSED, None, True),
    ],
)
@pytest.mark.parametrize("kind", Derivation)
def test_the_table_of_parents(
    tier: Tier | None, size: int | None, held: bool, kind: Derivation
) -> None:
    open_one = Parent("a/open", kind, Tier.UNRESTRICTED, 1)
    case = replace(case_of(SMALL), parents=(open_one, Parent("lab/base", kind, tier, size)))
    decision = decide_tier(DEMONSTRATION, case, NOW)
    assert decision.state is (UNASSESSED if held else PRESUMED)
    assert ("presumed.derivative" in rule_ids(decision)) is held
    closed = tier is not None and tier >= Tier.RESTRICTED
    if held:
        assert (decision.treatment is Treatment.EVALUATORS_ONLY) is closed


@pytest.mark.parametrize(
    ("tier", "size", "held"),
    [
        (None, MEBIBYTE - 1, False),
        (None, MEBIBYTE, False),
        (None, MEBIBYTE + 1, True),
        (Tier.UNRESTRICTED, 1 << 40, False),
        (Tier.GATED, 1, True),
        (Tier.RESTRICTED, 1, True),
        (Tier.CLOSED, 1, True),
    ],
)
def test_the_table_of_shared_bytes(tier: Tier | None, size: int, held: bool) -> None:
    open_one = Overlap(sha(5), 1, Tier.UNRESTRICTED)
    case = replace(case_of(SMALL), overlaps=(open_one, Overlap(sha(9), size, tier)))
    decision = decide_tier(DEMONSTRATION, case, NOW)
    assert decision.state is (UNASSESSED if held else PRESUMED)
    assert ("presumed.shared-bytes" in rule_ids(decision)) is held
    closed = tier is not None and tier >= Tier.RESTRICTED
    if held:
        assert (decision.treatment is Treatment.EVALUATORS_ONLY) is closed


def test_each_barrier_is_named_once_and_briefly_however_many_there_are() -> None:
    named = "x" * 500
    case = replace(
        case_of(
            SMALL,
            evidence=tuple(
                fact(RiskDomain.CYBER, 0.6, lower=0.5, number=number) for number in (1, 2)
            ),
        ),
        parents=tuple(
            Parent(f"{number}{named}", Derivation.MERGE, Tier.CLOSED, 1) for number in (1, 2)
        ),
        overlaps=tuple(Overlap(sha(number), 1, Tier.GATED) for number in (8, 9)),
    )
    decision = decide_tier(DEMONSTRATION, case, NOW)
    said = [r for r in decision.reasons if r.rule.id.startswith("presumed.")]
    assert [(r.rule.id, r.found) for r in said] == [
        ("presumed.derivative", f"merge of 1{'x' * 119}"),
        ("presumed.shared-bytes", f"shared with {sha(8)}"),
        ("presumed.rebutted", "cyber/proxy: lower bound 0.5"),
    ]
    assert decision.reasons[-1].found == f"parent 1{'x' * 119} in Tier 4"
    full = replace(case, evidence=all_at(0.1))
    assert decide_tier(DEMONSTRATION, full, NOW).reasons[-1].found == f"parent 1{'x' * 119}"


def test_an_adapter_is_not_presumed_open() -> None:
    case = case_of(SMALL, CaseFile(WeightFile(sha(3), 10), Reading.READABLE, True))
    decision = decide_tier(DEMONSTRATION, case, NOW)
    assert (decision.state, "presumed.adapter" in rule_ids(decision)) == (UNASSESSED, True)


def test_a_listed_domain_is_not_presumed_open_and_another_tag_is() -> None:
    listed = replace(case_of(SMALL), declared_domains=("art", "biological-design"))
    other = replace(case_of(SMALL), declared_domains=("art", "biology"))
    assert "presumed.listed-domain" in rule_ids(decide_tier(DEMONSTRATION, listed, NOW))
    assert decide_tier(DEMONSTRATION, other, NOW).state is PRESUMED


@pytest.mark.parametrize(
    ("lower", "upper", "state"),
    [
        (0.499999, 1.0, PRESUMED),  # may reach low; is not shown to
        (0.5, 0.6, UNASSESSED),
        (0.6, 0.6, UNASSESSED),
    ],
)
def test_the_table_of_rebuttals(lower: float, upper: float, state: State) -> None:
    case = case_of(SMALL, evidence=(fact(RiskDomain.CYBER, upper, lower=lower),))
    decision = decide_tier(DEMONSTRATION, case, NOW)
    assert decision.state is state
    assert ("presumed.rebutted" in rule_ids(decision)) == (state is UNASSESSED)
    out_of_order = replace(case.evidence[0], admissible=False, findings=("self-assessed",))
    case = replace(case, evidence=(out_of_order,))
    assert decide_tier(DEMONSTRATION, case, NOW).state is PRESUMED


def test_a_lapse_of_complete_evidence_does_not_return_to_the_presumption() -> None:
    wide = (fact(RiskDomain.CYBER, 0.6, lower=0.2), *all_at(0.1)[1:])
    evidence = (*(f for f in all_at(0.1) if f.domain is not RiskDomain.CYBER), wide[0])
    case = case_of(SMALL, evidence=evidence)
    assert decide_tier(DEMONSTRATION, case, ENDS - SECOND).tier is Tier.GATED
    lapsed = decide_tier(DEMONSTRATION, case, ENDS)
    assert (lapsed.state, "presumed.decided-before" in rule_ids(lapsed)) == (UNASSESSED, True)
    harmless = case_of(SMALL, evidence=all_at(0.1))
    assert decide_tier(DEMONSTRATION, harmless, ENDS).state is PRESUMED
    incomplete = case_of(SMALL, evidence=evidence[1:])
    assert decide_tier(DEMONSTRATION, incomplete, ENDS).state is PRESUMED


def test_no_weights_need_no_evidence() -> None:
    decision = decide_tier(DEMONSTRATION, case_of(), NOW)
    assert (decision.state, decision.tier, decision.missing) == (PRESUMED, Tier.UNRESTRICTED, ())
    assert rule_ids(decision) == {"presumed.no-weights"}


def test_a_presumption_says_what_an_evaluation_would_still_want() -> None:
    decision = decide_tier(DEMONSTRATION, case_of(SMALL), NOW)
    assert len(decision.missing) == len(RiskDomain)


# --- reviews, treatment and clock -------------------------------------------------------------


@pytest.mark.parametrize(("count", "review"), [(0, False), (20, False), (21, True)])
def test_many_releases_under_the_clause_open_a_review_and_stay_open(
    count: int, review: bool
) -> None:
    case = replace(case_of(SMALL), namespace_recent_presumed=count)
    decision = decide_tier(DEMONSTRATION, case, NOW)
    assert decision.state is PRESUMED
    assert [r.rule.id for r in decision.review] == (["review.many-presumed"] if review else [])
    large = decide_tier(DEMONSTRATION, replace(case_of(LARGE), namespace_recent_presumed=99), NOW)
    assert large.review == ()


@pytest.mark.parametrize(
    "case", [case_of(), case_of(SMALL), case_of(LARGE), case_of(LARGE, evidence=all_at(0.1))]
)
def test_a_challenge_opens_a_review_and_changes_nothing(case: Case) -> None:
    quiet = decide_tier(DEMONSTRATION, case, NOW)
    loud = decide_tier(DEMONSTRATION, replace(case, open_challenges=1), NOW)
    assert quiet.review == ()
    assert [r.rule.id for r in loud.review] == ["review.challenge"]
    assert replace(loud, review=()) == quiet


def test_the_treatment_is_the_policys() -> None:
    gated = decide_tier(DEMONSTRATION, case_of(LARGE), NOW)
    closed = decide_tier(EVALUATORS_ONLY, case_of(LARGE), NOW)
    assert gated.treatment is Treatment.IDENTITY_GATED
    assert closed.treatment is Treatment.EVALUATORS_ONLY
    assert gated.reasons[-1].rule.id == "unassessed.identity-gated"
    assert closed.reasons[-1].rule.id == "unassessed.evaluators-only"


@pytest.mark.parametrize(("upper", "held"), [(0.69, False), (0.7, True), (0.9, True)])
@pytest.mark.parametrize("now", [NOW, ENDS])
def test_evidence_that_remains_holds_an_unassessed_model(
    upper: float, held: bool, now: datetime
) -> None:
    case = case_of(LARGE, evidence=(fact(RiskDomain.CYBER, upper),))
    decision = decide_tier(DEMONSTRATION, case, now)
    assert (decision.treatment is Treatment.EVALUATORS_ONLY) is held
    assert ("unassessed.held" in rule_ids(decision)) is held


def test_an_expired_policy_holds_what_evidence_had_closed() -> None:
    case = case_of(LARGE, evidence=all_at(0.9))
    assert decide_tier(DEMONSTRATION, case, UNTIL).treatment is Treatment.EVALUATORS_ONLY


def test_the_clock_runs_from_the_opening_of_the_case() -> None:
    decision = decide_tier(DEMONSTRATION, case_of(LARGE), NOW + timedelta(5))
    assert decision.due == NOW + timedelta(DEMONSTRATION.assessment_days)
