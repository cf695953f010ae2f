"""Reading from a hub, bounded, without believing it.

Whatever comes back is bytes; those who ask know what they must hash to. A token is sent only where
it is given, and never to another origin.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import BinaryIO

import httpx2

from openward.errors import Malformed, OpenwardError, Unavailable, VerificationError
from openward.statements.strict_json import Fields, JsonValue, parse_json

API = "/api/openward"
LIMIT = 64 << 20  # bytes of anything that is not weights
_TIMEOUT = httpx2.Timeout(30.0, read=120.0)

Part = tuple[str, bytes | BinaryIO, str]
"""A file to send: its name, its bytes, its media type."""


class HubReader:
    """A hub at one address, read with or without a token. Use as a context."""

    def __init__(self, endpoint: str, token: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.endpoint = endpoint.rstrip("/")
        self._open = httpx2.Client(timeout=_TIMEOUT)
        self._signed = httpx2.Client(timeout=_TIMEOUT, headers=headers)

    def __enter__(self) -> "HubReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()
        self._signed.close()

    def read(self, path: str, *, limit: int = LIMIT, signed: bool = False) -> bytes:
        """The bytes under a path. Raises Unavailable naming it, VerificationError when missing."""
        kept = bytearray()
        with self.stream(path, signed=signed) as pieces:
            for piece in pieces:
                kept += piece
                if len(kept) > limit:
                    raise Malformed(f"{path}: more than {limit} bytes")
        return bytes(kept)

    def read_json(self, path: str, *, signed: bool = False) -> JsonValue:
        return parse_json(self.read(path, signed=signed), limit=LIMIT)

    @contextmanager
    def stream(self, path: str, *, signed: bool = False) -> Iterator[Iterator[bytes]]:
        """The bytes under a path, piece by piece. Raises as `read`; Refusal as Unavailable."""
        client = self._signed if signed else self._open
        try:
            with client.stream("GET", f"{self.endpoint}{path}", follow_redirects=True) as answer:
                if answer.status_code == 404:
                    raise VerificationError(f"{path}: the hub does not have it")
                if answer.status_code >= 400:
                    raise _refused(path, answer)
                yield answer.iter_bytes(1 << 20)
        except httpx2.HTTPError as e:
            raise Unavailable(f"{self.endpoint}{path}: {e}") from e

    def post(
        self, path: str, *, json: JsonValue = None, files: Mapping[str, Part] | None = None
    ) -> tuple[int, Mapping[str, JsonValue]]:
        """Send JSON or files with the token; the code and the JSON object that came back."""
        try:
            answer = self._signed.post(f"{self.endpoint}{path}", json=json, files=files)
        except httpx2.HTTPError as e:
            raise Unavailable(f"{self.endpoint}{path}: {e}") from e
        told = Fields.of(parse_json(answer.content, limit=LIMIT), "answer")
        return answer.status_code, told.members


def _refused(path: str, answer: httpx2.Response) -> OpenwardError:
    """What an error of the hub means to who asked: 422 is a proof that does not hold."""
    answer.read()
    said = answer.headers.get("x-error-message") or _detail(answer) or answer.reason_phrase
    if answer.status_code == 422:
        return VerificationError(f"{path}: {said}")
    return Unavailable(f"{path}: {answer.status_code} {said}")


def _detail(answer: httpx2.Response) -> str | None:
    """The sentence of an RFC 9457 problem."""
    try:
        problem = parse_json(answer.content, limit=LIMIT)
    except Malformed:
        return None
    detail = problem.get("detail") if isinstance(problem, dict) else None
    return detail if isinstance(detail, str) else None


Tell = Callable[[str, int, int], None]
"""Told what is being read, and how much of how much."""


def read_json(endpoint: str, path: str, token: str | None = None) -> JsonValue:
    """One JSON answer of a hub."""
    with HubReader(endpoint, token) as hub:
        return hub.read_json(path, signed=token is not None)
