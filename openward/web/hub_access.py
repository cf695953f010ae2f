"""Requests for access, in the Hub's own way.

    publisher  GET  /api/{type}s/{id}/user-access-request/{pending|accepted|rejected}
               POST /api/{type}s/{id}/user-access-request/handle   {user|requestId, status, …}
               POST /api/{type}s/{id}/user-access-request/batch    {requests: [{…} 1 to 100]}
               POST /api/{type}s/{id}/user-access-request/grant    {user}
               GET  /{id}/user-access-report                       as a table (CSV)
    applicant  POST /{id}/ask-access                               form or JSON -> 303
               POST /api/{type}s/{id}/user-access-request/cancel

The applicant's fields are those that the publisher's model card asks for; the two of our own,
`openward.terms` (the digest of the accepted terms) and `openward.purpose`, are the promise of use.
"""

import csv
import io
import json
from collections.abc import Mapping
from http import HTTPStatus

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from openward.access.refusal import Denied, refusal_line
from openward.errors import Malformed
from openward.registrar.access_requests import (
    LONGEST_REASON,
    RequestState,
    Ruling,
    answer_requests,
    grant_unasked,
    withdraw,
)
from openward.registrar.admissions import Promise, request_access
from openward.registrar.parties import Party, may_write
from openward.statements.strict_json import Fields, JsonValue
from openward.store.accounts import account_by_id
from openward.store.repositories import RepoRow
from openward.store.requests import RequestRow, requests_for
from openward.vocabulary import parse_sha256
from openward.web.fields import read_fields, read_form
from openward.web.hub_errors import GATED_REPO, HubProblem, accepted, entry_not_found
from openward.web.hub_info import main_of, show
from openward.web.hub_names import named_repo, repo_key
from openward.web.hub_repos import address
from openward.web.paging import asked_page, next_page
from openward.web.raw_path import part
from openward.web.sessions import office_of, signed_in
from openward.web.times import client_time

TERMS_FIELD = "openward.terms"
PURPOSE_FIELD = "openward.purpose"
_PAGE = 1000
_MOST_RULINGS = 100
_FORM_LIMIT = 64 << 10  # bytes
_MOST_ANSWERS = 100
_REQUEST_ID = "{:024x}"


def routes() -> list[BaseRoute]:
    at = "/api/{type:str}/{namespace}/{name}/user-access-request"
    listed: list[BaseRoute] = [
        Route(f"{at}/handle", serve_answer, methods=["POST"]),
        Route(f"{at}/batch", serve_answers, methods=["POST"]),
        Route(f"{at}/grant", serve_grant, methods=["POST"]),
        Route(f"{at}/cancel", serve_withdrawal, methods=["POST"]),
        Route(f"{at}/{{state}}", serve_requests),
    ]
    for prefix in ("", "/{type:str}"):
        page = f"{prefix}/{{namespace}}/{{name}}"
        listed.append(Route(f"{page}/ask-access", serve_asking, methods=["POST"]))
        listed.append(Route(f"{page}/user-access-report", serve_report))
    return listed


# --- the publisher ----------------------------------------------------------------------------


def serve_requests(request: Request) -> Response:
    """The requests of one state, oldest first, to those who may write."""
    office, party = office_of(request), signed_in(request)
    state = part(request, "state")
    if state not in {each.value for each in RequestState}:
        raise entry_not_found(f"the list of {state[:40]} requests")
    start, length = asked_page(request, default=_PAGE, most=_PAGE)
    with office.database.reading() as connection:
        repo = _answered_for(connection, request, party)
        found = requests_for(connection, repo.id, state)
        listing = [_shown(connection, each) for each in found[start : start + length]]
    more = next_page(request, office, start + length) if len(found) > start + length else {}
    return JSONResponse(listing, headers=more)


def _answered_for(connection: Connection, request: Request, party: Party) -> RepoRow:
    repo = named_repo(connection, request, party)
    if not may_write(party, repo.owner):
        raise HubProblem(HTTPStatus.FORBIDDEN, f"You may not answer for {repo.full_name}")
    return repo


def _shown(connection: Connection, request: RequestRow) -> dict[str, JsonValue]:
    person = account_by_id(connection, request.account)
    asked = _fields_of(request)
    shown: dict[str, JsonValue] = {
        "requestId": _REQUEST_ID.format(request.id),
        "status": request.state,
        "timestamp": client_time(request.at),
        "user": {
            "user": person.name if person else None,
            "fullname": person.fullname if person else None,
            # Somebody granted unasked has shown the publisher nothing.
            "email": person.email if person and asked is not None else None,
        },
    }
    if asked:
        shown["fields"] = asked
    if request.due is not None:
        shown["due"] = client_time(request.due)
    if request.decided_at is not None:
        shown["reviewedAt"] = client_time(request.decided_at)
        shown["grantedBy" if request.state == "accepted" else "reviewedBy"] = request.decided_by
    if request.reason:
        shown["rejectionReason"] = request.reason
    return shown


def _fields_of(request: RequestRow) -> dict[str, JsonValue] | None:
    """What the applicant filled in; None for one who did not ask."""
    fields = json.loads(request.fields).get("fields")
    return fields if isinstance(fields, dict) else None


async def serve_answer(request: Request) -> Response:
    """Accept, reject, or put back."""
    ruling = _parse_ruling(await read_fields(request))
    return await _rule(request, (ruling,))


async def serve_answers(request: Request) -> Response:
    """Up to a hundred answers, all or none."""
    fields = await read_fields(request)
    rulings = tuple(_parse_ruling(each) for each in fields.listing("requests"))
    if not 1 <= len(rulings) <= _MOST_RULINGS:
        raise Malformed(f"requests: 1 to {_MOST_RULINGS} are answered at once")
    return await _rule(request, rulings)


async def _rule(request: Request, rulings: tuple[Ruling, ...]) -> Response:
    office, party = office_of(request), await run_in_threadpool(signed_in, request)
    accepted(await run_in_threadpool(answer_requests, office, party, *repo_key(request), rulings))
    return JSONResponse({})


def _parse_ruling(fields: Fields) -> Ruling:
    account = fields.optional_text("user")
    number = fields.optional_text("requestId")
    if (account is None) == (number is None):
        raise Malformed("either user or requestId says whose request is meant")
    state = fields.choice("status", RequestState)
    reason = fields.optional_text("rejectionReason")
    if reason is not None and (state is not RequestState.REJECTED or len(reason) > LONGEST_REASON):
        raise Malformed(f"a rejection may have a reason of at most {LONGEST_REASON} characters")
    return Ruling(account, None if number is None else parse_request_id(number), state, reason)


def parse_request_id(text: str) -> int:
    """Read the id of a request: 24 hexadecimal digits. Raises Malformed."""
    if len(text) != 24 or any(c not in "0123456789abcdef" for c in text):
        raise Malformed("requestId has 24 hexadecimal digits")
    # Ids in the database have at most 63 bits; a larger one names no request.
    return min(int(text, 16), 2**63 - 1)


async def serve_grant(request: Request) -> Response:
    """Accept somebody who has not asked."""
    account = (await read_fields(request)).text("user")
    office, party = office_of(request), await run_in_threadpool(signed_in, request)
    accepted(await run_in_threadpool(grant_unasked, office, party, *repo_key(request), account))
    return JSONResponse({})


def serve_report(request: Request) -> Response:
    """Every request as a table, for the publisher's own books."""
    office, party = office_of(request), signed_in(request)
    with office.database.reading() as connection:
        repo = _answered_for(connection, request, party)
        rows = [_shown(connection, each) for each in requests_for(connection, repo.id)]
    table = io.StringIO()
    writer = csv.writer(table)
    writer.writerow(("user", "fullname", "email", "status", "timestamp", "fields"))
    for row in rows:
        person = row["user"]
        assert isinstance(person, Mapping)  # noqa: S101  # as _shown makes it
        values = [person["user"], person["fullname"], person["email"]]
        values += [row["status"], row["timestamp"], json.dumps(row.get("fields", {}))]
        writer.writerow(_cell(value) for value in values)
    name = f'attachment; filename="{repo.name}-access.csv"'
    headers = {"Content-Disposition": name, "Cache-Control": "private, no-store"}
    return Response(table.getvalue(), media_type="text/csv", headers=headers)


def _cell(value: JsonValue) -> str:
    """The value as a cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


# --- the applicant ----------------------------------------------------------------------------


async def serve_asking(request: Request) -> Response:
    """Ask for access. 303 to the repository's page, or a refusal that says what is lacking."""
    given = await _given(request)
    return await run_in_threadpool(_ask, request, given)


async def _given(request: Request) -> dict[str, str]:
    """The fields of the form by label."""
    if request.headers.get("content-type", "").startswith("application/json"):
        members = (await read_fields(request, _FORM_LIMIT)).members
        pairs = [(k, v if isinstance(v, str) else json.dumps(v)) for k, v in members.items()]
    else:
        pairs = list((await read_form(request, _FORM_LIMIT)).pairs)
    if len(pairs) > _MOST_ANSWERS:
        raise Malformed(f"a form has at most {_MOST_ANSWERS} fields")
    return dict(pairs)


def _ask(request: Request, given: dict[str, str]) -> Response:
    office, party = office_of(request), signed_in(request)
    terms, purpose = given.pop(TERMS_FIELD, ""), given.pop(PURPOSE_FIELD, "")
    promise = Promise(parse_sha256(terms), purpose) if terms else None
    with office.database.reading() as connection:
        repo = named_repo(connection, request, party)
        revision = main_of(connection, repo)
        if revision is None:
            raise entry_not_found("main")
        wanted = show(office, connection, repo, revision).card.members.get("extra_gated_fields")
    _refuse_unfilled(wanted, given)
    answer = request_access(office, party.account, repo, revision, promise, dict(given))
    if isinstance(answer, Denied):
        raise HubProblem(HTTPStatus.FORBIDDEN, refusal_line(answer), GATED_REPO)
    page = address(office, repo.type, repo.full_name)
    return RedirectResponse(page, HTTPStatus.SEE_OTHER)


def _refuse_unfilled(wanted: JsonValue, given: Mapping[str, str]) -> None:
    """Refuse a form that leaves out what the publisher asks for; a box counts when it is ticked."""
    if not isinstance(wanted, Mapping):
        return
    for label, kind in wanted.items():
        value = given.get(label, "")
        if not value or (kind == "checkbox" and value.lower() in ("false", "off", "0")):
            raise Malformed(f"the publisher asks for: {label[:200]}")


async def serve_withdrawal(request: Request) -> Response:
    """Take one's own request back."""
    office, party = office_of(request), await run_in_threadpool(signed_in, request)
    accepted(await run_in_threadpool(withdraw, office, party, *repo_key(request)))
    return JSONResponse({})
