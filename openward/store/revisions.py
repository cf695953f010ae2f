"""Refs, revisions and trees: rows in, rows out.

A revision points to a tree, a tree to files by path, a file to a blob by content. Trees are shared
between revisions of one repository that hold the same files. Queries that every download asks are
built once: building one costs several times its running.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
)

from openward.store import schema as t
from openward.store.contents import BlobRow, add_subject, blob_of_row, pointer_oid
from openward.store.rows import row_fields, rows_of
from openward.vocabulary import Sha256, Subject

SHORTEST_OID = 7


@dataclass(frozen=True, slots=True)
class RevisionRow:
    """A commit. `subject` is the digest of its weights."""

    oid: str
    repo: int
    parent: str | None
    title: str
    message: str
    author: str
    at: datetime
    sequence: int
    tree: str
    subject: Sha256


@dataclass(frozen=True, slots=True)
class TreeFile:
    """One path of a tree; `since` is the commit that brought these bytes to it."""

    path: str
    blob: BlobRow
    lfs: bool
    since: str

    @property
    def oid(self) -> str:
        """The git object id: of the file, or of the pointer that git would hold instead."""
        return pointer_oid(self.blob.sha256, self.blob.size) if self.lfs else self.blob.git_oid


@dataclass(frozen=True, slots=True)
class RefRow:
    """A branch, tag or pull request: a name for a revision."""

    kind: str
    name: str
    oid: str
    message: str


@dataclass(frozen=True, slots=True)
class LfsFile:
    """Bytes that a repository holds through LFS: one path they had, and when they came."""

    sha256: Sha256
    size: int
    path: str
    at: datetime


def refs_of(connection: Connection, repo: int) -> list[RefRow]:
    query = select(t.ref).where(t.ref.c.repo == repo).order_by(t.ref.c.kind, t.ref.c.name)
    return [RefRow(r.kind, r.name, r.oid, r.message) for r in connection.execute(query)]


_REF = select(t.ref).where(
    t.ref.c.repo == bindparam("repo"),
    t.ref.c.kind == bindparam("kind"),
    t.ref.c.name == bindparam("name"),
)


def find_ref(connection: Connection, repo: int, kind: str, name: str) -> RefRow | None:
    asked = {"repo": repo, "kind": kind, "name": name}
    row = connection.execute(_REF, asked).one_or_none()
    return None if row is None else RefRow(row.kind, row.name, row.oid, row.message)


def set_ref(
    connection: Connection, repo: int, kind: str, name: str, oid: str, message: str = ""
) -> None:
    """Create a ref, or move it."""
    delete_ref(connection, repo, kind, name)
    connection.execute(
        insert(t.ref).values(repo=repo, kind=kind, name=name, oid=oid, message=message)
    )


def delete_ref(connection: Connection, repo: int, kind: str, name: str) -> int:
    """How many refs went: 0 or 1."""
    c = t.ref.c
    result = connection.execute(delete(t.ref).where(c.repo == repo, c.kind == kind, c.name == name))
    return int(result.rowcount)


def _revision(row: Row[tuple[object, ...]] | None) -> RevisionRow | None:
    return None if row is None else RevisionRow(**row_fields(row, RevisionRow))  # type: ignore[arg-type]


_OF_REPO = select(t.revision).where(t.revision.c.repo == bindparam("repo"))


_REVISION = _OF_REPO.where(t.revision.c.oid == bindparam("oid"))


_KINDS = {"branch": "refs/heads/", "tag": "refs/tags/", "pull": "refs/pr/"}


_REFERRED = (
    select(t.revision, t.ref.c.kind)
    .join_from(
        t.revision, t.ref, and_(t.ref.c.repo == t.revision.c.repo, t.ref.c.oid == t.revision.c.oid)
    )
    .where(
        t.revision.c.repo == bindparam("repo"),
        or_(*(and_(t.ref.c.kind == kind, t.ref.c.name == bindparam(kind)) for kind in _KINDS)),
    )
)


# Only hexadecimal digits are asked for: nothing in them needs escaping.
_BEGINNING = _OF_REPO.where(t.revision.c.oid.startswith(bindparam("beginning"))).limit(2)


def find_revision(connection: Connection, repo: int, name: str) -> RevisionRow | None:
    """The commit a branch, tag, `refs/…` path, oid or unambiguous oid prefix stands for."""
    asked = {kind: name.removeprefix(prefix) for kind, prefix in _KINDS.items()}
    if asked["pull"] == name:
        asked["pull"] = ""  # a pull request is only known by its whole path
    referred = rows_of(connection, _REFERRED, {"repo": repo, **asked})
    if referred:
        return _revision(min(referred, key=lambda row: list(_KINDS).index(row.kind)))
    if len(name) < SHORTEST_OID or any(c not in "0123456789abcdef" for c in name):
        return None
    rows = rows_of(connection, _BEGINNING, {"repo": repo, "beginning": name})
    return _revision(rows[0]) if len(rows) == 1 else None


def revision_by_oid(connection: Connection, repo: int, oid: str) -> RevisionRow | None:
    return _revision(connection.execute(_REVISION, {"repo": repo, "oid": oid}).one_or_none())


def history(
    connection: Connection, repo: int, oid: str, limit: int = 100, offset: int = 0
) -> list[RevisionRow]:
    """The commit and its ancestors, newest first."""
    first = select(t.revision).where(t.revision.c.repo == repo, t.revision.c.oid == oid)
    line = first.cte("line", recursive=True)
    parent = select(t.revision).join(
        line, and_(t.revision.c.oid == line.c.parent, t.revision.c.repo == repo)
    )
    line = line.union_all(parent)
    query = select(line).order_by(line.c.sequence.desc()).limit(limit).offset(offset)
    return [RevisionRow(**row_fields(row, RevisionRow)) for row in connection.execute(query)]  # type: ignore[arg-type]


def count_history(connection: Connection, repo: int) -> int:
    query = select(func.count()).select_from(t.revision).where(t.revision.c.repo == repo)
    return int(connection.execute(query).scalar() or 0)


def add_revision(
    connection: Connection, revision: RevisionRow, files: Iterable[TreeFile], subject: Subject
) -> None:
    """Write a commit with its tree and its subject's files."""
    known = select(t.tree_file.c.path).where(t.tree_file.c.tree == revision.tree).limit(1)
    rows = [
        {"tree": revision.tree, "path": f.path, "sha256": f.blob.sha256, "lfs": f.lfs,
         "since": f.since}
        for f in files
    ]  # fmt: skip
    if rows and connection.execute(known).first() is None:
        connection.execute(insert(t.tree_file), rows)
    connection.execute(
        insert(t.revision).values(
            **{name: getattr(revision, name) for name in RevisionRow.__dataclass_fields__}
        )
    )
    add_subject(connection, subject)


def next_sequence(connection: Connection, repo: int) -> int:
    query = select(func.max(t.revision.c.sequence)).where(t.revision.c.repo == repo)
    return int(connection.execute(query).scalar() or 0) + 1


def tree_digest(repo: int, files: Iterable[TreeFile]) -> str:
    """The name of a tree: the same files in the same repository have the same name."""
    digest = hashlib.sha256(f"openward-tree/v1 {repo}\n".encode())
    for file in sorted(files, key=lambda f: f.path):
        digest.update(f"{file.blob.sha256} {int(file.lfs)} {file.path}\0".encode())
    return digest.hexdigest()


def tree_of(
    connection: Connection, tree: str, *, path: str | None = None, layouts: bool = True
) -> list[TreeFile]:
    """The files of a tree in order of path; with `path`, that one file or none.

    Without `layouts` the tensor headers, which may have megabytes, are left in the database.
    """
    query = _files(one=path is not None, layouts=layouts)
    # Whole trees may be large: only single files are worth keeping.
    rows = (
        connection.execute(query, {"tree": tree}).all()
        if path is None
        else rows_of(connection, query, {"tree": tree, "path": path})
    )
    return [
        TreeFile(
            row._mapping[t.tree_file.c.path],
            blob_of_row(row, layouts=layouts),
            row._mapping[t.tree_file.c.lfs],
            row._mapping[t.tree_file.c.since],
        )
        for row in rows
    ]


@cache
def _files(*, one: bool, layouts: bool) -> Select[tuple[object, ...]]:
    facts = [column for column in t.blob.c if layouts or column is not t.blob.c.layout]
    query = (
        select(t.tree_file, *facts)
        .join_from(t.tree_file, t.blob, t.tree_file.c.sha256 == t.blob.c.sha256)
        .where(t.tree_file.c.tree == bindparam("tree"))
        .order_by(t.tree_file.c.path)
    )
    return query.where(t.tree_file.c.path == bindparam("path")) if one else query


def lfs_files_of(connection: Connection, repo: int) -> list[LfsFile]:
    """What any commit of the repository holds through LFS, in order of path."""
    query = (
        select(
            t.blob.c.sha256,
            t.blob.c.size,
            func.min(t.tree_file.c.path).label("path"),
            func.min(t.revision.c.at).label("at"),
        )
        .join_from(t.revision, t.tree_file, t.revision.c.tree == t.tree_file.c.tree)
        .join(t.blob, t.tree_file.c.sha256 == t.blob.c.sha256)
        .where(t.revision.c.repo == repo, t.tree_file.c.lfs == True)  # noqa: E712
        .group_by(t.blob.c.sha256, t.blob.c.size)
        .order_by(func.min(t.tree_file.c.path), t.blob.c.sha256)
    )
    return [LfsFile(r.sha256, r.size, r.path, r.at) for r in connection.execute(query)]
