"""`openward policy`: adopt and show."""

from pathlib import Path
from typing import TYPE_CHECKING

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

if TYPE_CHECKING:
    from openward.statements.dsse import Envelope

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def policy() -> None:
    """Adopt and show tier policies."""


@policy.command()
@click.argument("path", type=FILE)
@click.option("--key", type=click.Path(path_type=Path), required=True, help="The founding key.")
@click.option("--out", type=click.Path(path_type=Path), required=True, help="The envelope.")
def sign(path: Path, key: Path, out: Path) -> None:
    """Sign the policy in PATH, on a machine that need not be the hub."""
    out.write_bytes(_signed(path, key).text())
    click.echo(f"{out}: signed; openward policy adopt {out.name} on the hub enters it")


@policy.command()
@click.argument("path", type=FILE)
@click.option("--key", type=click.Path(path_type=Path), default=None, help="The founding key.")
@CONFIG
def adopt(path: Path, key: Path | None, config_path: Path) -> None:
    """Enter the policy in PATH, and decide every model under it.

    PATH is an envelope made by openward policy sign, or a policy to be signed now with --key.
    """
    from openward.policy.document import parse_policy
    from openward.registrar.adoption import adopt as adopt_envelope
    from openward.statements.dsse import parse_envelope
    from openward.statements.intoto import parse_statement
    from openward.statements.strict_json import parse_json

    value = parse_json(path.read_bytes())
    if isinstance(value, dict) and "payloadType" in value:
        envelope = parse_envelope(path.read_bytes())
    elif key is None:
        raise click.UsageError("sign it first (openward policy sign), or name the founding --key")
    else:
        envelope = _signed(path, key)
    document = parse_policy(parse_statement(envelope.payload).predicate)
    hub = open_configured(config_path)
    with progress_bar("deciding again") as progress:
        done = adopt_envelope(hub.office, envelope, progress)
    click.echo(
        f"adopted {document.name} version {document.version} as entry {done.entry}; "
        f"{done.decided} decided under it"
    )


def _signed(path: Path, key: Path) -> "Envelope":
    from openward.council.in_force import policy_statement
    from openward.policy.document import parse_policy
    from openward.statements.dsse import sign_envelope
    from openward.statements.intoto import PAYLOAD_TYPE
    from openward.statements.strict_json import parse_json
    from openward.store.custody import open_key

    document = parse_policy(parse_json(path.read_bytes()))
    return sign_envelope(PAYLOAD_TYPE, policy_statement(document), [open_key(key)])


@policy.command()
@ENDPOINT
@JSON
def show(endpoint: str, as_json: bool) -> None:
    """Show the policy in force on a hub."""
    from openward.client.hub import API, read_json
    from openward.policy.document import parse_policy

    found = read_json(endpoint, f"{API}/policy")
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
