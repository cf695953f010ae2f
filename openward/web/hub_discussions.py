"""Discussions and pull requests.

GET  /api/{type}s/{id}/discussions?p&type&status&author     in pages
POST /api/{type}s/{id}/discussions                          {title, description, pullRequest}
GET  /api/{type}s/{id}/discussions/{n}                      with its events
POST /api/{type}s/{id}/discussions/{n}/comment              {comment}
POST /api/{type}s/{id}/discussions/{n}/comment/{event}/edit {content}, or …/hide
POST /api/{type}s/{id}/discussions/{n}/title                {title}
POST /api/{type}s/{id}/discussions/{n}/status               {status, comment?}
POST /api/{type}s/{id}/discussions/{n}/merge                {comment?}
"""

import json
import re
from collections.abc import Mapping
from html import escape

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from openward.errors import Malformed
from openward.registrar.discussions import (
    Place,
    change_state,
    comment,
    edit_comment,
    hide_comment,
    merge_pull,
    open_discussion,
    retitle,
)
from openward.statements.strict_json import JsonValue
from openward.store.discussions import (
    DiscussionRow,
    EventRow,
    discussions_of,
    events_of,
    find_discussion,
)
from openward.store.repositories import RepoRow
from openward.store.revisions import RevisionRow, find_ref, history
from openward.web.fields import read_fields, said
from openward.web.hub_errors import accepted, entry_not_found
from openward.web.hub_names import readable_repo, repo_key
from openward.web.raw_path import part
from openward.web.sessions import office_of, signed_in
from openward.web.times import client_time

_PAGE = 50
# 24 digits, of which the database uses at most 15.
_EVENT_ID = re.compile(r"0*[0-9a-f]{1,15}", re.ASCII)
_LONGEST_PULL = 500  # commits shown
_STATES = {"open": ("open", "draft"), "closed": ("closed", "merged"), "all": ()}


def routes() -> list[BaseRoute]:
    at = "/api/{type:str}/{namespace}/{name}/discussions"
    one = at + "/{number}"
    return [
        Route(at, serve_discussions),
        Route(at, serve_new, methods=["POST"]),
        Route(one, serve_discussion),
        Route(f"{one}/comment", serve_comment, methods=["POST"]),
        Route(f"{one}/comment/{{event}}/edit", serve_edit, methods=["POST"]),
        Route(f"{one}/comment/{{event}}/hide", serve_hide, methods=["POST"]),
        Route(f"{one}/title", serve_title, methods=["POST"]),
        Route(f"{one}/status", serve_state, methods=["POST"]),
        Route(f"{one}/merge", serve_merge, methods=["POST"]),
    ]


def serve_discussions(request: Request) -> Response:
    """A page of discussions, newest first."""
    query = request.query_params
    pull = {"pull_request": True, "discussion": False}.get(query.get("type", ""))
    states = _STATES.get(query.get("status", "all"), ())
    start = _number(query.get("p", "0")) * _PAGE
    with office_of(request).database.reading() as connection:
        repo = readable_repo(connection, request)
        found = discussions_of(
            connection, repo.id, pull=pull, states=states, author=query.get("author")
        )
    return JSONResponse(
        {
            "discussions": [_shown(repo, each) for each in found[start : start + _PAGE]],
            "count": len(found),
            "start": start,
            "numClosedDiscussions": sum(each.state in _STATES["closed"] for each in found),
        }
    )


async def serve_new(request: Request) -> Response:
    fields, office = await read_fields(request), office_of(request)
    party = await run_in_threadpool(signed_in, request)
    opened = accepted(
        await run_in_threadpool(
            open_discussion,
            office,
            party,
            *repo_key(request),
            fields.text("title"),
            said(fields, "description") or fields.text("title"),
            pull=fields.optional_flag("pullRequest") or False,
        )
    )
    return JSONResponse({"num": opened.number, "pullRequest": opened.pull})


def serve_discussion(request: Request) -> Response:
    """A discussion with everything that happened in it."""
    number = _number(part(request, "number"))
    with office_of(request).database.reading() as connection:
        repo = readable_repo(connection, request)
        discussion = find_discussion(connection, repo.id, number)
        if discussion is None:
            raise entry_not_found(f"discussion {number}")
        events = [_event(event) for event in events_of(connection, discussion.id)]
        shown = _shown(repo, discussion)
        if discussion.pull:
            events += [_commit(commit) for commit in _commits(connection, repo, discussion)]
            shown |= {"changes": {"base": discussion.target}, "filesWithConflicts": False}
    return JSONResponse({**shown, "events": events})


async def serve_comment(request: Request) -> Response:
    fields = await read_fields(request)
    text = fields.text("comment")
    party, place = await run_in_threadpool(signed_in, request), _place(request)
    event = accepted(await run_in_threadpool(comment, office_of(request), party, place, text))
    return JSONResponse({"newMessage": _event(event)})


async def serve_edit(request: Request) -> Response:
    fields = await read_fields(request)
    text, number = fields.text("content"), _event_number(request)
    party, place = await run_in_threadpool(signed_in, request), _place(request)
    event = accepted(
        await run_in_threadpool(edit_comment, office_of(request), party, place, number, text)
    )
    return JSONResponse({"updatedComment": _event(event)})


def serve_hide(request: Request) -> Response:
    number, party, place = _event_number(request), signed_in(request), _place(request)
    event = accepted(hide_comment(office_of(request), party, place, number))
    return JSONResponse({"updatedComment": _event(event)})


async def serve_title(request: Request) -> Response:
    fields = await read_fields(request)
    title = fields.text("title")
    party, place = await run_in_threadpool(signed_in, request), _place(request)
    event = accepted(await run_in_threadpool(retitle, office_of(request), party, place, title))
    return JSONResponse({"newTitle": _event(event)})


async def serve_state(request: Request) -> Response:
    fields = await read_fields(request)
    state, text = fields.text("status"), said(fields, "comment")
    party, place = await run_in_threadpool(signed_in, request), _place(request)
    event = accepted(
        await run_in_threadpool(change_state, office_of(request), party, place, state, text)
    )
    return JSONResponse({"newStatus": _event(event)})


async def serve_merge(request: Request) -> Response:
    fields = await read_fields(request)
    text = said(fields, "comment")
    party, place = await run_in_threadpool(signed_in, request), _place(request)
    event = accepted(await run_in_threadpool(merge_pull, office_of(request), party, place, text))
    return JSONResponse({"newStatus": _event(event)})


# --- what they look like ----------------------------------------------------------------------


def _place(request: Request) -> Place:
    return Place(*repo_key(request), _number(part(request, "number")))


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 9:
        raise Malformed(f"not a number: {text[:40]!r}")
    return int(text)


def _event_number(request: Request) -> int:
    text = part(request, "event")
    if not _EVENT_ID.fullmatch(text):
        raise entry_not_found(f"comment {text[:40]}")
    return int(text, 16)


def _shown(repo: RepoRow, discussion: DiscussionRow) -> dict[str, JsonValue]:
    return {
        "num": discussion.number,
        "title": discussion.title,
        "status": discussion.state,
        "isPullRequest": discussion.pull,
        "createdAt": client_time(discussion.at),
        "author": {"name": discussion.author, "type": "user", "avatarUrl": ""},
        "repo": {"name": repo.full_name, "type": repo.type},
        "repoOwner": {"name": repo.namespace},
        "pinned": False,
    }


def _event(event: EventRow) -> dict[str, JsonValue]:
    extra = json.loads(event.extra)
    author: Mapping[str, JsonValue] = {"name": event.author, "type": "user", "avatarUrl": ""}
    held: Mapping[str, JsonValue] = extra
    if event.kind == "comment":
        latest: dict[str, JsonValue] = {
            "raw": event.text,
            "html": f"<p>{escape(event.text)}</p>",
            "updatedAt": client_time(event.at),
            "author": author,
        }
        held = {
            "edited": bool(extra.get("edited")),
            "hidden": bool(extra.get("hidden")),
            "latest": latest,
            "history": [],
            "numEdits": int(bool(extra.get("edited"))),
        }
    return {
        "id": f"{event.id:024x}",
        "type": event.kind,
        "createdAt": client_time(event.at),
        "author": author,
        "data": held,
    }


def _commits(connection: Connection, repo: RepoRow, pull: DiscussionRow) -> list[RevisionRow]:
    """What a pull request adds: its commits down to the first that its target has, oldest first."""
    head = find_ref(connection, repo.id, "pull", str(pull.number))
    base = find_ref(connection, repo.id, "branch", pull.target.removeprefix("refs/heads/"))
    if head is None:
        return []
    known = set()
    if base is not None and pull.state != "merged":
        known = {c.oid for c in history(connection, repo.id, base.oid, limit=_LONGEST_PULL)}
    line = history(connection, repo.id, head.oid, limit=_LONGEST_PULL)
    return [commit for commit in reversed(line) if commit.oid not in known and commit.at >= pull.at]


def _commit(commit: RevisionRow) -> dict[str, JsonValue]:
    return {
        "id": commit.oid[:24],
        "type": "commit",
        "createdAt": client_time(commit.at),
        "author": {"name": commit.author, "type": "user", "avatarUrl": ""},
        "data": {"subject": commit.title, "oid": commit.oid},
    }
