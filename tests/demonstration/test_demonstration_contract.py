"""What the README promises of the demonstration hub, tried over HTTP and the command line."""

import json
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi, hf_hub_download
from huggingface_hub.errors import GatedRepoError

from tests.demonstration.demonstration_hub import Demonstration


def _weights(demonstration: Demonstration, model: str) -> tuple[str, str]:
    """Path and SHA-256 of a model's weight file."""
    api = f"{demonstration.endpoint}/api/openward/models/{model}/standing"
    files = httpx2.get(api).json()["files"]
    return next((f["path"], f["sha256"]) for f in files if f["weights"])


def _download(demonstration: Demonstration, model: str, token: str | None, home: Path) -> str:
    path, _ = _weights(demonstration, model)
    return hf_hub_download(
        model,
        path,
        endpoint=demonstration.endpoint,
        token=token or False,
        cache_dir=home,
    )


def test_demo_json_names_what_a_visitor_needs(demonstration: Demonstration) -> None:
    described = demonstration.described
    assert set(described["tokens"]) >= {"publisher", "reader", "revocable"}
    assert set(described["token_ids"]) == set(described["tokens"])
    assert set(described["models"]) >= {"tier1", "tier2", "tier3", "tier4"}
    assert described["endpoint"] == demonstration.endpoint
    served = httpx2.get(f"{demonstration.endpoint}/log/vkey").text.strip()
    assert described["log"] == {"url": f"{demonstration.endpoint}/log", "vkey": served}
    assert (demonstration.folder / "demo.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("tier", [1, 2, 3, 4])
def test_each_model_stands_in_the_tier_it_is_named_for(
    demonstration: Demonstration, tier: int
) -> None:
    model = demonstration.models[f"tier{tier}"]
    info = HfApi(endpoint=demonstration.endpoint, token=False).model_info(model)
    standing = info.openward  # type: ignore[attr-defined]
    assert standing["tier"] == tier
    assert standing["state"] == "assessed"
    assert {"decision", "entry", "proof", "reasons"} <= set(standing)
    assert httpx2.get(standing["proof"]).text.startswith("c2sp.org/tlog-proof@v1\n")


def test_the_presumed_and_the_unassessed_are_never_shown_as_evaluated(
    demonstration: Demonstration,
) -> None:
    api = HfApi(endpoint=demonstration.endpoint, token=False)
    presumed = api.model_info(demonstration.models["presumed"]).openward  # type: ignore[attr-defined]
    unassessed = api.model_info(demonstration.models["unassessed"]).openward  # type: ignore[attr-defined]
    assert (presumed["state"], presumed["tier"]) == ("presumed", 1)
    assert (unassessed["state"], unassessed["tier"]) == ("unassessed", None)
    assert unassessed["due"] is not None


def test_anybody_downloads_tier_1(demonstration: Demonstration, tmp_path: Path) -> None:
    model = demonstration.models["tier1"]
    path = Path(_download(demonstration, model, None, tmp_path))
    assert path.read_bytes() == demonstration.blob(_weights(demonstration, model)[1]).read_bytes()


def test_tier_1_answers_the_same_to_everybody(demonstration: Demonstration) -> None:
    model = demonstration.models["tier1"]
    url = f"{demonstration.endpoint}/{model}/resolve/main/{_weights(demonstration, model)[0]}"
    answers = [
        httpx2.get(url, headers=headers)
        for headers in (
            {},
            {"Authorization": f"Bearer {demonstration.tokens['reader']}"},
            {"Authorization": "Bearer not-a-token"},
            {"Authorization": "Nonsense"},
        )
    ]
    kept = [
        {k: v for k, v in answer.headers.items() if k not in ("date", "x-request-id")}
        for answer in answers
    ]
    assert all(answer.status_code == 200 for answer in answers)
    assert all(headers == kept[0] for headers in kept)
    assert all(answer.content == answers[0].content for answer in answers)
    assert "set-cookie" not in kept[0]


@pytest.mark.parametrize("name", ["tier3", "tier4", "unassessed"])
@pytest.mark.parametrize("who", [None, "reader"])
def test_the_stock_client_is_refused_with_reasons(
    demonstration: Demonstration, tmp_path: Path, name: str, who: str | None
) -> None:
    token = None if who is None else demonstration.tokens[who]
    with pytest.raises(GatedRepoError) as refused:
        _download(demonstration, demonstration.models[name], token, tmp_path)
    said = refused.value.server_message or ""
    assert said.startswith("[access.")
    assert "Evidence: " in said
    assert "To change this: " in said
    assert "Instead: " in said
    assert "Appeal: " in said
    assert len(said.encode()) <= 1024


def test_tier_2_is_answered_at_once_and_ends(demonstration: Demonstration, tmp_path: Path) -> None:
    model, token = demonstration.models["tier2"], demonstration.tokens["reader"]
    with pytest.raises(GatedRepoError):
        _download(demonstration, model, token, tmp_path)
    asked = demonstration.run(
        "access", "request", model, "--purpose", "a test", "--accept-terms", "--json", token=token
    )
    assert asked.returncode == 0, asked.stderr
    answer = json.loads(asked.stdout)
    assert answer["state"] == "accepted"
    assert answer["until"] > "2026"
    path = Path(_download(demonstration, model, token, tmp_path))
    assert (
        path.stat().st_size == demonstration.blob(_weights(demonstration, model)[1]).stat().st_size
    )
    listed = demonstration.run("access", "list", "--json", token=token)
    assert [(r["repo"], r["lease_until"]) for r in json.loads(listed.stdout)] == [
        (model, answer["until"])
    ]


def test_an_evaluator_borrows_what_nobody_may_have(
    demonstration: Demonstration, tmp_path: Path
) -> None:
    model, token = demonstration.models["unassessed"], demonstration.tokens["evaluator"]
    with pytest.raises(GatedRepoError):
        _download(demonstration, model, token, tmp_path)
    lent = demonstration.run("access", "evaluate", model, "--json", token=token)
    assert lent.returncode == 0, lent.stderr
    entry = json.loads(lent.stdout)["entry"]
    kind = httpx2.get(f"{demonstration.endpoint}/api/openward/entries/{entry}").json()["kind"]
    assert kind == "commitment"
    assert Path(_download(demonstration, model, token, tmp_path)).stat().st_size > 0
    refused = demonstration.run("access", "evaluate", model, token=demonstration.tokens["reader"])
    assert refused.returncode != 0
    assert "accreditation" in refused.stderr


def test_a_revoked_token_is_no_token(demonstration: Demonstration) -> None:
    secret = demonstration.tokens["revocable"]
    url = f"{demonstration.endpoint}/api/whoami-v2"
    headers = {"Authorization": f"Bearer {secret}"}
    assert httpx2.get(url, headers=headers).status_code == 200
    config = str(demonstration.folder / "openward.toml")
    done = demonstration.run("token", "revoke", "-", "--config", config, stdin=secret + "\n")
    assert done.returncode == 0, done.stderr
    assert secret not in done.stdout + done.stderr
    assert httpx2.get(url, headers=headers).status_code == 401
    listed = demonstration.run("token", "list", "--json", "--config", config)
    rows = {row["id"]: row for row in json.loads(listed.stdout)}
    assert rows[demonstration.described["token_ids"]["revocable"]]["revoked"] is not None
    unknown = demonstration.run("token", "revoke", "nobody", "--config", config)
    assert unknown.returncode == 1


def test_doctor_finds_nothing_broken(demonstration: Demonstration) -> None:
    config = str(demonstration.folder / "openward.toml")
    done = demonstration.run("doctor", "--json", "--config", config)
    assert done.returncode == 0, done.stdout
    lines = {line["what"]: line for line in json.loads(done.stdout)}
    assert lines["record"]["verdict"] == "good"
    assert lines["founding key"]["verdict"] == "look"
