"""Results of lm-evaluation-harness, with the samples that bear them out.

    results.json   {"results": {"arc": {"acc,none": .41, "acc_stderr,none": .01}},
                    "configs": {"arc": {...}}, "n-samples": {"arc": {"original": 1172}}, ...}
    samples.jsonl  {"doc_id": 0, "doc": {...}, "target": "9", "filter": "none", "acc": 1.0}

The old schema has neither `configs` nor `n-samples`, and no filter in a metric's name. A results
file holds many tasks, a samples file one. Without samples nothing is measured: the header's word
is quoted in a finding. Scorers keep the harness's spelling, `acc,none`.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from openward.errors import Malformed
from openward.evidence.foreign_json import JSON_LIMIT, as_number, fields_of, parse_foreign_json
from openward.evidence.measurement import (
    EvaluationLog,
    FindingCode,
    FindingTally,
    LogFormat,
    LogState,
    Sample,
    dataset_digest,
    item_digest,
    quoted,
)
from openward.evidence.recomputation import Stated, appraise_completeness, parse_score, recompute
from openward.statements.strict_json import Fields, JsonValue

SAMPLES_LIMIT = 1 << 30
"""Bytes of a samples file."""

ROW_LIMIT = 200_000
_PLANNED_LIMIT = 10_000_000
_NO_FILTER = "none"
_ROUNDING = 1e-9


@dataclass(frozen=True, slots=True)
class SamplesFile:
    """The file beside the results: what it is called, and its bytes."""

    name: str
    raw: BinaryIO


def parse_lm_eval(
    value: JsonValue, samples: SamplesFile | None, task: str | None, alpha: float
) -> EvaluationLog:
    """Read the results of one task, by default the one the samples are named after.

    Raises Malformed.
    """
    results = fields_of(value, "results")
    found = FindingTally()
    tasks = _tasks(results)
    chosen = task if task is not None else _only_task(tasks, samples)
    if chosen is None:
        found.note(
            FindingCode.SEVERAL_TASKS, f"the results hold {len(tasks)} tasks, and none is chosen"
        )
    elif chosen not in tasks:
        raise Malformed(f"results: no task {quoted(chosen)}")
    stated = _stated(results, chosen) if chosen is not None else {}
    kept = tuple(_samples(samples, stated, found)) if samples and chosen is not None else ()
    planned = _planned(results, chosen, found) if chosen is not None else 0
    if samples is not None:
        appraise_completeness(kept, planned, 1, found)
    elif chosen is not None:
        _quote(stated, _effective(results, chosen), found)
    return EvaluationLog(
        format=LogFormat.LM_EVAL,
        task=chosen or "several tasks",
        model=_model(results),
        state=LogState.SUCCESS,  # the harness writes its results once all is done
        planned=planned,
        present=len(kept),
        epochs=1,
        dataset=dataset_digest(s.item for s in kept) if kept else None,
        created=_date(results),
        harness="lm_eval",
        harness_version=_version(results),
        measurements=recompute(kept, stated, {}, 1, alpha, found) if kept else (),
        findings=found.all(),
    )


def _tasks(results: Fields) -> tuple[str, ...]:
    """The tasks that were run; groups, which only sum them up, have no configuration."""
    scored = results.fields("results").members
    configs = results.optional_fields("configs")
    return tuple(name for name in scored if configs is None or name in configs.members)


def _only_task(tasks: tuple[str, ...], samples: SamplesFile | None) -> str | None:
    if samples is not None:
        named = [t for t in tasks if samples.name.rpartition("/")[2].startswith(f"samples_{t}_")]
        if named:
            return max(named, key=len)
    return tasks[0] if len(tasks) == 1 else None


def _stated(results: Fields, task: str) -> dict[str, Stated]:
    """What the header claims of each metric that is a mean; others no sample adds up to."""
    claims = results.fields("results").fields(task).members
    not_means = _not_means(results, task)
    stated: dict[str, Stated] = {}
    for scorer, value in claims.items():
        metric, comma, filtered = scorer.partition(",")
        mean = as_number(value)
        if metric.endswith("_stderr") or metric in not_means or mean is None:
            continue
        spread = as_number(claims.get(f"{metric}_stderr{comma}{filtered}"))
        stated[scorer] = Stated(mean, spread)
    return stated


def _not_means(results: Fields, task: str) -> set[str]:
    configs = results.optional_fields("configs")
    if configs is None:
        return set()
    metrics = fields_of(configs.value(task), "configs").optional_listing("metric_list")
    return {
        str(m.members.get("metric"))
        for m in metrics or ()
        if m.members.get("aggregation", "mean") != "mean"
    }


def _quote(stated: Mapping[str, Stated], n: int, found: FindingTally) -> None:
    """Say what the header claims, and whether `n` scores in [0, 1] could spread as it says."""
    for scorer, claim in stated.items():
        found.note(
            FindingCode.NOT_RECOMPUTABLE,
            f"the header states {claim.mean:.6g} for {quoted(scorer)}, and no samples were given",
        )
        mean, error = claim.mean or 0.0, claim.standard_error
        if error is not None and n > 1 and 0 <= mean <= 1:
            # Scores in [0, 1] spread most when each is 0 or 1.
            most = math.sqrt(mean * (1 - mean) / (n - 1))
            if error > most + _ROUNDING:
                found.note(
                    FindingCode.SPREAD_DISAGREES,
                    f"{quoted(scorer)} states a standard error of {error:.6g}, where {n} scores "
                    f"allow at most {most:.6g}; is it their standard deviation?",
                )


def _effective(results: Fields, task: str) -> int:
    counts = results.optional_fields("n-samples")
    of_task = counts.optional_fields(task) if counts else None
    return (of_task.optional_integer("effective", minimum=0) or 0) if of_task else 0


def _planned(results: Fields, task: str, found: FindingTally) -> int:
    counts = results.optional_fields("n-samples")
    if counts is None or not counts.has(task):
        found.note(FindingCode.INCOMPLETE, "the results do not say how many items the task has")
        original = 0
    else:
        original = counts.fields(task).integer("original", minimum=0, maximum=_PLANNED_LIMIT)
    limit = Fields.of(results.value("config"), "results.config").members.get("limit")
    # A limit beyond the dataset cuts nothing.
    if limit is not None and not (as_number(limit) or 0) >= original > 0:
        found.note(
            FindingCode.LIMITED,
            f"only part of the task was run: limit {quoted(limit)} of {original}",
        )
    return original


def _samples(
    samples: SamplesFile, stated: Mapping[str, Stated], found: FindingTally
) -> Iterator[Sample]:
    """One sample a document; where several filters read an answer each has a row of its own."""
    scores: dict[str, dict[str, float | None]] = {}
    items: dict[str, Sample] = {}
    seen: set[tuple[str, str]] = set()
    for row in _rows(samples):
        id = str(row.integer("doc_id", minimum=0))
        filtered = row.optional_text("filter") or _NO_FILTER
        if (id, filtered) in seen:
            found.note(FindingCode.DUPLICATE_SAMPLE, f"document {id} is there twice")
        seen.add((id, filtered))
        try:
            item = item_digest(int(id), row.value("doc"), row.value("target"))
        except RecursionError as e:
            raise Malformed(f"{row.path}: nested too deep") from e
        scores.setdefault(id, {}).update(_scores(row, filtered, stated, found))
        items.setdefault(id, Sample(id, 1, item, scores[id]))
        if items[id].item != item:
            found.note(FindingCode.DUPLICATE_SAMPLE, f"document {id} is there as two items")
    yield from items.values()


def _rows(samples: SamplesFile) -> Iterator[Fields]:
    samples.raw.seek(0)
    number = length = 0
    while line := samples.raw.readline(JSON_LIMIT + 1):
        number, length = number + 1, length + len(line)
        if number > ROW_LIMIT or length > SAMPLES_LIMIT:
            raise Malformed(f"samples: more than {ROW_LIMIT} rows or {SAMPLES_LIMIT} bytes")
        if line.strip():
            yield fields_of(parse_foreign_json(line), f"samples[{number}]")


def _scores(
    row: Fields, filtered: str, stated: Mapping[str, Stated], found: FindingTally
) -> Iterator[tuple[str, float | None]]:
    """The row's score under each metric the header states for its filter."""
    for scorer in stated:
        metric, comma, wanted = scorer.partition(",")
        if metric not in row.members or (comma and wanted != filtered):
            continue
        read = parse_score(row.value(metric))
        if isinstance(read, FindingCode):
            says = f"{row.path}: {quoted(metric)} is {quoted(row.value(metric))}"
            found.note(read, says)
        yield scorer, None if isinstance(read, FindingCode) else read


def _model(results: Fields) -> str:
    """The model's name: stated, or the `pretrained=` of its arguments, or the kind of model."""
    name = results.optional_text("model_name")
    if name is not None:
        return name
    config = fields_of(results.value("config"), "results.config")
    arguments = config.members.get("model_args")
    if isinstance(arguments, str):
        for argument in arguments.split(","):
            key, _, value = argument.partition("=")
            if key == "pretrained" and value:
                return value
    return config.text("model")


def _date(results: Fields) -> datetime | None:
    """When the run began, to the second; the old schema does not say."""
    seconds = results.optional_number("date", minimum=0, maximum=253_402_300_799)
    return None if seconds is None else datetime.fromtimestamp(int(seconds), UTC)


def _version(results: Fields) -> str:
    version = results.optional_text("lm_eval_version")
    revision = results.optional_text("git_hash")
    return version or (f"git {revision}" if revision else "unknown")
