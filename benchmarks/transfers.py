"""Whole files down and up, by curl: a client that costs less than any server.

    download    median of three turns, hub and nginx by turns, of one stream and of four at once
    upload      LFS: batch, PUT, verify, as the clients send it; beside the same machine's speed of
                SHA-256 over the same bytes and of one write of them with fsync

Speeds are in MB/s (10^6 bytes); of several streams, their sum. Beside the speed of a download
stands the processor time that the server spent on it, which other work on the machine moves less.
What an upload is held against is
1 / (1/sha256 + 1/write): the two done one after the other, by nothing else.
"""

import hashlib
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import httpx2

from benchmarks.processes import MB, cpu_seconds
from benchmarks.servers import NAMESPACE, RunningHub, RunningNginx
from openward.statements.strict_json import Fields, parse_json

GIB = 1 << 30
TURNS = 3
_PIECE = 1 << 20
_LIMIT = 120.0  # seconds for one transfer


@dataclass(frozen=True, slots=True)
class Source:
    """A file to be sent, and what it is."""

    path: Path
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Download:
    """`streams` downloads at once; what speaks of nginx is None where there is none.

    The speed of each, their ratio, and the processor seconds that each server used per GiB.
    """

    streams: int
    hub: float
    nginx: float | None
    ratio: float | None
    goal: float
    hub_cpu: float
    nginx_cpu: float | None


@dataclass(frozen=True, slots=True)
class Upload:
    """Speeds of one upload and of its two unavoidable parts."""

    hub: float
    sha256: float
    write: float
    ratio: float
    goal: float


def make_source(path: Path, size: int) -> Source:
    """A file of `size` random bytes, of no format that anybody reads."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(size // _PIECE):
            piece = os.urandom(_PIECE)
            digest.update(piece)
            file.write(piece)
    return Source(path, digest.hexdigest(), size)


def renewed(source: Source) -> tuple[Source, float]:
    """The same file with another beginning, and the speed at which its SHA-256 was found."""
    with source.path.open("r+b") as file:
        file.write(os.urandom(64))
    digest, spent = hashlib.sha256(), 0.0
    with source.path.open("rb") as file:
        while piece := file.read(_PIECE):
            began = time.perf_counter()
            digest.update(piece)
            spent += time.perf_counter() - began
    return Source(source.path, digest.hexdigest(), source.size), source.size / MB / spent


def write_speed(source: Source, scratch: Path) -> float:
    """One write of as many bytes, to the same disk, until they are durable."""
    piece = os.urandom(_PIECE)
    try:
        with scratch.open("wb") as file:
            began = time.perf_counter()
            for _ in range(source.size // _PIECE):
                file.write(piece)
            file.flush()
            os.fsync(file.fileno())
            return source.size / MB / (time.perf_counter() - began)
    finally:
        scratch.unlink(missing_ok=True)


def make_repository(hub: RunningHub, name: str) -> str:
    """A new model repository; its full name."""
    _post(hub, "/api/repos/create", {"name": name, "type": "model"})
    return f"{NAMESPACE}/{name}"


def upload_speed(hub: RunningHub, repo: str, source: Source) -> float:
    """Send a file by LFS; it is kept, but no commit names it yet."""
    asked = {
        "operation": "upload",
        "transfers": ["basic", "multipart"],
        "objects": [{"oid": source.sha256, "size": source.size}],
        "hash_algo": "sha256",
    }
    answer = _post(hub, f"/{repo}.git/info/lfs/objects/batch", asked)
    [file] = answer.listing("objects")
    actions = file.fields("actions")
    href, verify = (actions.fields(name).text("href") for name in ("upload", "verify"))
    began = time.perf_counter()
    curl = [*_CURL, "--upload-file", str(source.path), href]
    subprocess.run(curl, check=True, stdout=subprocess.DEVNULL, timeout=_LIMIT)
    spent = time.perf_counter() - began
    _post(hub, verify.removeprefix(hub.endpoint), {"oid": source.sha256})
    return source.size / MB / spent


def commit(hub: RunningHub, repo: str, source: Source) -> str:
    """Name the uploaded file in a commit; its address."""
    lines = (
        '{"key": "header", "value": {"summary": "Weights", "description": ""}}',
        '{"key": "lfsFile", "value": {"path": "weights.bin", "algo": "sha256", '
        f'"oid": "{source.sha256}", "size": {source.size}}}}}',
    )
    httpx2.post(
        f"{hub.endpoint}/api/models/{repo}/commit/main",
        content="\n".join(lines).encode(),
        headers={**_bearer(hub), "Content-Type": "application/x-ndjson"},
        timeout=_LIMIT,
    ).raise_for_status()
    return f"{hub.endpoint}/{repo}/resolve/main/weights.bin"


def measure_upload(
    hub: RunningHub, repo: str, source: Source, scratch: Path, goal: float
) -> tuple[Upload, Source]:
    """Three uploads of different bytes, and the last of them as a source."""
    turns = []
    for _ in range(TURNS):
        source, hashed = renewed(source)
        turns.append((hashed, write_speed(source, scratch), upload_speed(hub, repo, source)))
    sha256, write, sent = (median(column) for column in zip(*turns, strict=True))
    ratio = sent * (1 / sha256 + 1 / write)
    return Upload(sent, sha256, write, ratio, goal), source


def measure_download(
    hub: RunningHub,
    ours: str,
    nginx: RunningNginx | None,
    source: Source,
    streams: int,
    goal: float,
) -> Download:
    """The median of three turns each, one after the other, so that noise falls on both."""
    served = [(hub.pid, ours)]
    if nginx is not None:
        served.append((nginx.pid, nginx.address(source.sha256)))
    before = [cpu_seconds(pid) for pid, _ in served]
    turns = [
        [download_speed(address, streams, source.size) for _, address in served]
        for _ in range(TURNS)
    ]
    carried = TURNS * streams * source.size / GIB
    cpu = [(cpu_seconds(pid) - at) / carried for (pid, _), at in zip(served, before, strict=True)]
    speed = [median(column) for column in zip(*turns, strict=True)]
    if nginx is None:
        return Download(streams, speed[0], None, None, goal, cpu[0], None)
    return Download(streams, speed[0], speed[1], speed[0] / speed[1], goal, cpu[0], cpu[1])


def download_speed(address: str, streams: int, size: int) -> float:
    """All streams together, from the first start to the last end."""
    curl = [*_CURL, "--output", os.devnull, "--write-out", "%{size_download}", address]
    began = time.perf_counter()
    running = [subprocess.Popen(curl, stdout=subprocess.PIPE) for _ in range(streams)]
    received = [int(each.communicate(timeout=_LIMIT)[0]) for each in running]
    spent = time.perf_counter() - began
    if received != [size] * streams:
        raise RuntimeError(f"{address}: received {received} bytes, not {size} each")
    return streams * size / MB / spent


_CURL = ["curl", "--silent", "--show-error", "--fail", "--noproxy", "*"]


def _bearer(hub: RunningHub) -> dict[str, str]:
    return {"Authorization": f"Bearer {hub.token}"}


def _post(hub: RunningHub, path: str, asked: object) -> Fields:
    answer = httpx2.post(hub.endpoint + path, json=asked, headers=_bearer(hub), timeout=_LIMIT)
    answer.raise_for_status()
    return Fields.of(parse_json(answer.content), "answer")
