"""`openward config check`."""

from pathlib import Path

import click


@click.group()
def config() -> None:
    """Check a configuration file."""


@config.command()
@click.argument("path", type=click.Path(path_type=Path), default=Path("openward.toml"))
def check(path: Path) -> None:
    """Read PATH as the hub would, and say what it means."""
    from openward.config import read_config

    place = read_config(path)
    click.echo(f"{path}: serves {place.config.endpoint}, log {place.config.origin}")
