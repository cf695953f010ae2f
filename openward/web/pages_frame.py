"""The frame around every page: templates, stylesheet, headers.

    Content-Security-Policy   only what comes from this hub; no script and no style inside a page
    Cache-Control             private, no-store: a page may say who is signed in

Templates escape everything they are given and refuse names they do not know. Static files are a
closed list, named with a digest of their bytes, so that browsers keep them for good.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from http import HTTPStatus
from importlib.resources import files

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from openward.registrar.office import Office
from openward.registrar.parties import Party
from openward.statements.strict_json import format_time
from openward.web.hub_errors import HubProblem
from openward.web.pages_words import date_words, size_words
from openward.web.raw_path import part

HEADERS = {
    "Cache-Control": "private, no-store",
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self';"
        " frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Vary": "Accept, Cookie",
}
_STATIC = {
    "openward.css": "text/css; charset=utf-8",
    "htmx.min.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}


@dataclass(frozen=True, slots=True)
class Who:
    """What the head of a page says of its reader: a name, nobody, or nothing at all."""

    name: str | None = None
    known: bool = True


UNKNOWN = Who(known=False)


def routes() -> list[BaseRoute]:
    return [Route("/static/{name}", serve_static)]


def page(
    office: Office,
    template: str,
    title: str,
    who: Who,
    members: Mapping[str, object],
    *,
    http: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> HTMLResponse:
    """A page from a template, in the frame that all share."""
    config = office.config
    frame = {
        "title": title,
        "hub": config.title,
        "demonstration": config.demonstration,
        "contact": config.contact,
        "endpoint": config.endpoint.rstrip("/"),
        "who": who,
    }
    text = environment().get_template(template).render({**frame, **members})
    return HTMLResponse(text, status_code=http, headers={**HEADERS, **(headers or {})})


def framed(office: Office, title: str, body: str, *, http: int = HTTPStatus.OK) -> HTMLResponse:
    """The frame around a few lines of HTML whose parts the caller has escaped."""
    return page(office, "plain.html", title, UNKNOWN, {"body": body}, http=http)


def reader(party: Party | None) -> Who:
    return Who(None if party is None else party.account.name)


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates; built when the first page is asked for."""
    made = Environment(
        loader=PackageLoader("openward.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters.update(size=size_words, date=date_words, moment=format_time, exact=_exact)
    made.globals["static"] = static_address
    return made


def _exact(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def static_address(name: str) -> str:
    """Where a static file lies, with the digest of its bytes."""
    return f"/static/{name}?v={_static(name)[1]}"


@lru_cache(maxsize=len(_STATIC))
def _static(name: str) -> tuple[bytes, str]:
    raw = files("openward.web").joinpath("static", name).read_bytes()
    return raw, hashlib.sha256(raw).hexdigest()[:16]


def serve_static(request: Request) -> Response:
    """One of the few files that pages refer to."""
    name = part(request, "name")
    if name not in _STATIC:
        raise HubProblem(HTTPStatus.NOT_FOUND, "There is no such file")
    raw, digest = _static(name)
    kept = _FOREVER if request.query_params.get("v") == digest else {"Cache-Control": "no-cache"}
    headers = {**kept, "X-Content-Type-Options": "nosniff"}
    return Response(raw, media_type=_STATIC[name], headers=headers)
