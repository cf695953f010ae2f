"""The readers against logs that real harnesses wrote, and against those logs broken."""

import contextlib
import json
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.evidence import reading
from openward.evidence.lm_eval import SamplesFile
from openward.evidence.measurement import EvaluationLog
from openward.evidence.reading import read_log
from openward.evidence.statistics import mean_bounds, round_outward

SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "evidence"
POPULARITY = "2025-02-11T15-17-00-05-00_popularity_dPiJifoWeEQBrfWsAopzWr.eval"
MATH = "samples_math_perturbed_full_2026-01-21T03-44-18.458309.jsonl"

# name, planned, present, estimate where one is measured, findings
INSPECT = [
    (POPULARITY, 100, 10, None, "limited incomplete no-scores"),
    (
        "2025-05-12T20-28-13-04-00_no-samples.json",
        100,
        0,
        None,
        "not-success limited incomplete no-samples not-recomputable",
    ),
    ("2025-05-12T20-28-26-04-00_security-guide.json", 16, 3, 1, "limited incomplete"),
    ("data_arc_qwen.json", 2376, 3, 1 / 3, "limited incomplete"),
    (
        "data_intercode_ctf_local_path.json",
        79,
        1,
        0,
        "incomplete limit-reached header-disagrees",
    ),
    ("data_pubmedqa_gpt4o_mini.json", 500, 2, 1, "limited incomplete"),
    ("log_formats.eval", 100, 1, 0, "limited incomplete"),
    ("log_formats.json", 100, 1, 0, "limited incomplete"),
    ("log_message_deduplication.eval", 1, 1, 0, ""),
    ("mmlu-no-summary-choices.eval", 14_042, 1, 0, "limited incomplete"),
    ("mock_demo_40x2.eval", 80, 80, 0.375, ""),
    ("mock_demo_40x2_tampered_header.eval", 80, 80, 0.375, "header-disagrees"),
]
LM_EVAL = [
    ("bloom-1b1_gsm8k_oldschema.json", "", 0, 0, None, "incomplete not-recomputable"),
    ("llama3-8b-instruct_asdiv_results.json", "", 2305, 0, None, "limited not-recomputable"),
    (
        "llama3-8b-instruct_asdiv_results.json",
        "llama3-8b-instruct_asdiv_samples.jsonl",
        2305,
        50,
        0.92,
        "limited incomplete",
    ),
    ("qwen2.5-1.5b_results.json", "", 0, 0, None, "several-tasks"),
    ("results_2026-01-21T03-44-18.458309.json", MATH, 5000, 10, 0, "incomplete"),
]


def shared(name: str) -> bytes:
    if not SHARED.exists():
        pytest.skip("../shared is not beside the checkout")
    return (SHARED / name).read_bytes()


def read(name: str, samples: str = "") -> EvaluationLog:
    raw = shared(name)
    beside = SamplesFile(samples, BytesIO(shared(f"lm_eval/{samples}"))) if samples else None
    return read_log(name, BytesIO(raw), len(raw), samples=beside)


@pytest.mark.parametrize(("name", "planned", "present", "estimate", "findings"), INSPECT)
def test_real_logs_of_inspect_are_measured_and_never_believed(
    name: str, planned: int, present: int, estimate: float | None, findings: str
) -> None:
    log = read(f"inspect_logs/{name}")
    assert (log.planned, log.present) == (planned, present)
    assert [m.estimate for m in log.measurements] == ([] if estimate is None else [estimate])
    assert [finding.code.value for finding in log.findings] == findings.split()
    assert log.admissible == (not findings)


@pytest.mark.parametrize(("name", "samples", "planned", "present", "estimate", "findings"), LM_EVAL)
def test_real_results_of_lm_eval_are_measured_where_samples_bear_them_out(
    name: str, samples: str, planned: int, present: int, estimate: float | None, findings: str
) -> None:
    log = read(f"lm_eval/{name}", samples)
    assert (log.planned, log.present) == (planned, present)
    assert [m.estimate for m in log.measurements] == ([] if estimate is None else [estimate])
    assert [finding.code.value for finding in log.findings] == findings.split()
    assert not log.admissible


def test_every_log_there_is_has_an_expectation() -> None:
    shared("MANIFEST.json")
    logs = {path.name for path in (SHARED / "inspect_logs").iterdir()}
    results = {path.name for path in (SHARED / "lm_eval").glob("*.json")}
    assert logs == {name for name, *_ in INSPECT}
    assert results == {name for name, *_ in LM_EVAL}


def test_the_clustered_log_of_two_epochs_has_the_bounds_of_its_clusters() -> None:
    whole = read("inspect_logs/mock_demo_40x2.eval")
    tampered = read("inspect_logs/mock_demo_40x2_tampered_header.eval")
    assert whole.measurements == tampered.measurements
    assert whole.dataset == tampered.dataset
    (measurement,) = whole.measurements
    assert (measurement.n, measurement.epochs) == (40, 2)
    # Another dataset, same means of items and same clusters: bounds depend on nothing else.
    assert measurement.lower < 0.375 - 1.8 * 0.04909902530309829
    assert measurement.upper > 0.375 + 1.8 * 0.04909902530309829
    samples = [0.5] * 15 + [0.0] * 25
    assert measurement.upper != round_outward(*mean_bounds(samples, None, 2, 0.05)).upper


def test_archive_and_json_of_one_run_read_the_same() -> None:
    packed, plain = (read(f"inspect_logs/log_formats.{kind}") for kind in ("eval", "json"))
    assert packed.measurements == plain.measurements
    assert packed.dataset == plain.dataset
    assert packed.created == plain.created


@pytest.mark.parametrize(
    "name",
    [
        "every_eval_ever/98ea850e-7019-4728-a558-8b1819ec47c2.json",
        "every_eval_ever/eval.schema.json",
        "epoch/external_benchmark_cybench.csv",
        "lm_eval/llama3-8b-instruct_asdiv_samples.jsonl",
        "MANIFEST.json",
    ],
)
def test_what_is_no_log_is_refused_by_name(name: str) -> None:
    with pytest.raises(Malformed, match=f'^"{name}": '):
        read(name)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"{}",
        b"[]",
        b"1",
        b'{"status":1}',
        b'{"eval":{}}',
        b'{"results":{}}',
        b"PK\x03\x04",
        b'{"config":{}}',
        b"PK\x05\x06" + bytes(18),
    ],
)
def test_content_and_not_the_name_says_what_a_log_is(raw: bytes) -> None:
    for name in ("x.eval", "x.json"):
        with pytest.raises(Malformed):
            read_log(name, BytesIO(raw), len(raw))


def test_a_json_log_of_gigabytes_is_refused_unread() -> None:
    with pytest.raises(Malformed, match=r"2147483648 bytes of JSON.*convert the log to \.eval"):
        read_log("big.json", BytesIO(b'{"status": '), 2**31)


def test_a_json_log_is_read_up_to_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = shared("inspect_logs/log_formats.json")
    monkeypatch.setattr(reading, "JSON_LIMIT", len(raw))
    assert read_log("x", BytesIO(raw), len(raw)).present == 1
    monkeypatch.setattr(reading, "JSON_LIMIT", len(raw) - 1)
    with pytest.raises(Malformed, match="bytes of JSON"):
        read_log("x", BytesIO(raw), len(raw))


def test_only_what_belongs_to_the_log_is_read() -> None:
    raw = shared("inspect_logs/log_formats.json")
    longer = BytesIO(raw + b"and more")
    longer.read(3)
    assert read_log("x", longer, len(raw)).present == 1


def test_a_thin_read_loads_no_numerical_library() -> None:
    script = (
        "import sys, openward.evidence.reading, openward.evidence.appraisal;"
        "print(sorted({'numpy', 'scipy', 'inspect_ai'} & sys.modules.keys()))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert loaded.stdout == "[]\n"


SEEDS = ["log_formats.eval", "log_formats.json", "mmlu-no-summary-choices.eval"]


@settings(max_examples=200)
@given(st.data())
def test_a_real_log_broken_anywhere_is_read_or_malformed(data: st.DataObject) -> None:
    raw = bytearray(shared(f"inspect_logs/{data.draw(st.sampled_from(SEEDS))}"))
    for _ in range(data.draw(st.integers(1, 5))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(1, len(raw)))
    for kept in (bytes(raw), bytes(raw[:cut])):
        with contextlib.suppress(Malformed):
            read_log("x", BytesIO(kept), len(kept))


@given(st.binary(max_size=200))
def test_random_bytes_are_read_or_malformed(raw: bytes) -> None:
    for start in (b"", b"PK\3\4", b'{"status":"success","eval":', b'{"config":{},"results":'):
        with contextlib.suppress(Malformed):
            read_log("x", BytesIO(start + raw), len(start + raw))


def test_a_log_cut_short_anywhere_is_malformed() -> None:
    raw = shared("inspect_logs/log_formats.eval")
    for length in range(0, len(raw), 37):
        with pytest.raises(Malformed):
            read_log("x", BytesIO(raw[:length]), length)


def test_a_log_rewritten_member_by_member_is_the_same_log() -> None:
    raw = shared("inspect_logs/log_formats.json")
    spaced = json.dumps(json.loads(raw), indent=3).encode()
    again = read_log("x", BytesIO(spaced), len(spaced))
    assert again == read_log("x", BytesIO(raw), len(raw))
