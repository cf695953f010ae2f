"""`openward access`: ask for a model, and see what became of it."""

from collections.abc import Mapping

import click

from openward.cli.shared_options import (
    ENDPOINT,
    JSON,
    print_json,
    print_table,
    token_of_caller,
)
from openward.errors import Malformed
from openward.statements.strict_json import JsonValue


@click.group()
def access() -> None:
    """Request access to a model, and see what became of it."""


@access.command()
@click.argument("model")
@click.option("--purpose", default=None, help="What you will use it for, in your own words.")
@click.option("--accept-terms", is_flag=True, help="You have read the terms and accept them.")
@click.option("--revision", default="main", show_default=True)
@click.option("--type", "kind", default="model", type=click.Choice(["model", "dataset", "space"]))
@ENDPOINT
@JSON
def request(
    model: str,
    purpose: str | None,
    accept_terms: bool,
    revision: str,
    kind: str,
    endpoint: str,
    as_json: bool,
) -> None:
    """Ask for MODEL. Without --accept-terms the terms are shown and asked about."""
    from openward.client.hub import API, HubReader

    with HubReader(endpoint, token_of_caller()) as hub:
        policy = _members(hub.read_json(f"{API}/policy"))
        terms = _members(_members(policy["policy"])["terms"])
        if not accept_terms:
            click.echo(f"Terms of use:\n\n{terms['text']}\n")
            click.confirm("Do you accept them?", abort=True)
        stated = purpose or click.prompt("What will you use it for?")
        body: dict[str, JsonValue] = {
            "repo": model,
            "type": kind,
            "revision": revision,
            "purpose": stated,
            "terms": str(terms["sha256"]),
        }
        code, told = hub.post(f"{API}/access-requests", json=body)
    if as_json:
        print_json(told)
    elif code < 400 and told["state"] == "accepted":
        click.echo(f"granted until {told['until']}; hf download {model} works now")
    elif code < 400:
        click.echo(f"pending: the publisher answers by {told['due']}")
    if code >= 400:
        raise click.ClickException(_refusal(told))


def _refusal(told: Mapping[str, object]) -> str:
    lines = [str(told.get("detail"))]
    changes = told.get("changes")
    if isinstance(changes, list) and changes:
        lines.append("To change this: " + " ".join(map(str, changes)))
    for name in ("alternative", "appeal"):
        if told.get(name):
            lines.append(f"{name.capitalize()}: {told[name]}")
    return "\n  ".join(lines)


@access.command("list")
@ENDPOINT
@JSON
def list_(endpoint: str, as_json: bool) -> None:
    """List your requests: what was answered, by when, and until when your leases run."""
    from openward.client.hub import API, read_json

    found = read_json(endpoint, f"{API}/access-requests", token_of_caller())
    if as_json:
        print_json(found)
        return
    if not isinstance(found, list):
        raise Malformed("the hub answered no list")
    columns = ("repo", "state", "asked_at", "due", "lease_until", "reason")
    rows = [[_members(each).get(name) for name in columns] for each in found]
    print_table("Your requests", columns, rows)


@access.command()
@click.argument("model")
@click.option("--revision", default="main", show_default=True)
@ENDPOINT
@JSON
def evaluate(model: str, revision: str, endpoint: str, as_json: bool) -> None:
    """As an accredited evaluator, borrow MODEL to evaluate it."""
    from openward.client.hub import API, HubReader

    with HubReader(endpoint, token_of_caller()) as hub:
        body = {"repo": model, "revision": revision}
        code, told = hub.post(f"{API}/evaluation-leases", json=body)
    if code >= 400:
        raise click.ClickException(_refusal(told))
    if as_json:
        print_json(told)
        return
    click.echo(f"lent for evaluation until {told['until']}, entry {told['entry']}")


def _members(value: object) -> dict[str, object]:
    if not isinstance(value, dict):
        raise Malformed("the hub answered no object")
    return value
