"""Repositories by name: rows in, rows out.

Queries that every download asks are built once: building one costs several times its running.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Connection,
    Row,
    Select,
    bindparam,
    delete,
    insert,
    or_,
    select,
    update,
)

from openward.errors import Conflict
from openward.store import schema as t
from openward.store.database import inserted_key
from openward.store.rows import row_fields, rows_of


@dataclass(frozen=True, slots=True)
class RepoRow:
    """A repository. `gate` is the publisher's own: none, auto or manual."""

    id: int
    type: str
    owner: int
    namespace: str
    name: str
    private: bool
    gate: str
    created_at: datetime
    modified_at: datetime
    discussions_disabled: bool

    @property
    def full_name(self) -> str:
        return f"{self.namespace}/{self.name}"


def _repos() -> Select[tuple[object, ...]]:
    return select(t.repo, t.account.c.name.label("namespace")).join_from(
        t.repo, t.account, t.repo.c.owner == t.account.c.id
    )


_NAMED = _repos().where(t.repo.c.type == bindparam("type"), t.repo.c.key == bindparam("key"))


_FORMER = select(t.former_name.c.repo).where(
    t.former_name.c.type == bindparam("type"), t.former_name.c.key == bindparam("key")
)


_ONCE_NAMED = _repos().where(t.repo.c.id == _FORMER.scalar_subquery())


def _repo(row: Row[tuple[object, ...]]) -> RepoRow:
    return RepoRow(**row_fields(row, RepoRow))  # type: ignore[arg-type]


def find_repo(connection: Connection, type: str, full_name: str) -> RepoRow | None:
    """The repository of that name, whatever its case, or the one that moved away from it."""
    asked = {"type": type, "key": full_name.casefold()}
    rows = rows_of(connection, _NAMED, asked) or rows_of(connection, _ONCE_NAMED, asked)
    return _repo(rows[0]) if rows else None


def repo_by_id(connection: Connection, repo: int) -> RepoRow | None:
    row = connection.execute(_repos().where(t.repo.c.id == repo)).one_or_none()
    return None if row is None else _repo(row)


def list_repos(
    connection: Connection,
    type: str,
    *,
    visible_to: Iterable[int] = (),
    owner: int | None = None,
    search: str = "",
    limit: int = 1000,
    offset: int = 0,
) -> list[RepoRow]:
    """Public repositories, and the private ones whose owner is in `visible_to`; newest first."""
    query = _repos().where(t.repo.c.type == type)
    query = query.where(or_(t.repo.c.private == False, t.repo.c.owner.in_(list(visible_to))))  # noqa: E712
    if owner is not None:
        query = query.where(t.repo.c.owner == owner)
    if search:
        escaped = search.casefold().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        query = query.where(t.repo.c.key.like(f"%{escaped}%", escape="\\"))
    query = query.order_by(t.repo.c.modified_at.desc(), t.repo.c.key).limit(limit).offset(offset)
    return [_repo(row) for row in connection.execute(query)]


def add_repo(
    connection: Connection,
    *,
    type: str,
    owner: int,
    namespace: str,
    name: str,
    private: bool,
    now: datetime,
) -> int:
    """A new repository's id. Raises Conflict when the name is taken, or was and still redirects."""
    key = f"{namespace}/{name}".casefold()
    taken = select(t.repo.c.id).where(t.repo.c.type == type, t.repo.c.key == key)
    if connection.execute(taken).first() is not None:
        raise Conflict(f"A {type} repository called {namespace}/{name} already exists")
    connection.execute(
        delete(t.former_name).where(t.former_name.c.type == type, t.former_name.c.key == key)
    )
    result = connection.execute(
        insert(t.repo).values(
            type=type,
            owner=owner,
            name=name,
            key=key,
            private=private,
            gate="none",
            created_at=now,
            modified_at=now,
            discussions_disabled=False,
        )
    )
    return inserted_key(result)


def change_repo(connection: Connection, repo: int, **values: object) -> None:
    """Set columns of a repository: private, gate, modified_at, discussions_disabled."""
    connection.execute(update(t.repo).where(t.repo.c.id == repo).values(**values))


def move_repo(connection: Connection, repo: RepoRow, owner: int, namespace: str, name: str) -> None:
    """Rename; the old name goes on redirecting. Raises Conflict when the new name is taken."""
    key = f"{namespace}/{name}".casefold()
    taken = select(t.repo.c.id).where(t.repo.c.type == repo.type, t.repo.c.key == key)
    holder = connection.execute(taken).scalar()
    if holder not in (None, repo.id):
        raise Conflict(f"A {repo.type} repository called {namespace}/{name} already exists")
    old = repo.full_name.casefold()
    names = t.former_name.c
    connection.execute(
        delete(t.former_name).where(names.type == repo.type, names.key.in_([old, key]))
    )
    connection.execute(insert(t.former_name).values(type=repo.type, key=old, repo=repo.id))
    connection.execute(
        update(t.repo).where(t.repo.c.id == repo.id).values(owner=owner, name=name, key=key)
    )
    connection.execute(delete(t.former_name).where(names.type == repo.type, names.key == key))


def delete_repo(connection: Connection, repo: int) -> None:
    """Forget a repository and its history; blobs, decisions and the record stay."""
    connection.execute(delete(t.repo).where(t.repo.c.id == repo))
