"""Problems for people: the same answer as clients get, as a page where the caller reads pages.

    Accept: text/html    a page that says what happened and what to do next
    anything else        the Hub's own format (web.hub_errors)

Code and headers are the same either way, so that a client which asks for pages still finds them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from openward.errors import OpenwardError
from openward.web.hub_errors import GATED_REPO, HubProblem, problem_of
from openward.web.pages_frame import UNKNOWN, page
from openward.web.sessions import office_of


@dataclass(frozen=True, slots=True)
class Said:
    """What a page says of a problem: a heading, and what to do next."""

    title: str
    then: str


_SAID = {
    HTTPStatus.BAD_REQUEST: Said(
        "That request could not be read", "Go back and change what you sent."
    ),
    HTTPStatus.UNAUTHORIZED: Said(
        "Please sign in", "This needs to know who is asking. Sign in and try again."
    ),
    HTTPStatus.FORBIDDEN: Said(
        "This is refused", "The reason is above, with what would change it."
    ),
    HTTPStatus.NOT_FOUND: Said(
        "There is nothing here",
        "The address may be mistyped, or what was here is not public. Search the catalogue"
        " instead.",
    ),
    HTTPStatus.METHOD_NOT_ALLOWED: Said(
        "That is not done here", "Go back to the page you came from."
    ),
    HTTPStatus.SERVICE_UNAVAILABLE: Said(
        "Not just now", "Something this hub rests on did not answer. Try again in a moment."
    ),
    HTTPStatus.INTERNAL_SERVER_ERROR: Said(
        "Something went wrong on our side",
        "Nothing was changed. Try again; if it happens again, tell whoever runs this hub.",
    ),
}
_OTHER = Said("That did not work", "Go back and try again.")

Answer = Callable[[Request, Exception], Response]


def problem_answers() -> dict[type[Exception], Answer]:
    """For the application's `exception_handlers`: as those of hub_errors, with pages for people."""
    return dict.fromkeys((HubProblem, OpenwardError, HTTPException, Exception), answer)


def answer(request: Request, error: Exception) -> Response:
    """The error as whoever asked reads it."""
    problem = problem_of(error)
    plain = problem.response()
    if not reads_pages(request):
        return plain
    headers = {
        name: value
        for name, value in plain.headers.items()
        if name not in ("content-length", "content-type")
    }
    return problem_page(request, problem, headers)


def reads_pages(request: Request) -> bool:
    """Whether the caller asked for a page by name; clients ask for anything, or for JSON."""
    return "text/html" in request.headers.get("accept", "") and not request.scope[
        "path"
    ].startswith("/api/")


def problem_page(request: Request, problem: HubProblem, headers: dict[str, str]) -> Response:
    said = _said(problem)
    here = request.scope["path"] if request.method in ("GET", "HEAD") else "/"
    members = {
        "http": problem.http,
        "said": said,
        "detail": problem.message,
        "login": f"/login?next={quote(here, safe='')}" if _may_sign_in(problem) else None,
        "about": _about(request) if problem.code == GATED_REPO else None,
    }
    return page(
        office_of(request),
        "problem.html",
        said.title,
        UNKNOWN,
        members,
        http=problem.http,
        headers=headers,
    )


def _said(problem: HubProblem) -> Said:
    return _SAID.get(HTTPStatus(problem.http), _OTHER)


def _may_sign_in(problem: HubProblem) -> bool:
    return problem.http == HTTPStatus.UNAUTHORIZED


def _about(request: Request) -> str | None:
    """The page of the repository whose file was asked for."""
    before, found, _ = str(request.scope["path"]).partition("/resolve/")
    return before if found and before.startswith("/") and not before.startswith("//") else None
