"""What is in a revision: files and folders.

    GET  /api/{type}s/{id}/tree/{rev}[/{path}]?recursive&expand   in pages of 1000, expanded 50
    POST /api/{type}s/{id}/paths-info/{rev}                       form: paths*, expand

Listing is public where the repository is, whatever the gate: what is gated are the bytes. No entry
has a Xet hash, so the clients download by plain HTTP.
"""

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from openward.statements.strict_json import JsonValue
from openward.store.repositories import RepoRow
from openward.store.revisions import RevisionRow, TreeFile, revision_by_oid, tree_of
from openward.web.fields import Form, read_form
from openward.web.git_tree import folder_oids
from openward.web.hub_errors import entry_not_found
from openward.web.hub_info import pointer_size
from openward.web.hub_names import named_revision, readable_repo
from openward.web.hub_refs import title_and_message
from openward.web.paging import asked_page, next_page
from openward.web.raw_path import part
from openward.web.sessions import office_of
from openward.web.times import client_time

_PAGE = 1000
_EXPANDED_PAGE = 50
_TRUE = ("true", "1")


def routes() -> list[BaseRoute]:
    at = "/api/{type:str}/{namespace}/{name}"
    return [
        Route(f"{at}/tree/{{rev}}", serve_tree),
        Route(f"{at}/tree/{{rev}}/{{path:path}}", serve_tree),
        Route(f"{at}/paths-info/{{rev}}", serve_paths, methods=["POST"]),
    ]


def serve_tree(request: Request) -> Response:
    """The entries of a folder, or of everything below it."""
    office = office_of(request)
    path = part(request, "path").strip("/") if "path" in request.path_params else ""
    expand = request.query_params.get("expand", "").lower() in _TRUE
    recursive = request.query_params.get("recursive", "").lower() in _TRUE
    start, length = asked_page(request, default=_PAGE, most=_EXPANDED_PAGE if expand else _PAGE)
    with office.database.reading() as connection:
        repo = readable_repo(connection, request)
        revision = named_revision(connection, request, repo)
        files = tree_of(connection, revision.tree, layouts=False)
        folders = folder_oids(files)
        if path and path not in folders:
            raise entry_not_found(path, revision.oid)
        entries = _entries_of(files, folders, path, recursive=recursive)
        page = entries[start : start + length]
        listing = _described(connection, repo, files, page, expand=expand)
    more = next_page(request, office, start + length) if len(entries) > start + length else {}
    return JSONResponse(listing, headers={"X-Repo-Commit": revision.oid, **more})


async def serve_paths(request: Request) -> Response:
    """The entries at the given paths; what is not there is left out."""
    return await run_in_threadpool(_serve_paths, request, await read_form(request))


def _serve_paths(request: Request, form: Form) -> Response:
    expand = form.first("expand").lower() in _TRUE
    with office_of(request).database.reading() as connection:
        repo = readable_repo(connection, request)
        revision: RevisionRow = named_revision(connection, request, repo)
        files = tree_of(connection, revision.tree, layouts=False)
        folders = folder_oids(files)
        by_path = {file.path: file for file in files}
        asked = dict.fromkeys(path.strip("/") for path in form.all("paths"))
        page: list[TreeFile | tuple[str, str]] = []
        for path in asked:
            if path in by_path:
                page.append(by_path[path])
            elif path and path in folders:
                page.append((path, folders[path]))
        listing = [
            _named(each) for each in _described(connection, repo, files, page, expand=expand)
        ]
    return JSONResponse(listing, headers={"X-Repo-Commit": revision.oid})


def _named(entry: dict[str, JsonValue]) -> dict[str, JsonValue]:
    """The entry with the name under which its bytes are copied to another repository.

    The client copies a large file only where `xetHash` names it, hands the name back beside the
    SHA-256 and reads nothing by it. It stands here alone: in a tree it would send downloads to a
    Xet store, and this hub serves files as they are.
    """
    large = entry.get("lfs")
    return {**entry, "xetHash": large["oid"]} if isinstance(large, dict) else entry


def _entries_of(
    files: Sequence[TreeFile], folders: dict[str, str], path: str, *, recursive: bool
) -> list[TreeFile | tuple[str, str]]:
    """Files, and folders as (path, oid), below `path` in order of path."""
    prefix = f"{path}/" if path else ""

    def below(name: str) -> bool:
        rest = name[len(prefix) :]
        return name.startswith(prefix) and bool(rest) and (recursive or "/" not in rest)

    found: dict[str, TreeFile | tuple[str, str]] = {f.path: f for f in files if below(f.path)}
    found |= {name: (name, oid) for name, oid in folders.items() if below(name)}
    return [found[name] for name in sorted(found)]


def _described(
    connection: Connection,
    repo: RepoRow,
    files: Sequence[TreeFile],
    page: Iterable[TreeFile | tuple[str, str]],
    *,
    expand: bool,
) -> list[dict[str, JsonValue]]:
    commits: dict[str, RevisionRow | None] = {}

    def last(inside: Iterable[TreeFile]) -> dict[str, JsonValue]:
        """The newest commit that brought any of these files."""
        oids = {file.since for file in inside}
        for oid in oids - set(commits):
            commits[oid] = revision_by_oid(connection, repo.id, oid)
        known = [commit for oid in oids if (commit := commits[oid]) is not None]
        return {"lastCommit": _commit(max(known, key=lambda c: c.sequence))} if known else {}

    listing: list[dict[str, JsonValue]] = []
    for entry in page:
        if isinstance(entry, TreeFile):
            listing.append(_file(entry) | (last([entry]) if expand else {}))
        else:
            path, oid = entry
            inside = (file for file in files if file.path.startswith(f"{path}/"))
            folder: dict[str, JsonValue] = {
                "type": "directory",
                "oid": oid,
                "size": 0,
                "path": path,
            }
            listing.append(folder | (last(inside) if expand else {}))
    return listing


def _file(file: TreeFile) -> dict[str, JsonValue]:
    described: dict[str, JsonValue] = {
        "type": "file",
        "oid": file.oid,
        "size": file.blob.size,
        "path": file.path,
    }
    if file.lfs:
        described["lfs"] = {
            "oid": file.blob.sha256,
            "size": file.blob.size,
            "pointerSize": pointer_size(file),
        }
    return described


def _commit(commit: RevisionRow) -> dict[str, JsonValue]:
    title, _ = title_and_message(commit)
    return {"id": commit.oid, "title": title, "date": client_time(commit.at)}
