"""The public record, for people: the newest entries first, and each entry with its proof.

    GET /log?before=120        entries 119, 118, ... as far as the signed checkpoint covers them
    GET /log/entry/{index}     one entry, indented, with what it says in a sentence

Nothing is shown here that is not in the record; the names of repositories beside an entry are
those that are public now.
"""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from openward.errors import Malformed
from openward.evidence.presentation import parse_evaluation_statement
from openward.registrar.office import Office
from openward.statements.dsse import Envelope, parse_envelope
from openward.statements.entry import (
    Accredited,
    Body,
    Committed,
    Decided,
    Ended,
    Entry,
    EvidenceFiled,
    Genesis,
    Opened,
    PolicyAdopted,
    parse_body,
    parse_entry,
)
from openward.statements.intoto import parse_statement
from openward.statements.strict_json import Fields, JsonValue, canonical_json, parse_json
from openward.store import reads
from openward.store.holdings import revisions_of_subject
from openward.tlog.checkpoint import Checkpoint, parse_checkpoint
from openward.tlog.note import parse_note
from openward.vocabulary import Sha256, Subject, Tier
from openward.web.hub_errors import HubProblem
from openward.web.pages_frame import page, reader
from openward.web.pages_model import address_of
from openward.web.pages_words import TIERS, UNASSESSED, domain_words
from openward.web.raw_path import part
from openward.web.sessions import acting, office_of
from openward.web.standing import API

LENGTH = 30
MOST_NAMED = 3
_NO_WEIGHTS = Subject(()).digest
_SEALED = {
    "decision": "A decision on weights that are not public",
    "evidence": "Evidence on weights that are not public",
    "grant": "A person was given access",
    "evaluation-lease": "An evaluator was lent weights",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One entry in a sentence, and the repositories it is about: names with their pages."""

    index: int
    at: datetime
    kind: str
    says: str
    about: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Sealed:
    """The signed checkpoint, and the size of the record it covers."""

    size: int
    checkpoint: Checkpoint | None


def routes() -> list[BaseRoute]:
    return [Route("/log", serve_record), Route("/log/entry/{index}", serve_entry)]


def serve_record(request: Request) -> Response:
    office = office_of(request)
    sealed = _sealed(office)
    before = min(_index(request.query_params.get("before", str(sealed.size))), sealed.size)
    start = max(0, before - LENGTH)
    with office.database.reading() as connection:
        party = acting(connection, request)
        raws = reads.entries(connection, start, before)
        lines = [_line(connection, start + n, parse_entry(raw)) for n, raw in enumerate(raws)]
    members = {
        "lines": lines[::-1],
        "sealed": sealed,
        "older": start if start else None,
        "newest": before == sealed.size,
        "vkey": office.log_key.vkey(),
    }
    return page(office, "record.html", "The record", reader(party), members)


def serve_entry(request: Request) -> Response:
    office, index = office_of(request), _index(part(request, "index"))
    sealed = _sealed(office)
    with office.database.reading() as connection:
        party = acting(connection, request)
        raws = reads.entries(connection, index, index + 1) if index < sealed.size else []
        if not raws:
            raise HubProblem(HTTPStatus.NOT_FOUND, f"The record has no entry {index} yet.")
        entry = parse_entry(raws[0])
        line = _line(connection, index, entry)
    members = {
        "line": line,
        "sealed": sealed,
        "digest": hashlib.sha256(raws[0]).hexdigest(),
        "text": _indented(parse_json(raws[0])),
        "signed": _signed(entry.body),
        "earlier": index - 1 if index else None,
        "later": index + 1 if index + 1 < sealed.size else None,
        "api": API,
    }
    return page(office, "entry.html", f"Entry {index}", reader(party), members)


def _index(text: str) -> int:
    """Read an index. Raises HubProblem 404."""
    if not (text.isascii() and text.isdigit()) or len(text) > 15:
        raise HubProblem(HTTPStatus.NOT_FOUND, "The record has no such entry.")
    return int(text)


def _sealed(office: Office) -> Sealed:
    note = office.log.checkpoint()
    if note is None:
        return Sealed(0, None)
    checkpoint = parse_checkpoint(parse_note(note).text)
    return Sealed(checkpoint.size, checkpoint)


def _indented(value: JsonValue) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _envelope(body: Body) -> Envelope | None:
    if isinstance(body, PolicyAdopted | Accredited | EvidenceFiled):
        return parse_envelope(canonical_json(body.envelope))
    return None


def _signed(body: Body) -> str:
    """What the entry's envelope holds, indented; empty where there is none, or no JSON in it."""
    envelope = _envelope(body)
    try:
        return "" if envelope is None else _indented(parse_json(envelope.payload))
    except Malformed:
        return ""


def _line(connection: Connection, index: int, entry: Entry) -> Line:
    says, subject = _told(entry.body)
    about = () if subject is None else _about(connection, subject)
    return Line(index, entry.at, entry.kind, says, about)


def _told(body: Body) -> tuple[str, Sha256 | None]:
    """The entry in a sentence, and the weights it is about where it names any."""
    match body:
        case Genesis(origin, _):
            return f"The record begins. Its name is {origin}.", None
        case PolicyAdopted():
            policy = Fields.of(_predicate(body), "policy")
            name, version = policy.text("name"), policy.integer("version", minimum=1)
            return f"Policy adopted: {name}, version {version}", None
        case Accredited():
            evaluator = Fields.of(_predicate(body), "accreditation").text("evaluator")
            return f"Evaluator accredited: {evaluator}", None
        case EvidenceFiled():
            return _evidence_told(body)
        case Decided():
            return f"Decided: {_standing_words(body)}", body.subject
        case Committed(what, _):
            return f"{_SEALED[what]}. Only a fingerprint is public.", None
        case Opened(entry, _, hidden):
            return _opened_told(entry, hidden)
        case Ended(entry, reason):
            return f"What entry {entry} gave has ended: {reason}", None


def _predicate(body: Body) -> JsonValue:
    envelope = _envelope(body)
    return None if envelope is None else parse_statement(envelope.payload).predicate


def _evidence_told(body: EvidenceFiled) -> tuple[str, Sha256 | None]:
    envelope = parse_envelope(canonical_json(body.envelope))
    statement, claim = parse_evaluation_statement(envelope.payload)
    says = f"Evidence filed: {domain_words(claim.domain)}, by {claim.evaluator}"
    return says, statement.subjects[0].sha256


def _opened_told(entry: int, hidden: JsonValue) -> tuple[str, Sha256 | None]:
    kind = "decision" if isinstance(hidden, dict) and "policy_entry" in hidden else "evidence"
    body = parse_body(kind, Fields.of(hidden, f"entry {entry}"))
    says, subject = _told(body)
    return f"Entry {entry} is opened. {says}", subject


def _standing_words(body: Decided) -> str:
    if not body.tier:
        return UNASSESSED.lower()
    how = ", presumed" if body.state == "presumed" else ""
    return f"{TIERS[Tier(body.tier)]}{how}"


def _about(connection: Connection, subject: Sha256) -> tuple[tuple[str, str], ...]:
    if subject == _NO_WEIGHTS:
        return ()
    public = [repo for repo, _ in revisions_of_subject(connection, subject) if not repo.private]
    named = {repo.full_name: address_of(repo) for repo in public}
    return tuple(named.items())[:MOST_NAMED]
