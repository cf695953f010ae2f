"""Long lists in pages, linked as GitHub and the Hub do it (RFC 8288).

    Link: <http://hub/api/models?limit=100&cursor=100>; rel="next"

The cursor is how many entries came before. A client follows the link as it is given.
"""

from urllib.parse import urlencode

from starlette.requests import Request

from openward.errors import Malformed
from openward.registrar.office import Office

_FURTHEST = 10_000_000


def asked_page(request: Request, *, default: int, most: int) -> tuple[int, int]:
    """Where the asked page starts and how long it may be. Raises Malformed."""
    start = _number(request, "cursor", 0, _FURTHEST)
    return start, max(1, min(_number(request, "limit", default, _FURTHEST), most))


def _number(request: Request, name: str, default: int, most: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit()) or len(text) > 9 or int(text) > most:
        raise Malformed(f"{name} is a whole number up to {most}")
    return int(text)


def next_page(request: Request, office: Office, start: int) -> dict[str, str]:
    """The header that leads to the page from `start` on, at the hub's own address."""
    kept = [(k, v) for k, v in request.query_params.multi_items() if k != "cursor"]
    query = urlencode([*kept, ("cursor", str(start))])
    address = f"{office.config.endpoint.rstrip('/')}{request.scope['path']}?{query}"
    return {"Link": f'<{address}>; rel="next"'}
