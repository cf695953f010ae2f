"""`openward log`: the public record, checked and shown."""

from pathlib import Path

import click

from openward.cli.shared_options import (
    ENDPOINT,
    JSON,
    print_json,
    print_table,
    progress_of_steps,
)


@click.group()
def log() -> None:
    """Read the public record."""


@log.command("list")
@ENDPOINT
@click.option("--vkey", default=None, help="The log's verifier key, known from elsewhere.")
@JSON
def list_(endpoint: str, vkey: str | None, as_json: bool) -> None:
    """Fetch the whole record, check it against its checkpoint, and list its entries."""
    from openward.client.hub import HubReader
    from openward.client.record import read_key, verify_record
    from openward.statements.entry import body_json
    from openward.statements.strict_json import format_time
    from openward.tlog.note import parse_vkey

    with HubReader(endpoint) as hub, progress_of_steps() as tell:
        key = read_key(hub) if vkey is None else parse_vkey(vkey)
        record = verify_record(hub, key, tell)
    if as_json:
        print_json(
            [
                {
                    "index": index,
                    "kind": entry.kind,
                    "at": format_time(entry.at),
                    "body": body_json(entry.body),
                }
                for index, entry in enumerate(record.entries)
            ]
        )
        return
    rows = [(n, e.kind, format_time(e.at)) for n, e in enumerate(record.entries)]
    print_table(f"{key.name}: {record.checkpoint.size} entries", ("index", "kind", "at"), rows)


@log.command()
@click.argument("index", type=click.IntRange(min=0))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A .tlog-proof file.")
@ENDPOINT
def proof(index: int, out: Path, endpoint: str) -> None:
    """Keep the inclusion proof of entry INDEX in a file (c2sp.org/tlog-proof)."""
    from openward.client.hub import API, HubReader

    with HubReader(endpoint) as hub:
        out.write_bytes(hub.read(f"{API}/entries/{index}/proof", limit=1 << 20))
    click.echo(f"{out}: proof of entry {index}")
