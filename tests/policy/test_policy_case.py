import copy
import hashlib
import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.policy.case import (
    Case,
    CaseFile,
    Derivation,
    Link,
    Linked,
    LinkKind,
    Overlap,
    Parent,
    Reading,
    case_json,
    parse_case,
)
from openward.policy.document import Policy
from openward.policy.fact import LATEST, Interval
from openward.statements.strict_json import canonical_json, parse_json
from openward.vocabulary import RiskDomain, Tier, WeightFile
from tests.policy.policy_builders import (
    MEBIBYTE,
    NOW,
    PATIENT,
    SMALL,
    case_of,
    fact,
    questions,
    sha,
)

OTHER = CaseFile(WeightFile(sha(2), 5), Reading.UNREADABLE, True)
FULL = Case(
    files=(SMALL, OTHER),
    linked=Linked(2 * MEBIBYTE, 5, (Link(LinkKind.SHARED_BLOB, "b"), Link(LinkKind.FAMILY, "a"))),
    opened_at=NOW,
    evidence=(fact(RiskDomain.CYBER, 0.5), fact(RiskDomain.AUTONOMY, 0.25)),
    parents=(
        Parent("b/base", Derivation.MERGE, None, None),
        Parent("a", Derivation.MERGE, Tier.GATED, 1),
    ),
    overlaps=(Overlap(sha(9), 7, Tier.CLOSED), Overlap(sha(8), 7, None)),
    declared_domains=("poetry", "biology"),
    open_challenges=1,
    namespace_recent_presumed=2,
)
Part = TypeVar("Part")
Edit = Callable[[dict[str, Any]], object]


def plain(case: Case) -> dict[str, Any]:
    value = parse_json(canonical_json(case_json(case)))
    assert isinstance(value, dict)
    return value


@given(questions())
@PATIENT
def test_a_case_survives_writing_and_reading(question: tuple[Policy, Case]) -> None:
    _, case = question
    again = parse_case(plain(case))
    assert again == case
    assert again.digest == case.digest


@given(questions(), st.randoms(use_true_random=False))
@PATIENT
def test_the_order_of_facts_does_not_change_the_case(
    question: tuple[Policy, Case], random: Any
) -> None:
    _, case = question

    def mixed(parts: tuple[Part, ...]) -> tuple[Part, ...]:
        return tuple(random.sample(parts, len(parts)))

    again = replace(
        case,
        files=mixed(case.files),
        linked=replace(case.linked, by=mixed(case.linked.by)),
        evidence=mixed(case.evidence),
        parents=mixed(case.parents),
        overlaps=mixed(case.overlaps),
        declared_domains=mixed(case.declared_domains),
    )
    assert again == case
    assert again.digest == case.digest


def test_the_digest_is_of_the_canonical_json() -> None:
    assert FULL.digest == hashlib.sha256(canonical_json(plain(FULL))).hexdigest()


def test_the_subject_is_that_of_the_files() -> None:
    assert FULL.subject.text() == (f"openward-subject/v1\n{sha(1)} {MEBIBYTE}\n{sha(2)} 5\n")


def set_at(*path: str | int, to: object) -> Edit:
    def edit(value: Any) -> None:
        for step in path[:-1]:
            value = value[step]
        value[path[-1]] = to

    return edit


def reverse(name: str) -> Edit:
    return lambda value: value[name].reverse()


@pytest.mark.parametrize(
    "edit",
    [
        # One spelling: sorted lists, no unknown member at any depth.
        *(reverse(name) for name in ("files", "evidence", "parents", "overlaps")),
        reverse("declared_domains"),
        lambda value: value["linked"]["by"].reverse(),
        set_at("mood", to="good"),
        set_at("files", 0, "name", to="model.bin"),
        set_at("evidence", 0, "weight", to=2),
        set_at("parents", 0, "tier", to=None),
        # Nothing twice.
        *(
            lambda value, name=name: value[name].append(value[name][-1])
            for name in ("files", "evidence", "parents", "overlaps", "declared_domains")
        ),
        # Intervals are ordered and lie within [0, 1]; admissible results have one.
        set_at("evidence", 0, "lower", to=-0.1),
        set_at("evidence", 0, "upper", to=1.1),
        set_at("evidence", 0, "lower", to=0.3),
        set_at("evidence", 0, "estimate", to=0.26),
        set_at("evidence", 0, "estimate", to=None),
        lambda value: value["evidence"][0].pop("upper"),
        lambda value: [value["evidence"][0].pop(m) for m in ("estimate", "lower", "upper")],
        set_at("evidence", 0, "n", to=-1),
        set_at("evidence", 0, "domain", to="astrology"),
        set_at("evidence", 0, "evaluator", to="Some One"),
        set_at("evidence", 0, "ran_at", to="9000-01-01T00:00:00Z"),
        set_at("opened_at", to="9000-01-01T00:00:00Z"),
        # A total is not below its part.
        set_at("linked", "bytes", to=MEBIBYTE + 4),
        set_at("linked", "unreadable_bytes", to=4),
        set_at("files", 0, "bytes", to=-1),
        set_at("files", 0, "reading", to="maybe"),
        set_at("overlaps", 0, "tier", to=0),
        set_at("overlaps", 1, "tier", to=5),
        set_at("overlaps", 0, "bytes", to=-1),
        set_at("parents", 0, "bytes", to=-1),
        set_at("parents", 0, "kind", to="cousin"),
        set_at("open_challenges", to=-1),
        set_at("namespace_recent_presumed", to=-1),
    ],
)
def test_a_case_in_any_other_shape_is_refused(edit: Edit) -> None:
    value = copy.deepcopy(plain(FULL))
    edit(value)
    with pytest.raises(Malformed):
        parse_case(value)


def test_a_total_equal_to_its_part_stands() -> None:
    value = plain(FULL)
    value["linked"].update(bytes=MEBIBYTE + 5, unreadable_bytes=5)
    assert parse_case(value).linked.size == MEBIBYTE + 5


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_bound_that_is_no_number_is_refused(bad: float, place: int) -> None:
    numbers = [0.5, 0.5, 0.5]
    numbers[place] = bad
    with pytest.raises(Malformed):
        Interval(*numbers)


@pytest.mark.parametrize("name", ["", "lab/\0model", "\0"])
def test_a_name_that_could_not_be_read_back_cannot_enter_a_case(name: str) -> None:
    with pytest.raises(Malformed):
        replace(case_of(), parents=(Parent(name, Derivation.MERGE, None, None),))
    with pytest.raises(Malformed):
        replace(case_of(), declared_domains=(name,))
    with pytest.raises(Malformed):
        Linked(1, 0, (Link(LinkKind.BASE, name),))


def test_a_link_given_twice_is_refused() -> None:
    with pytest.raises(Malformed):
        Linked(1, 0, (Link(LinkKind.BASE, "a"), Link(LinkKind.BASE, "a")))


def test_times_reach_to_the_end_of_the_calendar() -> None:
    last = datetime(8999, 12, 31, tzinfo=UTC)
    assert replace(fact(RiskDomain.CYBER, 0.5), ran_at=last, valid_until=LATEST).ran_at == last
    assert replace(case_of(), opened_at=last).opened_at == last


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.data(), json_values)
@PATIENT
def test_reading_raises_nothing_but_malformed(data: st.DataObject, value: Any) -> None:
    whole = plain(FULL)
    section = data.draw(st.sampled_from(sorted(whole)))
    target = whole
    if isinstance(whole[section], list) and isinstance(whole[section][0], dict):
        target = whole[section][0]
        section = data.draw(st.sampled_from(sorted(target)))
    target[section] = value
    for broken in (whole, value):
        try:
            parse_case(broken)
        except Malformed:
            continue
