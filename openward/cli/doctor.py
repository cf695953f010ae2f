"""`openward doctor`: what is configured, missing or unsafe."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING

import click

from openward.cli.shared_options import CONFIG, JSON, print_json, print_table
from openward.errors import OpenwardError

if TYPE_CHECKING:
    from openward.app import Hub


class Verdict(Enum):
    """How a thing stands."""

    GOOD = "good"
    LOOK = "look"
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Line:
    """One thing looked at, how it stands, and what to do."""

    what: str
    verdict: Verdict
    says: str


@click.command()
@JSON
@CONFIG
def doctor(as_json: bool, config_path: Path) -> None:
    """Say what is configured, missing or unsafe. Exits with 1 when something is broken."""
    lines = list(_examine(config_path))
    if as_json:
        print_json([{"what": n.what, "verdict": n.verdict.value, "says": n.says} for n in lines])
    else:
        print_table("", ("what", "verdict", "says"),
                    [(n.what, n.verdict.value, n.says) for n in lines])  # fmt: skip
    if any(line.verdict is Verdict.BROKEN for line in lines):
        raise SystemExit(1)


def _examine(path: Path) -> Iterator[Line]:
    from openward.app import open_hub

    try:
        hub = open_hub(path)
    except OpenwardError as e:
        yield Line("configuration", Verdict.BROKEN, str(e))
        return
    yield Line("configuration", Verdict.GOOD, f"{path}: {hub.place.config.endpoint}")
    try:
        yield from _transport(hub)
        yield from _keys(hub)
        yield from _record(hub)
        yield from _policy(hub)
        yield from _people(hub)
        yield from _blobs(hub)
    except OpenwardError as e:
        yield Line("store", Verdict.BROKEN, str(e))
    finally:
        hub.close()


def _transport(hub: "Hub") -> Iterator[Line]:
    config = hub.place.config
    local = "//127.0.0.1" in config.endpoint or "//localhost" in config.endpoint
    if config.endpoint.startswith("https://") or local:
        yield Line("endpoint", Verdict.GOOD, config.endpoint)
    else:
        yield Line("endpoint", Verdict.LOOK, "tokens travel unencrypted; put TLS in front")
    if config.demonstration:
        yield Line("demonstration", Verdict.LOOK, "keys and tokens lie beside it: never for real")
    if not config.contact:
        yield Line("contact", Verdict.LOOK, "nobody is named whom a refused person can write to")


def _keys(hub: "Hub") -> Iterator[Line]:
    from openward.registrar.founding import FOUNDING_KEY

    yield Line("keys", Verdict.GOOD, "log, hub and address keys open, readable by this user alone")
    if hub.place.path(FOUNDING_KEY).exists():
        yield Line(
            "founding key",
            Verdict.LOOK,
            f"{FOUNDING_KEY} lies on the hub; keep it offline, it adopts policies",
        )
    else:
        yield Line("founding key", Verdict.GOOD, "not on this machine")


def _record(hub: "Hub") -> Iterator[Line]:
    from openward.store.reads import entries, log_size, published
    from openward.tlog.checkpoint import verify_checkpoint
    from openward.tlog.integration import Edge, integrate
    from openward.tlog.tile import paths_of

    office = hub.office
    with office.database.reading() as connection:
        durable = log_size(connection)
        size, note = published(connection, office.config.origin)
        raw = entries(connection, 0, size)
    if note is None:
        yield Line("record", Verdict.LOOK, f"{durable} entries, none published; serve publishes")
        return
    checkpoint = verify_checkpoint(note, office.log_key)
    grown = integrate(Edge(), raw)
    if grown.root != checkpoint.root:
        yield Line("record", Verdict.BROKEN, "the entries do not lead to the signed checkpoint")
        return
    yield Line("record", Verdict.GOOD, f"{size} of {durable} entries published and proven")
    for path in paths_of(size):
        if office.log.tiles.read(path.text()) != grown.tiles[path.text()]:
            yield Line(path.text(), Verdict.BROKEN, "missing, or not what the entries make it")
    shown = office.log.checkpoint()
    if shown is not None and verify_checkpoint(shown, office.log_key).size > size:
        yield Line("checkpoint", Verdict.BROKEN, "published beyond the database: an older copy")
    elif shown != note:
        yield Line("checkpoint", Verdict.LOOK, "the published file is not the last one signed")


def _policy(hub: "Hub") -> Iterator[Line]:
    from openward.policy.document import parse_policy
    from openward.registrar.adoption import in_force
    from openward.statements.strict_json import parse_json
    from openward.store.reads import policy_in_force

    now = hub.office.clock()
    with hub.office.database.reading() as connection:
        in_force(connection)  # raises where the record holds what cannot be taken
        row = policy_in_force(connection, now)
    if row is None:
        yield Line("policy", Verdict.BROKEN, "none adopted: nothing can be decided or served")
        return
    policy = parse_policy(parse_json(row.document))
    if not policy.valid_from <= now < policy.valid_until:
        yield Line("policy", Verdict.BROKEN, f"{policy.name} is not in its time: all unassessed")
    else:
        until = f"{policy.valid_until:%Y-%m-%d}"
        yield Line("policy", Verdict.GOOD, f"{policy.name} version {policy.version}, until {until}")


def _people(hub: "Hub") -> Iterator[Line]:
    from openward.registrar.casework import read_register
    from openward.store.accounts import all_accounts, tokens_of

    now = hub.office.clock()
    with hub.office.database.reading() as connection:
        accounts, tokens = all_accounts(connection), tokens_of(connection)
        running = [a for a in read_register(connection).accreditations if a.covers(now)]
    endless = [t for t in tokens if t.expires_at is None and t.revoked_at is None]
    yield Line("accounts", Verdict.GOOD if accounts else Verdict.LOOK, f"{len(accounts)}")
    if endless:
        yield Line("tokens", Verdict.LOOK, f"{len(endless)} never expire; create with --days")
    if running:
        yield Line("evaluators", Verdict.GOOD, f"{len(running)} accreditations running")
    else:
        yield Line("evaluators", Verdict.LOOK, "none accredited: nothing can be assessed")


def _blobs(hub: "Hub") -> Iterator[Line]:
    from openward.store.contents import blobs_missing

    with hub.office.database.reading() as connection:
        missing = blobs_missing(connection, hub.office.blobs)
    for digest in missing[:20]:
        yield Line(f"blob {digest[:16]}", Verdict.BROKEN, "missing, or not of its recorded size")
    free = shutil.disk_usage(hub.place.folder).free
    verdict = Verdict.GOOD if free > 1 << 30 else Verdict.LOOK
    yield Line("disk", verdict, f"{free / (1 << 30):.1f} GiB free")
