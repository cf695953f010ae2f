import contextlib
import json
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.evidence import lm_eval as lm_eval_module
from openward.evidence.lm_eval import SamplesFile
from openward.evidence.measurement import (
    EvaluationLog,
    LogFormat,
    LogState,
    dataset_digest,
    item_digest,
)
from openward.evidence.reading import read_log
from openward.evidence.statistics import clopper_pearson, round_outward, standard_error
from tests.evidence.built_logs import spoil

ERROR = standard_error([1, 0, 1, 0])


def results(**change: Any) -> dict[str, Any]:
    return {
        "results": {"arc": {"alias": "arc", "acc,none": 0.5, "acc_stderr,none": ERROR}},
        "configs": {"arc": {"metric_list": [{"metric": "acc", "aggregation": "mean"}]}},
        "n-samples": {"arc": {"original": 4, "effective": 4}},
        "config": {"model": "hf", "model_args": "dtype=float,pretrained=org/model", "limit": None},
        "date": 1790812800.75,
        "lm_eval_version": "0.4.9",
        **change,
    }


def rows(*scores: object, metric: str = "acc", **change: object) -> list[dict[str, Any]]:
    return [
        {"doc_id": n, "doc": {"q": n}, "target": "9", "filter": "none", metric: score, **change}
        for n, score in enumerate(scores)
    ]


def read(
    stated: object,
    samples: list[dict[str, Any]] | None,
    name: str = "samples_arc_2026.jsonl",
    task: str | None = None,
) -> EvaluationLog:
    raw = json.dumps(stated).encode()
    lines = b"".join(json.dumps(row).encode() + b"\n" for row in samples or ())
    beside = None if samples is None else SamplesFile(name, BytesIO(lines))
    return read_log("results.json", BytesIO(raw), len(raw), samples=beside, task=task)


def codes(stated: object, samples: list[dict[str, Any]] | None, **more: Any) -> list[str]:
    return [finding.code.value for finding in read(stated, samples, **more).findings]


def test_results_borne_out_by_their_samples_are_measured() -> None:
    log = read(results(), rows(1, 0, True, 0.0))
    assert log.admissible
    assert log.findings == ()
    assert log.format is LogFormat.LM_EVAL
    assert (log.task, log.model, log.state) == ("arc", "org/model", LogState.SUCCESS)
    assert (log.planned, log.present, log.epochs) == (4, 4, 1)
    assert log.created == datetime(2026, 10, 1, tzinfo=UTC)
    assert (log.harness, log.harness_version) == ("lm_eval", "0.4.9")
    (measurement,) = log.measurements
    assert (measurement.scorer, measurement.estimate, measurement.n) == ("acc,none", 0.5, 4)
    assert (measurement.lower, measurement.upper) == round_outward(*clopper_pearson(2, 4, 0.05))
    items = [item_digest(n, {"q": n}, "9") for n in range(4)]
    assert log.dataset == dataset_digest(items)


def test_results_without_samples_measure_nothing() -> None:
    log = read(results(), None)
    assert [f.code.value for f in log.findings] == ["not-recomputable"]
    assert log.findings[0].says.startswith('the header states 0.5 for "acc,none"')
    assert (log.measurements, log.planned, log.present, log.dataset) == ((), 4, 0, None)
    assert not log.admissible


def test_an_empty_samples_file_holds_no_samples() -> None:
    assert codes(results(), []) == ["incomplete", "no-samples"]


def test_the_old_schema_does_not_say_what_was_planned() -> None:
    old = {
        "results": {"gsm8k": {"acc": 0.5, "acc_stderr": 0.1}},
        "config": {"model": "hf", "model_args": "pretrained=org/old", "limit": None},
    }
    log = read(old, None)
    assert [f.code.value for f in log.findings] == ["incomplete", "not-recomputable"]
    assert (log.task, log.model, log.created) == ("gsm8k", "org/old", None)
    assert (log.planned, log.harness_version) == (0, "unknown")
    with_samples = read(old, rows(1, 0))
    assert with_samples.measurements[0].scorer == "acc"
    assert not with_samples.admissible


@pytest.mark.parametrize(
    ("limit", "expected"),
    [(None, []), (3, ["limited"]), (4, []), (4.0, []), (0.5, ["limited"]), ("all", ["limited"])],
)
def test_a_limit_that_cuts_is_found(limit: object, expected: list[str]) -> None:
    stated = results()
    stated["config"]["limit"] = limit
    assert codes(stated, rows(1, 0, 1, 0)) == expected
    assert codes(stated, None) == [*expected, "not-recomputable"]


def test_a_limit_of_a_task_of_unknown_size_cuts() -> None:
    stated = results(**{"n-samples": {}})
    stated["config"]["limit"] = 0
    assert codes(stated, None) == ["limited", "incomplete", "not-recomputable"]


def test_fifty_of_two_thousand_are_incomplete() -> None:
    stated = results(**{"n-samples": {"arc": {"original": 2305, "effective": 4}}})
    assert codes(stated, rows(1, 0, 1, 0)) == ["incomplete"]
    assert codes(results(), rows(1, 0, 1, 0, 1)) == [
        "surplus",
        "header-disagrees",
        "spread-disagrees",
    ]


def test_a_header_that_disagrees_is_found() -> None:
    assert codes(results(), rows(1, 0, 0, 0)) == ["header-disagrees", "spread-disagrees"]


def test_a_standard_deviation_given_for_a_standard_error_is_found() -> None:
    stated = results()
    stated["results"]["arc"]["acc_stderr,none"] = ERROR * 2
    log = read(stated, rows(1, 0, 1, 0))
    assert [f.code.value for f in log.findings] == ["spread-disagrees"]
    assert "is their standard deviation" in log.findings[0].says
    assert codes(stated, None) == ["not-recomputable", "spread-disagrees"]
    stated["results"]["arc"]["acc_stderr,none"] = ERROR + 1e-8
    assert codes(stated, None) == ["not-recomputable", "spread-disagrees"]
    stated["results"]["arc"]["acc_stderr,none"] = "N/A"
    assert codes(stated, None) == ["not-recomputable"]
    assert codes(stated, rows(1, 0, 1, 0)) == []


@pytest.mark.parametrize(
    ("counts", "mean"),
    [
        ({"original": 4}, 0.5),
        ({"original": 4, "effective": 1}, 0.5),
        (None, 0.5),
        ({"original": 4, "effective": 4}, -0.1),
        ({"original": 4, "effective": 4}, 1.1),
    ],
)
def test_a_spread_without_a_count_or_beyond_a_share_is_not_judged(
    counts: dict[str, int] | None, mean: float
) -> None:
    stated = results(**{"n-samples": {"arc": counts} if counts else None})
    stated["results"]["arc"] = {"acc,none": mean, "acc_stderr,none": 9}
    assert "spread-disagrees" not in codes(stated, None)


@pytest.mark.parametrize(
    ("mean", "error", "expected"),
    [(1, 1e-6, True), (0, 1e-6, True), (1, 0, False), (0, 0, False), (0.5, ERROR, False)],
)
def test_what_never_varies_has_no_spread(mean: float, error: float, expected: bool) -> None:
    stated = results()
    stated["results"]["arc"] = {"acc,none": mean, "acc_stderr,none": error}
    assert ("spread-disagrees" in codes(stated, None)) == expected


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("x", "unreadable-score"),
        ([1, 2], "unreadable-score"),
        (2, "out-of-range-score"),
        (float("nan"), "non-finite-score"),
    ],
)
def test_a_score_that_is_unusable_measures_nothing(value: object, code: str) -> None:
    log = read(results(), rows(1, 0, 1, value))
    assert [f.code.value for f in log.findings] == [code]
    assert log.findings[0].says.startswith('samples[4]: "acc" is ')
    assert not log.measurements


def test_a_row_without_the_metric_measures_nothing() -> None:
    samples = rows(1, 0, 1, 0)
    del samples[2]["acc"]
    assert codes(results(), samples) == ["missing-score"]
    samples = rows(1, 0, 1, 0, metric="f1")
    assert codes(results(), samples) == ["no-scores", "not-recomputable"]


def test_metrics_that_are_no_means_are_left_alone() -> None:
    stated = results()
    stated["results"]["arc"] |= {"perplexity,none": 5.7, "acc_norm,none": 0.5}
    stated["configs"]["arc"]["metric_list"] += [
        {"metric": "perplexity", "aggregation": "perplexity"},
        {"metric": "acc_norm"},
    ]
    log = read(stated, rows(1, 0, 1, 0, acc_norm=0.5, perplexity=[-9, 3]))
    assert log.admissible
    assert [m.scorer for m in log.measurements] == ["acc,none", "acc_norm,none"]


def test_a_task_without_a_list_of_metrics_is_taken_to_state_means() -> None:
    assert read(results(configs={"arc": {"metric_list": None}}), rows(1, 0, 1, 0)).admissible


def test_each_filter_reads_the_same_answers_in_its_own_way() -> None:
    stated = results()
    stated["results"]["arc"] = {
        "exact_match,strict": 0.25,
        "exact_match,flexible": 0.75,
    }
    strict = rows(1, 0, 0, 0, metric="exact_match", filter="strict")
    flexible = rows(1, 1, 1, 0, metric="exact_match", filter="flexible")
    log = read(stated, strict + flexible)
    assert log.admissible
    assert log.present == 4
    assert {m.scorer: m.estimate for m in log.measurements} == {
        "exact_match,strict": 0.25,
        "exact_match,flexible": 0.75,
    }
    assert codes(stated, [*strict, *flexible[:3]]) == ["missing-score"]


def test_rows_without_a_filter_are_unfiltered() -> None:
    assert read(results(), rows(1, 0, 1, 0, filter=None)).admissible
    assert codes(results(), rows(1, 0, 1, 0, filter="strict")) == [
        "no-scores",
        "not-recomputable",
    ]


def test_a_document_that_is_there_twice_is_found() -> None:
    samples = rows(1, 0, 1, 0)
    assert "duplicate-sample" in codes(results(), [*samples, samples[0]])
    other = {**samples[0], "filter": "strict", "target": "8"}
    assert codes(results(), [*samples, other]) == ["duplicate-sample"]
    assert codes(results(), [*samples, {**other, "target": "9"}]) == []


def test_of_several_tasks_the_samples_name_theirs() -> None:
    stated = results()
    for name, mean in (("arc_easy", 0.25), ("mmlu", 0.5)):
        stated["results"][name] = {"acc,none": mean}
        stated["n-samples"][name] = {"original": 4, "effective": 4}
    stated["configs"]["arc_easy"] = {}
    log = read(stated, rows(1, 0, 0, 0), name="some/where/samples_arc_easy_2026.jsonl")
    assert (log.task, log.admissible) == ("arc_easy", True)
    assert read(stated, rows(1, 0, 1, 0), name="samples_arc_2026.jsonl").task == "arc"
    assert read(stated, rows(1, 0, 1, 0), name="x", task="arc").admissible
    assert read(stated, rows(1, 0, 0, 0), task="arc_easy").admissible
    with pytest.raises(Malformed, match='no task "mmlu"'):  # a group, without configuration
        read(stated, None, task="mmlu")
    for samples, name in ((None, ""), (rows(1, 0), "arc.jsonl"), (rows(1, 0), "samples_ar_c")):
        log = read(stated, samples, name=name)
        assert "several-tasks" in [f.code.value for f in log.findings]
        assert (log.task, log.measurements, log.admissible) == ("several tasks", (), False)


@pytest.mark.parametrize(
    ("change", "model"),
    [
        ({"model_name": "org/named"}, "org/named"),
        ({"config": {"model": "hf", "model_args": "x=1,pretrained=a=b,c=d"}}, "a=b"),
        ({"config": {"model": "hf", "model_args": "pretrained="}}, "hf"),
        ({"config": {"model": "hf", "model_args": {"pretrained": "x"}}}, "hf"),
        ({"config": {"model": "hf"}}, "hf"),
    ],
)
def test_the_model_is_named_as_well_as_the_harness_allows(
    change: dict[str, Any], model: str
) -> None:
    assert read(results(**change), None).model == model


def test_the_version_is_that_of_the_harness_or_its_revision() -> None:
    assert read(results(lm_eval_version=None, git_hash="1f84a09f"), None).harness_version == (
        "git 1f84a09f"
    )
    assert read(results(git_hash="1f84a09f"), None).harness_version == "0.4.9"


@pytest.mark.parametrize(
    "change",
    [
        {"results": []},
        {"results": {"arc": 1}},
        {"configs": []},
        {"configs": {"arc": 1}},
        {"config": None},
        {"config": {"model_args": "x"}},
        {"n-samples": 1},
        {"n-samples": {"arc": {"original": "4"}}},
        {"n-samples": {"arc": {"original": 10_000_001}}},
        {"n-samples": {"arc": {"original": -1}}},
        {"n-samples": {"arc": {"original": 4, "effective": -1}}},
        {"date": -1},
        {"date": 1e300},
        {"date": "today"},
    ],
)
def test_results_of_another_shape_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read(results(**change), None)


@pytest.mark.parametrize(
    "change", [{"doc_id": -1}, {"doc_id": "0"}, {"doc": None}, {"target": None}, {"filter": 1}]
)
def test_a_row_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match=r"samples\[1\]"):
        read(results(), rows(1, **change))


def test_a_samples_file_is_read_from_its_start_and_blank_lines_are_nothing() -> None:
    raw = json.dumps(results()).encode()
    lines = b"\n".join(json.dumps(row).encode() + b"\n" for row in rows(1, 0, 1, 0))
    beside = SamplesFile("samples_arc_", BytesIO(lines))
    beside.raw.read()
    assert read_log("r", BytesIO(raw), len(raw), samples=beside).admissible


def test_rows_and_bytes_are_counted_as_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lm_eval_module, "ROW_LIMIT", 4)
    assert read(results(), rows(1, 0, 1, 0)).admissible
    with pytest.raises(Malformed, match="more than 4 rows"):
        read(results(), rows(1, 0, 1, 0, 1))
    size = sum(len(json.dumps(row)) + 1 for row in rows(1, 0, 1, 0))
    monkeypatch.setattr(lm_eval_module, "SAMPLES_LIMIT", size)
    assert read(results(), rows(1, 0, 1, 0)).admissible
    monkeypatch.setattr(lm_eval_module, "SAMPLES_LIMIT", size - 1)
    with pytest.raises(Malformed, match=f"{size - 1} bytes"):
        read(results(), rows(1, 0, 1, 0))


def test_a_line_without_end_is_not_read_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    class Endless(BytesIO):
        def readline(self, size: int | None = -1, /) -> bytes:
            asked.append(size or -1)
            return b"[" * (size or 0)

    raw = json.dumps(results()).encode()
    monkeypatch.setattr(lm_eval_module, "JSON_LIMIT", 10_000)
    with pytest.raises(Malformed):
        read_log("r", BytesIO(raw), len(raw), samples=SamplesFile("samples_arc_", Endless()))
    assert asked == [10_001]


@pytest.mark.parametrize("depth", [*range(150, 1000, 50), 5000])
def test_deep_nesting_is_malformed_and_nothing_worse(depth: int) -> None:
    raw = json.dumps(results()).encode()
    deep = b"[" * depth + b"]" * depth
    line = b'{"doc_id":0,"doc":' + deep + b',"target":"9","acc":' + deep + b"}"
    with contextlib.suppress(Malformed):
        read_log("r", BytesIO(raw), len(raw), samples=SamplesFile("s", BytesIO(line)))


@given(st.data())
def test_results_with_anything_anywhere_are_read_or_malformed(data: st.DataObject) -> None:
    whole: Any = [results(), rows(1, 0, 1, 0)]
    spoil(whole, data)
    with contextlib.suppress(Malformed):
        if isinstance(whole[1], list):
            read(whole[0], whole[1])
        read(whole[0], None)


@given(st.binary(max_size=200))
def test_random_samples_are_read_or_malformed(lines: bytes) -> None:
    raw = json.dumps(results()).encode()
    with contextlib.suppress(Malformed):
        read_log("r", BytesIO(raw), len(raw), samples=SamplesFile("s", BytesIO(lines)))
