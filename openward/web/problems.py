"""Our own API's errors, as RFC 9457 problems: the house's error tree on one table.

Malformed 400    Conflict 409    VerificationError 422    Unavailable 503
a refusal        401 or 403, with the rule, the evidence, what would change it, what can be
                 done instead, and how it is contested, each as a member of its own
"""

from collections.abc import Mapping
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from openward.access.refusal import Refusal
from openward.errors import OpenwardError
from openward.registrar import refusals
from openward.web.hub_errors import HubProblem, accepted, problem_of

MEDIA_TYPE = "application/problem+json"


class Problem(Exception):
    """An answer that is not what was asked for."""

    def __init__(
        self, http: int, title: str, detail: str, members: Mapping[str, object] | None = None
    ) -> None:
        super().__init__(detail)
        self.http = int(http)
        self.body = {"title": title, "status": self.http, "detail": detail, **(members or {})}

    def response(self) -> JSONResponse:
        return JSONResponse(self.body, status_code=self.http, media_type=MEDIA_TYPE)


def not_found(what: str) -> Problem:
    return Problem(HTTPStatus.NOT_FOUND, "Not found", f"{what} is not known here")


def refused(refusal: Refusal, http: int = HTTPStatus.FORBIDDEN) -> Problem:
    """A refusal with everything it has to say."""
    rule = refusal.reasons[0].rule
    return Problem(
        http,
        "Refused",
        rule.says,
        {
            "rules": [
                {"rule": r.rule.id, "says": r.rule.says, "found": r.found, "cites": r.rule.cites}
                for r in refusal.reasons
            ],
            "evidence": [{"rule": r.rule.id, "found": r.found} for r in refusal.evidence],
            "changes": list(refusal.changes),
            "alternative": refusal.alternative,
            "appeal": refusal.appeal,
        },
    )


def taken(outcome: object) -> None:
    """Raises the problem that a procedure's refusal is; anything else passes."""
    if isinstance(outcome, refusals.Refusal):
        accepted(outcome)


def install(app: FastAPI) -> None:
    """Answer every error of our own API with a problem."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(HubProblem, _house)
    app.add_exception_handler(OpenwardError, _house)
    app.add_exception_handler(HTTPException, _house)
    app.add_exception_handler(RequestValidationError, _invalid)


def _problem(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Problem)  # noqa: S101  # registered for this class alone
    return error.response()


def _house(_request: Request, error: Exception) -> JSONResponse:
    problem = problem_of(error)
    title = HTTPStatus(problem.http).phrase
    response = Problem(problem.http, title, problem.message).response()
    response.headers.update(problem.headers)
    return response


def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  # registered for this class
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return Problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "Unprocessable", f"{where}: {first['msg']}"
    ).response()
