"""`openward evidence`: read a log, sign it, submit it."""

from contextlib import ExitStack
from pathlib import Path

import click

from openward.cli.shared_options import (
    ENDPOINT,
    JSON,
    print_json,
    print_table,
    token_of_caller,
)

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
SAMPLES = click.option(
    "--samples", type=FILE, default=None, help="The samples beside lm-eval's results."
)


@click.group()
def evidence() -> None:
    """Read, sign and submit capability evidence."""


@evidence.command()
@click.argument("log", type=FILE)
@SAMPLES
@click.option("--task", default=None, help="Which task of several in lm-eval's results.")
@JSON
def read(log: Path, samples: Path | None, task: str | None, as_json: bool) -> None:
    """Read an evaluation LOG: scores recomputed from its samples, and what does not add up."""
    from openward.client.submit import read_log_file

    found = read_log_file(log, samples, task)
    if as_json:
        print_json(
            {
                "task": found.task,
                "model": found.model,
                "status": found.state.value,
                "samples": {"planned": found.planned, "present": found.present},
                "measurements": [
                    {
                        "scorer": m.scorer,
                        "estimate": m.estimate,
                        "n": m.n,
                        "lower": m.lower,
                        "upper": m.upper,
                    }
                    for m in found.measurements
                ],
                "findings": [{"code": f.code.value, "says": f.says} for f in found.findings],
                "admissible": found.admissible,
            }
        )
        return
    click.echo(f"{found.task} on {found.model}: {found.state.value}, "
               f"{found.present} of {found.planned} samples")  # fmt: skip
    rows = [(m.scorer, f"{m.estimate:.4f}", f"{m.lower:.4f}", f"{m.upper:.4f}", m.n)
            for m in found.measurements]  # fmt: skip
    print_table("", ("scorer", "estimate", "lower", "upper", "n"), rows)
    for finding in found.findings:
        click.echo(f"finding {finding.code.value}: {finding.says}")
    click.echo("admissible" if found.admissible else "not admissible")


@evidence.command()
@click.argument("log", type=FILE)
@SAMPLES
@click.option("--key", type=click.Path(path_type=Path), required=True, help="The evaluator's key.")
@click.option("--evaluator", required=True, help="The name it is accredited under.")
@click.option("--domain", required=True, help="The risk domain, e.g. cyber.")
@click.option("--subject", default=None, help="The weights: their subject digest.")
@click.option(
    "--weights",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="Or the weights themselves: a file, or the folder that was uploaded.",
)
@click.option("--task", default=None, help="Which task of several.")
@click.option("--scorer", default=None, help="Which scorer of several.")
@click.option(
    "--elicitation",
    "effort",
    type=click.Choice(["none", "prompted", "scaffolded", "fine-tuned"]),
    default="prompted",
    show_default=True,
)
@click.option("--elicitation-says", default="as logged", show_default=True)
@click.option(
    "--relationship",
    type=click.Choice(["independent", "developer", "affiliated"]),
    default="independent",
    show_default=True,
    help="What the evaluator is to the developer.",
)
@click.option("--out", type=click.Path(path_type=Path), default=None, help="Default: LOG.dsse.json")
def sign(
    log: Path,
    samples: Path | None,
    key: Path,
    evaluator: str,
    domain: str,
    subject: str | None,
    weights: tuple[Path, ...],
    task: str | None,
    scorer: str | None,
    effort: str,
    elicitation_says: str,
    relationship: str,
    out: Path | None,
) -> None:
    """Sign a capability-evaluation statement over LOG, bound to the weights evaluated."""
    from openward.client.submit import claim_on, subject_of_files
    from openward.evidence.capability_evaluation import PREDICATE_TYPE, Effort, Relationship
    from openward.statements.dsse import sign_envelope
    from openward.statements.intoto import PAYLOAD_TYPE, statement_bytes
    from openward.store.custody import open_key
    from openward.vocabulary import parse_party, parse_sha256

    if (subject is None) == (not weights):
        raise click.UsageError("name the weights by --subject DIGEST or by --weights FILE ...")
    digest = parse_sha256(subject) if subject else subject_of_files(weights).digest
    claim = claim_on(
        log,
        samples,
        evaluator=parse_party(evaluator),
        domain=domain,
        task=task,
        scorer=scorer,
        effort=Effort(effort),
        says=elicitation_says,
        relationship=Relationship(relationship),
    )
    payload = statement_bytes([("weights", digest)], PREDICATE_TYPE, claim.predicate())
    envelope = sign_envelope(PAYLOAD_TYPE, payload, [open_key(key)])
    target = out or log.with_name(log.name + ".dsse.json")
    target.write_bytes(envelope.text())
    click.echo(f"{target}: {claim.task} on {digest}, signed as {evaluator}")


@evidence.command()
@click.argument("envelope", type=FILE)
@click.argument("log", type=FILE)
@SAMPLES
@ENDPOINT
@JSON
def submit(envelope: Path, log: Path, samples: Path | None, endpoint: str, as_json: bool) -> None:
    """File a signed ENVELOPE with its LOG on a hub, with the caller's own token (HF_TOKEN)."""
    from openward.client.hub import API, HubReader, Part

    binary = "application/octet-stream"
    with ExitStack() as opened:
        hub = opened.enter_context(HubReader(endpoint, token_of_caller()))
        files: dict[str, Part] = {
            "envelope": (envelope.name, envelope.read_bytes(), "application/json"),
            "log": (log.name, opened.enter_context(log.open("rb")), binary),
        }
        if samples is not None:
            files["samples"] = (samples.name, opened.enter_context(samples.open("rb")), binary)
        code, answer = hub.post(f"{API}/evidence", files=files)
    if code >= 400:
        raise click.ClickException(str(answer.get("detail")))
    if as_json:
        print_json(answer)
        return
    stands = f"Tier {answer['tier']}" if answer["tier"] else answer["state"]
    said = f"the weights now stand: {stands}" if stands else "no repository here holds the weights"
    click.echo(f"filed {answer['statement']}; {said}")
