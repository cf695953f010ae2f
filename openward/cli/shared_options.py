"""Options that several commands share, and how they print."""

import json
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

if TYPE_CHECKING:
    from openward.app import Hub
    from openward.store.accounts import AccountRow

Command = TypeVar("Command", bound=Callable[..., object])

CONFIG = click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    default=Path("openward.toml"),
    show_default=True,
    help="The hub's configuration file.",
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
ENDPOINT = click.option(
    "--endpoint", envvar="HF_ENDPOINT", default="http://127.0.0.1:8765", show_default=True,
    help="The hub's address.",
)  # fmt: skip


def open_configured(path: Path) -> "Hub":
    """The hub of a configuration, opened for a command on the hub's own machine."""
    from openward.app import open_hub

    return open_hub(path)


def account_named(hub: "Hub", name: str) -> "AccountRow":
    """The account of that name; a usage error where there is none."""
    from openward.store.accounts import find_account

    with hub.office.database.reading() as connection:
        found = find_account(connection, name)
    if found is None:
        raise click.ClickException(f"no account is called {name}; openward account list shows all")
    return found


def token_of_caller() -> str | None:
    """The token the stock client would use: HF_TOKEN, else the file `hf auth login` wrote."""
    token = os.environ.get("HF_TOKEN")  # noqa: TID251  # as huggingface_hub does
    if token:
        return token.strip()
    home = os.environ.get("HF_HOME", "~/.cache/huggingface")  # noqa: TID251
    named = os.environ.get("HF_TOKEN_PATH", f"{home}/token")  # noqa: TID251
    path = Path(named).expanduser()
    return path.read_text(encoding="utf-8").strip() if path.is_file() else None


def print_json(value: object) -> None:
    click.echo(json.dumps(value, indent=2, ensure_ascii=False))


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table for people; programs ask for --json."""
    from rich.console import Console
    from rich.table import Table

    table = Table(*columns, title=title or None, title_justify="left", header_style="bold")
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table)


@contextmanager
def progress_bar(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar for long work; the callable is told how many of how many are done."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)

        def tell(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        yield tell


@contextmanager
def progress_of_steps() -> Iterator[Callable[[str, int, int], None]]:
    """A bar that also says which step is under way."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None)

        def tell(what: str, done: int, total: int) -> None:
            bar.update(task, description=what, completed=done, total=total)

        yield tell
