"""One demonstration hub for these tests: made by `init --demo`, served by `serve`."""

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

OPENWARD = [sys.executable, "-c", "from openward.cli import main; main()"]
ROOT = Path(__file__).resolve().parents[2]
_START_LIMIT = 120  # seconds


@dataclass(frozen=True)
class Demonstration:
    """A running demonstration hub, its folder and what demo.json says."""

    folder: Path
    described: dict[str, dict[str, str]]
    endpoint: str
    home: Path

    @property
    def models(self) -> dict[str, str]:
        return self.described["models"]

    @property
    def tokens(self) -> dict[str, str]:
        return self.described["tokens"]

    @property
    def vkey(self) -> str:
        return self.described["log"]["vkey"]

    def run(
        self, *arguments: str, token: str | None = None, stdin: str = ""
    ) -> "subprocess.CompletedProcess[str]":
        """Run `openward` as a person would, against this hub."""
        environment = {
            **os.environ,
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(self.home),
            "PYTHONPATH": str(ROOT),
            "COLUMNS": "200",
        }
        environment.pop("HF_TOKEN", None)
        if token is not None:
            environment["HF_TOKEN"] = token
        return subprocess.run(
            [*OPENWARD, *arguments],
            env=environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )

    def blob(self, sha256: str) -> Path:
        return self.folder / "blobs" / sha256[:2] / sha256[2:4] / sha256


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    folder = tmp_path_factory.mktemp("demonstration") / "hub"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    made = subprocess.run(
        [*OPENWARD, "init", "--demo", str(folder)],
        env=environment, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    port = _free_port()
    arguments = ["serve", "--config", str(folder / "openward.toml"), "--port", str(port)]
    log = folder.with_name("server.log")
    with log.open("wb") as out:
        server = subprocess.Popen([*OPENWARD, *arguments], env=environment, stdout=out, stderr=out)
        try:
            _wait(server, port, log)
            described = json.loads((folder / "demo.json").read_text())
            home = tmp_path_factory.mktemp("home")
            yield Demonstration(folder, described, described["endpoint"], home)
        finally:
            server.terminate()
            server.wait(30)


def _wait(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text(errors="replace")
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server did not start")


@pytest.fixture
def flipped() -> Iterator[Callable[[Path], None]]:
    """Turns one bit in the middle of a file; what was turned is turned back after the test."""
    turned: list[tuple[Path, int]] = []

    def flip(path: Path) -> None:
        mode = path.stat().st_mode
        turned.append((path, mode))
        _turn(path)

    yield flip
    for path, mode in turned:
        _turn(path)
        path.chmod(mode)


def _turn(path: Path) -> None:
    path.chmod(0o600)
    raw = bytearray(path.read_bytes())
    raw[len(raw) // 2] ^= 1
    path.write_bytes(raw)
