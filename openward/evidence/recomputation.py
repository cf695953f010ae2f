"""Scores recomputed from the samples, and held against what the header claims.

    samples --> one value an item and scorer (mean over its epochs) --> mean and bounds
                                                                   \\-> header: the same mean?
                                                                        the same standard error?

Upheld: a scorer is measured only where every sample present has a usable score; dropping the
hard items, naming an item twice or claiming more than was kept is a finding.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from openward.evidence.measurement import (
    FindingCode,
    FindingTally,
    Measurement,
    Sample,
    quoted,
)
from openward.evidence.statistics import (
    clustered_standard_error,
    mean_bounds,
    round_outward,
    standard_error,
)

_LETTERS: Mapping[str, float] = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
_AGREES = 1e-6  # relative; harnesses add up in other orders, tampering is coarser


@dataclass(frozen=True, slots=True)
class Stated:
    """What a header claims of one scorer; None where it claims nothing comparable."""

    mean: float | None
    standard_error: float | None


def parse_score(value: object) -> float | FindingCode:
    """A score in [0, 1], or the code of what is wrong with it.

    Correct, partial, incorrect and no answer are 1, 1/2, 0 and 0, as in Inspect AI.
    """
    if isinstance(value, str) and value in _LETTERS:
        return _LETTERS[value]
    if not isinstance(value, int | float):
        return FindingCode.UNREADABLE_SCORE
    if isinstance(value, float) and not math.isfinite(value):
        return FindingCode.NON_FINITE_SCORE
    # One score of -1000 would carry a mean below every threshold.
    return float(value) if 0 <= value <= 1 else FindingCode.OUT_OF_RANGE_SCORE


def appraise_completeness(
    samples: Sequence[Sample], planned: int, epochs: int, found: FindingTally
) -> None:
    """Note what is missing from, or was added to, `planned` runs of items, `epochs` of each."""
    present = len(samples)
    if not samples:
        found.note(FindingCode.NO_SAMPLES, "no sample was kept, so no score can be recomputed")
    if present < planned:
        found.note(FindingCode.INCOMPLETE, f"{present} of {planned} planned samples are present")
    if present > planned:
        found.note(FindingCode.SURPLUS, f"{present} samples where {planned} were planned")
    for (id, epoch), times in Counter((s.id, s.epoch) for s in samples).items():
        if times > 1:
            found.note(
                FindingCode.DUPLICATE_SAMPLE,
                f"sample {quoted(id)}, epoch {epoch}, is there {times} times",
            )
    for id, runs in Counter(s.id for s in samples).items():
        if runs != epochs:
            found.note(
                FindingCode.INCOMPLETE, f"sample {quoted(id)} ran {runs} times, not {epochs}"
            )


def recompute(
    samples: Sequence[Sample],
    stated: Mapping[str, Stated],
    clusters: Mapping[str, str],
    epochs: int,
    alpha: float,
    found: FindingTally,
) -> tuple[Measurement, ...]:
    """A measurement at level `alpha` for each scorer whose samples allow one, in order of name.

    `clusters` says under which name a scorer's samples are clustered.
    """
    scorers = sorted({scorer for sample in samples for scorer in sample.scores})
    if samples and not scorers:
        found.note(FindingCode.NO_SCORES, "the samples hold no score")
    for scorer in sorted(stated.keys() - scorers):
        found.note(
            FindingCode.NOT_RECOMPUTABLE,
            f"the header states {quoted(scorer)}, which no sample has",
        )
    measured = (
        _measure(samples, scorer, stated.get(scorer), clusters.get(scorer), epochs, alpha, found)
        for scorer in scorers
    )
    return tuple(m for m in measured if m)


def _measure(
    samples: Sequence[Sample],
    scorer: str,
    stated: Stated | None,
    cluster: str | None,
    epochs: int,
    alpha: float,
    found: FindingTally,
) -> Measurement | None:
    runs: defaultdict[str, list[float]] = defaultdict(list)
    groups: dict[str, str] = {}
    for sample in samples:
        score = sample.scores.get(scorer)
        if score is None:
            if scorer not in sample.scores:
                found.note(
                    FindingCode.MISSING_SCORE,
                    f"sample {quoted(sample.id)} has no score of {quoted(scorer)}",
                )
            return None
        runs[sample.id].append(score)
        groups[sample.id] = sample.clusters.get(cluster or "", "")
    grouping = [groups[id] for id in runs] if cluster is not None else None
    if grouping is not None and not all(grouping):
        found.note(FindingCode.CLUSTER_MISSING, f"a sample names no {quoted(cluster)}")
        return None
    scores = [math.fsum(values) / len(values) for values in runs.values()]
    _compare(scorer, scores, grouping, stated, found)
    lower, upper = round_outward(*mean_bounds(scores, grouping, epochs, alpha))
    mean = math.fsum(scores) / len(scores)
    return Measurement(scorer, mean, lower, upper, len(scores), epochs, alpha)


def _compare(
    scorer: str,
    scores: Sequence[float],
    grouping: Sequence[str] | None,
    stated: Stated | None,
    found: FindingTally,
) -> None:
    """Hold the header's mean and standard error against the recomputed ones."""
    if stated is None or stated.mean is None:
        found.note(FindingCode.HEADER_SILENT, f"the header states no mean of {quoted(scorer)}")
        return
    mean = math.fsum(scores) / len(scores)
    if not math.isclose(mean, stated.mean, rel_tol=_AGREES, abs_tol=_AGREES):
        found.note(
            FindingCode.HEADER_DISAGREES,
            f"the header states {stated.mean:.6g} for {quoted(scorer)}, "
            f"the samples give {mean:.6g}",
        )
    _compare_spread(scorer, scores, grouping, stated.standard_error, found)


def _compare_spread(
    scorer: str,
    scores: Sequence[float],
    grouping: Sequence[str] | None,
    stated: float | None,
    found: FindingTally,
) -> None:
    if stated is None or len(scores) < 2:  # of one score harnesses write 0, or nothing
        return
    naive = standard_error(scores)
    error = naive if grouping is None else clustered_standard_error(scores, grouping)
    if math.isclose(error, stated, rel_tol=_AGREES, abs_tol=1e-9):
        return
    deviation = math.isclose(naive * math.sqrt(len(scores)), stated, rel_tol=_AGREES)
    found.note(
        FindingCode.SPREAD_DISAGREES,
        f"the header states a standard error of {stated:.6g} for {quoted(scorer)}, "
        f"the samples give {error:.6g}"
        + ("; what it states is their standard deviation" if deviation else ""),
    )
