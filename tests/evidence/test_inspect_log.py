import contextlib
import json
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.evidence import inspect_log as inspect_log_module
from openward.evidence.measurement import (
    EvaluationLog,
    FindingCode,
    LogFormat,
    LogState,
    dataset_digest,
    item_digest,
)
from openward.evidence.reading import read_log
from openward.evidence.statistics import (
    clopper_pearson,
    clustered_standard_error,
    mean_bounds,
    round_outward,
    standard_error,
)
from tests.evidence.built_logs import METHODS, BuiltLog, Part, archive, inspect_log, spoil

RIGHT_AND_WRONG = [["C"], ["I"], ["C"], ["N"]]


def read(raw: bytes, alpha: float = 0.05) -> EvaluationLog:
    return read_log("a log", BytesIO(raw), len(raw), alpha=alpha)


def codes(built: BuiltLog) -> list[str]:
    """What is found, which must not depend on how the log is packed."""
    log, archived = read(built.json()), read(built.archive())
    found = [finding.code.value for finding in log.findings]
    assert found == [finding.code.value for finding in archived.findings]
    assert (log.measurements, log.dataset) == (archived.measurements, archived.dataset)
    assert (log.planned, log.present) == (archived.planned, archived.present)
    return found


@pytest.mark.parametrize("method", METHODS)
def test_a_whole_log_is_read_from_its_archive(method: int) -> None:
    log = read(inspect_log(RIGHT_AND_WRONG, 0.5).archive(method))
    assert log.admissible
    assert log.format is LogFormat.INSPECT_ARCHIVE
    assert (log.task, log.model, log.state) == ("demo", "mock/model", LogState.SUCCESS)
    assert (log.planned, log.present, log.epochs) == (4, 4, 1)
    assert log.created == datetime(2026, 10, 1, tzinfo=UTC)
    assert (log.harness, log.harness_version) == ("inspect_ai", "0.3.285")
    assert log.findings == ()
    (measurement,) = log.measurements
    assert measurement == log.measurement("match")
    assert log.measurement("other") is None
    assert (measurement.estimate, measurement.n, measurement.epochs) == (0.5, 4, 1)
    assert (measurement.lower, measurement.upper) == round_outward(*clopper_pearson(2, 4, 0.05))


def test_a_json_log_says_the_same() -> None:
    assert codes(inspect_log(RIGHT_AND_WRONG, 0.5)) == []
    assert read(inspect_log([["C"]], 1).json()).format is LogFormat.INSPECT_JSON


def test_bounds_are_at_the_level_asked_for() -> None:
    (measurement,) = read(inspect_log(RIGHT_AND_WRONG, 0.5).json(), alpha=0.01).measurements
    assert measurement.alpha == 0.01
    assert measurement.upper == round_outward(*clopper_pearson(2, 4, 0.01)).upper


@pytest.mark.parametrize(
    ("value", "score"),
    [("C", 1), ("P", 0.5), ("I", 0), ("N", 0), (True, 1), (False, 0), (0.25, 0.25), (1, 1), (0, 0)],
)
def test_the_values_of_a_score(value: object, score: float) -> None:
    log = read(inspect_log([[value], ["I"]], score / 2).json())
    assert log.admissible
    assert log.measurements[0].estimate == score / 2


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("yes", "unreadable-score"),
        ("", "unreadable-score"),
        (None, "unreadable-score"),
        ({"a": 1}, "unreadable-score"),
        ([1], "unreadable-score"),
        (float("nan"), "non-finite-score"),
        (float("inf"), "non-finite-score"),
        (-0.001, "out-of-range-score"),
        (1.001, "out-of-range-score"),
        (-1000, "out-of-range-score"),
        (10**400, "out-of-range-score"),
    ],
)
def test_a_score_that_is_unusable_measures_nothing(value: object, code: str) -> None:
    built = inspect_log([["I"], [value], [value]], 0)
    assert codes(built) == [code]
    log = read(built.json())
    assert not log.measurements
    assert not log.admissible
    assert log.findings[0].says.startswith('sample "s1": "match" is ')
    assert log.findings[0].says.endswith("(and 1 more)")


def test_epochs_are_collapsed_to_the_mean_of_each_item_first() -> None:
    scores = [["C", "C"], ["C", "I"], ["I", "I"]]
    spread = standard_error([1, 0.5, 0])
    log = read(inspect_log(scores, 0.5, stderr=spread).json())
    assert log.admissible
    assert (log.planned, log.present, log.epochs) == (6, 6, 2)
    (measurement,) = log.measurements
    assert (measurement.estimate, measurement.n, measurement.epochs) == (0.5, 3, 2)
    bounds = round_outward(*mean_bounds([1, 0.5, 0], None, 2, 0.05))
    assert (measurement.lower, measurement.upper) == bounds


@pytest.mark.parametrize("options", ["params", "options"])
def test_a_clustered_standard_error_names_the_clusters(options: str) -> None:
    rows = [["C"], ["C"], ["I"], ["I"], ["C"], ["I"]]
    scores, clusters = [1.0, 1.0, 0.0, 0.0, 1.0, 0.0], [0, 0, 1, 1, 2, 2]
    built = inspect_log(rows, 0.5, stderr=clustered_standard_error(scores, clusters))
    built.metrics["stderr"][options] = {"cluster": "topic"}
    assert codes(built) == []
    (measurement,) = read(built.json()).measurements
    bounds = round_outward(*mean_bounds(scores, clusters, 1, 0.05))
    assert (measurement.lower, measurement.upper) == bounds
    assert measurement.upper > mean_bounds(scores, None, 1, 0.05).upper


@pytest.mark.parametrize("value", [None, "", [1]])
def test_a_sample_without_its_cluster_measures_nothing(value: object) -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    built.metrics["accuracy"]["params"] = {"cluster": "topic"}
    built.samples[2]["metadata"]["topic"] = value
    assert codes(built) == ["cluster-missing"]
    assert not read(built.json()).measurements


def test_metadata_may_be_left_out_where_nothing_is_clustered() -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    del built.samples[0]["metadata"]
    built.samples[1]["metadata"] = None
    assert codes(built) == []


@pytest.mark.parametrize("state", ["started", "cancelled", "error"])
def test_a_run_that_did_not_succeed_is_not_admissible(state: str) -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    built.header["status"] = state
    assert codes(built) == ["not-success"]
    assert read(built.json()).state is LogState(state)


def test_a_run_that_never_ended_has_only_its_journal() -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    log = read(archive(built.parts()[:3]))
    assert log.state is LogState.STARTED
    found = {finding.code for finding in log.findings}
    assert found == {FindingCode.NOT_SUCCESS, FindingCode.INCOMPLETE, FindingCode.HEADER_SILENT}


def test_an_archive_without_header_and_journal_is_refused() -> None:
    with pytest.raises(Malformed, match=r"neither header\.json nor"):
        read(archive(inspect_log(RIGHT_AND_WRONG, 0.5).parts()[1:-1]))


@pytest.mark.parametrize("version", [0, 1, 4])
def test_other_versions_are_not_admissible(version: int) -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    built.header["version"] = version
    assert codes(built) == ["unsupported-version"]
    for known in (2, 3):
        built.header["version"] = known
        assert codes(built) == []


def test_a_log_withdrawn_by_its_evaluator_is_not_admissible() -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    built.header["invalidated"] = True
    assert codes(built) == ["invalidated"]


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({"limit": 3}, ["limited"]),
        ({"limit": 4}, []),
        ({"limit": 20_000}, []),
        ({"limit": [0, 4]}, ["limited"]),
        ({"limit": 4.0}, ["limited"]),
        ({"sample_id": ["s0"]}, ["limited"]),
        ({"sample_id": None}, []),
        ({}, []),
    ],
)
def test_a_run_of_part_of_the_dataset_says_so(config: dict[str, Any], expected: list[str]) -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    built.header["eval"]["config"] = config
    assert codes(built) == expected


def test_one_of_fourteen_thousand_is_no_success() -> None:
    built = inspect_log([["I"]], 0)
    built.header["eval"]["dataset"]["samples"] = 14_042
    built.header["eval"]["config"]["limit"] = 1
    assert codes(built) == ["limited", "incomplete"]
    assert read(built.json()).planned == 14_042


def test_one_sample_short_of_the_plan_is_incomplete() -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    del built.samples[3]
    assert "incomplete" in codes(built)
    assert read(built.json()).findings[0].says == "3 of 4 planned samples are present"


def test_a_header_that_counts_more_samples_than_were_kept_is_incomplete() -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    built.header["results"]["total_samples"] = 5
    assert codes(built) == ["incomplete"]
    assert read(built.json()).planned == 5


def test_a_log_that_does_not_say_what_was_planned_is_incomplete() -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    del built.header["eval"]["dataset"]["samples"]
    assert codes(built) == ["incomplete"]


def test_samples_beyond_the_plan_are_a_surplus() -> None:
    built = inspect_log([*RIGHT_AND_WRONG, ["I"]], 0.4)
    built.header["eval"]["dataset"]["samples"] = 4
    built.header["results"]["total_samples"] = 4
    assert codes(built) == ["surplus"]


def test_an_item_that_ran_more_often_does_not_stand_for_another() -> None:
    built = inspect_log([["C", "I"], ["C", "I"]], 0.5)
    built.samples[3] |= {"id": "s0", "epoch": 3}
    assert codes(built) == ["incomplete", "header-disagrees"]
    assert 'sample "s0" ran 3 times, not 2 (and 1 more)' in read(built.json()).findings[0].says


def test_the_same_run_of_an_item_counts_as_a_duplicate() -> None:
    built = inspect_log([["C", "I"], ["C", "I"]], 0.5)
    built.samples[1]["epoch"] = 1
    assert codes(built) == ["duplicate-sample"]
    numbered = inspect_log([["C"], ["I"]], 0.5)
    numbered.samples[0]["id"], numbered.samples[1]["id"] = 1, "1"
    assert "duplicate-sample" in codes(numbered)


def test_a_sample_that_ended_in_error_is_not_admissible() -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    built.samples[1]["error"] = {"message": "out of memory"}
    assert codes(built) == ["sample-error"]
    assert not read(built.json()).admissible


def test_a_sample_that_reached_a_limit_is_told_and_admissible() -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    built.samples[1]["limit"] = {"type": "token", "limit": 100}
    assert codes(built) == ["limit-reached"]
    assert read(built.json()).admissible


def test_dropping_the_score_of_a_hard_item_measures_nothing() -> None:
    built = inspect_log([["I"], ["C"]], 0)
    built.samples[1]["scores"] = {}
    assert codes(built) == ["missing-score"]
    assert not read(built.json()).measurements
    built.samples[1]["scores"] = None
    assert codes(built) == ["missing-score"]


def test_without_samples_nothing_is_recomputed() -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    built.samples = []
    assert codes(built) == ["incomplete", "no-samples", "not-recomputable"]
    log = read(built.json())
    assert log.dataset is None
    assert not log.admissible


def test_without_scores_nothing_is_recomputed() -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    for sample in built.samples:
        sample["scores"] = {}
    assert codes(built) == ["no-scores", "not-recomputable"]


def test_a_log_without_any_finding_still_needs_a_measurement() -> None:
    log = read(inspect_log(RIGHT_AND_WRONG, 0.5).json())
    bare = EvaluationLog(
        **{n: getattr(log, n) for n in EvaluationLog.__slots__ if n != "measurements"},
        measurements=(),
    )
    assert not bare.admissible


@pytest.mark.parametrize("name", ["accuracy", "mean", "inspect_ai/accuracy", "x/y/mean"])
def test_a_tampered_header_disagrees(name: str) -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    stated = built.header["results"]["scores"][0]
    stated["metrics"] = {name: {"name": name, "value": 0.05}}
    assert codes(built) == ["header-disagrees"]
    assert read(built.json()).measurements[0].estimate == 0.5
    stated["metrics"][name]["value"] = 0.5
    assert codes(built) == []


@pytest.mark.parametrize("mean", [0.5 + 2e-6, 0.5 - 2e-6, float("nan"), float("inf"), 10**400])
def test_a_header_disagrees_by_little_or_by_no_number(mean: float) -> None:
    assert codes(inspect_log(RIGHT_AND_WRONG, mean)) == ["header-disagrees"]


def test_a_header_that_states_two_means_agrees_with_none() -> None:
    assert codes(inspect_log(RIGHT_AND_WRONG, 0.5, mean=0.5)) == []
    assert codes(inspect_log(RIGHT_AND_WRONG, 0.5, mean=0.05)) == ["header-disagrees"]
    assert codes(inspect_log(RIGHT_AND_WRONG, 0.05, mean=0.5)) == ["header-disagrees"]
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    other = inspect_log(RIGHT_AND_WRONG, 0.05)
    for first, second in ((built, other), (other, built)):
        both = inspect_log(RIGHT_AND_WRONG, 0.5)
        both.header["results"]["scores"] = [
            first.header["results"]["scores"][0],
            second.header["results"]["scores"][0],
        ]
        assert codes(both) == ["header-disagrees"]


def test_a_header_without_a_mean_is_silent() -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    built.header["results"]["scores"][0]["metrics"] = {"pass_rate": {"value": 0.5}}
    assert codes(built) == ["header-silent"]
    built.header["results"]["scores"][0]["metrics"] = {"accuracy": {"value": None}}
    assert codes(built) == ["header-silent"]
    built.header["results"] = None
    assert codes(built) == ["header-silent"]


def test_only_what_was_reduced_by_its_mean_is_compared() -> None:
    built = inspect_log([["C", "I"]], 1)
    built.header["results"]["scores"][0]["reducer"] = "max"
    assert codes(built) == ["header-silent"]
    built.header["results"]["scores"][0]["reducer"] = "mean"
    assert codes(built) == ["header-disagrees"]


def test_a_standard_deviation_given_for_a_standard_error_is_seen() -> None:
    error = standard_error([1, 0, 1, 0])
    assert codes(inspect_log(RIGHT_AND_WRONG, 0.5, stderr=error)) == []
    assert codes(inspect_log(RIGHT_AND_WRONG, 0.5, stderr=error * 1.01)) == ["spread-disagrees"]
    deviation = inspect_log(RIGHT_AND_WRONG, 0.5, stderr=error * 2)
    assert codes(deviation) == ["spread-disagrees"]
    assert "is their standard deviation" in read(deviation.json()).findings[0].says
    one_percent = read(inspect_log(RIGHT_AND_WRONG, 0.5, stderr=error * 1.01).json())
    assert "standard deviation" not in one_percent.findings[0].says


def test_the_error_of_a_single_score_is_not_compared() -> None:
    assert codes(inspect_log([["C"]], 1, stderr=0)) == []
    assert codes(inspect_log([["C"], ["C"]], 1, stderr=0)) == []
    assert codes(inspect_log([["C"], ["I"]], 0.5, stderr=0)) == ["spread-disagrees"]


def test_every_scorer_is_measured_by_itself() -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    for sample in built.samples:
        sample["scores"]["grader"] = {"value": 1}
    assert codes(built) == ["header-silent"]
    assert [(m.scorer, m.estimate) for m in read(built.json()).measurements] == [
        ("grader", 1),
        ("match", 0.5),
    ]


def test_a_corrupt_sample_is_a_finding_and_is_not_read() -> None:
    parts = inspect_log(RIGHT_AND_WRONG, 0.5).parts()
    parts[1].crc = 7
    log = read(archive(parts))
    assert [f.code.value for f in log.findings] == [
        "corrupt-member",
        "incomplete",
        "header-disagrees",
    ]
    assert log.present == 3


def test_a_corrupt_header_is_refused() -> None:
    parts = inspect_log(RIGHT_AND_WRONG, 0.5).parts()
    parts[-1].crc = 7
    with pytest.raises(Malformed, match="size and CRC"):
        read(archive(parts))


def test_a_sample_beyond_the_limit_is_a_finding(monkeypatch: pytest.MonkeyPatch) -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    built.samples[0]["messages"] = "x" * 5000
    monkeypatch.setattr(inspect_log_module, "JSON_LIMIT", 4000)
    found = read(built.archive()).findings
    assert found[0].code is FindingCode.CORRUPT_MEMBER
    assert "at most 4000" in found[0].says


@pytest.mark.parametrize("name", ["samples/a/b.json", "xsamples/a.json", "samples/a.jsonx"])
def test_only_samples_are_samples(name: str) -> None:
    parts = [*inspect_log(RIGHT_AND_WRONG, 0.5).parts(), Part(name, b"no sample")]
    assert read(archive(parts)).admissible


def test_the_dataset_is_the_set_of_id_input_and_target() -> None:
    built = inspect_log([["C", "I"], ["C", "I"]], 0.5)
    digest = dataset_digest(item_digest(f"s{n}", f"question {n}", "yes") for n in (1, 0))
    assert read(built.json()).dataset == digest
    built.samples.reverse()
    assert read(built.archive()).dataset == digest
    for name, value in (("id", "s9"), ("input", "easier"), ("target", "no")):
        changed = inspect_log([["C", "I"], ["C", "I"]], 0.5)
        changed.samples[0][name] = value
        assert read(changed.json()).dataset != digest


def test_the_digests_have_these_values() -> None:
    item = item_digest("a", "ü", ["x", 1])
    # printf '["a","\\u00fc",["x",1]]' | sha256sum
    assert item == "4c7c2883312324c6cfc4e01b51efdf62870cdf94581e0148efb325c5d8d95e08"
    # printf 'openward-dataset/v1\n<item>\n' | sha256sum
    assert dataset_digest([item, item]) == (
        "10a3f47663cb760e81ab0e262b2b834c6a48965cbef40eb48cb7d07cb9d45f7f"
    )


def test_of_messages_only_role_and_content_are_digested() -> None:
    def digest(**message: object) -> object:
        built = inspect_log([["C"]], 1)
        built.samples[0]["input"] = [{"role": "user", "content": "hello", **message}]
        built.samples[0]["attachments"] = {"0123": "hello", "4567": "bye"}
        return read(built.json()).dataset

    assert digest() == digest(id="xyz", source="input")
    assert digest() == digest(content="attachment://0123")
    assert digest() != digest(content="attachment://4567")
    assert digest() != digest(content="attachment://89ab")
    assert digest() != digest(role="system")
    parts = [{"type": "text", "text": "hello"}]
    assert digest(content=parts) == digest(content=[{**parts[0], "text": "attachment://0123"}])
    assert digest(content=parts) != digest(content=[{**parts[0], "text": "attachment://4567"}])


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("version",), "2"),
        (("version",), None),
        (("status",), "done"),
        (("eval",), None),
        (("eval", "task"), ""),
        (("eval", "model"), None),
        (("eval", "created"), "2026-10-01T00:00:00"),
        (("eval", "created"), "yesterday"),
        (("eval", "created"), "0001-01-01T00:00:00+14:00"),
        (("eval", "dataset"), []),
        (("eval", "dataset", "samples"), -1),
        (("eval", "dataset", "samples"), 10_000_001),
        (("eval", "config", "epochs"), 0),
        (("eval", "config", "epochs"), 10_001),
        (("results", "total_samples"), -1),
        (("results", "total_samples"), 10_000_001),
        (("results", "scores"), {}),
        (("results", "scores"), [1]),
        (("invalidated",), "no"),
    ],
)
def test_a_header_of_another_shape_is_refused(path: tuple[str, ...], value: object) -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    inner: Any = built.header
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    with pytest.raises(Malformed, match=r'^"a log": log'):
        read(built.json())


@pytest.mark.parametrize(
    "change",
    [
        {"id": None},
        {"id": [1]},
        {"epoch": 0},
        {"epoch": 10_001},
        {"epoch": "1"},
        {"input": None},
        {"input": [1]},
        {"target": None},
        {"scores": [1]},
        {"scores": {"match": "C"}},
        {"scores": {"match": {}}},
        {"metadata": [1]},
    ],
)
def test_a_sample_of_another_shape_is_refused(change: dict[str, Any]) -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    built.samples[0] |= change
    for raw in (built.json(), built.archive()):
        with pytest.raises(Malformed):
            read(raw)


def test_an_epoch_left_out_is_the_first() -> None:
    built = inspect_log([["C"], ["I"]], 0.5)
    for sample in built.samples:
        sample["epoch"] = None
    built.header["eval"]["config"]["epochs"] = None
    assert read(built.json()).admissible


def test_a_harness_that_does_not_name_itself_is_unknown() -> None:
    built = inspect_log(RIGHT_AND_WRONG, 0.5)
    del built.header["eval"]["packages"]
    del built.header["eval"]["config"]
    log = read(built.json())
    assert log.admissible
    assert log.harness_version == "unknown"


@pytest.mark.parametrize("depth", [*range(150, 1000, 50), 5000])
def test_deep_nesting_is_malformed_and_nothing_worse(depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    raw = inspect_log([["C"]], 1).json()
    for old in (b'"yes"', b'"question 0"', b'"C"'):
        with contextlib.suppress(Malformed):
            read(raw.replace(old, deep))
    with contextlib.suppress(Malformed):
        read(raw.replace(b'"question 0"', b'[{"role":"user","content":' + deep + b"}]"))


@given(st.data())
def test_a_log_with_anything_anywhere_is_read_or_malformed(data: st.DataObject) -> None:
    built = inspect_log([["C", 0.5], ["I", True]], 0.5, stderr=0.25)
    whole: Any = json.loads(built.json())
    spoil(whole, data)
    with contextlib.suppress(Malformed):
        read(json.dumps(whole).encode())


@given(
    st.lists(st.sampled_from(["C", "I", "P", "N", 0.25]), min_size=1, max_size=20),
    st.integers(0, 19),
    st.integers(0, 5),
)
def test_more_right_answers_never_lower_a_bound(row: list[object], place: int, epochs: int) -> None:
    rows = [[value] * (epochs + 1) for value in row]
    before = read(inspect_log(rows, 0).json()).measurements[0]
    rows[place % len(rows)] = ["C"] * (epochs + 1)
    after = read(inspect_log(rows, 0).json()).measurements[0]
    assert after.estimate >= before.estimate
    if all(value in ("C", "I", "N") for value in row) and not epochs:
        assert after.upper >= before.upper
