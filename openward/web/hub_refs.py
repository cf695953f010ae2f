"""Branches, tags, commits and what of a repository lies in LFS.

GET    /api/{type}s/{id}/refs[?include_prs=1]
GET    /api/{type}s/{id}/commits/{rev}          in pages of 50
POST   /api/{type}s/{id}/branch/{branch}        {startingPoint?, overwrite?}
DELETE /api/{type}s/{id}/branch/{branch}
POST   /api/{type}s/{id}/tag/{rev}              {tag, message?}
DELETE /api/{type}s/{id}/tag/{tag}
POST   /api/{type}s/{id}/super-squash/{branch}  {message?}
GET    /api/{type}s/{id}/lfs-files              in pages of 1000
POST   /api/{type}s/{id}/lfs-files/batch        501: the record refers to the files it judged
"""

from html import escape
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from openward.registrar.parties import may_write
from openward.registrar.repositories import (
    MAIN,
    create_branch,
    create_tag,
    delete_ref,
    ref_path,
    super_squash,
)
from openward.statements.strict_json import JsonValue
from openward.store.revisions import RefRow, RevisionRow, history, lfs_files_of, refs_of
from openward.web.fields import read_fields, said
from openward.web.hub_errors import HubProblem, accepted
from openward.web.hub_names import named_repo, named_revision, readable_repo, repo_key
from openward.web.paging import asked_page, next_page
from openward.web.raw_path import part
from openward.web.sessions import office_of, signed_in
from openward.web.times import client_time

_COMMITS_PAGE = 50
_LFS_PAGE = 1000


def routes() -> list[BaseRoute]:
    at = "/api/{type:str}/{namespace}/{name}"
    return [
        Route(f"{at}/refs", serve_refs),
        Route(f"{at}/commits/{{rev}}", serve_commits),
        Route(f"{at}/branch/{{ref}}", serve_new_branch, methods=["POST"]),
        Route(f"{at}/branch/{{ref}}", serve_no_branch, methods=["DELETE"]),
        Route(f"{at}/tag/{{ref}}", serve_new_tag, methods=["POST"]),
        Route(f"{at}/tag/{{ref}}", serve_no_tag, methods=["DELETE"]),
        Route(f"{at}/super-squash/{{ref}}", serve_squash, methods=["POST"]),
        Route(f"{at}/lfs-files", serve_lfs_files),
        Route(f"{at}/lfs-files/batch", serve_lfs_deletion, methods=["POST"]),
    ]


def serve_refs(request: Request) -> Response:
    """Every name for a revision, by kind."""
    with office_of(request).database.reading() as connection:
        repo = readable_repo(connection, request)
        refs = refs_of(connection, repo.id)
    kinds = {"branch": "branches", "tag": "tags", "pull": "pullRequests"}
    listing: dict[str, list[dict[str, JsonValue]]] = {
        "branches": [],
        "converts": [],
        "tags": [],
        "pullRequests": [],
    }
    for ref in sorted(refs, key=lambda ref: (ref.name != MAIN, ref.name)):
        listing[kinds[ref.kind]].append(_ref(ref))
    if request.query_params.get("include_prs", "").lower() not in ("1", "true"):
        del listing["pullRequests"]
    return JSONResponse(listing)


def _ref(ref: RefRow) -> dict[str, JsonValue]:
    path = ref_path(ref)
    name = path if ref.kind == "pull" else ref.name
    return {"name": name, "ref": path, "targetCommit": ref.oid}


def serve_commits(request: Request) -> Response:
    """A revision and its ancestors, newest first."""
    office = office_of(request)
    start, length = asked_page(request, default=_COMMITS_PAGE, most=_COMMITS_PAGE)
    formatted = "formatted" in request.query_params.getlist("expand[]")
    with office.database.reading() as connection:
        repo = readable_repo(connection, request)
        tip = named_revision(connection, request, repo)
        commits = history(connection, repo.id, tip.oid, limit=length + 1, offset=start)
    more = next_page(request, office, start + length) if len(commits) > length else {}
    listing = [_commit(commit, formatted=formatted) for commit in commits[:length]]
    return JSONResponse(listing, headers=more)


def title_and_message(commit: RevisionRow) -> tuple[str, str]:
    """A commit's text as git parts it: the first line, and what follows."""
    title, _, rest = commit.title.partition("\n")
    return title.strip(), "\n\n".join(part for part in (rest.strip(), commit.message) if part)


def _commit(commit: RevisionRow, *, formatted: bool) -> dict[str, JsonValue]:
    title, message = title_and_message(commit)
    shown: dict[str, JsonValue] = {
        "id": commit.oid,
        "title": title,
        "message": message,
        "date": client_time(commit.at),
        "authors": [{"user": commit.author, "avatar": ""}],
    }
    if formatted:
        shown["formatted"] = {"title": escape(title), "message": escape(message)}
    return shown


async def serve_new_branch(request: Request) -> Response:
    fields, office = await read_fields(request), office_of(request)
    party = await run_in_threadpool(signed_in, request)
    accepted(
        await run_in_threadpool(
            create_branch,
            office,
            party,
            *repo_key(request),
            part(request, "ref"),
            start=said(fields, "startingPoint") or MAIN,
            overwrite=fields.optional_flag("overwrite") or False,
        )
    )
    return JSONResponse({})


async def serve_new_tag(request: Request) -> Response:
    fields, office = await read_fields(request), office_of(request)
    party = await run_in_threadpool(signed_in, request)
    accepted(
        await run_in_threadpool(
            create_tag,
            office,
            party,
            *repo_key(request),
            fields.text("tag"),
            at=part(request, "ref"),
            message=said(fields, "message"),
        )
    )
    return JSONResponse({})


def serve_no_branch(request: Request) -> Response:
    return _delete(request, "branch")


def serve_no_tag(request: Request) -> Response:
    return _delete(request, "tag")


def _delete(request: Request, kind: str) -> Response:
    party, office = signed_in(request), office_of(request)
    accepted(delete_ref(office, party, *repo_key(request), kind, part(request, "ref")))
    return JSONResponse({})


async def serve_squash(request: Request) -> Response:
    fields, office = await read_fields(request), office_of(request)
    party = await run_in_threadpool(signed_in, request)
    branch, message = part(request, "ref"), said(fields, "message")
    accepted(
        await run_in_threadpool(super_squash, office, party, *repo_key(request), branch, message)
    )
    return JSONResponse({})


def serve_lfs_files(request: Request) -> Response:
    """The LFS files of every commit, to those who may write."""
    office = office_of(request)
    party = signed_in(request)
    start, length = asked_page(request, default=_LFS_PAGE, most=_LFS_PAGE)
    with office.database.reading() as connection:
        repo = named_repo(connection, request, party)
        if not may_write(party, repo.owner):
            raise HubProblem(HTTPStatus.FORBIDDEN, f"You may not write to {repo.full_name}")
        files = lfs_files_of(connection, repo.id)
    listing = [
        {
            "fileOid": file.sha256,
            "filename": file.path,
            "oid": file.sha256,
            "pushedAt": client_time(file.at),
            "size": file.size,
        }
        for file in files[start : start + length]
    ]
    more = next_page(request, office, start + length) if len(files) > start + length else {}
    return JSONResponse(listing, headers=more)


def serve_lfs_deletion(_request: Request) -> Response:
    """Taking bytes out of old commits is not offered: decisions in the record name those bytes."""
    raise HubProblem(
        HTTPStatus.NOT_IMPLEMENTED,
        "This hub does not rewrite history. Delete the files in a new commit, squash the branch,"
        " or delete the repository.",
    )
