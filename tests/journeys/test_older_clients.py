"""The same journey with each line of the client in use, each in an environment of its own."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client_environments import environment_of
from tests.journeys.hub_under_test import RunningHub

SCRIPT = Path(__file__).with_name("client_script.py")
LINES = ("0.36", "1.19")


@pytest.mark.parametrize("xet", ["xet", "no-xet"])
@pytest.mark.parametrize("line", [*LINES, "current"])
def test_every_line_of_the_client_goes_the_whole_way(
    hub: RunningHub, tmp_path: Path, line: str, xet: str
) -> None:
    python = Path(sys.executable) if line == "current" else environment_of(line)
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
