"""Signing in by a one-time link, and out again.

    GET  /login?link=…&next=/…    a button; opening a link in a mail scanner does not use it up
    POST /login                   the link becomes a session cookie
    POST /logout                  the session ends

The operator makes links (`openward account link`); the hub keeps no passwords.
"""

from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from openward.registrar.accounts import SESSION_LIFE, close_session, redeem_sign_in_link
from openward.registrar.refusals import Refusal
from openward.web.fields import read_form
from openward.web.plain_pages import button, form, hidden, plain_page
from openward.web.sessions import SESSION_COOKIE, caller, office_of


def routes() -> list[BaseRoute]:
    return [
        Route("/login", serve_sign_in),
        Route("/login", serve_signing_in, methods=["POST"]),
        Route("/logout", serve_signing_out, methods=["POST"]),
    ]


def serve_sign_in(request: Request) -> Response:
    office = office_of(request)
    link = request.query_params.get("link", "")
    after = local_path(request.query_params.get("next", "/"))
    if not link:
        body = "<p>Ask whoever runs this hub for a sign-in link, and open it in this browser.</p>"
        return plain_page(office, "Sign in", body)
    inside = hidden("link", link) + hidden("next", after) + button("go", "1", "Sign in")
    return plain_page(office, "Sign in", form("/login", inside))


async def serve_signing_in(request: Request) -> Response:
    office, given = office_of(request), await read_form(request)
    outcome = await run_in_threadpool(redeem_sign_in_link, office, given.first("link"))
    if isinstance(outcome, Refusal):
        body = f"<p>{outcome.says}</p>"
        return plain_page(office, "Sign in", body, http=HTTPStatus.FORBIDDEN)
    answer = RedirectResponse(local_path(given.first("next")), HTTPStatus.SEE_OTHER)
    answer.set_cookie(
        SESSION_COOKIE,
        outcome,
        max_age=int(SESSION_LIFE.total_seconds()),
        httponly=True,
        samesite="lax",
        secure=office.config.endpoint.startswith("https://"),
    )
    return answer


async def serve_signing_out(request: Request) -> Response:
    """End the session, if our own pages asked for it."""
    office = office_of(request)
    secret = request.cookies.get(SESSION_COOKIE)
    if secret and await run_in_threadpool(caller, request) is not None:
        await run_in_threadpool(close_session, office, secret)
    answer = RedirectResponse("/", HTTPStatus.SEE_OTHER)
    answer.delete_cookie(SESSION_COOKIE)
    return answer


def local_path(text: str) -> str:
    """A path on this hub; what leads elsewhere becomes the first page."""
    # A browser reads "\" as "/" and drops tabs and line ends: "/\t/x" leads to the host x.
    plain = text.isascii() and text.isprintable() and "\\" not in text
    return text if plain and text.startswith("/") and not text.startswith("//") else "/"
