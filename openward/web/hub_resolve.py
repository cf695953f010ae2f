"""Downloads: one file of one revision, whole or in part.

    HEAD, GET /[datasets/|spaces/]{namespace}/{name}/resolve/{rev}/{path}
    HEAD, GET /[datasets/|spaces/]{namespace}/{name}/raw/{rev}/{path}         a pointer where LFS

    X-Repo-Commit    the commit that {rev} stands for
    ETag             SHA-256 of a large file, git blob id of a small one; X-Linked-Etag likewise
    Accept-Ranges    one range is served (RFC 9110 section 14); several are answered whole

The order is what protects: the repository is found, its gate is asked, and only a gate that needs
to know who is asking reads Authorization. So what everybody may have is answered the same to
everybody, with a token, without, or with a bad one; and what is private does not exist for others.

Bytes leave by the server's own file sending where it offers that, else in 1 MiB reads; from an
object store by a redirect to an address that lasts a minute.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from http import HTTPStatus
from urllib.parse import quote

from sqlalchemy import Connection
from starlette.concurrency import iterate_in_threadpool, run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from openward.registrar.accesses import record_access
from openward.registrar.office import Office
from openward.registrar.parties import Party, may_see
from openward.store.contents import pointer_text
from openward.store.repositories import RepoRow, find_repo
from openward.store.revisions import RevisionRow, TreeFile, find_revision, tree_of
from openward.vocabulary import Sha256
from openward.web.gate import Admission, admit
from openward.web.hub_errors import entry_not_found, repo_not_found, revision_not_found
from openward.web.hub_names import TYPES
from openward.web.raw_path import part
from openward.web.sessions import caller, office_of

ADDRESS_LIFE = timedelta(seconds=60)
_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_TAG = re.compile(r'(?:W/)?"([^"]*)"')

# What is served is data, whatever it says it is: no browser may run it.
_INERT = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
}


def routes() -> list[BaseRoute]:
    found: list[BaseRoute] = []
    for plural in ("datasets", "spaces", "models"):
        prefix = "" if plural == "models" else f"/{plural}"
        for action, endpoint in (("resolve", resolve), ("raw", raw)):
            found.append(
                Route(
                    f"{prefix}/{{namespace}}/{{name}}/{action}/{{rev}}/{{path:path}}",
                    partial(endpoint, plural),
                    methods=["GET", "HEAD"],
                )
            )
    return found


@dataclass(frozen=True, slots=True)
class Opened:
    """A file the caller was admitted to."""

    revision: RevisionRow
    file: TreeFile
    admission: Admission


async def resolve(plural: str, request: Request) -> Response:
    """The bytes of a file."""
    office = office_of(request)
    opened = _open(office, request, plural)
    headers = _headers(opened)
    if _unchanged(request, headers["ETag"]):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=_short(headers))
    await _note(office, request, opened)
    digest, size = opened.file.blob.sha256, opened.file.blob.size
    if opened.file.lfs:
        # Signing an address is arithmetic: a thread would cost more than it frees.
        location = office.blobs.address(digest, ADDRESS_LIFE)
        if location is not None:
            return _redirect(location, headers)
    return _bytes(request, office, digest, size, headers)


async def raw(plural: str, request: Request) -> Response:
    """What git itself holds at this path: the file, or the pointer to a large one."""
    office = office_of(request)
    opened = _open(office, request, plural)
    headers = _headers(opened)
    if not opened.file.lfs:
        await _note(office, request, opened)
        digest, size = opened.file.blob.sha256, opened.file.blob.size
        return _bytes(request, office, digest, size, headers)
    pointer = pointer_text(opened.file.blob.sha256, opened.file.blob.size)
    headers = {**headers, "ETag": f'"{opened.file.oid}"', "Content-Type": "text/plain"}
    for linked in ("X-Linked-Etag", "X-Linked-Size", "Accept-Ranges"):
        headers.pop(linked, None)
    return Response(pointer, headers=headers)


# --- what may be had --------------------------------------------------------------------------


def _open(office: Office, request: Request, plural: str) -> Opened:
    """The file asked for. Raises HubProblem: not there, not for this party, not yet."""
    asking = _once(partial(caller, request))
    rev, path = part(request, "rev"), part(request, "path")
    with office.database.reading() as connection:
        repo = _visible(connection, request, plural, asking)
        revision = find_revision(connection, repo.id, rev)
        if revision is None:
            raise revision_not_found(rev)
        files = tree_of(connection, revision.tree, path=path, layouts=False)
        file = files[0] if files else None
        # The gate comes before the absence: whoever may not read may not probe for names either.
        admission = admit(office, connection, repo, revision, file, asking)
    if admission.refusal is not None:
        raise admission.refusal
    if file is None:
        raise entry_not_found(path, revision.oid)
    return Opened(revision, file, admission)


def _visible(
    connection: Connection, request: Request, plural: str, asking: Callable[[], Party | None]
) -> RepoRow:
    repo = find_repo(
        connection, TYPES[plural], f"{part(request, 'namespace')}/{part(request, 'name')}"
    )
    # Asked also where there is none: a bad token is told so in both cases, or in neither.
    if repo is None or repo.private:
        party = asking()
        if repo is None or not may_see(party, repo):
            raise repo_not_found()
    return repo


async def _note(office: Office, request: Request, opened: Opened) -> None:
    """Enter the access in the audit where its gate asks for that."""
    admission = opened.admission
    if request.method == "GET" and admission.audited and admission.party is not None:
        subject, path = opened.revision.subject, opened.file.path
        await run_in_threadpool(
            record_access, office, admission.party, subject, path, admission.basis
        )


def _once(ask: Callable[[], Party | None]) -> Callable[[], Party | None]:
    """The same question, asked at most once."""
    answers: list[Party | None] = []

    def asked() -> Party | None:
        if not answers:
            answers.append(ask())
        return answers[0]

    return asked


# --- how it is answered -----------------------------------------------------------------------


def _headers(opened: Opened) -> dict[str, str]:
    file = opened.file
    tag = f'"{file.blob.sha256 if file.lfs else file.blob.git_oid}"'
    headers = {
        **_INERT,
        "X-Repo-Commit": opened.revision.oid,
        "ETag": tag,
        "Accept-Ranges": "bytes",
        "Content-Type": _media_type(file),
        "Content-Disposition": _disposition(file.path),
        **opened.admission.headers,
    }
    if file.lfs:
        headers |= {"X-Linked-Etag": tag, "X-Linked-Size": str(file.blob.size)}
    return headers


def _media_type(file: TreeFile) -> str:
    if file.blob.recognition == "text":
        return "text/plain; charset=utf-8"
    return "application/octet-stream"


def _disposition(path: str) -> str:
    name = path.rpartition("/")[2]
    plain = "".join(c if " " <= c <= "~" and c not in '"\\' else "_" for c in name)
    return f"inline; filename*=UTF-8''{quote(name, safe='')}; filename=\"{plain}\";"


def _short(headers: Mapping[str, str]) -> dict[str, str]:
    """What a 304 repeats (RFC 9110 section 15.4.5), and the commit."""
    kept = ("ETag", "Cache-Control", "X-Repo-Commit", "Vary")
    return {name: value for name, value in headers.items() if name in kept}


def _unchanged(request: Request, tag: str) -> bool:
    held = request.headers.get("if-none-match")
    if held is None:
        return False
    return held.strip() == "*" or tag.strip('"') in _TAG.findall(held)


def _redirect(location: str, headers: Mapping[str, str]) -> Response:
    """To the object store, with the headers the clients read before they follow."""
    kept = {name: value for name, value in headers.items() if name != "Content-Type"}
    kept.setdefault("Cache-Control", "no-store")
    return Response(status_code=HTTPStatus.FOUND, headers={**kept, "Location": location})


def _bytes(
    request: Request, office: Office, digest: Sha256, size: int, headers: dict[str, str]
) -> Response:
    asked = _range(request, size, headers["ETag"])
    if asked is not None and asked[0] >= asked[1]:
        refused = {**headers, "Content-Range": f"bytes */{size}", "Content-Type": "text/plain"}
        return Response(status_code=HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, headers=refused)
    start, end = asked or (0, size)
    code = HTTPStatus.OK if asked is None else HTTPStatus.PARTIAL_CONTENT
    headers["Content-Length"] = str(end - start)
    if asked is not None:
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    if request.method == "HEAD":
        return Response(status_code=code, headers=headers)
    path = office.blobs.path(digest)
    if asked is None and path is not None and _sends_files(request.scope):
        return SentFile(str(path), headers)
    chunks = iterate_in_threadpool(office.blobs.chunks(digest, start, end))
    return StreamingResponse(chunks, status_code=code, headers=headers)


def _range(request: Request, size: int, tag: str) -> tuple[int, int] | None:
    """The bytes [start, end) asked for; None for all of them, (0, 0) where there are none such."""
    asked = request.headers.get("range")
    if asked is None or request.method != "GET":
        return None
    condition = request.headers.get("if-range")
    if condition is not None and condition != tag:
        return None
    found = _RANGE.fullmatch(asked.strip())
    if found is None or found[0] == "bytes=-":
        return None
    first, last = found.groups()
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < int(first):
            return None
    return (start, end) if start < end else (0, 0)


def _sends_files(scope: Scope) -> bool:
    return "http.response.pathsend" in scope.get("extensions", {})


class SentFile(Response):
    """A whole file, sent by the server itself (ASGI extension http.response.pathsend)."""

    def __init__(self, path: str, headers: Mapping[str, str]) -> None:
        super().__init__(headers=headers)
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"status": self.status_code, "headers": self.raw_headers}
        await send({"type": "http.response.start", **start})
        await send({"type": "http.response.pathsend", "path": self._path})
