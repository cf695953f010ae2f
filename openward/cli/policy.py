"""`openward policy`: adopt and show."""

from pathlib import Path

import click

from openward.cli.shared_options import (
    CONFIG,
    ENDPOINT,
    JSON,
    open_configured,
    print_json,
    print_table,
    progress_bar,
)
from openward.errors import Malformed


@click.group()
def policy() -> None:
    """Adopt and show tier policies."""


@policy.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--key", type=click.Path(path_type=Path), required=True, help="The founding key.")
@CONFIG
def adopt(path: Path, key: Path, config_path: Path) -> None:
    """Sign the policy in PATH with the founding key, enter it, and decide every model under it."""
    from openward.council.in_force import policy_statement
    from openward.policy.document import parse_policy
    from openward.registrar.adoption import adopt as adopt_envelope
    from openward.statements.dsse import sign_envelope
    from openward.statements.intoto import PAYLOAD_TYPE
    from openward.statements.strict_json import parse_json
    from openward.store.custody import open_key

    document = parse_policy(parse_json(path.read_bytes()))
    envelope = sign_envelope(PAYLOAD_TYPE, policy_statement(document), [open_key(key)])
    hub = open_configured(config_path)
    with progress_bar("deciding again") as progress:
        done = adopt_envelope(hub.office, envelope, progress)
    click.echo(
        f"adopted {document.name} version {document.version} as entry {done.entry}; "
        f"{done.decided} decided under it"
    )


@policy.command()
@ENDPOINT
@JSON
def show(endpoint: str, as_json: bool) -> None:
    """Show the policy in force on a hub."""
    from openward.client.hub import read_json
    from openward.policy.document import parse_policy

    found = read_json(endpoint, "/api/openward/policy")
    if not isinstance(found, dict):
        raise Malformed("the hub answered no object")
    if as_json:
        print_json(found)
        return
    document = parse_policy(found["policy"])
    label = f" ({document.demonstration})" if document.demonstration else ""
    click.echo(f"{document.name}, version {document.version}{label}")
    click.echo(f"entry {found['entry']}, sha256 {found['sha256']}")
    rows = [
        (
            rule.domain.value,
            "yes" if rule.catastrophic else "no",
            evaluation.task,
            evaluation.samples,
            evaluation.thresholds.low,
            evaluation.thresholds.high,
            evaluation.thresholds.critical,
        )
        for rule, evaluation in document.required
    ]
    columns = ("domain", "catastrophic", "evaluation", "samples", "low", "high", "critical")
    print_table("", columns, rows)
