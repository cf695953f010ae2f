"""`openward evaluator`: keys and accreditation."""

import secrets
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openward.cli.shared_options import CONFIG, account_named, open_configured, progress_bar

if TYPE_CHECKING:
    from openward.statements.dsse import Envelope


@click.group()
def evaluator() -> None:
    """Make evaluators' keys and accredit them."""


@evaluator.command()
@click.argument("path", type=click.Path(path_type=Path))
def key(path: Path) -> None:
    """Make an Ed25519 key at PATH (mode 0600) and print its public half."""
    from openward.store.custody import create_key

    click.echo(create_key(path, secrets.token_bytes).public.pem(), nl=False)


@evaluator.command()
@click.argument("party")
@click.option(
    "--public-key",
    "public_keys",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    required=True,
    help="A public key in PEM; may be given several times.",
)
@click.option("--domain", "domains", multiple=True, required=True, help="A domain, or 'all'.")
@click.option("--days", type=click.IntRange(1, 730), default=365, show_default=True)
@click.option("--affiliated-with", multiple=True, help="A namespace it is not independent of.")
@click.option("--account", default=None, help="The account that acts for it on this hub.")
@click.option("--key", "founding", type=click.Path(path_type=Path), required=True)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=None,
    help="Only sign, into this envelope; the hub is not opened.",
)
@CONFIG
def accredit(
    party: str,
    public_keys: tuple[Path, ...],
    domains: tuple[str, ...],
    days: int,
    affiliated_with: tuple[str, ...],
    account: str | None,
    founding: Path,
    out: Path | None,
    config_path: Path,
) -> None:
    """Accredit PARTY as an evaluator, under the founding key given with --key.

    With --out the envelope is only signed, on a machine that need not be the hub; there
    openward evaluator enter takes it.
    """
    from openward.app import now as clock
    from openward.council.in_force import accreditation_statement
    from openward.evidence.accreditation import Accreditation
    from openward.statements.dsse import sign_envelope
    from openward.statements.intoto import PAYLOAD_TYPE
    from openward.statements.keys import parse_pem
    from openward.store.custody import open_key
    from openward.vocabulary import RiskDomain, parse_party

    now = clock()
    try:
        covered = tuple(RiskDomain) if "all" in domains else tuple(map(RiskDomain, domains))
    except ValueError as e:
        known = ", ".join(domain.value for domain in RiskDomain)
        raise click.UsageError(f"{e}; the domains are {known}") from e
    standing = Accreditation(
        evaluator=parse_party(party),
        keys=tuple(parse_pem(path.read_text(encoding="ascii")) for path in public_keys),
        domains=covered,
        since=now,
        until=now + timedelta(days=days),
        affiliated_with=affiliated_with,
    )
    statement = accreditation_statement(standing)
    envelope = sign_envelope(PAYLOAD_TYPE, statement, [open_key(founding)])
    if out is not None:
        out.write_bytes(envelope.text())
        click.echo(f"{out}: signed; openward evaluator enter {out.name} on the hub enters it")
        return
    _enter(config_path, envelope, account)


@evaluator.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--account", default=None, help="The account that acts for it on this hub.")
@CONFIG
def enter(path: Path, account: str | None, config_path: Path) -> None:
    """Enter the accreditation in the signed envelope PATH."""
    from openward.statements.dsse import parse_envelope

    _enter(config_path, parse_envelope(path.read_bytes()), account)


def _enter(config_path: Path, envelope: "Envelope", account: str | None) -> None:
    from openward.evidence.accreditation import parse_accreditation
    from openward.registrar.adoption import accredit as record
    from openward.statements.intoto import parse_statement
    from openward.store.accounts import set_evaluator

    standing = parse_accreditation(parse_statement(envelope.payload).predicate)
    hub = open_configured(config_path)
    with progress_bar("deciding again") as progress:
        done = record(hub.office, envelope, progress)
    if account is not None:
        with hub.office.database.writing() as connection:
            set_evaluator(connection, account_named(hub, account).id, standing.evaluator)
    click.echo(
        f"accredited {standing.evaluator} for {len(standing.domains)} domains as entry {done.entry}"
    )
