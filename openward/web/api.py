"""Our own API, `/api/openward`: what the record rests on, for those who check it.

Everything a decision was made from can be fetched here by digest: the policy, the case, the signed
statements and the evaluation logs. What is under embargo is not there.
"""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, FastAPI, Path, Query, Request
from fastapi.responses import PlainTextResponse, Response
from sqlalchemy import Connection
from starlette.responses import StreamingResponse

from openward.registrar.office import Office
from openward.registrar.parties import may_see
from openward.registrar.standing import CASE_LIMIT
from openward.statements.entry import parse_entry
from openward.statements.strict_json import parse_json
from openward.store import reads
from openward.store.blobs import read_blob
from openward.store.contents import subject_files
from openward.store.repositories import RepoRow, find_repo
from openward.store.revisions import RevisionRow, find_revision, tree_of
from openward.tlog.checkpoint import parse_checkpoint
from openward.tlog.integration import hash_reader
from openward.tlog.merkle import inclusion_proof
from openward.tlog.note import parse_note
from openward.tlog.proof import Proof
from openward.vocabulary import Sha256, parse_sha256
from openward.web.api_desk import desk
from openward.web.problems import Problem, install, not_found
from openward.web.sessions import acting, office_of
from openward.web.standing import describe

TYPES = {"models": "model", "datasets": "dataset", "spaces": "space"}
Digest = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="A SHA-256.")]
Index = Annotated[int, Path(ge=0, le=2**53 - 1, description="An entry's index in the record.")]
_FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}

router = APIRouter()


def build_api(office: Office) -> FastAPI:
    """The application under `/api/openward`."""
    app = FastAPI(
        title="Openward",
        summary="Reasons, evidence and proofs behind every yes and no.",
        version="0.1.0",
        docs_url=None,
        redoc_url=None,
    )
    app.state.office = office
    app.include_router(router)
    app.include_router(desk)
    install(app)
    return app


@router.get("/{plural}/{namespace}/{name}/standing")
def standing(
    request: Request,
    plural: str,
    namespace: str,
    name: str,
    revision: Annotated[str, Query(max_length=250)] = "main",
) -> dict[str, object]:
    """Where a repository's revision stands: state or tier, reasons, decision, proof."""
    office = office_of(request)
    with office.database.reading() as connection:
        repo, commit = visible(connection, request, plural, f"{namespace}/{name}", revision)
        subject = {file.sha256 for file in subject_files(connection, commit.subject).files}
        files = [
            {
                "path": file.path,
                "sha256": file.blob.sha256,
                "size": file.blob.size,
                "weights": file.blob.sha256 in subject,
            }
            for file in tree_of(connection, commit.tree)
        ]
        return {
            "repo": repo.full_name,
            "revision": commit.oid,
            **describe(office, connection, repo, commit),
            "files": files,
        }


def visible(
    connection: Connection, request: Request, plural: str, full_name: str, revision: str
) -> tuple[RepoRow, RevisionRow]:
    """The repository and commit, if they exist for this caller. Raises Problem 404."""
    if plural not in TYPES:
        raise not_found(f"{plural}")
    repo = find_repo(connection, TYPES[plural], full_name)
    # A private repository and a missing one look the same; public ones ask for nobody.
    if repo is None or (repo.private and not may_see(acting(connection, request), repo)):
        raise not_found(f"{plural}/{full_name}")
    commit = find_revision(connection, repo.id, revision)
    if commit is None:
        raise not_found(f"{plural}/{full_name} at {revision}")
    return repo, commit


@router.get("/policy")
def policy(request: Request) -> dict[str, object]:
    """The policy in force, with the entry that adopted it."""
    office = office_of(request)
    with office.database.reading() as connection:
        row = reads.policy_in_force(connection, office.clock())
    if row is None:
        raise not_found("a policy in force")
    return {"entry": row.index, "sha256": row.digest, "policy": parse_json(row.document)}


@router.get("/keys")
def keys(request: Request) -> dict[str, object]:
    """The log's verifier key, and the key that countersigns promises of use, in PEM."""
    office = office_of(request)
    return {"log": office.log_key.vkey(), "hub": office.hub_signer.public.pem()}


@router.get("/policies/{sha256}")
def policy_by_digest(request: Request, sha256: Digest) -> Response:
    """A policy ever adopted, as canonical JSON."""
    with office_of(request).database.reading() as connection:
        row = reads.policy_by_digest(connection, parse_sha256(sha256))
    if row is None:
        raise not_found(f"policy {sha256}")
    return Response(row.document, media_type="application/json", headers=_FOREVER)


@router.get("/cases/{sha256}")
def case(request: Request, sha256: Digest) -> Response:
    """What a decision was made from, as canonical JSON."""
    office = office_of(request)
    with office.database.reading() as connection:
        shown = reads.case_is_public(connection, parse_sha256(sha256))
    if not shown:
        raise not_found(f"case {sha256}")
    raw = read_blob(office.blobs, Sha256(sha256), CASE_LIMIT)
    return Response(raw, media_type="application/json", headers=_FOREVER)


@router.get("/statements/{sha256}")
def statement(request: Request, sha256: Digest) -> Response:
    """A signed evaluation as filed: a DSSE envelope."""
    with office_of(request).database.reading() as connection:
        row = reads.public_evidence(connection, statement=parse_sha256(sha256))
    if row is None:
        raise not_found(f"statement {sha256}")
    return Response(row.envelope, media_type="application/json", headers=_FOREVER)


@router.get("/logs/{sha256}")
def log(request: Request, sha256: Digest) -> Response:
    """An evaluation log, or the samples beside it, as filed."""
    office = office_of(request)
    digest = parse_sha256(sha256)
    with office.database.reading() as connection:
        row = reads.public_evidence(connection, log=digest)
    size = None if row is None else office.blobs.size(digest)
    if size is None:
        raise not_found(f"log {sha256}")
    return StreamingResponse(
        office.blobs.chunks(digest, 0, size),
        media_type="application/octet-stream",
        headers={**_FOREVER, "Content-Length": str(size)},
    )


@router.get("/entries/{index}")
def entry(request: Request, index: Index) -> dict[str, object]:
    """An entry of the record, published or waiting to be."""
    raw = _entry(office_of(request), index)
    parsed = parse_json(raw)
    return {"index": index, "kind": parse_entry(raw).kind, "entry": parsed}


@router.get("/entries/{index}/proof", response_class=PlainTextResponse)
def proof(request: Request, index: Index) -> Response:
    """An inclusion proof that can be kept: https://c2sp.org/tlog-proof."""
    office = office_of(request)
    _entry(office, index)
    note = office.log.checkpoint()
    size = 0 if note is None else parse_checkpoint(parse_note(note).text).size
    if note is None or index >= size:
        raise Problem(HTTPStatus.CONFLICT, "Not published yet", f"entry {index} is not covered yet")
    path = inclusion_proof(index, size, hash_reader(office.log.tiles, size))
    return Response(Proof(index, path, note).text(), media_type="text/plain; charset=utf-8")


def _entry(office: Office, index: int) -> bytes:
    with office.database.reading() as connection:
        found = reads.entries(connection, index, index + 1)
    if not found:
        raise not_found(f"entry {index}")
    return found[0]
