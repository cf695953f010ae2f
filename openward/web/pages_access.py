"""Asking for access, for people: what is asked, the terms whole, and an answer at once.

    GET  /access/[datasets/|spaces/]{id}    the terms, and the form
    POST the same                           the outcome: granted, waiting for the publisher, refused

A session counts on a POST only where our own page sent it (web.sessions), so a foreign page cannot
promise anything in a visitor's name. The digest of the terms travels with the form: a promise is
made on the text that was read, and on no other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from http import HTTPStatus
from urllib.parse import quote

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from openward.access.grant import PublisherGate
from openward.access.refusal import Denied
from openward.access.usage import MAX_PURPOSE
from openward.errors import Malformed
from openward.policy.duties import Gate
from openward.registrar.admissions import Answer, Leased, Pending, Promise, request_access
from openward.registrar.office import Office
from openward.registrar.parties import Party
from openward.registrar.passages import Passage, decide_passage
from openward.registrar.standing import standing_of
from openward.store import reads
from openward.store.repositories import RepoRow
from openward.store.requests import find_request
from openward.store.revisions import RevisionRow
from openward.vocabulary import parse_sha256
from openward.web.fields import Form, read_form
from openward.web.hub_errors import HubProblem
from openward.web.hub_info import show
from openward.web.hub_names import TYPES, named_revision, visible_repo
from openward.web.pages_frame import page, reader
from openward.web.pages_model import address_of, verdict_on
from openward.web.pages_words import access_words
from openward.web.raw_path import part
from openward.web.sessions import acting, caller, office_of

_FORM_LIMIT = 64 << 10  # bytes
_OURS = ("terms", "accept", "purpose")
_PUBLISHERS = "publisher."
"""What the names of the publisher's own fields begin with in the form."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One field that the publisher's card asks for: text, checkbox, or one of some options."""

    label: str
    kind: str
    options: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return _PUBLISHERS + self.label


def routes() -> list[BaseRoute]:
    listed: list[BaseRoute] = []
    for plural in ("datasets", "spaces", "models"):
        path = "/access/{namespace}/{name}"
        if plural != "models":
            path = f"/access/{plural}/{{namespace}}/{{name}}"
        listed.append(Route(path, partial(serve_form, plural)))
        listed.append(Route(path, partial(serve_outcome, plural), methods=["POST"]))
    return listed


# --- the form ----------------------------------------------------------------------------------


def serve_form(plural: str, request: Request) -> Response:
    office = office_of(request)
    with office.database.reading() as connection:
        party = acting(connection, request)
        repo, revision = _repo(connection, request, plural, party)
        members = _form_members(office, connection, repo, revision, party)
    return page(office, "request.html", f"Access to {repo.full_name}", reader(party), members)


def _repo(
    connection: Connection, request: Request, plural: str, party: Party | None
) -> tuple[RepoRow, RevisionRow]:
    name = f"{part(request, 'namespace')}/{part(request, 'name')}"
    repo = visible_repo(connection, TYPES[plural], name, party)
    return repo, named_revision(connection, request, repo)


def _form_members(
    office: Office,
    connection: Connection,
    repo: RepoRow,
    revision: RevisionRow,
    party: Party | None,
) -> dict[str, object]:
    now = office.clock()
    standing = standing_of(office, connection, revision.subject, now, inside=repo.private)
    passage = decide_passage(office, connection, repo, revision, None, lambda: party, now)
    asks_promise = passage.demand.gate is Gate.IDENTITY
    before = None if party is None else find_request(connection, repo.id, party.account.id)
    card = show(office, connection, repo, revision).card
    prompt = card.members.get("extra_gated_prompt")
    return {
        "repo": repo,
        "address": address_of(repo),
        "here": f"/access{address_of(repo)}",
        "login": f"/login?next={quote(f'/access{address_of(repo)}', safe='')}",
        "verdict": verdict_on(office, standing),
        "access": access_words(passage.demand.gate, passage.publisher),
        "may_ask": _may_ask(passage),
        "lease": _running(connection, passage),
        "verified": party is not None and party.account.verified_at is not None,
        "asks_promise": asks_promise,
        "asks_publisher": passage.publisher is PublisherGate.MANUAL,
        "terms": standing.policy.terms if standing is not None and asks_promise else None,
        "lease_days": passage.demand.lease_days,
        "purpose_limit": MAX_PURPOSE,
        "wanted": wanted_fields(card.members.get("extra_gated_fields")) if _gated(repo) else (),
        "prompt": prompt if _gated(repo) and isinstance(prompt, str) else "",
        "before": before,
        "alternative": passage.demand.alternative,
        "appeal": passage.demand.appeal,
    }


def _gated(repo: RepoRow) -> bool:
    return repo.gate != PublisherGate.NONE.value


def _may_ask(passage: Passage) -> bool:
    """Whether asking can lead anywhere: not where nothing is asked, nor where nobody is let in."""
    return passage.demand.gate <= Gate.IDENTITY and not passage.open_to_all


def _running(connection: Connection, passage: Passage) -> datetime | None:
    """The end of the lease that the reader's access rests on."""
    if passage.party is None or passage.lease is None:
        return None
    leases = reads.leases_of(connection, account=passage.party.account.id)
    return next((row.until for row in leases if row.index == passage.lease), None)


def wanted_fields(asked: object) -> tuple[Wanted, ...]:
    """The publisher's fields by label; what the card does not say clearly is a line of text."""
    if not isinstance(asked, Mapping):
        return ()
    found = []
    for label, kind in asked.items():
        if isinstance(kind, Mapping) and isinstance(kind.get("options"), list):
            options = tuple(
                str(each["value"] if isinstance(each, Mapping) and "value" in each else each)
                for each in kind["options"]
            )
            found.append(Wanted(str(label), "select", options))
        else:
            found.append(Wanted(str(label), "checkbox" if kind == "checkbox" else "text"))
    return tuple(found)


# --- the outcome -------------------------------------------------------------------------------


async def serve_outcome(plural: str, request: Request) -> Response:
    """Ask, and say at once what came of it."""
    given = await read_form(request, _FORM_LIMIT)
    return await run_in_threadpool(_ask, plural, request, given)


def _ask(plural: str, request: Request, given: Form) -> Response:
    office, party = office_of(request), caller(request)
    if party is None:
        raise HubProblem(
            HTTPStatus.UNAUTHORIZED, "Sign in first, and send the form from this hub's own page."
        )
    with office.database.reading() as connection:
        repo, revision = _repo(connection, request, plural, party)
        form = _form_members(office, connection, repo, revision, party)
    wanted = form["wanted"]
    assert isinstance(wanted, tuple)  # noqa: S101  # as _form_members makes it
    _refuse_unfilled(wanted, given)
    fields = {each.label: given.first(each.name) for each in wanted}
    answer = request_access(office, party.account, repo, revision, _promise(given), fields or None)
    members = {**form, "answer": answer, "outcome": _outcome(answer)}
    http = HTTPStatus.FORBIDDEN if isinstance(answer, Denied) else HTTPStatus.OK
    title = f"Access to {repo.full_name}"
    return page(office, "outcome.html", title, reader(party), members, http=http)


def _outcome(answer: Answer) -> str:
    match answer:
        case Leased():
            return "granted"
        case Pending():
            return "pending"
        case Denied():
            return "refused"


def _promise(given: Form) -> Promise | None:
    """The promise, if the box was ticked and a purpose given. Raises Malformed."""
    purpose = given.first("purpose").replace("\r\n", "\n").strip()
    if not given.first("accept") or not purpose:
        return None
    return Promise(parse_sha256(given.first("terms")), purpose)


def _refuse_unfilled(wanted: tuple[Wanted, ...], given: Form) -> None:
    for each in wanted:
        if not given.first(each.name).strip():
            raise Malformed(f"the publisher asks for: {each.label[:200]}")
