"""Commits as the Hub's clients send them: which way each file travels, then what changes.

    POST /api/{models|datasets|spaces}/{namespace}/{name}/preupload/{rev}      JSON
    POST /api/{models|datasets|spaces}/{namespace}/{name}/commit/{rev}         NDJSON
    POST /api/{models|datasets|spaces}/{namespace}/{name}/lfs-files/duplicate  JSON

A file is `regular` when it is small text by its looks: it travels inside the commit. Everything
else is `lfs`: its bytes go first, by LFS or Xet, and the commit names them by digest.
"""

import base64
import binascii
from contextlib import ExitStack

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from openward.errors import Malformed
from openward.registrar.commits import Asked, Committed, MayRead, Proposal, Received, record_commit
from openward.registrar.gitpatterns import Pattern, ignored, large, parse_ignoring, parse_large
from openward.registrar.office import Office
from openward.registrar.operations import AddFile, Header, Operation, parse_line, parse_path
from openward.registrar.parties import Party, may_see
from openward.registrar.uploads import Incoming
from openward.statements.strict_json import Fields, parse_json
from openward.store.blobs import read_blob
from openward.store.holdings import places_of
from openward.store.repositories import RepoRow
from openward.store.revisions import RevisionRow, TreeFile, tree_of
from openward.vocabulary import Sha256, parse_sha256
from openward.web.bodies import PIECE, lines, small_body
from openward.web.gate import admit
from openward.web.hub_errors import accepted
from openward.web.hub_names import PLURALS, named_repo, named_revision, visible_repo
from openward.web.raw_path import part
from openward.web.sessions import office_of, signed_in

REGULAR_LIMIT = 10_000_000
"""Bytes: larger files are never kept inside a commit."""

LONGEST_LINE = 16 << 20
"""Bytes: a regular file in base64 fits, with its path."""

_PREUPLOAD_LIMIT = 8 << 20
_MOST_ANNOUNCED = 1000
_DUPLICATE_LIMIT = 1 << 20
_PATTERNS_LIMIT = 1 << 20


def routes() -> list[BaseRoute]:
    repo = "/api/{type}/{namespace}/{name}"
    return [
        Route(repo + "/preupload/{rev}", preupload, methods=["POST"]),
        Route(repo + "/commit/{rev}", commit, methods=["POST"]),
        Route(repo + "/lfs-files/duplicate", duplicate, methods=["POST"]),
    ]


# --- which way each file travels --------------------------------------------------------------


async def preupload(request: Request) -> Response:
    """Say for each announced file how it travels, whether it is ignored, and what is there now."""
    party = signed_in(request)
    announced = Fields.of(
        parse_json(await small_body(request, _PREUPLOAD_LIMIT), limit=_PREUPLOAD_LIMIT), "preupload"
    )
    return JSONResponse(await run_in_threadpool(_modes, request, party, announced))


def _modes(request: Request, party: Party, announced: Fields) -> dict[str, object]:
    office = office_of(request)
    files = announced.listing("files")
    if len(files) > _MOST_ANNOUNCED:
        raise Malformed(f"preupload: at most {_MOST_ANNOUNCED} files are announced at once")
    with office.database.reading() as connection:
        repo = named_repo(connection, request, party)
        revision = named_revision(connection, request, repo)
        tree = {file.path: file for file in tree_of(connection, revision.tree)}
        by_name = parse_large(_text_at(office, tree, ".gitattributes"))
        ignoring = _ignoring(office, announced, tree)
        found: list[dict[str, object]] = []
        for file in files:
            path = parse_path(file.text("path"))
            lfs = _is_large(file) or large(by_name, path)
            there = tree.get(path)
            mode: dict[str, object] = {
                "path": path,
                "uploadMode": "lfs" if lfs else "regular",
                "shouldIgnore": ignored(ignoring, path),
            }
            if there is not None and _readable(office, connection, repo, revision, there, party):
                mode["oid"] = there.blob.sha256 if lfs else there.blob.git_oid
            found.append(mode)
    return {"files": found}


def _is_large(file: Fields) -> bool:
    """By its size, or by the looks of its first bytes."""
    size = file.integer("size", minimum=0)
    sample = file.value("sample") if file.has("sample") else ""
    if not isinstance(sample, str) or len(sample) > 4096:
        raise Malformed(f"{file.path}.sample: expected base64 of the first 512 bytes")
    try:
        head = base64.b64decode(sample, validate=True)
    except (binascii.Error, ValueError) as e:
        raise Malformed(f"{file.path}.sample: not base64") from e
    return size > 0 and (size > REGULAR_LIMIT or not _looks_like_text(head, len(head) < size))


def _looks_like_text(head: bytes, cut: bool) -> bool:
    if b"\0" in head:
        return False
    # Where the sample ends within a character, up to three bytes are missing.
    for missing in range(4 if cut else 1):
        try:
            head[: len(head) - missing].decode("utf-8")
        except UnicodeDecodeError:
            continue
        return True
    return False


def _ignoring(office: Office, announced: Fields, tree: dict[str, TreeFile]) -> tuple[Pattern, ...]:
    """The uploader's own .gitignore where it sends one, else the repository's."""
    if not announced.has("gitIgnore"):
        return parse_ignoring(_text_at(office, tree, ".gitignore"))
    text = announced.value("gitIgnore")
    if not isinstance(text, str):
        raise Malformed("preupload: gitIgnore is text")
    return parse_ignoring(text)


def _text_at(office: Office, tree: dict[str, TreeFile], path: str) -> str:
    file = tree.get(path)
    if file is None or file.lfs or file.blob.size > _PATTERNS_LIMIT:
        return ""
    return read_blob(office.blobs, file.blob.sha256, _PATTERNS_LIMIT).decode("utf-8", "replace")


def _readable(
    office: Office,
    connection: Connection,
    repo: RepoRow,
    revision: RevisionRow,
    file: TreeFile,
    party: Party,
) -> bool:
    if not may_see(party, repo):
        return False
    return admit(office, connection, repo, revision, file, lambda: party).refusal is None


# --- what changes -----------------------------------------------------------------------------


async def commit(request: Request) -> Response:
    """Record a commit, or open a pull request with it."""
    office, party = office_of(request), signed_in(request)
    with office.database.reading() as connection:
        repo = named_repo(connection, request, party)
    with ExitStack() as staged:
        header, asked = await _read_commit(request, office, staged)
        proposal = Proposal(
            party=party,
            repo=repo.id,
            target=part(request, "rev"),
            pull=request.query_params.get("create_pr") in ("1", "true"),
            header=header,
            asked=asked,
            may_read=may_read(office, party),
        )
        committed = accepted(await run_in_threadpool(record_commit, office, proposal))
    return JSONResponse(_answer(office, committed))


def may_read(office: Office, party: Party) -> MayRead:
    """Whether this party could download these bytes from some repository of the hub."""

    def readable(connection: Connection, sha256: Sha256) -> bool:
        return any(
            _readable(office, connection, repo, revision, file, party)
            for repo, revision, file in places_of(connection, sha256)
        )

    return readable


async def _read_commit(
    request: Request, office: Office, staged: ExitStack
) -> tuple[Header, list[Asked]]:
    """The header and what follows; the bytes of small files go to disk as they come."""
    limits = office.config.limits
    header: Header | None = None
    asked: list[Asked] = []
    async for line in lines(request, limits.commit_bytes, LONGEST_LINE):
        read = await run_in_threadpool(_read_line, office, staged, line)
        if isinstance(read, Header):
            if header is not None or asked:
                raise Malformed("commit: the header comes first, and once")
            header = read
            continue
        asked.append(read)
        if len(asked) > limits.commit_files:
            raise Malformed(f"commit: at most {limits.commit_files} operations fit")
    if header is None:
        raise Malformed("commit: no header")
    return header, asked


def _read_line(office: Office, staged: ExitStack, line: bytes) -> Header | Asked:
    read: Header | Operation = parse_line(line, LONGEST_LINE + PIECE)
    if not isinstance(read, AddFile):
        return read
    incoming = staged.enter_context(Incoming(office, len(read.content)))
    incoming.write(read.content)
    return Received(read.path, incoming, incoming.finish())


def _answer(office: Office, committed: Committed) -> dict[str, object]:
    page = repo_page(office, committed.repo)
    answer: dict[str, object] = {
        "success": True,
        "commitOid": committed.revision.oid,
        "commitUrl": f"{page}/commit/{committed.revision.oid}",
        "hookOutput": "",
    }
    if committed.pull is not None:
        answer["pullRequestUrl"] = f"{page}/discussions/{committed.pull}"
    return answer


def repo_page(office: Office, repo: RepoRow) -> str:
    """The address of a repository's page."""
    prefix = "" if repo.type == "model" else f"{PLURALS[repo.type]}/"
    return f"{office.config.endpoint.rstrip('/')}/{prefix}{repo.full_name}"


# --- copies between repositories --------------------------------------------------------------


async def duplicate(request: Request) -> Response:
    """Before a commit copies files from here: say which the caller could not read.

    Nothing is recorded: the commit that names them asks again.
    """
    party = signed_in(request)
    raw = parse_json(await small_body(request, _DUPLICATE_LIMIT), limit=_DUPLICATE_LIMIT)
    return JSONResponse(await run_in_threadpool(_duplicates, request, party, raw))


def _duplicates(request: Request, party: Party, raw: object) -> dict[str, object]:
    office = office_of(request)
    asked = Fields.of(raw, "duplicate")  # type: ignore[arg-type]
    target = asked.fields("target")
    failed: list[dict[str, object]] = []
    with office.database.reading() as connection:
        named_repo(connection, request, party)
        visible_repo(connection, target.text("type"), target.text("name"), party)
        readable = may_read(office, party)
        for file in asked.listing("files"):
            digest = parse_sha256(file.text("sha256"))
            if not readable(connection, digest):
                failed.append({"sha256": digest, "error": "You cannot read this file here"})
    return {"success": not failed, "failed": failed}
