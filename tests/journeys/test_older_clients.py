"""The same journey with each line of the client in use, each in an environment of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.journeys.hub_under_test import ROOT, RunningHub

SCRIPT = Path(__file__).with_name("client_script.py")
LINES = ("0.36", "1.19")


def client_python(line: str) -> Path:
    """The interpreter that has this line of the client, set up from the lock if missing."""
    folder = ROOT / ".venvs" / f"client-{line}"
    lock = ROOT / "requirements" / f"client-{line}.txt"
    python = folder / "bin/python"
    ready = folder / ".ready"
    if not ready.is_file() or ready.read_bytes() != lock.read_bytes():
        uv = Path(sys.executable).with_name("uv")
        environment = {**os.environ, "VIRTUAL_ENV": str(folder)}
        commands: tuple[list[str | Path], ...] = (
            [uv, "venv", "--quiet", "--clear", folder, "--python", sys.executable],
            [uv, "pip", "sync", "--system-certs", "--quiet", "--require-hashes", lock],
        )
        for command in commands:
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            if done.returncode:
                pytest.skip(f"client {line} could not be installed: {done.stderr[-300:]}")
        ready.write_bytes(lock.read_bytes())
    return python


@pytest.mark.parametrize("xet", ["xet", "no-xet"])
@pytest.mark.parametrize("line", [*LINES, "current"])
def test_every_line_of_the_client_goes_the_whole_way(
    hub: RunningHub, tmp_path: Path, line: str, xet: str
) -> None:
    python = Path(sys.executable) if line == "current" else client_python(line)
    person = hub.sign_up(f"line{line.replace('.', '')}{xet}")
    environment = {
        "PATH": os.environ["PATH"],
        "HF_ENDPOINT": hub.endpoint,
        "HF_HOME": str(tmp_path),
        "HF_TOKEN": person.token,
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_XET": "0" if xet == "xet" else "1",
    }
    done = subprocess.run(
        [python, SCRIPT, "whole-way"], env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr[-3000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    repo = f"{person.name}/whole-way"
    assert line == "current" or seen.pop("version").startswith(line)
    seen.pop("version", None)
    assert seen == {
        "me": person.name,
        "files": [".gitattributes", "data.bin", "notes/a.txt"],
        "commits": ["Two files", "initial commit"],
        "branches": ["dev/x", "main"],
        "tags": ["v1"],
        "folders": ["notes"],
        "listed": [repo],
        "events": 2,
        "gated": "manual",
        "same": True,
        "gate": True,
        "missing": True,
        "no revision": True,
        "deleted": True,
    }
