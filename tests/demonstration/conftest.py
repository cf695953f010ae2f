"""One demonstration hub for these tests: made by `init --demo`, served by `serve`."""

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.demonstration.demonstration_hub import OPENWARD, ROOT, Demonstration, free_port, wait_for


@pytest.fixture(scope="session")
def demonstration(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demonstration]:
    folder = tmp_path_factory.mktemp("demonstration") / "hub"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    made = subprocess.run(
        [*OPENWARD, "init", "--demo", str(folder)],
        env=environment, capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    port = free_port()
    arguments = ["serve", "--config", str(folder / "openward.toml"), "--port", str(port)]
    log = folder.with_name("server.log")
    with log.open("wb") as out:
        server = subprocess.Popen([*OPENWARD, *arguments], env=environment, stdout=out, stderr=out)
        try:
            wait_for(server, port, log)
            described = json.loads((folder / "demo.json").read_text())
            home = tmp_path_factory.mktemp("home")
            yield Demonstration(folder, described, described["endpoint"], home)
        finally:
            server.terminate()
            server.wait(30)


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
