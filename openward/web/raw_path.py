"""Routing on the path as it was sent, still percent-encoded.

ASGI servers decode the path before routing, so `%2F` inside a branch name looks like a separator:

    sent      /api/models/ada/lens/revision/dev%2Fx
    decoded   /api/models/ada/lens/revision/dev/x       which revision, which path?
    routed    /api/models/ada/lens/revision/dev%2Fx     {rev} = "dev%2Fx", unquoted once: dev/x

`RawPath` puts the sent path where the router looks; endpoints read parameters through `part`, which
decodes once and refuses what no name may hold.
"""

from urllib.parse import unquote_to_bytes

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from openward.errors import Malformed

_LONGEST_PART = 4096  # bytes, encoded; the longest path of a file has 1,024


class RawPath:
    """An outer layer of the application: `scope["path"]` becomes the path as it was sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        raw = scope.get("raw_path")
        if scope["type"] == "http" and raw:
            path = bytes(raw).split(b"?", 1)[0].decode("latin-1")
            scope = {**scope, "path": path, "decoded_path": scope["path"]}
        await self._app(scope, receive, send)


def part(request: Request, name: str) -> str:
    """A parameter of the path, decoded once. Raises Malformed."""
    return decode_part(str(request.path_params[name]))


def decode_part(text: str) -> str:
    """Percent-decode strict UTF-8. Raises Malformed on other bytes, NUL or excessive length."""
    if len(text) > _LONGEST_PART:
        raise Malformed(f"a part of the path is longer than {_LONGEST_PART} bytes")
    try:
        decoded = unquote_to_bytes(text).decode("utf-8", "strict")
    except UnicodeError as e:
        raise Malformed("a part of the path is not UTF-8") from e
    if "\0" in decoded:
        raise Malformed("a part of the path holds a NUL")
    return decoded
