"""Who am I, and who are they: /api/whoami-v2, /api/users/…, /api/organizations/…

GET /api/whoami-v2                          the acting account, its organisations, its token
GET /api/users/{name}/overview              public facts of a person
GET /api/organizations/{name}/overview      public facts of an organisation
GET /api/organizations/{name}/members       its members
GET /api/agent-harnesses                    404: this hub keeps no such list
"""

from http import HTTPStatus

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from openward.registrar.parties import Party
from openward.statements.strict_json import JsonValue
from openward.store.accounts import (
    AccountRow,
    account_by_id,
    find_account,
    members,
    memberships,
)
from openward.store.repositories import list_repos
from openward.web.hub_errors import HubProblem
from openward.web.raw_path import part
from openward.web.sessions import acting, office_of, signed_in
from openward.web.times import client_time


def routes() -> list[BaseRoute]:
    return [
        Route("/api/whoami-v2", serve_whoami),
        Route("/api/users/{name}/overview", serve_person),
        Route("/api/organizations/{name}/overview", serve_organisation),
        Route("/api/organizations/{name}/members", serve_members),
        Route("/api/agent-harnesses", serve_nothing),
    ]


def serve_whoami(request: Request) -> Response:
    """The acting account. 401 for a visitor, which the clients call an invalid token."""
    party = signed_in(request)
    account = party.account
    with office_of(request).database.reading() as connection:
        orgs = [
            _organisation(organisation, role)
            for id, role in sorted(party.organisations.items())
            if (organisation := account_by_id(connection, id)) is not None
        ]
    return JSONResponse(
        {
            "type": "user",
            "id": str(account.id),
            "name": account.name,
            "fullname": account.fullname,
            "email": account.email,
            "emailVerified": account.verified_at is not None,
            "isPro": False,
            "canPay": False,
            "avatarUrl": "",
            "orgs": orgs,
            "auth": _credential(party),
        },
        headers={"Cache-Control": "no-store"},
    )


def _credential(party: Party) -> dict[str, JsonValue]:
    token = party.token
    if token is None:
        return {"type": "session"}
    shown: dict[str, JsonValue] = {
        "displayName": token.name,
        "role": token.role,
        "createdAt": client_time(token.created_at),
    }
    if token.expires_at is not None:
        shown["expiresAt"] = client_time(token.expires_at)
    return {"type": "access_token", "accessToken": shown}


def _organisation(organisation: AccountRow, role: str) -> dict[str, JsonValue]:
    return {
        "type": "org",
        "id": str(organisation.id),
        "name": organisation.name,
        "fullname": organisation.fullname,
        "email": None,
        "canPay": False,
        "roleInOrg": role,
        "isEnterprise": False,
        "avatarUrl": "",
    }


def serve_person(request: Request) -> Response:
    """Public facts of a person: name, organisations, how many public repositories."""
    office, name = office_of(request), part(request, "name")
    with office.database.reading() as connection:
        account = _named(connection, name, "person")
        orgs = [
            {"id": str(o.id), "name": o.name, "fullname": o.fullname, "avatarUrl": ""}
            for id in sorted(memberships(connection, account.id))
            if (o := account_by_id(connection, id)) is not None
        ]
        counts = _counts(connection, account, acting(connection, request))
    return JSONResponse(
        {
            "_id": str(account.id),
            "user": account.name,
            "fullname": account.fullname,
            "avatarUrl": "",
            "isPro": False,
            "type": "user",
            "isFollowing": False,
            "createdAt": client_time(account.created_at),
            "orgs": orgs,
            **counts,
        }
    )


def serve_organisation(request: Request) -> Response:
    """Public facts of an organisation."""
    office, name = office_of(request), part(request, "name")
    with office.database.reading() as connection:
        account = _named(connection, name, "organisation")
        counts = _counts(connection, account, acting(connection, request))
        number = len(members(connection, account.id))
    return JSONResponse(
        {
            "_id": str(account.id),
            "name": account.name,
            "fullname": account.fullname,
            "avatarUrl": "",
            "type": "org",
            "isVerified": account.verified_at is not None,
            "isFollowing": False,
            "numUsers": number,
            **counts,
        }
    )


def serve_members(request: Request) -> Response:
    """The members of an organisation."""
    office, name = office_of(request), part(request, "name")
    with office.database.reading() as connection:
        organisation = _named(connection, name, "organisation")
        people = [
            account
            for id in sorted(members(connection, organisation.id))
            if (account := account_by_id(connection, id)) is not None
        ]
    return JSONResponse(
        [
            {
                "_id": str(person.id),
                "user": person.name,
                "fullname": person.fullname,
                "avatarUrl": "",
                "isPro": False,
                "type": "user",
            }
            for person in people
        ]
    )


def serve_nothing(_request: Request) -> Response:
    raise HubProblem(HTTPStatus.NOT_FOUND, "This hub keeps no such list")


def _named(connection: Connection, name: str, kind: str) -> AccountRow:
    account = find_account(connection, name)
    if account is None or account.kind != kind:
        raise HubProblem(HTTPStatus.NOT_FOUND, f"There is no {kind} of this name")
    return account


def _counts(
    connection: Connection, account: AccountRow, party: Party | None
) -> dict[str, JsonValue]:
    """How many repositories of each type the caller may see."""
    owners = () if party is None else party.owners
    names = {"model": "numModels", "dataset": "numDatasets", "space": "numSpaces"}
    return {
        shown: len(list_repos(connection, type, visible_to=owners, owner=account.id))
        for type, shown in names.items()
    }
