"""The tables, in two families.

*The record's projection* (entry, decision, evidence, policy, accreditation, lease, opening): each
row follows from one log entry and, where the entry is a commitment, from the hidden text kept here.
They can be dropped and rebuilt from the log.

*Working tables* (accounts, tokens, repositories, commits, refs, blobs, discussions, requests): the
hub's own business, not record.

Times are text in the record's one spelling (2026-10-01T12:00:00Z), which sorts as time does and
reads the same on SQLite and PostgreSQL; the migrations in `migrations/` create what is declared
here, and a test compares the two.
"""

from datetime import datetime

from sqlalchemy import (
    BigInteger,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.schema import SchemaItem

from openward.statements.strict_json import format_time, parse_time

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_label)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
Whole = BigInteger().with_variant(Integer, "sqlite")


class Moment(TypeDecorator[datetime]):
    """An aware UTC time, whole seconds, as text."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        return None if value is None else format_time(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        return None if value is None else parse_time(value)


class Flag(TypeDecorator[bool]):
    """True or false as 1 or 0: STRICT tables know no BOOLEAN."""

    impl = Integer
    cache_ok = True

    def process_bind_param(self, value: bool | None, dialect: Dialect) -> int | None:
        return None if value is None else int(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> bool | None:
        return None if value is None else bool(value)


def _table(name: str, *parts: SchemaItem) -> Table:
    return Table(name, metadata, *parts, sqlite_strict=True)


def _key() -> Column[int]:
    return Column("id", Whole, primary_key=True, autoincrement=True)


def _of(name: str, target: str, *, null: bool = False, cascade: bool = False) -> Column[int]:
    reference = ForeignKey(target, ondelete="CASCADE" if cascade else None)
    return Column(name, Whole, reference, nullable=null)


# --- the record and its projection ------------------------------------------------------------

entry = _table(
    "entry",
    Column("number", Whole, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("bytes", LargeBinary, nullable=False),
)
# The last signed checkpoint stands apart from the tiles and moves only by compare-and-swap.
checkpoint = _table(
    "checkpoint",
    Column("origin", Text, primary_key=True),
    Column("size", Whole, nullable=False),
    Column("note", LargeBinary, nullable=False),
)
# Salt and hidden text of a commitment; erasing the row leaves the log intact.
hidden = _table(
    "hidden",
    Column("number", Whole, ForeignKey("entry.number"), primary_key=True, autoincrement=False),
    Column("salt", LargeBinary, nullable=False),
    Column("text", LargeBinary, nullable=False),
    Column("opened_by", Whole),
)
policy = _table(
    "policy",
    Column("number", Whole, ForeignKey("entry.number"), primary_key=True, autoincrement=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("version", Whole, nullable=False),
    Column("valid_from", Moment, nullable=False),
    Column("document", LargeBinary, nullable=False),
)
accreditation = _table(
    "accreditation",
    Column("number", Whole, ForeignKey("entry.number"), primary_key=True, autoincrement=False),
    Column("evaluator", Text, nullable=False, index=True),
    Column("envelope", LargeBinary, nullable=False),
)
evidence = _table(
    "evidence",
    Column("number", Whole, ForeignKey("entry.number"), primary_key=True, autoincrement=False),
    Column("statement", Text, nullable=False, unique=True),
    Column("subject", Text, nullable=False, index=True),
    Column("domain", Text, nullable=False),
    Column("evaluator", Text, nullable=False),
    Column("log", Text, nullable=False),
    Column("samples", Text),
    Column("envelope", LargeBinary, nullable=False),
)
decision = _table(
    "decision",
    Column("number", Whole, ForeignKey("entry.number"), primary_key=True, autoincrement=False),
    Column("subject", Text, nullable=False, index=True),
    Column("case", Text, nullable=False),
    Column("policy_entry", Whole, ForeignKey("policy.number"), nullable=False),
    Column("state", Text, nullable=False),
    Column("tier", Whole, nullable=False),
    Column("treatment", Text),
    Column("due", Moment),
    Column("reasons", Text, nullable=False),
    Column("at", Moment, nullable=False),
)
lease = _table(
    "lease",
    Column("number", Whole, ForeignKey("entry.number"), primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    _of("account", "account.id"),
    Column("subject", Text, nullable=False, index=True),
    Column("starts", Moment, nullable=False),
    Column("until", Moment, nullable=False),
    Column("terms", Text, nullable=False),
    Column("ended_by", Whole, ForeignKey("entry.number")),
)

# --- accounts ---------------------------------------------------------------------------------

account = _table(
    "account",
    _key(),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),  # the name, case folded
    Column("kind", Text, nullable=False),  # person, organisation
    Column("fullname", Text, nullable=False),
    Column("email", Text),
    Column("verified_at", Moment),
    Column("verified_how", Text),
    Column("evaluator", Text),
    Column("created_at", Moment, nullable=False),
)
membership = _table(
    "membership",
    Column("organisation", Whole, ForeignKey("account.id"), primary_key=True),
    Column("account", Whole, ForeignKey("account.id"), primary_key=True),
    Column("role", Text, nullable=False),  # admin, write, read
)
token = _table(
    "token",
    Column("id", Text, primary_key=True),
    _of("account", "account.id"),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("digest", Text, nullable=False, unique=True),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment),
    Column("revoked_at", Moment),
)
# One-time links, browser sessions and device codes: short secrets, stored by digest.
ticket = _table(
    "ticket",
    Column("digest", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    _of("account", "account.id", null=True),
    Column("code", Text, index=True),
    Column("state", Text, nullable=False),
    Column("created_at", Moment, nullable=False),
    Column("expires_at", Moment, nullable=False),
)

# --- repositories -----------------------------------------------------------------------------

repo = _table(
    "repo",
    _key(),
    Column("type", Text, nullable=False),
    _of("owner", "account.id"),
    Column("name", Text, nullable=False),
    Column("key", Text, nullable=False),  # namespace/name, case folded
    Column("private", Flag, nullable=False),
    Column("gate", Text, nullable=False),  # none, auto, manual
    Column("created_at", Moment, nullable=False),
    Column("modified_at", Moment, nullable=False),
    Column("discussions_disabled", Flag, nullable=False),
    UniqueConstraint("type", "key"),
)
former_name = _table(
    "former_name",
    Column("type", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    _of("repo", "repo.id", cascade=True),
)
blob = _table(
    "blob",
    Column("sha256", Text, primary_key=True),
    Column("size", Whole, nullable=False),
    Column("git_oid", Text, nullable=False, index=True),
    Column("recognition", Text, nullable=False),  # text, image, or unrecognised: a weight
    Column("format", Text, nullable=False),  # safetensors, gguf, or unreadable
    Column("adapter", Flag, nullable=False),
    Column("layout", LargeBinary),  # the tensor header as JSON, where one was read
    Column("created_at", Moment, nullable=False),
)
# Who showed, by uploading them, that they hold these bytes.
possession = _table(
    "possession",
    Column("sha256", Text, ForeignKey("blob.sha256"), primary_key=True),
    Column("account", Whole, ForeignKey("account.id"), primary_key=True),
    Column("at", Moment, nullable=False),
)
subject_file = _table(
    "subject_file",
    Column("subject", Text, primary_key=True),
    Column("sha256", Text, ForeignKey("blob.sha256"), primary_key=True, index=True),
)
revision = _table(
    "revision",
    Column("oid", Text, primary_key=True),
    _of("repo", "repo.id", cascade=True),
    Column("parent", Text),
    Column("title", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("sequence", Whole, nullable=False),
    Column("tree", Text, nullable=False, index=True),
    Column("subject", Text, nullable=False, index=True),
    Index("ix_revision_repo_sequence", "repo", "sequence"),
)
tree_file = _table(
    "tree_file",
    Column("tree", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("sha256", Text, ForeignKey("blob.sha256"), nullable=False, index=True),
    Column("lfs", Flag, nullable=False),
    Column("since", Text, nullable=False),  # the commit that brought these bytes to this path
)
ref = _table(
    "ref",
    Column("repo", Whole, ForeignKey("repo.id", ondelete="CASCADE"), primary_key=True),
    Column("kind", Text, primary_key=True),  # branch, tag, pull
    Column("name", Text, primary_key=True),
    Column("oid", Text, nullable=False),
    Column("message", Text, nullable=False),
)
discussion = _table(
    "discussion",
    _key(),
    Column("repo", Whole, ForeignKey("repo.id", ondelete="CASCADE"), nullable=False),
    Column("number", Whole, nullable=False),
    Column("title", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("pull", Flag, nullable=False),
    Column("target", Text, nullable=False),
    Column("at", Moment, nullable=False),
    UniqueConstraint("repo", "number"),
)
discussion_event = _table(
    "discussion_event",
    _key(),
    _of("discussion", "discussion.id", cascade=True),
    Column("kind", Text, nullable=False),
    Column("author", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("text", Text, nullable=False),
    Column("extra", Text, nullable=False),
)
access_request = _table(
    "access_request",
    _key(),
    Column("repo", Whole, ForeignKey("repo.id", ondelete="CASCADE"), nullable=False),
    _of("account", "account.id"),
    Column("state", Text, nullable=False),  # pending, accepted, rejected
    Column("fields", Text, nullable=False),
    Column("at", Moment, nullable=False),
    Column("due", Moment),
    Column("decided_at", Moment),
    Column("decided_by", Text),
    Column("reason", Text),
    UniqueConstraint("repo", "account"),
)
access_audit = _table(
    "access_audit",
    _key(),
    Column("at", Moment, nullable=False),
    _of("account", "account.id"),
    Column("subject", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("basis", Text, nullable=False),
)
# Xorbs belong to the account that uploaded them until every chunk has a place in some blob.
xorb = _table(
    "xorb",
    Column("hash", Text, primary_key=True),
    Column("account", Whole, ForeignKey("account.id"), primary_key=True),
    Column("size", Whole, nullable=False),
    Column("chunks", LargeBinary, nullable=False),
    Column("at", Moment, nullable=False),
)
