"""`openward account`: add, verify, link, list."""

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
def account() -> None:
    """Add, verify and list accounts, on the hub's own machine."""


@account.command()
@click.argument("name")
@click.option("--fullname", default="", help="The name people read.")
@click.option("--email", default=None, help="Kept private; nobody else sees it.")
@click.option("--organisation", is_flag=True, help="An organisation; needs --founder.")
@click.option("--founder", default=None, help="The account that administers the organisation.")
@CONFIG
def add(
    name: str,
    fullname: str,
    email: str | None,
    organisation: bool,
    founder: str | None,
    config_path: Path,
) -> None:
    """Open an account called NAME."""
    from openward.registrar.accounts import open_account, open_organisation

    hub = open_configured(config_path)
    if organisation:
        if founder is None:
            raise click.UsageError("an organisation needs --founder NAME")
        open_organisation(hub.office, name, account_named(hub, founder), fullname=fullname)
    else:
        open_account(hub.office, name, fullname=fullname, email=email)
    click.echo(f"added {name}")


@account.command()
@click.argument("organisation")
@click.argument("name")
@click.option("--role", type=click.Choice(["admin", "write", "read"]), default="write")
@CONFIG
def join(organisation: str, name: str, role: str, config_path: Path) -> None:
    """Give NAME a role in ORGANISATION."""
    from openward.registrar import accounts

    hub = open_configured(config_path)
    accounts.join(hub.office, account_named(hub, organisation), account_named(hub, name), role)
    click.echo(f"{name} may {role} in {organisation}")


@account.command()
@click.argument("name")
@click.option("--how", required=True, help="How the identity was verified, e.g. 'passport seen'.")
@CONFIG
def verify(name: str, how: str, config_path: Path) -> None:
    """Note that the identity behind NAME was verified, and how."""
    from openward.store.accounts import set_verified

    hub = open_configured(config_path)
    found = account_named(hub, name)
    with hub.office.database.writing() as connection:
        set_verified(connection, found.id, how, hub.office.clock())
    click.echo(f"{name}: identity verified ({how})")


@account.command()
@click.argument("name")
@CONFIG
def link(name: str, config_path: Path) -> None:
    """Print a link that signs a browser in as NAME, once, within 15 minutes."""
    from openward.registrar.accounts import issue_sign_in_link

    hub = open_configured(config_path)
    secret = issue_sign_in_link(hub.office, account_named(hub, name))
    click.echo(f"{hub.place.config.endpoint}/login?link={secret}")


@account.command("list")
@JSON
@CONFIG
def list_(as_json: bool, config_path: Path) -> None:
    """List the accounts."""
    from openward.store.accounts import all_accounts

    hub = open_configured(config_path)
    with hub.office.database.reading() as connection:
        accounts = all_accounts(connection)
    if as_json:
        print_json(
            [
                {
                    "name": a.name,
                    "kind": a.kind,
                    "verified": a.verified_at.isoformat() if a.verified_at else None,
                    "evaluator": a.evaluator,
                }
                for a in accounts
            ]
        )
        return
    rows = [(a.name, a.kind, a.verified_how or "not verified", a.evaluator) for a in accounts]
    print_table("Accounts", ("name", "kind", "identity", "evaluator"), rows)
