"""How sure a score is: bounds that err towards the more closed side.

    yes/no scores, one epoch, no clusters   Clopper-Pearson (1934): exact, so a boundary is passed
                                            by mistake with probability alpha at most
    anything else                           the wider of Student's t bound and Clopper-Pearson
                                            at the effective sample size n / design effect

Bounds are one-sided at each end and lie in [0, 1]. Where a spread cannot be estimated (one item,
one cluster) the bound is the whole of [0, 1]: what is not known never opens.

The incomplete beta function is computed here, by its continued fraction (DLMF 8.17.22), because
loading a numerical library costs more than reading a log; the tests hold it against one.
"""

import math
from collections import defaultdict
from collections.abc import Hashable, Sequence
from typing import NamedTuple

GRID = 1_000_000
"""Ends of intervals are multiples of one millionth, so that replay is exact on any machine."""

_CONVERGED = 1e-15


class Bounds(NamedTuple):
    """The two ends of an interval."""

    lower: float
    upper: float


def clopper_pearson(successes: float, n: float, alpha: float) -> Bounds:
    """Exact bounds on a proportion, each end at level `alpha`; n may be an effective size.

    ValueError unless 0 <= successes <= n, n > 0 and 0 < alpha <= .5.
    """
    if not (0 <= successes <= n and 0 < n < math.inf and 0 < alpha <= 0.5):
        raise ValueError(f"no bounds for {successes} of {n} at {alpha}")
    failures = n - successes
    lower = _beta_quantile(alpha, successes, failures + 1) if successes else 0.0
    upper = 1 - _beta_quantile(alpha, failures, successes + 1) if failures else 1.0
    return Bounds(lower, upper)


def standard_error(scores: Sequence[float]) -> float:
    """Of the mean of independent scores: std(ddof=1) / sqrt(n); infinite for fewer than two."""
    n = len(scores)
    if n < 2:
        return math.inf
    mean = math.fsum(scores) / n
    return math.sqrt(math.fsum((s - mean) ** 2 for s in scores) / (n - 1) / n)


def clustered_standard_error(scores: Sequence[float], clusters: Sequence[Hashable]) -> float:
    """Of the mean where scores of one cluster move together; infinite for fewer than two clusters.

    (1/n) sqrt(G/(G-1) sum_g (sum of residuals in g)^2), as Inspect's `stderr(cluster=...)`.
    ValueError unless each score has a cluster.
    """
    mean = math.fsum(scores) / max(len(scores), 1)
    residuals: defaultdict[Hashable, list[float]] = defaultdict(list)
    for score, cluster in zip(scores, clusters, strict=True):
        residuals[cluster].append(score - mean)
    groups = len(residuals)
    if groups < 2:
        return math.inf
    squares = math.fsum(math.fsum(r) ** 2 for r in residuals.values())
    return math.sqrt(groups / (groups - 1) * squares) / len(scores)


def epochs_standard_error(
    run_means: Sequence[float], run_standard_errors: Sequence[float]
) -> float:
    """Of the mean of K runs over the same items, where only each run's mean and error are known.

    Var = (SE1^2 - s^2)+ + s^2 / K: runs share their items, so only what varies between runs (s^2)
    shrinks with their number; SE1^2 is the mean of the runs' own variances.
    ValueError unless each of at least one run has an error.
    """
    pairs = list(zip(run_means, run_standard_errors, strict=True))
    if not pairs:
        raise ValueError("no runs")
    k = len(pairs)
    mean = math.fsum(run_means) / k
    within = math.fsum(error**2 for error in run_standard_errors) / k
    between = math.fsum((m - mean) ** 2 for m in run_means) / (k - 1) if k > 1 else 0.0
    return math.sqrt(max(within - between, 0.0) + between / k)


def mean_bounds(
    scores: Sequence[float], clusters: Sequence[Hashable] | None, epochs: int, alpha: float
) -> Bounds:
    """Bounds on the mean of per-item scores in [0, 1], each the mean of `epochs` runs of the item.

    ValueError where there is no score, or one outside [0, 1].
    """
    n = len(scores)
    if not n or not all(0 <= s <= 1 for s in scores):
        raise ValueError("bounds are for one score or more, each in [0, 1]")
    mean = math.fsum(scores) / n
    if clusters is None and epochs == 1 and all(s in (0, 1) for s in scores):
        return clopper_pearson(math.fsum(scores), n, alpha)
    naive, groups = standard_error(scores), len(set(clusters or range(n)))
    error = naive if clusters is None else clustered_standard_error(scores, clusters)
    if groups < 2:
        return Bounds(0.0, 1.0)
    # Where nothing varies no correlation can be seen either: count each cluster once.
    effective = n / max(1.0, (error / naive) ** 2) if naive else groups
    exact = clopper_pearson(mean * effective, effective, alpha)
    reach = _student_quantile(alpha, groups - 1) * error
    return Bounds(
        max(0.0, min(mean - reach, exact.lower)), min(1.0, max(mean + reach, exact.upper))
    )


def round_outward(lower: float, upper: float) -> Bounds:
    """The narrowest interval between multiples of 1e-6 that holds `lower` and `upper`."""
    return Bounds(0.0 - _ceiling(-lower), _ceiling(upper))  # 0.0 - 0.0 is not -0.0


def _ceiling(value: float) -> float:
    # value * GRID is itself rounded, so its neighbours are tried as well.
    near = math.ceil(value * GRID)
    return next(k / GRID for k in (near - 1, near, near + 1) if k / GRID >= value)


def _student_quantile(alpha: float, df: int) -> float:
    """The t exceeded with probability alpha: I_x(df/2, 1/2) = 2 alpha at x = df / (df + t^2)."""
    x = _beta_quantile(2 * alpha, df / 2, 0.5)
    return math.sqrt(df * (1 - x) / x)


def _beta_quantile(probability: float, a: float, b: float) -> float:
    """The x in [0, 1] with I_x(a, b) = probability, halved down to two neighbouring doubles."""
    low, high = 0.0, 1.0
    while low < (middle := (low + high) / 2) < high:
        if _incomplete_beta(a, b, middle) < probability:
            low = middle
        else:
            high = middle
    return high


def _incomplete_beta(a: float, b: float, x: float) -> float:
    """I_x(a, b) for 0 < x < 1, from the side on which the fraction converges quickly."""
    if x > (a + 1) / (a + b + 2):
        return 1 - _fraction(b, a, 1 - x)
    return _fraction(a, b, x)


def _fraction(a: float, b: float, x: float) -> float:
    """DLMF 8.17.22, by Lentz's method; about sqrt(a + b) steps."""
    log_front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    log_front += a * math.log(x) + b * math.log1p(-x)
    # F = 1 + d1 / (1 + d2 / (1 + ...)); every partial denominator is positive on this side.
    value = numerator = 1.0
    denominator, change, j = 0.0, math.inf, 0
    while abs(change - 1) > _CONVERGED:
        j += 1
        m = j // 2
        if j % 2:
            term = -(a + m) * (a + b + m) * x / ((a + (j - 1)) * (a + j))
        else:
            term = m * (b - m) * x / ((a + (j - 1)) * (a + j))
        denominator = 1 / (1 + term * denominator)
        numerator = 1 + term / numerator
        change = numerator * denominator
        value *= change
    return math.exp(log_front) / a / value
