"""Repositories, revisions, trees, refs and blobs' facts: rows in, rows out.

A revision points to a tree, a tree to files by path, a file to a blob by content. Trees are shared
between revisions of one repository that hold the same files.

Queries that every download asks are built once: building one costs several times its running.
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
    update,
)

from openward.errors import Conflict
from openward.store import schema as t
from openward.store.blobs import Blobs
from openward.store.database import inserted_key
from openward.store.rows import rows_of
from openward.vocabulary import Sha256, Subject, WeightFile, subject_of

SHORTEST_OID = 7


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
class BlobRow:
    """What is known of some bytes. `recognition` is text, image or unrecognised (a weight)."""

    sha256: Sha256
    size: int
    git_oid: str
    recognition: str
    format: str
    adapter: bool
    layout: bytes | None
    created_at: datetime


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


def pointer_text(sha256: Sha256, size: int) -> bytes:
    """The Git LFS pointer file, https://git-lfs.com/spec/v1."""
    return (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{sha256}\nsize {size}\n".encode()
    )


def git_blob_oid(content: bytes) -> str:
    """The SHA-1 under which git files these bytes; clients use it as an ETag, never as a proof."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def pointer_oid(sha256: Sha256, size: int) -> str:
    return git_blob_oid(pointer_text(sha256, size))


def _fields(row: Row[tuple[object, ...]], shape: type) -> dict[str, object]:
    m = row._mapping
    return {name: m[name] for name in shape.__dataclass_fields__}  # type: ignore[attr-defined]


# --- repositories -----------------------------------------------------------------------------


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
    return RepoRow(**_fields(row, RepoRow))  # type: ignore[arg-type]


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


# --- refs and revisions -----------------------------------------------------------------------


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
    return None if row is None else RevisionRow(**_fields(row, RevisionRow))  # type: ignore[arg-type]


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
    return [RevisionRow(**_fields(row, RevisionRow)) for row in connection.execute(query)]  # type: ignore[arg-type]


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
            _blob(row, layouts=layouts),
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


# --- blobs and subjects -----------------------------------------------------------------------


def _blob(row: Row[tuple[object, ...]], *, layouts: bool = True) -> BlobRow:
    m = row._mapping
    names = [name for name in BlobRow.__dataclass_fields__ if layouts or name != "layout"]
    facts = {name: m[t.blob.c[name]] for name in names}
    return BlobRow(**({"layout": None} | facts))


def find_blob(connection: Connection, sha256: Sha256) -> BlobRow | None:
    row = connection.execute(select(t.blob).where(t.blob.c.sha256 == sha256)).one_or_none()
    return None if row is None else _blob(row)


def add_blob(connection: Connection, blob: BlobRow) -> None:
    """Note what is known of some bytes; harmless when it was known already."""
    if find_blob(connection, blob.sha256) is None:
        connection.execute(
            insert(t.blob).values(
                **{name: getattr(blob, name) for name in BlobRow.__dataclass_fields__}
            )
        )


def add_possession(connection: Connection, sha256: Sha256, account: int, now: datetime) -> None:
    """Note that an account showed it holds these bytes."""
    if not possesses(connection, sha256, account):
        connection.execute(insert(t.possession).values(sha256=sha256, account=account, at=now))


def possesses(connection: Connection, sha256: Sha256, account: int) -> bool:
    c = t.possession.c
    query = select(c.at).where(c.sha256 == sha256, c.account == account)
    return connection.execute(query).first() is not None


def add_subject(connection: Connection, subject: Subject) -> None:
    known = select(t.subject_file.c.sha256).where(t.subject_file.c.subject == subject.digest)
    if subject.files and connection.execute(known.limit(1)).first() is None:
        rows = [{"subject": subject.digest, "sha256": file.sha256} for file in subject.files]
        connection.execute(insert(t.subject_file), rows)


def blobs_of_subject(connection: Connection, subject: Sha256) -> list[BlobRow]:
    """The weights a subject's digest stands for, in canonical order."""
    query = (
        select(t.blob)
        .join_from(t.subject_file, t.blob, t.subject_file.c.sha256 == t.blob.c.sha256)
        .where(t.subject_file.c.subject == subject)
        .order_by(t.blob.c.sha256)
    )
    return [_blob(row) for row in connection.execute(query)]


def subject_files(connection: Connection, subject: Sha256) -> Subject:
    return subject_of(WeightFile(b.sha256, b.size) for b in blobs_of_subject(connection, subject))


_HOLDING = select(t.subject_file).where(
    t.subject_file.c.sha256.in_(bindparam("sha256s", expanding=True))
)


def subjects_holding(connection: Connection, sha256s: Iterable[Sha256]) -> dict[Sha256, set[str]]:
    """For each blob, the digests of the subjects it belongs to."""
    found: dict[Sha256, set[str]] = {}
    for row in rows_of(connection, _HOLDING, {"sha256s": tuple(sha256s)}):
        found.setdefault(Sha256(row.sha256), set()).add(row.subject)
    return found


def revisions_of_subject(
    connection: Connection, subject: Sha256
) -> list[tuple[RepoRow, RevisionRow]]:
    """Every commit of every repository whose weights are this subject, oldest first."""
    query = (
        select(t.revision.c.repo, t.revision.c.oid)
        .where(t.revision.c.subject == subject)
        .order_by(t.revision.c.at, t.revision.c.sequence)
    )
    found: list[tuple[RepoRow, RevisionRow]] = []
    for row in connection.execute(query).all():
        repo = repo_by_id(connection, row.repo)
        revision = revision_by_oid(connection, row.repo, row.oid)
        if repo is not None and revision is not None:
            found.append((repo, revision))
    return found


def revisions_holding(connection: Connection, sha256: Sha256) -> list[tuple[int, Sha256]]:
    """Which repositories hold these bytes at any path, and under which subject."""
    query = (
        select(t.revision.c.repo, t.revision.c.subject)
        .join_from(t.revision, t.tree_file, t.revision.c.tree == t.tree_file.c.tree)
        .where(t.tree_file.c.sha256 == sha256)
        .distinct()
    )
    return [(row.repo, Sha256(row.subject)) for row in connection.execute(query)]


def subjects_of_owner(connection: Connection, owner: int) -> list[tuple[Sha256, datetime]]:
    """The subjects a namespace publishes in the open, each with its first commit's time."""
    query = (
        select(t.revision.c.subject, func.min(t.revision.c.at).label("first"))
        .join_from(t.revision, t.repo, t.revision.c.repo == t.repo.c.id)
        .where(t.repo.c.owner == owner, t.repo.c.private == False)  # noqa: E712
        .group_by(t.revision.c.subject)
    )
    return [(Sha256(row.subject), row.first) for row in connection.execute(query)]


def blobs_missing(connection: Connection, blobs: Blobs) -> list[Sha256]:
    """Blobs on record that the store lacks, or holds in another size."""
    rows = connection.execute(select(t.blob.c.sha256, t.blob.c.size).order_by(t.blob.c.sha256))
    return [row.sha256 for row in rows if blobs.size(row.sha256) != row.size]
