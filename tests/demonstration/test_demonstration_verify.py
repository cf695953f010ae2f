"""`openward verify` against the demonstration hub: it agrees, and every flipped byte is named."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from tests.demonstration.demonstration_hub import Demonstration

Flip = Callable[[Path], None]


def _verify(demonstration: Demonstration, model: str, *more: str) -> dict[str, object]:
    token = demonstration.tokens["publisher"]
    done = demonstration.run("verify", model, "--json", *more, token=token)
    assert done.returncode == 0, done.stderr
    report: dict[str, object] = json.loads(done.stdout)
    return report


def _fails(demonstration: Demonstration, model: str) -> str:
    """What `openward verify` says on standard error where something does not hold."""
    done = demonstration.run(
        "verify", model, "--vkey", demonstration.vkey, token=demonstration.tokens["publisher"]
    )
    assert done.returncode == 1, done.stdout
    return done.stderr


def _standing(demonstration: Demonstration, model: str) -> dict[str, object]:
    found: dict[str, object] = httpx2.get(
        f"{demonstration.endpoint}/api/openward/models/{model}/standing"
    ).json()
    return found


@pytest.mark.parametrize("name", ["tier1", "tier2", "tier3", "tier4", "presumed", "unassessed"])
def test_verify_agrees_with_the_hub(demonstration: Demonstration, name: str) -> None:
    model = demonstration.models[name]
    report = _verify(demonstration, model, "--vkey", demonstration.vkey)
    standing = _standing(demonstration, model)
    assert (report["state"], report["tier"]) == (standing["state"], standing["tier"])
    assert report["entry"] == standing["entry"]
    assert report["key"] == "pinned"
    assert report["verified"] and report["attested"] and report["not_claimed"]
    assert not report["not_checked"]  # the publisher reaches its own bytes


def test_without_a_pinned_key_it_says_so(demonstration: Demonstration) -> None:
    report = _verify(demonstration, demonstration.models["presumed"])
    assert report["key"] == "trusted on first use"


def test_what_the_caller_may_not_have_is_named_as_not_checked(
    demonstration: Demonstration,
) -> None:
    done = demonstration.run("verify", demonstration.models["tier4"], "--json")
    assert done.returncode == 0, done.stderr
    (line,) = json.loads(done.stdout)["not_checked"]
    assert "access.closed" in line


def test_another_logs_key_is_refused(demonstration: Demonstration) -> None:
    other = "demo.openward.example/record+a7aebb6e+AWlt2XsIhum1Z5ln5feJdExEyt8+elJ3cEy77IlLx0MH"
    done = demonstration.run("verify", demonstration.models["tier1"], "--vkey", other)
    assert done.returncode == 1
    assert "signature" in done.stderr or "sign" in done.stderr


def test_a_flipped_byte_in_any_tile_is_found_and_named(
    demonstration: Demonstration, flipped: Flip
) -> None:
    size = int(httpx2.get(f"{demonstration.endpoint}/log/checkpoint").text.split("\n")[1])
    for path in (f"tile/0/000.p/{size}", f"tile/entries/000.p/{size}"):
        flipped(demonstration.folder / "log" / path)
        said = _fails(demonstration, demonstration.models["tier1"])
        assert path in said or "entr" in said
        flipped(demonstration.folder / "log" / path)


def test_a_flipped_byte_in_an_evaluation_is_found_and_named(
    demonstration: Demonstration, flipped: Flip
) -> None:
    model = demonstration.models["tier2"]
    case = httpx2.get(
        f"{demonstration.endpoint}/api/openward/cases/{_standing(demonstration, model)['case']}"
    ).json()
    log = case["evidence"][0]["log"]
    flipped(demonstration.blob(log))
    said = _fails(demonstration, model)
    assert "evaluation log" in said and log in said


def test_a_flipped_byte_in_the_case_is_found_and_named(
    demonstration: Demonstration, flipped: Flip
) -> None:
    model = demonstration.models["tier1"]
    case = str(_standing(demonstration, model)["case"])
    flipped(demonstration.blob(case))
    assert f"case {case}" in _fails(demonstration, model)


def test_a_flipped_byte_in_the_weights_is_found_and_named(
    demonstration: Demonstration, flipped: Flip
) -> None:
    model = demonstration.models["tier1"]
    files = _standing(demonstration, model)["files"]
    assert isinstance(files, list)
    weights = next(f for f in files if f["weights"])
    flipped(demonstration.blob(weights["sha256"]))
    assert weights["path"] in _fails(demonstration, model)


def test_a_flipped_byte_in_a_companion_file_is_found_and_named(
    demonstration: Demonstration, flipped: Flip
) -> None:
    model = demonstration.models["tier3"]
    files = _standing(demonstration, model)["files"]
    assert isinstance(files, list)
    tokenizer = next(f for f in files if f["path"] == "tokenizer.json")
    flipped(demonstration.blob(tokenizer["sha256"]))
    assert "tokenizer.json" in _fails(demonstration, model)


def test_a_flipped_byte_in_the_policy_is_found_and_named(demonstration: Demonstration) -> None:
    model = demonstration.models["tier1"]
    with closing(sqlite3.connect(demonstration.folder / "hub.db")) as database:
        (document,) = database.execute("SELECT document FROM policy").fetchone()
        at = document.index(b"0.62")
        _write(database, document[: at + 2] + b"9" + document[at + 3 :])
        try:
            assert "policy " in _fails(demonstration, model)
        finally:
            _write(database, document)
    assert _verify(demonstration, model, "--vkey", demonstration.vkey)["tier"] == 1


def _write(database: sqlite3.Connection, document: bytes) -> None:
    database.execute("UPDATE policy SET document = ?", (document,))
    database.commit()
