"""What starting the command line costs."""

import subprocess
import sys
import time
from dataclasses import dataclass
from statistics import median

IMPORTS = 9
_STATEMENTS = ("pass", "import openward.cli")


@dataclass(frozen=True, slots=True)
class Import:
    """Milliseconds that `import openward.cli` adds to starting Python."""

    milliseconds: float
    goal: float


def measure_import(goal: float) -> Import:
    """The median of nine starts with the import, less the median of nine without."""
    turns = [[_start(each) for each in _STATEMENTS] for _ in range(IMPORTS)]
    bare, cli = (median(column) for column in zip(*turns, strict=True))
    return Import(1000 * (cli - bare), goal)


def _start(statement: str) -> float:
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", statement], check=True)
    return time.perf_counter() - began
