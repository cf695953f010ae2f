"""`openward decide`: a tier, offline, from a policy and a folder of evidence."""

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openward.cli.shared_options import JSON, print_json, print_table

if TYPE_CHECKING:
    from openward.client.offline import Offline

FOLDER = click.Path(path_type=Path, exists=True, file_okay=False)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command()
@click.option("--policy", "policy_path", type=FILE, required=True, help="A policy document.")
@click.option("--evidence", type=FOLDER, required=True, help="Statements, logs and register.")
@click.option("--at", default=None, help="Decide as of this time, e.g. 2026-10-01T00:00:00Z.")
@JSON
def decide(policy_path: Path, evidence: Path, at: str | None, as_json: bool) -> None:
    """Decide the tier of the weights that the EVIDENCE folder is about; nothing is sent anywhere.

    The folder holds *.dsse.json statements, the logs they name, accreditation.json (whose
    signatures count) and, optionally, subject.json (the weight files).
    """
    from openward.client.offline import decide_offline, read_policy

    decided = decide_offline(read_policy(policy_path), evidence, _moment(at))
    if as_json:
        print_json(_members(decided))
        return
    _print(decided)


def _members(decided: "Offline") -> dict[str, object]:
    from openward.policy.case import case_json
    from openward.statements.strict_json import format_time

    decision = decided.decision
    return {
        "state": decision.state.value,
        "tier": None if decision.tier is None else int(decision.tier),
        "reasons": [
            {
                "rule": r.rule.id,
                "says": r.rule.says,
                "found": r.found,
                "cites": r.rule.cites,
            }
            for r in decision.reasons
        ],
        "missing": [
            {
                "domain": m.domain.value,
                "evaluation": m.evaluation,
                "task": m.task,
                "samples": m.samples,
                "why": m.why.found,
            }
            for m in decision.missing
        ],
        "treatment": None if decision.treatment is None else decision.treatment.value,
        "due": None if decision.due is None else format_time(decision.due),
        "policy": decided.policy.digest,
        "case": case_json(decided.case),
        "case_sha256": decided.case.digest,
    }


def _print(decided: "Offline") -> None:
    decision = decided.decision
    tier = "unassessed" if decision.tier is None else f"Tier {int(decision.tier)}"
    click.secho(f"{tier} ({decision.state.value}) under {decided.policy.name}", bold=True)
    for reason in decision.reasons:
        click.echo(f"  {reason.rule.says} ({reason.found})")
    rows = [
        (
            fact.domain.value,
            fact.evaluation,
            "" if fact.interval is None else f"{fact.interval.estimate:.3f}",
            "" if fact.interval is None else f"{fact.interval.upper:.3f}",
            fact.n,
            ", ".join(fact.findings) or "none",
        )
        for fact in decided.case.evidence
    ]
    columns = ("domain", "evaluation", "estimate", "upper bound", "n", "findings")
    print_table("Evidence", columns, rows)


def _moment(at: str | None) -> datetime:
    from openward.app import now
    from openward.statements.strict_json import parse_time

    return now() if at is None else parse_time(at)
