"""Which repositories hold which bytes."""

from datetime import datetime

from sqlalchemy import Connection, func, select

from openward.store import schema as t
from openward.store.repositories import RepoRow, repo_by_id
from openward.store.revisions import RevisionRow, TreeFile, revision_by_oid, tree_of
from openward.vocabulary import Sha256


def repo_holds(connection: Connection, repo: int, sha256: Sha256) -> bool:
    """Whether some revision of the repository has a file with these bytes."""
    query = (
        select(t.revision.c.oid)
        .join_from(t.revision, t.tree_file, t.revision.c.tree == t.tree_file.c.tree)
        .where(t.revision.c.repo == repo, t.tree_file.c.sha256 == sha256)
        .limit(1)
    )
    return connection.execute(query).first() is not None


def places_of(
    connection: Connection, sha256: Sha256, limit: int = 64
) -> list[tuple[RepoRow, RevisionRow, TreeFile]]:
    """Where these bytes can be read: the newest revisions that hold them, one path of each."""
    query = (
        select(t.revision.c.repo, t.revision.c.oid, func.min(t.tree_file.c.path).label("path"))
        .join_from(t.revision, t.tree_file, t.revision.c.tree == t.tree_file.c.tree)
        .where(t.tree_file.c.sha256 == sha256)
        .group_by(t.revision.c.repo, t.revision.c.oid, t.revision.c.at)
        .order_by(t.revision.c.at.desc())
        .limit(limit)
    )
    found: list[tuple[RepoRow, RevisionRow, TreeFile]] = []
    for row in connection.execute(query).all():
        repo = repo_by_id(connection, row.repo)
        revision = revision_by_oid(connection, row.repo, row.oid)
        if repo is not None and revision is not None:
            found += [
                (repo, revision, f) for f in tree_of(connection, revision.tree, path=row.path)
            ]
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
