"""What the server holds in memory, and what starting the command line costs.

Memory is the resident set of the server's processes together, from /proc: pages that two of them
share count twice, so the sum is never too small.
"""

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from benchmarks.transfers import MB

IMPORTS = 9
_STATEMENT = {"bare": "pass", "cli": "import openward.cli"}


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident MB of the server: started, after 64 MiB down and up, after 1 GiB; and at worst."""

    before: float
    after_64_mib: float
    after_1_gib: float
    peak: float
    goal: float


@dataclass(frozen=True, slots=True)
class Import:
    """Milliseconds that `import openward.cli` adds to starting Python."""

    milliseconds: float
    goal: float


def resident(pid: int) -> float:
    """MB that a process and its children hold now."""
    return _sum(pid, "VmRSS:")


def peak(pid: int) -> float:
    """MB that a process and its children held at worst, each at its own worst time."""
    return _sum(pid, "VmHWM:")


def _sum(pid: int, line: str) -> float:
    return sum(_kib(each, line) for each in _family(pid)) * 1024 / MB


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(member for child in children for member in _family(int(child)))]


def _kib(pid: int, line: str) -> int:
    for each in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if each.startswith(line):
            return int(each.split()[1])
    raise RuntimeError(f"process {pid} says nothing of {line}")


def measure_import(goal: float) -> Import:
    """The median of nine starts with the import, less the median of nine without."""
    turns = [[_start(each) for each in _STATEMENT.values()] for _ in range(IMPORTS)]
    bare, cli = (median(column) for column in zip(*turns, strict=True))
    return Import(1000 * (cli - bare), goal)


def _start(statement: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - began
