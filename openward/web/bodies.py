"""Request bodies: streamed in large pieces to a thread, or read whole within a bound.

The server hands over pieces of a few KiB; hashing and writing them one by one would cost more in
hand-overs than in work. So they are gathered, and while one piece is written in a thread the next
one is gathered: never more than two are in memory.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request

from openward.errors import Malformed
from openward.web.hub_errors import HubProblem

PIECE = 4 << 20  # bytes


async def receive(request: Request, write: Callable[[bytes], None], limit: int) -> int:
    """Stream the body into `write`, called in a thread; returns its length.

    Raises HubProblem 413 past `limit` bytes, and what `write` raises.
    """
    refuse_announced_over(request, limit)
    writing: asyncio.Task[None] | None = None
    received = 0
    try:
        async for piece in _pieces(request):
            received += len(piece)
            if received > limit:
                raise too_large(limit)
            if writing is not None:
                await writing
            writing = asyncio.create_task(run_in_threadpool(write, piece))
        if writing is not None:
            await writing
    finally:
        # Nobody may close the file while a thread still writes to it.
        if writing is not None:
            await asyncio.wait([writing])
    return received


async def small_body(request: Request, limit: int) -> bytes:
    """The body, whole. Raises HubProblem 413 past `limit` bytes."""
    refuse_announced_over(request, limit)
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise too_large(limit)
    return bytes(body)


async def lines(request: Request, limit: int, longest: int) -> AsyncIterator[bytes]:
    """The lines of a body of at most `limit` bytes, without their ends; empty ones are skipped.

    Raises HubProblem 413 past `limit`, or where a line goes on past `longest` bytes.
    """
    refuse_announced_over(request, limit)
    held = bytearray()
    received = 0
    async for piece in _pieces(request):
        received += len(piece)
        if received > limit:
            raise too_large(limit)
        start = len(held)
        held += piece
        end = held.rfind(b"\n", start)
        if end >= 0:
            whole = bytes(held[:end])
            del held[: end + 1]
            for line in whole.split(b"\n"):
                if line.strip():
                    yield line
        if len(held) > longest:
            raise too_large(longest, "A line")
    if held.strip():
        yield bytes(held)


def refuse_announced_over(request: Request, limit: int) -> None:
    """Refuse by the announced length, before any byte is read."""
    announced = request.headers.get("content-length")
    if announced is None:
        return
    if not announced.isascii() or not announced.isdigit():
        raise Malformed("Content-Length is not a number")
    if len(announced) > 18 or int(announced) > limit:
        raise too_large(limit)


def too_large(limit: int, what: str = "The request") -> HubProblem:
    return HubProblem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{what} is larger than {limit} bytes")


async def _pieces(request: Request) -> AsyncIterator[bytes]:
    """The body in pieces of about `PIECE` bytes."""
    gathered: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        gathered.append(chunk)
        size += len(chunk)
        if size >= PIECE:
            yield b"".join(gathered)
            gathered, size = [], 0
    if size:
        yield b"".join(gathered)
