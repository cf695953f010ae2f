"""`openward token`: create, list, revoke. A secret is shown once and never taken as an argument."""

import sys
from datetime import timedelta
from pathlib import Path

import click

from openward.cli.shared_options import (
    CONFIG,
    JSON,
    account_named,
    open_configured,
    print_json,
    print_table,
)


@click.group()
def token() -> None:
    """Create, list and revoke tokens, on the hub's own machine."""


@token.command()
@click.argument("account")
@click.option("--name", default="cli", show_default=True, help="What the owner calls it.")
@click.option("--role", type=click.Choice(["read", "write"]), default="read", show_default=True)
@click.option("--days", type=click.IntRange(1, 3650), default=None, help="Ends after so many days.")
@JSON
@CONFIG
def create(
    account: str, name: str, role: str, days: int | None, as_json: bool, config_path: Path
) -> None:
    """Create a token for ACCOUNT and print its secret, once."""
    from openward.registrar.accounts import issue_token

    hub = open_configured(config_path)
    lasting = None if days is None else timedelta(days=days)
    made, secret = issue_token(hub.office, account_named(hub, account), name, role, lasting)
    if as_json:
        print_json({"id": made.id, "token": secret, "role": role})
        return
    click.echo(secret)
    click.echo(f"id {made.id}; the hub keeps only a digest and cannot show this again", err=True)


@token.command("list")
@click.argument("account", required=False)
@JSON
@CONFIG
def list_(account: str | None, as_json: bool, config_path: Path) -> None:
    """List the tokens of ACCOUNT, or of everybody."""
    from openward.store.accounts import account_by_id, tokens_of

    hub = open_configured(config_path)
    of = None if account is None else account_named(hub, account).id
    with hub.office.database.reading() as connection:
        tokens = [(t, account_by_id(connection, t.account)) for t in tokens_of(connection, of)]
    rows = [
        {
            "id": t.id,
            "account": owner.name if owner else None,
            "name": t.name,
            "role": t.role,
            "created": t.created_at.isoformat(),
            "expires": t.expires_at.isoformat() if t.expires_at else None,
            "revoked": t.revoked_at.isoformat() if t.revoked_at else None,
        }
        for t, owner in tokens
    ]
    if as_json:
        print_json(rows)
        return
    columns = ("id", "account", "name", "role", "created", "expires", "revoked")
    print_table("Tokens", columns, [[row[c] for c in columns] for row in rows])


@token.command()
@click.argument("id", metavar="ID_OR_-")
@CONFIG
def revoke(id: str, config_path: Path) -> None:
    """End a token at once: by its id, or with - by its secret on standard input."""
    from openward.store.accounts import revoke_token

    hub = open_configured(config_path)
    secret = sys.stdin.readline(4096).strip() if id == "-" else None
    with hub.office.database.writing() as connection:
        ended = revoke_token(connection, hub.office.clock(), id=id, secret=secret)
    if ended is None:
        named = "that secret" if secret is not None else f"the id {id[:64]}"
        raise click.ClickException(f"there is no token with {named}")
    click.echo(f"revoked {ended.id} ({ended.name})")
