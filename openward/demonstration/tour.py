"""The demonstration's tour: what happens to a model, step by step, on a hub that is running."""

import json
import tempfile
from pathlib import Path

import httpx2
from rich.console import Console
from rich.table import Table

from openward.app import now
from openward.client.hub import API, HubReader
from openward.client.record import verify_record
from openward.client.verify import Report, verify_model
from openward.demonstration.hub import make_demonstration
from openward.demonstration.published import published_outlooks
from openward.demonstration.stage import (
    Stage,
    flipped,
    free_port,
    last_line,
    narrated,
    served,
    silent,
)
from openward.errors import VerificationError
from openward.policy.case import parse_case
from openward.statements.strict_json import Fields
from openward.tlog.note import parse_vkey
from openward.tlog.tile import paths_of


def run_tour() -> None:
    """Walk the whole main job. Raises OpenwardError when a step does not end as it should."""
    console = Console()
    with tempfile.TemporaryDirectory(prefix="openward-demo-") as scratch:
        folder = Path(scratch) / "hub"
        port = free_port()
        console.rule("1  A hub, its rules, real models, real evaluations")
        with narrated(console) as tell:
            make_demonstration(folder, f"http://127.0.0.1:{port}", tell)
        described = json.loads((folder / "demo.json").read_text(encoding="utf-8"))
        with served(folder, port):
            stage = Stage(
                folder,
                described["endpoint"],
                described["tokens"],
                described["models"],
                parse_vkey(described["log"]["vkey"]),
                console,
            )
            _show_record(stage)
            _show_standings(stage)
            _download_open(stage)
            _ask_for_gated(stage)
            _be_refused(stage)
            _publish_again(stage)
            _tamper(stage)
        _show_published(console)
    console.print("\n[bold]Done.[/] make serve leaves such a hub running for a browser.")


# --- steps ------------------------------------------------------------------------------------


def _show_record(stage: Stage) -> None:
    stage.console.rule("2  Everything that was decided stands in a public record")
    with HubReader(stage.endpoint) as hub:
        record = verify_record(hub, stage.key, silent)
    kinds: dict[str, int] = {}
    for entry in record.entries:
        kinds[entry.kind] = kinds.get(entry.kind, 0) + 1
    listed = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    stage.console.print(
        f"{record.checkpoint.size} entries under one signed checkpoint: {listed}. "
        "Every tile was fetched and hashed."
    )


def _show_standings(stage: Stage) -> None:
    stage.console.rule("3  Each model's tier, decided again from the record alone")
    table = Table("model", "stands", "because", "verified", header_style="bold")
    for name in stage.models.values():
        report = _verified(stage, name)
        decision = report.decision
        stands = f"Tier {int(decision.tier)}" if decision.tier else "unassessed"
        reason = decision.reasons[0]
        table.add_row(
            name.partition("/")[2],
            f"{stands} ({decision.state.value})" if decision.tier else stands,
            f"{reason.rule.id}: {reason.found}",
            f"{len(report.verified)} steps",
        )
    stage.console.print(table)
    stage.console.print(
        "Harmless stand-ins for dangerous knowledge, under thresholds set for the show: "
        "this says nothing about real danger."
    )


def _verified(stage: Stage, name: str) -> Report:
    with HubReader(stage.endpoint, stage.tokens["publisher"]) as hub:
        return verify_model(hub, name, key=stage.key, now=now(), tell=silent)


def _download_open(stage: Stage) -> None:
    stage.console.rule("4  Tier 1: anybody, no account, the stock client")
    model = stage.models["tier1"]
    said = stage.hf(["download", model], None)
    stage.console.print(f"$ hf download {model}\n  {last_line(said)}", soft_wrap=True)


def _ask_for_gated(stage: Stage) -> None:
    stage.console.rule("5  Tier 2: a verified identity and a promise of use, answered at once")
    model = stage.models["tier2"]
    _say(stage, "Without a lease the stock client says:", _refusal(stage, model))
    with HubReader(stage.endpoint, stage.tokens["reader"]) as hub:
        policy = Fields.of(hub.read_json(f"{API}/policy"), "policy")
        body = {
            "repo": model,
            "purpose": "trying the demonstration",
            "terms": policy.fields("policy").fields("terms").sha256("sha256"),
        }
        code, answer = hub.post(f"{API}/access-requests", json=body)
    if code != 201:
        raise VerificationError(f"the request was answered with {code}: {answer}")
    stage.console.print(f"$ openward access request {model}\n  granted until {answer['until']}")
    said = stage.hf(["download", model], "reader")
    stage.console.print(f"$ hf download {model}\n  {last_line(said)}", soft_wrap=True)


def _be_refused(stage: Stage) -> None:
    stage.console.rule("6  Unassessed, Tier 3 and Tier 4: refused, with reasons and a way on")
    for name in ("unassessed", "tier3", "tier4"):
        stage.console.print(
            f"[bold]{stage.models[name]}[/]\n  {_refusal(stage, stage.models[name])}"
        )


def _publish_again(stage: Stage) -> None:
    stage.console.rule("7  The same weights under another name stand where they stood")
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch)
        stage.hf(["download", stage.models["tier1"], "--local-dir", str(home / "copy")], None)
        weights = home / "copy" / "model.onnx"
        renamed = weights.rename(weights.with_name("notes.txt"))
        repo = "demo-publisher/another-name"
        stage.hf(["upload", repo, str(renamed), "notes.txt"], "publisher")
    report = _verified(stage, repo)
    tier = report.decision.tier
    if tier is None or int(tier) != 1:
        raise VerificationError(f"{repo} stands in {tier}, expected Tier 1")
    stage.console.print(
        f"$ hf upload {repo} notes.txt\n  Tier {int(tier)}, entry {report.entry}: the decision is "
        "about bytes, so no name hides them and no README changes it."
    )


def _tamper(stage: Stage) -> None:
    stage.console.rule("8  One flipped byte is found and named")
    model = stage.models["tier1"]
    for what, path in _targets(stage, model):
        with flipped(path):
            try:
                _verified(stage, model)
            except VerificationError as e:
                stage.console.print(f"[bold]{what}[/]: {str(e)[:200]}", highlight=False)
            else:
                raise VerificationError(f"a flipped byte in {what} went unnoticed")
    _verified(stage, model)


def _targets(stage: Stage, model: str) -> list[tuple[str, Path]]:
    """A log tile, an evaluation log, the case and the weights, as files of the hub's folder."""
    with HubReader(stage.endpoint) as hub:
        record = verify_record(hub, stage.key, silent)
        standing = Fields.of(hub.read_json(f"{API}/models/{model}/standing"), "standing")
        case = parse_case(hub.read_json(f"{API}/cases/{standing.sha256('case')}"))
    weights = next(f.sha256("sha256") for f in standing.listing("files") if f.flag("weights"))
    tile = max(paths_of(record.checkpoint.size), key=lambda path: path.level == 0)
    return [
        ("a log tile", stage.folder / "log" / tile.text()),
        ("an evaluation", stage.blob(case.evidence[0].log)),
        ("the case", stage.blob(standing.sha256("case"))),
        ("the weights", stage.blob(weights)),
    ]


def _show_published(console: Console) -> None:
    console.rule("9  Which tier would today's open models stand in, and why?")
    policy, outlooks = published_outlooks()
    table = Table("model", "published figures the policy asks for", "would stand",
                  title=f"{policy.name}: published scores, not signed evidence",
                  title_justify="left", header_style="bold")  # fmt: skip
    for outlook in outlooks:
        figures = "\n".join(
            f"{f.evaluation} {f.score:.3f} (n={f.n}), at most {f.upper:.3f}: Tier {int(f.reached)}"
            for f in outlook.figures
        )
        known = outlook.at_least
        floor = "" if known is None else f"; no more open than Tier {int(known)}"
        table.add_row(
            outlook.model,
            figures or "none",
            f"unassessed: {outlook.missing} of {len(policy.required)} missing{floor}",
        )
    console.print(table)
    console.print(
        "Most of what a tier would rest on has never been published for any open model. The "
        "honest answer is 'unassessed', with the list of what is missing."
    )


def _refusal(stage: Stage, model: str) -> str:
    """The line under which the stock client is refused a model's weights."""
    with HubReader(stage.endpoint, stage.tokens["reader"]) as hub:
        standing = hub.read_json(f"{API}/models/{model}/standing")
    files = Fields.of(standing, "standing").listing("files")
    path = next(file.text("path") for file in files if file.flag("weights"))
    answer = httpx2.head(
        f"{stage.endpoint}/{model}/resolve/main/{path}",
        headers={"Authorization": f"Bearer {stage.tokens['reader']}"},
    )
    if answer.headers.get("x-error-code") != "GatedRepo":
        raise VerificationError(f"{model}: expected a refusal, got {answer.status_code}")
    return answer.headers["x-error-message"]


def _say(stage: Stage, head: str, text: str) -> None:
    """A refusal as it was sent: its rule stands in brackets, which are no markup."""
    stage.console.print(head, style="bold")
    stage.console.print(f"  {text}", markup=False, highlight=False)
