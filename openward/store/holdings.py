"""Which repositories hold which bytes."""

from sqlalchemy import Connection, func, select

from openward.store import schema as t
from openward.store.repositories import (
    RepoRow,
    RevisionRow,
    TreeFile,
    repo_by_id,
    revision_by_oid,
    tree_of,
)
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
