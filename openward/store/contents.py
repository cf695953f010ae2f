"""What is known of bytes, by their digest: facts, who showed to hold them, and subjects."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    Connection,
    Row,
    bindparam,
    insert,
    select,
)

from openward.store import schema as t
from openward.store.blobs import Blobs
from openward.store.rows import rows_of
from openward.vocabulary import Sha256, Subject, WeightFile, subject_of


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


def blob_of_row(row: Row[tuple[object, ...]], *, layouts: bool = True) -> BlobRow:
    m = row._mapping
    names = [name for name in BlobRow.__dataclass_fields__ if layouts or name != "layout"]
    facts = {name: m[t.blob.c[name]] for name in names}
    return BlobRow(**({"layout": None} | facts))


def find_blob(connection: Connection, sha256: Sha256) -> BlobRow | None:
    row = connection.execute(select(t.blob).where(t.blob.c.sha256 == sha256)).one_or_none()
    return None if row is None else blob_of_row(row)


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
    return [blob_of_row(row) for row in connection.execute(query)]


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


def blobs_missing(connection: Connection, blobs: Blobs) -> list[Sha256]:
    """Blobs on record that the store lacks, or holds in another size."""
    rows = connection.execute(select(t.blob.c.sha256, t.blob.c.size).order_by(t.blob.c.sha256))
    return [row.sha256 for row in rows if blobs.size(row.sha256) != row.size]
