"""Environments for clients of other versions, made from their own locks when first asked for."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def environment_of(client: str) -> Path:
    """The interpreter of an environment made from `requirements/client-<client>.txt`."""
    folder = ROOT / ".venvs" / f"client-{client}"
    lock = ROOT / "requirements" / f"client-{client}.txt"
    ready = folder / ".ready"
    if not ready.is_file() or ready.read_bytes() != lock.read_bytes():
        uv = Path(sys.executable).with_name("uv")
        environment = {**os.environ, "VIRTUAL_ENV": str(folder)}
        commands: tuple[list[str | Path], ...] = (
            [uv, "venv", "--quiet", "--clear", folder, "--python", sys.executable],
            [uv, "pip", "sync", "--system-certs", "--quiet", "--require-hashes", lock],
        )
        for command in commands:
            subprocess.run(command, env=environment, check=True, timeout=280)
        ready.write_bytes(lock.read_bytes())
    return folder / "bin" / "python"
