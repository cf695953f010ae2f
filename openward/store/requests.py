"""Requests for access and the audit of what went out: rows in, rows out."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, insert, select, update

from openward.store import schema as t
from openward.vocabulary import Sha256


@dataclass(frozen=True, slots=True)
class RequestRow:
    """One account's request for one repository. `fields` is JSON; `due` is when an answer is."""

    id: int
    repo: int
    account: int
    state: str
    fields: str
    at: datetime
    due: datetime | None
    decided_at: datetime | None
    decided_by: str | None
    reason: str | None


def find_request(connection: Connection, repo: int, account: int) -> RequestRow | None:
    """The request an account has made for a repository."""
    c = t.access_request.c
    query = select(t.access_request).where(c.repo == repo, c.account == account)
    row = connection.execute(query).one_or_none()
    return None if row is None else RequestRow(*row)


def requests_for(connection: Connection, repo: int, state: str | None = None) -> list[RequestRow]:
    """The requests for a repository, oldest first; of one state, or all."""
    query = select(t.access_request).where(t.access_request.c.repo == repo)
    if state is not None:
        query = query.where(t.access_request.c.state == state)
    query = query.order_by(t.access_request.c.at, t.access_request.c.id)
    return [RequestRow(*row) for row in connection.execute(query)]


def requests_of(connection: Connection, account: int) -> list[RequestRow]:
    """The requests an account has made, newest first."""
    query = select(t.access_request).where(t.access_request.c.account == account)
    query = query.order_by(t.access_request.c.at.desc(), t.access_request.c.id.desc())
    return [RequestRow(*row) for row in connection.execute(query)]


def put_request(
    connection: Connection,
    repo: int,
    account: int,
    *,
    state: str,
    fields: str,
    at: datetime,
    due: datetime | None,
) -> None:
    """Make a request, or make it again."""
    drop_request(connection, repo, account)
    connection.execute(
        insert(t.access_request).values(
            repo=repo, account=account, state=state, fields=fields, at=at, due=due
        )
    )


def answer_request(
    connection: Connection,
    request: int,
    *,
    state: str,
    by: str,
    at: datetime,
    reason: str | None = None,
) -> None:
    """Move a request to `accepted`, `rejected` or back to `pending`."""
    connection.execute(
        update(t.access_request)
        .where(t.access_request.c.id == request)
        .values(state=state, decided_by=by, decided_at=at, reason=reason)
    )


def drop_request(connection: Connection, repo: int, account: int) -> int:
    """How many requests went: 0 or 1."""
    c = t.access_request.c
    result = connection.execute(
        delete(t.access_request).where(c.repo == repo, c.account == account)
    )
    return int(result.rowcount)


def add_audit(
    connection: Connection, account: int, subject: Sha256, path: str, basis: str, now: datetime
) -> None:
    """Note that bytes above Tier 2 went out: to whom, which, and on what basis."""
    connection.execute(
        insert(t.access_audit).values(
            at=now, account=account, subject=subject, path=path, basis=basis
        )
    )


def audit_of(connection: Connection, subject: Sha256) -> list[tuple[datetime, int, str, str]]:
    """(when, account, path, basis) of every access to a subject above Tier 2, oldest first."""
    c = t.access_audit.c
    query = select(c.at, c.account, c.path, c.basis).where(c.subject == subject).order_by(c.id)
    return [(row.at, row.account, row.path, row.basis) for row in connection.execute(query)]
