"""`openward init` and `openward serve`."""

import json
import os
import secrets
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import click

from openward.cli.shared_options import CONFIG


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--endpoint", default="http://127.0.0.1:8765", show_default=True)
@click.option("--origin", default="", help="The log's name: a domain and a path you own.")
@click.option("--database", default="", help="A PostgreSQL address; SQLite in FOLDER otherwise.")
@click.option("--demo", is_flag=True, help="With keys, accounts, policy and real models to try.")
def init(folder: Path, endpoint: str, origin: str, database: str, demo: bool) -> None:
    """Make a new hub in FOLDER."""
    from openward.app import now
    from openward.config import HubConfig, StoreConfig
    from openward.registrar.founding import CONFIGURATION, FOUNDING_KEY, found_hub

    if demo:
        _init_demonstration(folder, endpoint)
        return
    config = HubConfig(
        endpoint=endpoint, origin=origin or "localhost/openward", port=_port_of(endpoint)
    )
    if database:
        config = replace(config, store=StoreConfig(database=database))
    found_hub(folder, config, now, secrets.token_bytes)
    click.echo(f"""A hub in {folder}. Next:
  openward account add NAME --config {folder / CONFIGURATION}
  openward policy adopt POLICY.json --key {folder / FOUNDING_KEY} --config {folder / CONFIGURATION}
  openward serve --config {folder / CONFIGURATION}
Keep {folder / FOUNDING_KEY} offline: it adopts policies and accredits evaluators.""")


def _port_of(endpoint: str) -> int:
    """The port to listen on: the address's own, where the address is this machine's."""
    from urllib.parse import urlsplit

    parts = urlsplit(endpoint)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.UsageError(
            f"--endpoint takes an address like https://hub.example, not {endpoint}"
        )
    local = parts.hostname in ("127.0.0.1", "localhost", "::1")
    return parts.port if local and parts.port else 8765


@click.command()
@CONFIG
def upgrade(config_path: Path) -> None:
    """Bring a hub's database to this release's version. Stop the hub and keep a copy first."""
    from openward.config import read_config
    from openward.store.database import create_database

    create_database(read_config(config_path).database)
    click.echo("the database is at this release's version")


def _init_demonstration(folder: Path, endpoint: str) -> None:
    from openward.cli.shared_options import progress_of_steps
    from openward.demonstration.hub import make_demonstration
    from openward.registrar.founding import CONFIGURATION

    with progress_of_steps() as tell:
        described = make_demonstration(folder, endpoint, tell)
    click.echo(f"""A demonstration hub in {folder}.
Its tokens and models are listed in {folder / "demo.json"}.
  openward serve --config {folder / CONFIGURATION}
Then open {described["endpoint"]} in a browser.""")


@click.command()
@CONFIG
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Instead of the file's.")
@click.option("--host", default=None, help="Instead of the file's.")
def serve(config_path: Path, port: int | None, host: str | None) -> None:
    """Serve the hub of a configuration until it is stopped."""
    from openward.config import CONFIGURATION_VARIABLE, read_config

    place = read_config(config_path)
    if port is not None:
        move_endpoint(config_path, port)
        place = read_config(config_path)
    program = shutil.which("granian", path=str(Path(sys.executable).parent)) or "granian"
    arguments = [
        program,
        "--interface", "asgi",
        "--factory", "openward.app:site",
        "--host", host or place.config.host,
        "--port", str(place.config.port),
        "--workers", "1",
        "--no-ws",
        "--log-level", "warning",
    ]  # fmt: skip
    environment = {**os.environ, CONFIGURATION_VARIABLE: str(config_path.resolve())}  # noqa: TID251
    click.echo(f"serving {place.config.endpoint}", err=True)
    os.execve(program, arguments, environment)  # noqa: S606  # no shell, arguments of our own


def move_endpoint(config_path: Path, port: int) -> None:
    """Write another port into the configuration, and into demo.json where there is one."""
    from urllib.parse import urlsplit

    from openward.config import read_config, write_config

    place = read_config(config_path)
    parts = urlsplit(place.config.endpoint)
    if parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        endpoint = place.config.endpoint  # behind a proxy: the port outside is not ours
    else:
        endpoint = parts._replace(netloc=f"{parts.hostname}:{port}").geturl()
    config = replace(place.config, endpoint=endpoint, port=port)
    config_path.write_text(write_config(config), encoding="utf-8")
    demo = place.path("demo.json")
    if demo.is_file():
        described = json.loads(demo.read_text(encoding="utf-8"))
        described["endpoint"] = endpoint
        described["log"]["url"] = f"{endpoint}/log"
        demo.write_text(json.dumps(described, indent=2) + "\n", encoding="utf-8")
