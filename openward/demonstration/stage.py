"""The stage of the tour: a hub that is served, the stock client, and a hand that flips bytes."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from openward.errors import Unavailable, VerificationError
from openward.registrar.founding import CONFIGURATION
from openward.tlog.note import NoteKey
from openward.vocabulary import Sha256

_START_LIMIT = 60.0  # seconds
_COMMAND_LIMIT = 300  # seconds
_BIN = Path(sys.executable).parent

Tell = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Stage:
    """A running demonstration hub, and what demo.json says of it."""

    folder: Path
    endpoint: str
    tokens: dict[str, str]
    models: dict[str, str]
    key: NoteKey
    console: Console

    def hf(self, arguments: Sequence[str], who: str | None) -> str:
        """Run the stock client; its output. Raises VerificationError when it fails."""
        environment = {**os.environ, "HF_ENDPOINT": self.endpoint,  # noqa: TID251  # for a subprocess
                       "HF_HOME": str(self.folder.parent / "hf"), "HF_HUB_DISABLE_TELEMETRY": "1",
                       "HF_HUB_DISABLE_PROGRESS_BARS": "1", "NO_COLOR": "1"}  # fmt: skip
        environment.pop("HF_TOKEN", None)
        if who is not None:
            environment["HF_TOKEN"] = self.tokens[who]
        done = subprocess.run(  # noqa: S603  # our own arguments, no shell
            [str(_BIN / "hf"), *arguments],
            env=environment,
            capture_output=True,
            text=True,
            timeout=_COMMAND_LIMIT,
            check=False,
        )
        if done.returncode:
            raise VerificationError(f"hf {arguments[0]}: {last_line(done.stderr or done.stdout)}")
        return done.stdout or done.stderr

    def blob(self, digest: Sha256) -> Path:
        """Where the hub keeps some bytes."""
        return self.folder / "blobs" / digest[:2] / digest[2:4] / digest


def silent(what: str, done: int, total: int) -> None:
    pass


def last_line(said: str) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return lines[-1] if lines else "done"


def free_port() -> int:
    with socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@contextmanager
def served(folder: Path, port: int) -> Iterator[None]:
    """The hub, served by a process of its own that ends with the context."""
    arguments = [str(_BIN / "openward"), "serve", "--config", str(folder / CONFIGURATION)]
    with (folder.parent / "server.log").open("wb") as log:
        server = subprocess.Popen(arguments, stdout=log, stderr=log)  # noqa: S603
        try:
            _wait(server, port, folder.parent / "server.log")
            yield
        finally:
            server.terminate()
            server.wait(30)


def _wait(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise Unavailable(f"the server ended: {log.read_text(errors='replace')[-500:]}")
        with socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise Unavailable("the server did not start")


@contextmanager
def narrated(console: Console) -> Iterator[Tell]:
    columns = (BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        said = ""

        def tell(what: str, done: int, total: int) -> None:
            nonlocal said
            if what != said:
                console.print(f"  {what}")
                said = what
            bar.update(task, description=what, completed=done, total=total)

        yield tell


@contextmanager
def flipped(path: Path) -> Iterator[None]:
    """One bit of the file's middle byte turned over, and put back."""
    mode = path.stat().st_mode
    path.chmod(0o600)
    at = path.stat().st_size // 2
    _turn(path, at)
    try:
        yield
    finally:
        _turn(path, at)
        path.chmod(mode)


def _turn(path: Path, at: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))
