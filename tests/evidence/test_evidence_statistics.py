import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special, stats

from openward.evidence import statistics
from openward.evidence.statistics import (
    clopper_pearson,
    clustered_standard_error,
    epochs_standard_error,
    mean_bounds,
    round_outward,
    standard_error,
)

WORKED = Path(__file__).resolve().parents[2].parent / "shared/evidence/worked/worked_shared.json"
alphas = st.floats(1e-6, 0.5)
unit = st.floats(0, 1)
half_steps = st.sampled_from((0.0, 0.5, 1.0))


@st.composite
def counts(draw: st.DrawFn) -> tuple[float, float]:
    n = draw(st.integers(1, 20_000) | st.floats(0.01, 20_000))
    return draw(st.integers(0, int(n)) | st.floats(0, n)), n


def worked(name: str) -> dict[str, object]:
    if not WORKED.exists():
        pytest.skip("../shared is not beside the checkout")
    example: dict[str, object] = json.loads(WORKED.read_bytes())[name]
    return example


@given(counts(), alphas)
def test_exact_bounds_are_the_quantiles_of_the_beta_distribution(
    count: tuple[float, float], alpha: float
) -> None:
    x, n = count
    lower, upper = clopper_pearson(x, n, alpha)
    assert lower == pytest.approx(special.betaincinv(x, n - x + 1, alpha) if x else 0, abs=1e-9)
    judge = 1 - special.betaincinv(n - x, x + 1, alpha) if x < n else 1
    assert upper == pytest.approx(judge, abs=1e-9)


def test_exact_bounds_agree_with_the_worked_examples_to_the_printed_digit() -> None:
    cases = worked("W01_clopper_pearson")["cases"]
    assert isinstance(cases, list) and len(cases) == 5
    for case in cases:
        upper = clopper_pearson(case["x"], case["n"], case["alpha"]).upper
        assert round(upper, 6) == case["cp_upper"]
    evaluations = worked("W05_intersection_union")["evals"]
    assert isinstance(evaluations, list)
    for case in evaluations:
        assert round(clopper_pearson(case["x"], case["n"], 0.05).upper, 6) == case["upper"]


@pytest.mark.parametrize(
    ("x", "n", "alpha", "lower", "upper"),
    [
        (0, 30, 0.05, 0.0, 1 - 0.05 ** (1 / 30)),
        (30, 30, 0.05, 0.05 ** (1 / 30), 1.0),
        (0, 1, 0.05, 0.0, 0.95),
        (1, 1, 0.05, 0.05, 1.0),
        (1, 2, 0.5, 1 - math.sqrt(0.5), math.sqrt(0.5)),
    ],
)
def test_exact_bounds_where_they_have_a_formula(
    x: int, n: int, alpha: float, lower: float, upper: float
) -> None:
    assert clopper_pearson(x, n, alpha) == pytest.approx((lower, upper), abs=1e-14)


@pytest.mark.parametrize(
    ("x", "n", "alpha"),
    [
        (-1, 2, 0.05),
        (3, 2, 0.05),
        (0, 0, 0.05),
        (1, 2, 0),
        (1, 2, 0.51),
        (1, math.inf, 0.05),
        (math.nan, 2, 0.05),
        (1, math.nan, 0.05),
        (1, 2, math.nan),
    ],
)
def test_no_bounds_for_what_is_no_count(x: float, n: float, alpha: float) -> None:
    with pytest.raises(ValueError, match="no bounds"):
        clopper_pearson(x, n, alpha)


def test_a_boundary_is_passed_by_mistake_with_probability_alpha_at_most() -> None:
    n = 40
    for p in np.linspace(0.01, 0.99, 50):
        chance = sum(
            stats.binom.pmf(x, n, p) for x in range(n + 1) if clopper_pearson(x, n, 0.05).upper < p
        )
        assert chance <= 0.05


def test_the_bounds_of_a_great_log_are_found() -> None:
    lower, upper = clopper_pearson(90_000, 200_000, 0.05)
    assert upper == pytest.approx(1 - special.betaincinv(110_000, 90_001, 0.05), abs=1e-9)
    assert lower == pytest.approx(special.betaincinv(90_000, 110_001, 0.05), abs=1e-9)


def test_clustered_error_agrees_with_the_worked_example() -> None:
    example = worked("W03_clustered_se")
    scores, clusters = example["scores"], example["clusters"]
    assert isinstance(scores, list) and isinstance(clusters, list)
    assert clustered_standard_error(scores, clusters) == pytest.approx(
        example["se_cluster_corrected"], rel=1e-12
    )
    assert standard_error(scores) == pytest.approx(example["se_naive"], rel=1e-12)


@given(st.lists(unit, min_size=2, max_size=50))
def test_clusters_of_one_are_no_clusters(scores: list[float]) -> None:
    assert clustered_standard_error(scores, range(len(scores))) == pytest.approx(
        standard_error(scores), rel=1e-9, abs=1e-12
    )


@given(st.lists(unit, min_size=2, max_size=50))
def test_the_standard_error_is_that_of_numpy(scores: list[float]) -> None:
    judge = np.std(scores, ddof=1) / math.sqrt(len(scores))
    assert standard_error(scores) == pytest.approx(judge, rel=1e-9, abs=1e-12)


def test_one_score_or_one_cluster_says_nothing_of_its_spread() -> None:
    assert standard_error([0.5]) == standard_error([]) == math.inf
    assert clustered_standard_error([0.0, 1.0], ["a", "a"]) == math.inf
    assert clustered_standard_error([], []) == math.inf
    assert standard_error([0.0, 1.0]) == 0.5
    assert clustered_standard_error([0.0, 1.0], ["a", "b"]) == 0.5
    assert mean_bounds([0.5], None, 2, 0.05) == (0, 1)
    assert mean_bounds([1.0, 1.0, 1.0], ["a", "a", "a"], 1, 0.05) == (0, 1)


def test_each_score_needs_its_cluster() -> None:
    with pytest.raises(ValueError, match="zip"):
        clustered_standard_error([0.0, 1.0], ["a"])


def test_runs_of_the_same_items_share_what_the_items_contribute() -> None:
    assert epochs_standard_error([0.5], [0.1]) == pytest.approx(0.1)
    assert epochs_standard_error([0.5, 0.5], [0.1, 0.1]) == pytest.approx(0.1)
    # s^2 = .02: (.1^2 + .3^2) / 2 - .02 + .02 / 2 = .04
    assert epochs_standard_error([0.4, 0.6], [0.1, 0.3]) == pytest.approx(0.2)
    # what varies between runs explains all: nothing is left within, and s^2 / K stays
    assert epochs_standard_error([0.4, 0.6], [0.1, 0.1]) == pytest.approx(0.1)
    assert epochs_standard_error([0.3, 0.5, 0.7], [0.1, 0.1, 0.1]) == pytest.approx(
        math.sqrt(0.04 / 3)
    )
    with pytest.raises(ValueError, match="no runs"):
        epochs_standard_error([], [])
    with pytest.raises(ValueError, match="zip"):
        epochs_standard_error([0.5], [])


@given(st.lists(st.sampled_from((0.0, 1.0)), min_size=1, max_size=60), alphas)
def test_answers_right_or_wrong_have_exact_bounds(scores: list[float], alpha: float) -> None:
    exact = clopper_pearson(sum(scores), len(scores), alpha)
    assert mean_bounds(scores, None, 1, alpha) == exact


@given(st.lists(half_steps, min_size=2, max_size=60), st.integers(1, 8), alphas)
def test_no_bound_is_closer_than_student_or_the_exact_one(
    scores: list[float], groups: int, alpha: float
) -> None:
    clusters = [n % groups for n in range(len(scores))]
    for grouping in (None, clusters):
        lower, upper = mean_bounds(scores, grouping, 2, alpha)
        mean = sum(scores) / len(scores)
        error = standard_error(scores)
        if grouping is not None:
            error = clustered_standard_error(scores, grouping)
        df = (len(scores) if grouping is None else len(set(grouping))) - 1
        reach = stats.t.isf(alpha, df) * error if 0 < error < math.inf else 0
        exact = clopper_pearson(mean * len(scores), len(scores), alpha)
        assert 0 <= lower <= max(0, min(mean - reach, exact.lower)) + 1e-7
        assert 1 >= upper >= min(1, max(mean + reach, exact.upper)) - 1e-7


def test_bounds_of_clustered_scores_step_by_step() -> None:
    scores, clusters = [1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0], list("aabbccdd")
    error, naive = clustered_standard_error(scores, clusters), standard_error(scores)
    effective = 8 / (error / naive) ** 2
    exact = clopper_pearson(0.5 * effective, effective, 0.05)
    reach = stats.t.isf(0.05, 3) * error
    assert effective < 8
    assert mean_bounds(scores, clusters, 1, 0.05) == pytest.approx(
        (min(0.5 - reach, exact.lower), max(0.5 + reach, exact.upper)), abs=1e-9
    )


def test_clusters_that_spread_less_than_chance_do_not_add_items() -> None:
    scores, clusters = [1.0, 0.0] * 10, [n // 2 for n in range(20)]
    assert clustered_standard_error(scores, clusters) == 0
    assert mean_bounds(scores, clusters, 1, 0.05) == clopper_pearson(10, 20, 0.05)


def test_where_nothing_varies_each_cluster_counts_once() -> None:
    assert mean_bounds([0.0] * 40, ["a", "b"] * 20, 1, 0.05) == clopper_pearson(0, 2, 0.05)
    assert mean_bounds([0.0] * 40, None, 2, 0.05) == clopper_pearson(0, 40, 0.05)


@pytest.mark.parametrize("scores", [[], [-0.01], [1.01], [math.nan], [0.5, math.inf]])
def test_bounds_are_for_scores_between_nought_and_one(scores: list[float]) -> None:
    with pytest.raises(ValueError, match="in \\[0, 1\\]"):
        mean_bounds(scores, None, 1, 0.05)


@given(st.integers(1, 2000), st.floats(1e-4, 0.49))
def test_student_quantiles_are_those_of_scipy(df: int, alpha: float) -> None:
    assert statistics._student_quantile(alpha, df) == pytest.approx(
        stats.t.isf(alpha, df), rel=1e-6
    )


@given(unit, unit)
def test_rounding_goes_outward_by_less_than_a_millionth_and_stays(a: float, b: float) -> None:
    a, b = sorted((a, b))
    lower, upper = round_outward(a, b)
    assert lower <= a and b <= upper
    assert Fraction(a) - Fraction(lower) < Fraction(1_000_001, 10**12)
    assert Fraction(upper) - Fraction(b) < Fraction(1_000_001, 10**12)
    assert round_outward(lower, upper) == (lower, upper)
    assert float(f"{lower:.6f}") == lower and float(f"{upper:.6f}") == upper


@given(st.integers(0, 1_000_000))
def test_a_multiple_of_a_millionth_is_its_own_rounding(k: int) -> None:
    value = k / 1_000_000
    assert round_outward(value, value) == (value, value)
    above = math.nextafter(value, 2)
    assert round_outward(value, above).upper == (k + 1) / 1_000_000
    assert math.copysign(1, round_outward(value, value).lower) == 1
