"""The public record as static files, https://c2sp.org/tlog-tiles: no credential, no cookie.

GET /log/checkpoint      the last signed checkpoint; never cached for long
GET /log/tile/...        hash tiles and entry bundles; what is there never changes
GET /log/vkey            the verifier key of the log, to be pinned from elsewhere
"""

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from openward.errors import Malformed
from openward.registrar.office import Office
from openward.tlog.tile import parse_tile_path

_IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}
_FRESH = {"Cache-Control": "no-cache"}
_OPEN = {"Access-Control-Allow-Origin": "*", "X-Content-Type-Options": "nosniff"}


def routes() -> list[BaseRoute]:
    return [
        Route("/log/checkpoint", checkpoint),
        Route("/log/vkey", vkey),
        Route("/log/tile/{path:path}", tile),
    ]


async def checkpoint(request: Request) -> Response:
    office: Office = request.app.state.office
    note = office.log.checkpoint()
    if note is None:
        return PlainTextResponse("nothing is published yet\n", 404, headers=_OPEN)
    return Response(note, media_type="text/plain; charset=utf-8", headers={**_FRESH, **_OPEN})


async def vkey(request: Request) -> Response:
    office: Office = request.app.state.office
    return PlainTextResponse(f"{office.log_key.vkey()}\n", headers={**_FRESH, **_OPEN})


async def tile(request: Request) -> Response:
    office: Office = request.app.state.office
    try:
        path = parse_tile_path(f"tile/{request.path_params['path']}").text()
    except Malformed as e:
        return PlainTextResponse(f"{e}\n", 404, headers=_OPEN)
    content = office.log.tiles.read(path)
    if content is None:
        return PlainTextResponse("no such tile\n", 404, headers=_OPEN)
    return Response(content, media_type="application/octet-stream", headers={**_IMMUTABLE, **_OPEN})
