"""What a server's processes hold and have used, from /proc: the first process and all below it.

Resident pages that two processes share count twice, so a sum of memory is never too small.
"""

import os
from pathlib import Path

MB = 1e6


def resident(pid: int) -> float:
    """MB held now."""
    return sum(_kib(each, "VmRSS:") for each in _family(pid)) * 1024 / MB


def peak(pid: int) -> float:
    """MB held at worst, each process at its own worst time."""
    return sum(_kib(each, "VmHWM:") for each in _family(pid)) * 1024 / MB


def cpu_seconds(pid: int) -> float:
    """Processor time used so far, in user and kernel mode (proc_pid_stat(5), fields 14 and 15)."""
    return sum(_ticks(each) for each in _family(pid)) / os.sysconf("SC_CLK_TCK")


def _ticks(pid: int) -> int:
    # The second field is a name in brackets, which may hold anything.
    after_name = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2]
    return sum(map(int, after_name.split()[11:13]))


def _kib(pid: int, line: str) -> int:
    for each in Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if each.startswith(line):
            return int(each.split()[1])
    raise RuntimeError(f"process {pid} says nothing of {line}")


def _family(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [pid, *(member for child in children for member in _family(int(child)))]
