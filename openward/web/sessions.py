"""Who is asking: a bearer token, else a browser session, else nobody.

A token that is wrong is an error, never a visitor: a client that believes itself signed in must
learn that it is not. A session counts on a request that changes something only when the browser
says that our own pages sent it, so that a foreign page cannot act in its visitor's name.
"""

from http import HTTPStatus

from sqlalchemy import Connection
from starlette.requests import Request

from openward.registrar.office import Office
from openward.registrar.parties import Party, party_of_session, party_of_token
from openward.web.hub_errors import INVALID_CREDENTIALS, HubProblem

SESSION_COOKIE = "openward_session"
_LONGEST_SECRET = 512  # bytes
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def office_of(request: Request) -> Office:
    """The office the application was built with."""
    office = request.app.state.office
    assert isinstance(office, Office)  # noqa: S101  # the composition root put it there
    return office


def caller(request: Request) -> Party | None:
    """The acting party, None for a visitor. Raises HubProblem 401 for a token that is not good.

    Reads the Authorization header and the database when called, not before. Inside a connection
    use `acting`: a request that holds two connections at once can starve the pool.
    """
    with office_of(request).database.reading() as connection:
        return acting(connection, request)


def acting(connection: Connection, request: Request) -> Party | None:
    """As `caller`, through a connection that is open already."""
    office = office_of(request)
    authorization = request.headers.get("authorization")
    if authorization is not None:
        party = party_of_token(connection, _bearer(authorization), office.clock())
        if party is None:
            raise _bad_credentials()
        return party
    secret = request.cookies.get(SESSION_COOKIE)
    if not secret or len(secret) > _LONGEST_SECRET or not _ours(request, office):
        return None
    return party_of_session(connection, secret, office.clock())


def signed_in(request: Request) -> Party:
    """The acting party. Raises HubProblem 401 for a visitor."""
    party = caller(request)
    if party is None:
        raise HubProblem(HTTPStatus.UNAUTHORIZED, "Invalid username or password.")
    return party


def _bearer(authorization: str) -> str:
    scheme, _, secret = authorization.partition(" ")
    if scheme.lower() != "bearer" or not secret or len(secret) > _LONGEST_SECRET:
        raise _bad_credentials()
    return secret


def _bad_credentials() -> HubProblem:
    return HubProblem(HTTPStatus.UNAUTHORIZED, INVALID_CREDENTIALS)


def _ours(request: Request, office: Office) -> bool:
    """Whether our own pages sent this, as browsers say (Fetch standard, Origin header)."""
    if request.method in _SAFE:
        return True
    if request.headers.get("sec-fetch-site") == "same-origin":
        return True
    return request.headers.get("origin") == office.config.endpoint.rstrip("/")
