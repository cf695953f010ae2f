"""Problems in the Hub's format, and the one table that leads to them.

A client decides by two headers what went wrong, and shows the body to its user:

    HTTP/1.1 404
    X-Error-Code: RevisionNotFound
    X-Error-Message: Invalid rev id: nowhere
    X-Request-Id: 4f1c…

    {"error": "Invalid rev id: nowhere"}

On plain http the clients cannot tell a missing repository from other failures without
X-Error-Code, so every 401 and 404 about a repository carries one.
"""

from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import TypeVar

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from openward.errors import Conflict, Malformed, OpenwardError, Unavailable, VerificationError
from openward.registrar.refusals import Ground, Refusal

REPO_NOT_FOUND = "RepoNotFound"
REVISION_NOT_FOUND = "RevisionNotFound"
ENTRY_NOT_FOUND = "EntryNotFound"
GATED_REPO = "GatedRepo"
INVALID_CREDENTIALS = "Invalid credentials in Authorization header"
STALE_PARENT = "The branch was updated since you opened this page. Please refresh and try again."

LONGEST_HEADER = 1024  # bytes

_HOUSE: tuple[tuple[type[OpenwardError], HTTPStatus], ...] = (
    (Malformed, HTTPStatus.BAD_REQUEST),
    (VerificationError, HTTPStatus.UNPROCESSABLE_ENTITY),
    (Conflict, HTTPStatus.CONFLICT),
    (Unavailable, HTTPStatus.SERVICE_UNAVAILABLE),
)
_GROUNDS: dict[Ground, tuple[HTTPStatus, str | None]] = {
    Ground.FORBIDDEN: (HTTPStatus.FORBIDDEN, None),
    Ground.NO_REPOSITORY: (HTTPStatus.NOT_FOUND, REPO_NOT_FOUND),
    Ground.NO_REVISION: (HTTPStatus.NOT_FOUND, REVISION_NOT_FOUND),
    Ground.NO_ENTRY: (HTTPStatus.NOT_FOUND, ENTRY_NOT_FOUND),
    Ground.STALE: (HTTPStatus.PRECONDITION_FAILED, None),
    Ground.OUT_OF_STATE: (HTTPStatus.CONFLICT, None),
}
T = TypeVar("T")


class HubProblem(Exception):
    """An answer that is not what was asked for: HTTP code, the Hub's error code, a sentence.

    `beside` are further members of the JSON body.
    """

    def __init__(
        self,
        http: int,
        message: str,
        code: str | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        beside: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.http = int(http)
        self.message = message
        self.code = code
        self.headers = dict(headers or {})
        self.beside = dict(beside or {})

    def response(self) -> Response:
        headers = {"X-Error-Message": one_line(self.message), **self.headers}
        if self.code is not None:
            headers["X-Error-Code"] = self.code
        body = {"error": self.message, **self.beside}
        return JSONResponse(body, status_code=self.http, headers=headers)


def one_line(text: str) -> str:
    """The text as a header may carry it: printable ASCII, one line, at most 1 KiB."""
    plain = "".join(c if " " <= c <= "~" else " " if c.isspace() else "?" for c in text)
    if len(plain) > LONGEST_HEADER:
        return plain[: LONGEST_HEADER - 3] + "..."
    return plain


def repo_not_found() -> HubProblem:
    """The one answer for a repository that is missing and for one the caller may not see."""
    return HubProblem(HTTPStatus.NOT_FOUND, "Repository not found", REPO_NOT_FOUND)


def revision_not_found(name: str) -> HubProblem:
    return HubProblem(HTTPStatus.NOT_FOUND, f"Invalid rev id: {name}", REVISION_NOT_FOUND)


def entry_not_found(path: str, commit: str | None = None) -> HubProblem:
    """No such file; with `commit` the clients remember its absence for that revision."""
    headers = {} if commit is None else {"X-Repo-Commit": commit}
    return HubProblem(
        HTTPStatus.NOT_FOUND, f"{path} does not exist", ENTRY_NOT_FOUND, headers=headers
    )


def accepted(outcome: T | Refusal) -> T:
    """What a procedure returned. Raises HubProblem for a refusal."""
    if isinstance(outcome, Refusal):
        http, code = _GROUNDS[outcome.ground]
        raise HubProblem(http, outcome.says, code)
    return outcome


def problem_of(error: Exception) -> HubProblem:
    """The problem an error becomes; what the house does not know is a plain 500."""
    if isinstance(error, HubProblem):
        return error
    if isinstance(error, HTTPException):
        headers = dict(error.headers or {})
        return HubProblem(error.status_code, error.detail, headers=headers)
    for kind, http in _HOUSE:
        if isinstance(error, kind):
            retry = {"Retry-After": "1"} if kind is Unavailable else {}
            return HubProblem(http, str(error), headers=retry)
    return HubProblem(HTTPStatus.INTERNAL_SERVER_ERROR, "Internal error")


def _answer(_request: Request, error: Exception) -> Response:
    return problem_of(error).response()


def problem_answers() -> dict[type[Exception], Callable[[Request, Exception], Response]]:
    """For the application's `exception_handlers`: every error of the house in the Hub's format."""
    return dict.fromkeys((HubProblem, OpenwardError, HTTPException, Exception), _answer)


class RequestIds:
    """An outer layer: every response carries a fresh X-Request-Id, which the clients print."""

    def __init__(self, app: ASGIApp, entropy: Callable[[int], bytes]) -> None:
        self._app = app
        self._entropy = entropy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = self._entropy(12).hex()

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-Id"] = request_id
            await send(message)

        await self._app(scope, receive, send_with_id)
