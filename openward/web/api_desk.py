"""The desk of our own API: asking for access, lending for evaluation, filing evidence.

Every answer comes at once: a lease with its end, a date by which the publisher answers, or a
refusal that names all that is lacking and what can be done instead.
"""

from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, File, Request, UploadFile
from pydantic import BaseModel, Field

from openward.access.refusal import Denied
from openward.errors import Malformed
from openward.registrar.admissions import (
    Answer,
    Leased,
    Promise,
    lend_for_evaluation,
    request_access,
)
from openward.registrar.filing import Filed, file_evidence
from openward.registrar.office import Office
from openward.registrar.parties import Party, may_see
from openward.statements.dsse import parse_envelope
from openward.statements.entry import MAX_ENTRY_SIZE
from openward.statements.strict_json import format_time
from openward.store import reads
from openward.store.blobs import StagedFile
from openward.store.repositories import RepoRow, find_repo, repo_by_id
from openward.store.requests import requests_of
from openward.store.revisions import RevisionRow, find_revision
from openward.vocabulary import parse_sha256
from openward.web.problems import Problem, not_found, refused, taken
from openward.web.sessions import caller, office_of

desk = APIRouter()
_PIECE = 1 << 20


class AccessRequest(BaseModel):
    """What an applicant asks for, and what it promises."""

    repo: str = Field(max_length=200, examples=["open-lab/kifaru-8b"])
    type: str = Field(default="model", pattern="^(model|dataset|space)$")
    revision: str = Field(default="main", max_length=250)
    purpose: str | None = Field(default=None, max_length=2000)
    terms: str | None = Field(default=None, pattern="^[0-9a-f]{64}$", description="Accepted.")


class LeaseRequest(BaseModel):
    """Which revision an evaluator wants to evaluate."""

    repo: str = Field(max_length=200)
    type: str = Field(default="model", pattern="^(model|dataset|space)$")
    revision: str = Field(default="main", max_length=250)


@desk.post("/access-requests", status_code=HTTPStatus.CREATED)
def ask(request: Request, asked: AccessRequest) -> dict[str, object]:
    """Ask for a revision's weights."""
    office, party = office_of(request), signed_in(request)
    repo, revision = _named(office, party, asked.type, asked.repo, asked.revision)
    promise = None
    if asked.terms is not None and asked.purpose is not None:
        promise = Promise(parse_sha256(asked.terms), asked.purpose)
    answer = request_access(office, party.account, repo, revision, promise)
    return {"repo": repo.full_name, "revision": revision.oid, **answered(answer)}


def answered(answer: Answer) -> dict[str, object]:
    """An answer as members. Raises Problem where it is a refusal."""
    if isinstance(answer, Denied):
        raise refused(answer)
    if isinstance(answer, Leased):
        return {"state": "accepted", "until": format_time(answer.until), "entry": answer.entry}
    return {"state": "pending", "due": format_time(answer.due)}


@desk.get("/access-requests")
def asked_for(request: Request) -> list[dict[str, object]]:
    """The caller's requests with their deadlines, and the leases they led to."""
    office, party = office_of(request), signed_in(request)
    now = office.clock()
    with office.database.reading() as connection:
        leases = reads.leases_of(connection, account=party.account.id)
        found: list[dict[str, object]] = []
        for row in requests_of(connection, party.account.id):
            repo = repo_by_id(connection, row.repo)
            if repo is None or not may_see(party, repo):
                continue
            head = find_revision(connection, repo.id, "main")
            running = [
                lease.until
                for lease in leases
                if head is not None
                and lease.subject == head.subject
                and lease.ended_by is None
                and now < lease.until
            ]
            found.append(
                {
                    "repo": repo.full_name,
                    "type": repo.type,
                    "state": row.state,
                    "asked_at": format_time(row.at),
                    "due": _time(row.due),
                    "answered_at": _time(row.decided_at),
                    "reason": row.reason,
                    "lease_until": _time(max(running, default=None)),
                }
            )
    return found


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else format_time(moment)


@desk.post("/evaluation-leases", status_code=HTTPStatus.CREATED)
def lend(request: Request, asked: LeaseRequest) -> dict[str, object]:
    """Lend a revision's weights to an accredited evaluator; the lease enters the record."""
    office, party = office_of(request), signed_in(request)
    repo, revision = _named(office, party, asked.type, asked.repo, asked.revision)
    answer = lend_for_evaluation(office, party, repo, revision)
    return {"repo": repo.full_name, "revision": revision.oid, **answered(answer)}


@desk.post("/evidence", status_code=HTTPStatus.CREATED)
def submit(
    request: Request,
    envelope: Annotated[UploadFile, File(description="The DSSE envelope.")],
    log: Annotated[UploadFile, File(description="The evaluation log it names.")],
    samples: Annotated[UploadFile | None, File(description="The samples beside it.")] = None,
) -> dict[str, object]:
    """File a signed evaluation with its log."""
    office, party = office_of(request), signed_in(request)
    raw = envelope.file.read(MAX_ENTRY_SIZE + 1)
    if len(raw) > MAX_ENTRY_SIZE:
        raise Malformed(f"envelope: at most {MAX_ENTRY_SIZE} bytes are taken")
    parsed = parse_envelope(raw)
    with office.staging.file() as staged_log, office.staging.file() as staged_samples:
        _stage(office, log, staged_log)
        if samples is not None:
            _stage(office, samples, staged_samples)
        filed = file_evidence(
            office, party, parsed, staged_log, staged_samples if samples else None
        )
    taken(filed)
    assert isinstance(filed, Filed)  # noqa: S101  # `taken` raised for the refusal
    decision = filed.decision
    return {
        "statement": filed.statement,
        "subject": filed.subject,
        "state": None if decision is None else decision.state,
        "tier": None if decision is None else decision.tier or None,
        "entry": None if decision is None else decision.index,
    }


def _stage(office: Office, upload: UploadFile, staged: StagedFile) -> None:
    limit = office.config.limits.evaluation_log_bytes
    while piece := upload.file.read(_PIECE):
        if staged.size + len(piece) > limit:
            raise Malformed(f"{upload.filename}: at most {limit} bytes are taken")
        staged.write(piece)
    staged.finish()


def signed_in(request: Request) -> Party:
    """The acting party. Raises Problem 401 for a visitor."""
    party = caller(request)
    if party is None:
        raise Problem(
            HTTPStatus.UNAUTHORIZED, "Sign in first", "This needs a token or a signed-in browser."
        )
    return party


def _named(
    office: Office, party: Party, type: str, full_name: str, revision: str
) -> tuple[RepoRow, RevisionRow]:
    with office.database.reading() as connection:
        repo = find_repo(connection, type, full_name)
        if repo is None or not may_see(party, repo):
            raise not_found(f"{type} {full_name}")
        commit = find_revision(connection, repo.id, revision)
    if commit is None:
        raise not_found(f"{full_name} at {revision}")
    return repo, commit
