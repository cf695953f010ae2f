"""Discussions and pull requests, and what happened in them: rows in, rows out."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, func, insert, select, update

from openward.store import schema as t


@dataclass(frozen=True, slots=True)
class DiscussionRow:
    """A discussion of a repository; `target` is where a pull request would go, else empty."""

    id: int
    repo: int
    number: int
    title: str
    state: str
    author: str
    pull: bool
    target: str
    at: datetime


@dataclass(frozen=True, slots=True)
class EventRow:
    """What somebody did: a comment, or a change of state or title. `extra` is JSON."""

    id: int
    kind: str
    author: str
    at: datetime
    text: str
    extra: str


def _discussion(row: Row[tuple[object, ...]]) -> DiscussionRow:
    m = row._mapping
    return DiscussionRow(**{name: m[name] for name in DiscussionRow.__dataclass_fields__})


def discussions_of(
    connection: Connection,
    repo: int,
    *,
    pull: bool | None = None,
    states: tuple[str, ...] = (),
    author: str | None = None,
) -> list[DiscussionRow]:
    """The discussions of a repository, newest first."""
    c = t.discussion.c
    query = select(t.discussion).where(c.repo == repo).order_by(c.number.desc())
    if pull is not None:
        query = query.where(c.pull.is_(pull))
    if states:
        query = query.where(c.state.in_(states))
    if author is not None:
        query = query.where(c.author == author)
    return [_discussion(row) for row in connection.execute(query)]


def find_discussion(connection: Connection, repo: int, number: int) -> DiscussionRow | None:
    c = t.discussion.c
    query = select(t.discussion).where(c.repo == repo, c.number == number)
    row = connection.execute(query).one_or_none()
    return None if row is None else _discussion(row)


def add_discussion(
    connection: Connection,
    *,
    repo: int,
    title: str,
    author: str,
    pull: bool,
    state: str,
    target: str,
    now: datetime,
) -> DiscussionRow:
    """A new discussion under the next number of its repository."""
    last = select(func.max(t.discussion.c.number)).where(t.discussion.c.repo == repo)
    number = int(connection.execute(last).scalar() or 0) + 1
    connection.execute(
        insert(t.discussion).values(
            repo=repo,
            number=number,
            title=title,
            state=state,
            author=author,
            pull=pull,
            target=target,
            at=now,
        )
    )
    added = find_discussion(connection, repo, number)
    assert added is not None  # noqa: S101  # added just above
    return added


def change_discussion(connection: Connection, discussion: int, **values: str) -> None:
    """Set the title or the state."""
    connection.execute(update(t.discussion).where(t.discussion.c.id == discussion).values(**values))


def events_of(connection: Connection, discussion: int) -> list[EventRow]:
    """What happened, oldest first."""
    c = t.discussion_event.c
    query = select(t.discussion_event).where(c.discussion == discussion).order_by(c.id)
    return [
        EventRow(r.id, r.kind, r.author, r.at, r.text, r.extra) for r in connection.execute(query)
    ]


def find_event(connection: Connection, discussion: int, event: int) -> EventRow | None:
    return next((e for e in events_of(connection, discussion) if e.id == event), None)


def add_event(
    connection: Connection,
    discussion: int,
    *,
    kind: str,
    author: str,
    text: str,
    extra: str = "{}",
    now: datetime,
) -> EventRow:
    connection.execute(
        insert(t.discussion_event).values(
            discussion=discussion, kind=kind, author=author, at=now, text=text, extra=extra
        )
    )
    return events_of(connection, discussion)[-1]


def change_event(connection: Connection, event: int, *, text: str, extra: str) -> None:
    connection.execute(
        update(t.discussion_event)
        .where(t.discussion_event.c.id == event)
        .values(text=text, extra=extra)
    )
