"""The words of the pages: every state has its sentence, and none says more than was decided."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.access.grant import PublisherGate
from openward.evidence.measurement import FindingCode
from openward.policy import rulebook as rules
from openward.policy.calendar import Change
from openward.policy.decision import State, TierDecision
from openward.policy.duties import Gate
from openward.policy.rulebook import RULES
from openward.vocabulary import Reason, RiskDomain, Tier
from openward.web.pages_measured import coming, grounds
from openward.web.pages_model import without_front_matter
from openward.web.pages_policy import chapters
from openward.web.pages_words import (
    FINDINGS,
    KEYS,
    LEGEND,
    access_words,
    badge_of,
    counted,
    date_words,
    domain_words,
    finding_words,
    joined,
    plain_rule,
    size_words,
)

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("size", "says"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 KB"),
        (999_949, "999.9 KB"),
        (999_950, "1.0 MB"),
        (16_060_000_000, "16.1 GB"),
        (5 * 10**15, "5000.0 TB"),
    ],
)
def test_sizes_are_read_in_steps_of_a_thousand(size: int, says: str) -> None:
    assert size_words(size) == says


@given(st.integers(0, 10**18))
def test_no_size_below_a_thousand_terabytes_needs_more_than_three_digits(size: int) -> None:
    number, unit = size_words(size).split()
    assert unit in ("byte", "bytes", "KB", "MB", "GB", "TB")
    assert float(number) < 1000 or unit == "TB"


def test_every_finding_has_words_of_its_own() -> None:
    assert set(FINDINGS) == set(FindingCode)
    assert len(set(FINDINGS.values())) == len(FINDINGS)
    assert finding_words("stale") == FINDINGS[FindingCode.STALE]


def test_a_finding_of_a_later_version_is_shown_as_it_stands() -> None:
    assert finding_words("not-known-yet") == "not-known-yet"


def test_every_domain_has_a_name_without_dashes() -> None:
    names = [domain_words(domain) for domain in RiskDomain]
    assert "Loss of control" in names
    assert not any("-" in name for name in names)


def test_the_legend_explains_every_tier_and_the_state_without_one() -> None:
    assert KEYS == ("1", "2", "3", "4", "unassessed")
    assert all(each.says.endswith(".") for each in LEGEND)


@pytest.mark.parametrize(
    ("decision", "key", "label", "how"),
    [
        (None, "unassessed", "Unassessed", "no decision yet"),
        (
            TierDecision(State.UNASSESSED, None, ()),
            "unassessed",
            "Unassessed",
            "evaluations are missing",
        ),
        (
            TierDecision(State.PRESUMED, Tier.UNRESTRICTED, ()),
            "1",
            "Tier 1 · open",
            "presumed, not evaluated",
        ),
        (
            TierDecision(State.ASSESSED, Tier.UNRESTRICTED, ()),
            "1",
            "Tier 1 · open",
            "decided by evaluations",
        ),
        (
            TierDecision(State.ASSESSED, Tier.GATED, ()),
            "2",
            "Tier 2 · gated",
            "decided by evaluations",
        ),
        (
            TierDecision(State.ASSESSED, Tier.RESTRICTED, ()),
            "3",
            "Tier 3 · restricted",
            "decided by evaluations",
        ),
        (
            TierDecision(State.ASSESSED, Tier.CLOSED, ()),
            "4",
            "Tier 4 · closed",
            "decided by evaluations",
        ),
    ],
)
def test_a_presumption_never_reads_as_an_evaluation(
    decision: TierDecision | None, key: str, label: str, how: str
) -> None:
    badge = badge_of(decision)
    assert (badge.key, badge.label, badge.how) == (key, label, how)


@pytest.mark.parametrize(
    ("gate", "publisher", "says"),
    [
        (Gate.OPEN, PublisherGate.NONE, "Anyone may download it"),
        (Gate.OPEN, PublisherGate.AUTO, "The publisher asks that you sign in"),
        (Gate.OPEN, PublisherGate.MANUAL, "The publisher answers each request by hand"),
        (Gate.IDENTITY, PublisherGate.NONE, "You need a verified identity and a signed promise"),
        (Gate.IDENTITY, PublisherGate.AUTO, "You need a verified identity and a signed promise"),
        (Gate.IDENTITY, PublisherGate.MANUAL, "promise of use and the publisher's approval"),
        (Gate.VETTED, PublisherGate.NONE, "vetted recipients only"),
        (Gate.VETTED, PublisherGate.AUTO, "vetted recipients only"),
        (Gate.EVALUATORS, PublisherGate.MANUAL, "accredited evaluators only"),
        (Gate.CLOSED, PublisherGate.NONE, "not released to anybody"),
        (Gate.CLOSED, PublisherGate.MANUAL, "not released to anybody"),
    ],
)
def test_what_is_asked_is_said_for_every_gate(
    gate: Gate, publisher: PublisherGate, says: str
) -> None:
    assert says in access_words(gate, publisher)


def test_only_an_open_gate_without_a_publisher_s_own_is_called_open_to_anyone() -> None:
    for gate in Gate:
        for publisher in PublisherGate:
            open_to_all = gate is Gate.OPEN and publisher is PublisherGate.NONE
            assert ("Anyone" in access_words(gate, publisher)) is open_to_all


def test_words_are_joined_and_counted_as_people_do() -> None:
    assert joined([]) == ""
    assert joined(["one"]) == "one"
    assert joined(["one", "two"]) == "one and two"
    assert joined(["one", "two", "three"]) == "one, two and three"
    assert counted(1, "result") == "1 result"
    assert counted(2, "result") == "2 results"
    assert counted(0, "entry", "entries") == "0 entries"
    assert date_words(NOW) == "21 November 2026"


def test_a_rule_is_said_without_the_tier_that_the_badge_says_already() -> None:
    assert plain_rule(rules.BELOW_HIGH).startswith("An evaluation is not shown below low")
    assert plain_rule(rules.ADAPTER) == rules.ADAPTER.says


def test_every_rule_stands_in_one_chapter_of_the_rulebook() -> None:
    listed = [rule for chapter in chapters() for rule in chapter.rules]
    assert listed == list(RULES)
    assert len({chapter.id for chapter in chapters()}) == len(chapters())


def test_a_rule_applied_several_times_is_said_once_with_all_it_was_applied_to() -> None:
    applied = grounds(
        (
            Reason(rules.NOT_MEASURED, "cyber/proxy: no measurement"),
            Reason(rules.TOO_LARGE, "9 bytes"),
            Reason(rules.NOT_MEASURED, "nuclear/proxy: no measurement"),
        )
    )
    assert [(each.rule, each.found) for each in applied] == [
        ("evidence.missing", "cyber/proxy: no measurement; nuclear/proxy: no measurement"),
        ("presumed.too-large", "9 bytes"),
    ]


def lapse(domain: str, days: int = 0) -> Change:
    found = f"{domain}/proxy: the measurement ends"
    return Change(NOW + timedelta(days=days), Reason(rules.LAPSED, found))


def test_measurements_that_end_on_one_day_are_one_sentence() -> None:
    (told,) = coming((lapse("cyber"), lapse("loss-of-control")))
    assert told.day == date(2026, 11, 21)
    assert told.says.startswith("The measurement of cyber and loss of control ends.")
    (many,) = coming(tuple(map(lapse, ("cyber", "nuclear", "chemical", "biological"))))
    assert many.says.startswith("4 measurements end.")


def test_what_comes_on_different_days_stays_apart_and_in_order() -> None:
    policy = Change(NOW + timedelta(days=2), Reason(rules.POLICY_EXPIRED, "the policy ends"))
    begins = Change(NOW + timedelta(days=3), Reason(rules.POLICY_NOT_YET, "takes effect"))
    due = Change(NOW + timedelta(days=4), Reason(rules.NOT_MEASURED, "due"))
    told = coming((lapse("cyber"), lapse("nuclear", 1), policy, begins, due))
    assert [each.says.split(".")[0] for each in told] == [
        "The measurement of cyber ends",
        "The measurement of nuclear ends",
        "The policy ends",
        "The policy takes effect",
        "The missing evidence is due",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("# Card\n", "# Card"),
        ("---\nlicense: mit\n---\n# Card\n", "\n# Card".lstrip()),
        ("\ufeff---\na: 1\n--- \n# Card", "# Card"),
        ("---\nnever closed\n# Card", "---\nnever closed\n# Card"),
        ("text\n---\nline\n---\nmore", "text\n---\nline\n---\nmore"),
        ("", ""),
    ],
)
def test_a_card_is_shown_without_its_front_matter(text: str, shown: str) -> None:
    assert without_front_matter(text) == shown


@given(st.text())
def test_no_text_breaks_the_reading_of_a_card(text: str) -> None:
    assert len(without_front_matter(text)) <= len(text)
