"""What the Hub's clients may ask for and this hub does not do: each has its answer.

An empty list where nothing is kept, 501 with a reason where something would have to be done, and
for every other path of a repository the answer for one that does not exist: clients on plain http
need its error code.
"""

from collections.abc import Callable
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from openward.web.hub_errors import HubProblem, repo_not_found
from openward.web.hub_names import TYPES

_ALL = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_AT = "/api/{type:str}/{namespace}/{name}"
_EMPTY = (
    f"{_AT}/likers",
    "/api/users/{name}/likes",
    "/api/users/{name}/followers",
    "/api/users/{name}/following",
    "/api/organizations/{name}/followers",
)
_NOT_DONE = (
    (f"{_AT}/like", "This hub keeps no likes."),
    (f"{_AT}/duplicate", "Copy the files into a new repository instead."),
    ("/api/spaces/{namespace}/{name}/{rest:path}", "This hub stores spaces but runs none."),
    ("/api/settings/{rest:path}", "Webhooks and billing are not offered here."),
    ("/api/collections", "Collections are not kept here."),
    ("/api/collections/{rest:path}", "Collections are not kept here."),
    ("/api/jobs/{rest:path}", "This hub runs no jobs."),
    ("/api/papers/{rest:path}", "Papers are not kept here."),
    ("/api/buckets/{rest:path}", "Buckets are not kept here."),
)


def routes() -> list[BaseRoute]:
    """The last routes of all."""
    listed: list[BaseRoute] = [Route(path, serve_none) for path in _EMPTY]
    for path, says in _NOT_DONE:
        listed.append(Route(path, _refusing(says), methods=_ALL))
    listed.append(Route("/api/{type:str}", serve_unknown, methods=_ALL))
    listed.append(Route("/api/{type:str}/{rest:path}", serve_unknown, methods=_ALL))
    return listed


def serve_none(_request: Request) -> Response:
    return JSONResponse([])


def _refusing(says: str) -> Callable[[Request], Response]:
    def serve_refusal(_request: Request) -> Response:
        raise HubProblem(HTTPStatus.NOT_IMPLEMENTED, says)

    return serve_refusal


def serve_unknown(request: Request) -> Response:
    """Nothing here; among repositories that reads as one that does not exist."""
    if request.path_params["type"] in TYPES:
        raise repo_not_found()
    raise HubProblem(HTTPStatus.NOT_FOUND, "Not Found")
