"""The demonstration hub that these tests share."""

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

OPENWARD = [sys.executable, "-c", "from openward.cli import main; main()"]
ROOT = Path(__file__).resolve().parents[2]
_START_LIMIT = 120  # seconds


@dataclass(frozen=True)
class Demonstration:
    """A running demonstration hub, its folder and what demo.json says."""

    folder: Path
    described: dict[str, Any]
    endpoint: str
    home: Path

    @property
    def models(self) -> dict[str, str]:
        found: dict[str, str] = self.described["models"]
        return found

    @property
    def tokens(self) -> dict[str, str]:
        found: dict[str, str] = self.described["tokens"]
        return found

    @property
    def vkey(self) -> str:
        return str(self.described["log"]["vkey"])

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


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def wait_for(server: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Until the server answers; fails when it ended."""
    deadline = time.monotonic() + _START_LIMIT
    while time.monotonic() < deadline:
        assert server.poll() is None, log.read_text(errors="replace")
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("the server did not start")
