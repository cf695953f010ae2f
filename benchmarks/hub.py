"""`python -m benchmarks.hub [--json] [--folder FOLDER]`: the hub beside nginx, in one run.

A fresh hub and an nginx are started on the loopback, measured by turns, and ended; everything they
wrote goes with them. It takes two to four minutes, about 6 GB of disk in FOLDER (the system's
temporary folder unless given), and curl. Without nginx its columns are empty.

The machine's load is printed with the figures: other work on it moves absolute figures a lot, and
ratios of one run less.
"""

import argparse
import json
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.answers import Answers, measure_answers
from benchmarks.imports import Import, measure_import
from benchmarks.processes import peak, resident
from benchmarks.servers import RunningHub, running_hub, running_nginx
from benchmarks.transfers import (
    Download,
    Source,
    Upload,
    commit,
    download_speed,
    make_repository,
    make_source,
    measure_download,
    measure_upload,
    upload_speed,
)

SMALL, LARGE = 64 << 20, 1 << 30


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident MB of the server: started, after 64 MiB up and down, after 1 GiB; and at worst."""

    before: float
    after_64_mib: float
    after_1_gib: float
    peak: float
    goal: float


@dataclass(frozen=True, slots=True)
class Noise:
    """What else the machine was doing: processors, and load averages of one minute."""

    processors: int
    load_before: float
    load_after: float
    seconds: float
    python: str
    nginx: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """Everything measured in one run."""

    one_stream: Download
    four_streams: Download
    resolve: Answers
    upload: Upload
    memory: Memory
    import_cli: Import
    noise: Noise


Tell = Callable[[str], None]


def measure(folder: Path, tell: Tell) -> Report:
    """Run everything, in a folder that holds nothing else."""
    began, load = time.monotonic(), os.getloadavg()[0]
    tell("the command line")
    imported = measure_import(goal=300.0)
    with ExitStack() as servers:
        hub = servers.enter_context(running_hub(folder / "hub"))
        before = resident(hub.pid)
        tell("64 MiB up and down")
        _carry_small(hub, folder)
        after_small = resident(hub.pid)
        tell("1 GiB up")
        repo = make_repository(hub, "large")
        source = make_source(folder / "source", LARGE)
        upload, source = measure_upload(hub, repo, source, folder / "scratch", goal=0.5)
        address = commit(hub, repo, source)
        source.path.unlink()
        nginx = servers.enter_context(running_nginx(folder / "nginx", hub.blobs))
        downloads = []
        for streams, goal in ((1, 0.8), (4, 1.0)):
            tell(f"1 GiB down, streams: {streams}")
            downloads.append(measure_download(hub, address, nginx, source, streams, goal))
        memory = Memory(before, after_small, resident(hub.pid), peak(hub.pid), goal=300.0)
        tell("answers")
        answers = measure_answers(address, hub.pid, goal=10.0)
        version = None if nginx is None else nginx.version
    noise = Noise(
        processors=os.cpu_count() or 1,
        load_before=load,
        load_after=os.getloadavg()[0],
        seconds=time.monotonic() - began,
        python=platform.python_version(),
        nginx=version,
    )
    return Report(downloads[0], downloads[1], answers, upload, memory, imported, noise)


def _carry_small(hub: RunningHub, folder: Path) -> None:
    repo = make_repository(hub, "small")
    source: Source = make_source(folder / "source", SMALL)
    upload_speed(hub, repo, source)
    download_speed(commit(hub, repo, source), 1, SMALL)


# --- what is printed --------------------------------------------------------------------------


def as_json(report: Report) -> str:
    """The report as one JSON object; figures with three decimals at most."""
    return json.dumps(_rounded(asdict(report)), indent=2)


def _rounded(value: object) -> object:
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    return round(value, 3) if isinstance(value, float) else value


def as_table(report: Report) -> str:
    """One line for each goal: what was measured, beside what, against which goal."""
    memory, noise = report.memory, report.noise
    rows = [
        _download_row("download of 1 GiB, one stream", report.one_stream),
        _download_row("download of 1 GiB, four streams", report.four_streams),
        (
            f"resolve at {report.resolve.achieved_per_s:.0f}/s",
            f"p50 {report.resolve.p50:.1f} ms, p99 {report.resolve.p99:.1f} ms",
            f"{report.resolve.cpu:.2f} ms of processor each, unanswered {report.resolve.failed}",
            f"p99 < {report.resolve.goal:.0f} ms",
        ),
        (
            "upload of 1 GiB",
            f"{report.upload.hub:.0f} MB/s",
            f"SHA-256 {report.upload.sha256:.0f}, write {report.upload.write:.0f}: "
            f"{report.upload.ratio:.2f}x",
            f">= {report.upload.goal}x",
        ),
        (
            "memory",
            f"{memory.before:.0f}, {memory.after_64_mib:.0f}, {memory.after_1_gib:.0f} MB",
            f"peak {memory.peak:.0f} MB",
            f"< {memory.goal:.0f} MB",
        ),
        (
            "import of openward.cli",
            f"{report.import_cli.milliseconds:.0f} ms",
            "",
            f"< {report.import_cli.goal:.0f} ms",
        ),
    ]
    lines = [f"{what:34}{measured:32}{beside:40}{goal}" for what, measured, beside, goal in rows]
    lines.append(
        f"{noise.processors} processors, load {noise.load_before:.1f} before and "
        f"{noise.load_after:.1f} after, {noise.seconds:.0f} s, Python {noise.python}, "
        f"{noise.nginx or 'no nginx'}"
    )
    return "\n".join(lines)


def _download_row(what: str, download: Download) -> tuple[str, str, str, str]:
    beside = "no nginx to compare with"
    if download.nginx is not None and download.ratio is not None:
        beside = f"nginx {download.nginx:.0f} MB/s: {download.ratio:.2f}x"
    return what, f"{download.hub:.0f} MB/s", beside, f">= {download.goal}x"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.hub", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--folder", type=Path, help="where to write, instead of the system's own")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="openward-bench-", dir=asked.folder) as folder:
        report = measure(Path(folder), lambda step: print(f"... {step}", file=sys.stderr))
    print(as_json(report) if asked.json else as_table(report))


if __name__ == "__main__":
    main()
