import copy
import hashlib
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.policy.alternatives import Alternatives
from openward.policy.document import (
    MAX_EVALUATIONS,
    MAX_POLICY_SIZE,
    DomainRule,
    Policy,
    Thresholds,
    parse_policy,
    policy_json,
)
from openward.statements.strict_json import canonical_json, parse_json
from openward.vocabulary import RiskDomain, Tier
from tests.policy.policy_builders import PATIENT, POLICIES, policies

Edit = Callable[[dict[str, Any]], object]
EXAMPLE = json.loads((POLICIES / "example.json").read_bytes())


def edited(edit: Edit) -> dict[str, Any]:
    predicate: dict[str, Any] = copy.deepcopy(EXAMPLE)
    edit(predicate)
    return predicate


def first(predicate: dict[str, Any], domain: str = "cyber") -> dict[str, Any]:
    evaluation: dict[str, Any] = predicate["domains"][domain]["evaluations"][0]
    return evaluation


def put(name: str, value: object) -> Edit:
    return lambda p: p.update({name: value})


def put_first(name: str, value: object, domain: str = "cyber") -> Edit:
    return lambda p: first(p, domain).update({name: value})


def put_in(section: str, name: str, value: object) -> Edit:
    return lambda p: p[section].update({name: value})


@pytest.mark.parametrize("name", ["example", "demonstration"])
def test_the_published_policies_are_read_and_written_back(name: str) -> None:
    raw = (POLICIES / f"{name}.json").read_bytes()
    policy = parse_policy(parse_json(raw))
    assert canonical_json(policy_json(policy)) == canonical_json(json.loads(raw))
    assert (policy.demonstration is None) == (name == "example")


@given(policies())
@PATIENT
def test_a_policy_survives_writing_and_reading(policy: Policy) -> None:
    assert parse_policy(parse_json(canonical_json(policy_json(policy)))) == policy


def test_the_digest_is_of_the_canonical_predicate() -> None:
    raw = json.dumps(EXAMPLE, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    # Python and RFC 8785 agree on every number and member of this document.
    assert parse_policy(EXAMPLE).digest == hashlib.sha256(raw.encode()).hexdigest()


@pytest.mark.parametrize(
    "edit",
    [
        # Thresholds: low < high <= critical, within [0, 1]; NaN is no number.
        put_first("low", 0.5),
        put_first("low", 0.6),
        put_first("low", -0.01),
        put_first("critical", 0.49),
        put_first("critical", 1.01),
        put_first("high", 1.5, "manipulation"),
        put_first("low", "0.2"),
        put_first("low", True),
        # Critical in catastrophic domains, in all and only those.
        put_first("critical", 0.9, "manipulation"),
        lambda p: first(p).pop("critical"),
        lambda p: p["domains"]["biological"]["evaluations"][1].pop("critical"),
        lambda p: p["domains"]["cyber"].update(catastrophic=False),
        lambda p: p["domains"]["cyber"].update(catastrophic="yes"),
        # All eight domains, nothing else, and at least one evaluation in each.
        lambda p: p["domains"].pop("nuclear"),
        lambda p: p["domains"].update(boredom=p["domains"]["cyber"]),
        lambda p: p["domains"]["cyber"].update(evaluations=[]),
        lambda p: p["domains"]["cyber"].update(evaluations=[first(p), first(p)]),
        lambda p: p["domains"]["cyber"].update(
            evaluations=[{**first(p), "id": f"e{n}"} for n in range(MAX_EVALUATIONS + 1)]
        ),
        # Evaluations.
        put_first("id", "Not A Name"),
        put_first("samples", 0),
        put_first("samples", 1.5),
        put_first("dataset", "abc"),
        put_first("cites", []),
        put_first("cites", ["source"] * 17),
        put_first("task", "two\nlines"),
        put_first("task", "x" * 201),
        put_first("scorer", ""),
        # Numbers and periods.
        put("alpha", 0),
        put("alpha", 0.51),
        put("version", 0),
        put("evidence_validity_days", 0),
        put("evidence_validity_days", 3651),
        put("assessment_days", 0),
        put("valid_until", EXAMPLE["valid_from"]),
        put("valid_until", "2027-10-01"),
        put_in("duties", "lease_days", 0),
        put_in("duties", "evaluation_lease_days", 0),
        put_in("proportionality", "presumed_open_bytes", -1),
        put_in("proportionality", "unreadable_bytes", -1),
        put_in("proportionality", "listed_domains", ["Two Words"]),
        put_in("proportionality", "listed_domains", ["tag"] * 65),
        put_in("proportionality", "review_after", {"releases": -1, "days": 30}),
        put_in("proportionality", "review_after", {"releases": 1, "days": 0}),
        # Words.
        put("when_unassessed", "open"),
        put("name", " padded"),
        put("demonstration", ""),
        put("demonstration", False),
        put("appeal", "caf\u00e9"),
        put("appeal", "x" * 241),
        put_in("alternatives", "tier-3", "two\nlines"),
        lambda p: p["alternatives"].pop("unassessed"),
        put_in("terms", "text", "other terms"),
        put("cites", []),
        # Unknown members, at any depth.
        put("exception", "for friends"),
        put_first("hihg", 0.9),
        lambda p: p["domains"]["cyber"].update(weight=0.5),
        put_in("proportionality", "except", []),
        put_in("proportionality", "review_after", {"releases": 1, "days": 1, "hours": 1}),
        put_in("duties", "more", 1),
        put_in("terms", "more", 1),
        put_in("alternatives", "tier-1", "none"),
    ],
)
def test_a_policy_that_breaks_a_rule_is_refused_whole(edit: Edit) -> None:
    with pytest.raises(Malformed):
        parse_policy(edited(edit))


@pytest.mark.parametrize(
    "edit",
    [
        put_first("critical", 0.5),  # high <= critical: equality stands
        put_first("low", 0),
        put_first("critical", 1),
        put_first("high", 1, "manipulation"),
        put_first("dataset", "0" * 64),
        put_first("cites", ["source"] * 16),
        put_first("task", "x" * 200),
        put("alpha", 0.5),
        put("evidence_validity_days", 3650),
        put("evidence_validity_days", 1),
        put("appeal", "x" * 240),
        put("demonstration", "only a demonstration"),
        put_in("proportionality", "presumed_open_bytes", 0),
        put_in("proportionality", "listed_domains", ["tag"] * 64),
        put_in("proportionality", "review_after", {"releases": 0, "days": 1}),
        lambda p: p["domains"]["cyber"].update(
            evaluations=[{**first(p), "id": f"e{n}"} for n in range(MAX_EVALUATIONS)]
        ),
    ],
)
def test_a_policy_at_the_edge_of_a_rule_is_read(edit: Edit) -> None:
    predicate = edited(edit)
    assert canonical_json(policy_json(parse_policy(predicate))) == canonical_json(predicate)


def test_a_policy_that_would_not_fit_an_entry_is_refused() -> None:
    text = "x" * MAX_POLICY_SIZE
    terms = {"text": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    with pytest.raises(Malformed, match="bytes"):
        parse_policy({**EXAMPLE, "terms": terms})
    room = MAX_POLICY_SIZE - len(canonical_json(EXAMPLE))
    text = EXAMPLE["terms"]["text"] + "x" * room
    terms = {"text": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    assert parse_policy({**EXAMPLE, "terms": terms}).terms.text == text


@pytest.mark.parametrize(
    "cuts",
    [
        (math.nan, 0.5, 0.8),
        (0.2, math.nan, 0.8),
        (0.2, 0.5, math.nan),
        (0.2, math.inf, None),
        (-math.inf, 0.5, 0.8),
    ],
)
def test_a_threshold_that_is_no_number_is_refused(
    cuts: tuple[float, float, float | None],
) -> None:
    with pytest.raises(Malformed):
        Thresholds(*cuts)


def test_a_domain_without_evaluations_cannot_be_built() -> None:
    with pytest.raises(Malformed):
        DomainRule(RiskDomain.CYBER, True, ())


def test_required_evaluations_come_in_the_order_of_the_domains() -> None:
    required = [rule.domain for rule, _ in parse_policy(EXAMPLE).required]
    order = list(RiskDomain)
    assert required == sorted(required, key=order.index)
    assert len(required) == 9  # eight domains, biological with two


def test_each_closed_standing_has_its_own_alternative() -> None:
    lines = Alternatives("gated", "restricted", "closed", "unassessed")
    standings = (Tier.UNRESTRICTED, Tier.GATED, Tier.RESTRICTED, Tier.CLOSED, None)
    assert [lines.at(tier) for tier in standings] == [
        "gated",
        "gated",
        "restricted",
        "closed",
        "unassessed",
    ]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-100, 100) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.sampled_from(sorted(EXAMPLE)), json_values)
@PATIENT
def test_reading_raises_nothing_but_malformed(name: str, value: Any) -> None:
    for predicate in (value, {**EXAMPLE, name: value}):
        try:
            parse_policy(predicate)
        except Malformed:
            continue


@given(st.sampled_from(list(RiskDomain)), st.sampled_from(sorted(first(EXAMPLE))), json_values)
@PATIENT
def test_reading_an_evaluation_raises_nothing_but_malformed(
    domain: RiskDomain, name: str, value: Any
) -> None:
    try:
        policy = parse_policy(edited(put_first(name, value, domain.value)))
    except Malformed:
        return
    assert policy.required
