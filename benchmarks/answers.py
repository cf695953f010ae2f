"""How soon `resolve` answers under a steady stream of requests.

An open loop: requests fall due at fixed times, whether or not earlier ones were answered, each on
a connection that waits for no other answer. Latency runs from the time a request fell due to the
last byte of its answer, so that what a slow answer delays is counted too, and so is the lateness
of this client. Of three turns the one with the median p99 is told.
"""

import asyncio
import gc
import time
from collections import deque
from dataclasses import dataclass
from urllib.parse import urlsplit

from benchmarks.processes import cpu_seconds

RATE = 500.0  # requests a second
SECONDS = 5.0
TURNS = 3
_WARM_UP = 200  # requests
_ANSWER_LIMIT = 10.0  # seconds; then whoever has not answered never will
_END = b"\r\n\r\n"


@dataclass(frozen=True, slots=True)
class Answers:
    """What was asked and what came of it; times in milliseconds, `cpu` the server's per answer."""

    asked_per_s: float
    achieved_per_s: float
    requests: int
    failed: int
    p50: float
    p99: float
    worst: float
    cpu: float
    goal: float


class _Connection(asyncio.Protocol):
    """One request at a time; HEAD has no body, so an answer ends with its headers."""

    def __init__(self, load: "_Load") -> None:
        self._load = load
        self._received = b""
        self._due: float | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def ask(self, due: float) -> None:
        assert self._transport is not None
        self._due = due
        self._transport.write(self._load.request)

    def data_received(self, received: bytes) -> None:
        self._received += received
        if not self._received.endswith(_END) or self._due is None:
            return
        self._load.answered(self, self._due, self._received.startswith(b"HTTP/1.1 200"))
        self._received, self._due = b"", None

    def connection_lost(self, exc: Exception | None) -> None:
        if self._due is not None:
            self._load.failed += 1


class _Load:
    """Requests that fall due, connections that are free, and what was answered when."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self.request = f"HEAD {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n\r\n".encode()
        self._free: deque[_Connection] = deque()
        self.waits: list[float] = []
        self.last = 0.0
        self.failed = 0
        self._opening: set[asyncio.Task[None]] = set()

    def ask(self, due: float) -> None:
        if self._free:
            self._free.pop().ask(due)
            return
        opening = asyncio.get_running_loop().create_task(self._ask_anew(due))
        self._opening.add(opening)
        opening.add_done_callback(self._opening.discard)

    async def _ask_anew(self, due: float) -> None:
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_connection(
                lambda: _Connection(self), self._host, self._port
            )
        except OSError:
            self.failed += 1
            return
        connection.ask(due)

    def answered(self, connection: _Connection, due: float, well: bool) -> None:
        self.last = time.perf_counter()
        self._free.append(connection)
        if well:
            self.waits.append(self.last - due)
        else:
            self.failed += 1

    @property
    def settled(self) -> int:
        return len(self.waits) + self.failed

    async def run(self, requests: int, rate: float) -> float:
        """Let `requests` fall due and wait for their answers; when the first fell due."""
        began = time.perf_counter() + 0.05
        for number in range(requests):
            due = began + number / rate
            early = due - time.perf_counter()
            if early > 0:
                await asyncio.sleep(early)
            elif number % 8 == 0:
                await asyncio.sleep(0)  # late: answers must be read all the same
            self.ask(due)
        deadline = time.perf_counter() + _ANSWER_LIMIT
        while self.settled < requests and time.perf_counter() < deadline:
            await asyncio.sleep(0.01)
        return began


async def _turn(address: str, pid: int, goal: float) -> Answers:
    await _Load(address).run(_WARM_UP, RATE / 2)
    load = _Load(address)
    used = cpu_seconds(pid)
    requests = int(RATE * SECONDS)
    gc.collect()
    gc.disable()
    try:
        began = await load.run(requests, RATE)
    finally:
        gc.enable()
    waits = sorted(load.waits)
    if not waits:
        raise RuntimeError(f"{address}: nothing was answered")
    return Answers(
        asked_per_s=RATE,
        achieved_per_s=len(waits) / (load.last - began),
        requests=requests,
        failed=requests - len(waits),
        p50=1000 * waits[len(waits) // 2],
        p99=1000 * waits[len(waits) * 99 // 100],
        worst=1000 * waits[-1],
        cpu=1000 * (cpu_seconds(pid) - used) / requests,
        goal=goal,
    )


def measure_answers(address: str, pid: int, goal: float) -> Answers:
    """Ask for the headers of one file, again and again; `pid` is the server's first process."""
    turns = [asyncio.run(_turn(address, pid, goal)) for _ in range(TURNS)]
    return sorted(turns, key=lambda turn: turn.p99)[TURNS // 2]
