"""Making, moving and ending repositories, and their settings.

POST   /api/repos/create     {name, organization?, type?, visibility? | private?}   -> {url}
DELETE /api/repos/delete     {name, organization?, type?}
POST   /api/repos/move       {fromRepo, toRepo, type?}
PUT    /api/{type}s/{id}/settings   {gated?, visibility? | private?, discussionsDisabled?}
GET    /api/{type}s/{id}/auth-check[/write]
"""

from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from openward.errors import Conflict, Malformed
from openward.registrar.office import Office
from openward.registrar.parties import may_write
from openward.registrar.repositories import (
    NewRepo,
    Settings,
    change_settings,
    create_repo,
    delete_repo,
    move_repo,
)
from openward.statements.strict_json import Fields
from openward.web.fields import read_fields, said
from openward.web.gate import admit
from openward.web.hub_errors import HubProblem, accepted
from openward.web.hub_names import named_repo, named_revision, repo_key
from openward.web.sessions import acting, caller, office_of, signed_in

_VISIBILITIES = {"private": True, "public": False}


def routes() -> list[BaseRoute]:
    return [
        Route("/api/repos/create", serve_create, methods=["POST"]),
        Route("/api/repos/delete", serve_delete, methods=["DELETE"]),
        Route("/api/repos/move", serve_move, methods=["POST"]),
        Route("/api/{type:str}/{namespace}/{name}/settings", serve_settings, methods=["PUT"]),
        Route("/api/{type:str}/{namespace}/{name}/auth-check", serve_auth_check),
        Route("/api/{type:str}/{namespace}/{name}/auth-check/write", serve_write_check),
    ]


async def serve_create(request: Request) -> Response:
    """A new repository. 409 names the address of the one that is there already."""
    fields, office = await read_fields(request), office_of(request)
    asked = NewRepo(
        type=said(fields, "type") or "model",
        namespace=said(fields, "organization") or None,
        name=fields.text("name"),
        private=_private(fields) or False,
    )
    party = await run_in_threadpool(signed_in, request)
    namespace = asked.namespace or party.account.name
    try:
        repo = accepted(await run_in_threadpool(create_repo, office, party, asked))
    except Conflict as e:
        # Clients that take an existing repository as well read its address from the refusal.
        url = address(office, asked.type, f"{namespace}/{asked.name}")
        raise HubProblem(HTTPStatus.CONFLICT, str(e), beside={"url": url}) from e
    url = address(office, repo.type, repo.full_name)
    return JSONResponse({"url": url, "name": repo.full_name, "id": f"{repo.id:024x}"})


async def serve_delete(request: Request) -> Response:
    fields, office = await read_fields(request), office_of(request)
    party = await run_in_threadpool(signed_in, request)
    namespace = said(fields, "organization") or party.account.name
    name, type = f"{namespace}/{fields.text('name')}", said(fields, "type") or "model"
    accepted(await run_in_threadpool(delete_repo, office, party, type, name))
    return JSONResponse({})


async def serve_move(request: Request) -> Response:
    fields, office = await read_fields(request), office_of(request)
    party = await run_in_threadpool(signed_in, request)
    type = said(fields, "type") or "model"
    old, new = fields.text("fromRepo"), fields.text("toRepo")
    accepted(await run_in_threadpool(move_repo, office, party, type, old, new))
    return JSONResponse({"url": address(office, type, new)})


async def serve_settings(request: Request) -> Response:
    """Change what is given; 400 for what the hub does not know how to keep."""
    fields, office = await read_fields(request), office_of(request)
    settings = Settings(
        private=_private(fields),
        gate=_gate(fields),
        discussions_disabled=fields.optional_flag("discussionsDisabled"),
    )
    party = await run_in_threadpool(signed_in, request)
    repo = accepted(
        await run_in_threadpool(change_settings, office, party, *repo_key(request), settings)
    )
    return JSONResponse(
        {
            "private": repo.private,
            "gated": False if repo.gate == "none" else repo.gate,
            "discussionsDisabled": repo.discussions_disabled,
        }
    )


def _private(fields: Fields) -> bool | None:
    """Either spelling of visibility; None where neither is given."""
    if fields.has("visibility"):
        word = fields.text("visibility")
        if word not in _VISIBILITIES:
            raise Malformed("visibility is public or private")
        return _VISIBILITIES[word]
    return fields.optional_flag("private")


def _gate(fields: Fields) -> str | None:
    if not fields.has("gated"):
        return None
    return "none" if fields.value("gated") is False else fields.text("gated")


def serve_auth_check(request: Request) -> Response:
    """Whether the caller may download what is on main: the very question a download asks."""
    office = office_of(request)
    with office.database.reading() as connection:
        repo = named_repo(connection, request, acting(connection, request))
        revision = named_revision(connection, request, repo)
        admission = admit(
            office, connection, repo, revision, None, lambda: acting(connection, request)
        )
    if admission.refusal is not None:
        raise admission.refusal
    return JSONResponse({}, headers=admission.headers)


def serve_write_check(request: Request) -> Response:
    """Whether the caller may commit."""
    party = caller(request)
    with office_of(request).database.reading() as connection:
        repo = named_repo(connection, request, party)
    if party is None:
        raise HubProblem(HTTPStatus.UNAUTHORIZED, "Invalid username or password.")
    if not may_write(party, repo.owner):
        raise HubProblem(HTTPStatus.FORBIDDEN, f"You may not write to {repo.full_name}")
    return JSONResponse({})


def address(office: Office, type: str, full_name: str) -> str:
    """Where people see a repository."""
    prefix = "" if type == "model" else f"{type}s/"
    return f"{office.config.endpoint.rstrip('/')}/{prefix}{full_name}"
