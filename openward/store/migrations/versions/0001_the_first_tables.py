"""the first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "account",
        sa.Column("id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("fullname", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("verified_at", sa.Text(), nullable=True),
        sa.Column("verified_how", sa.Text(), nullable=True),
        sa.Column("evaluator", sa.Text(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("key", name=op.f("uq_account_key")),
        sqlite_strict=True,
    )
    op.create_table(
        "blob",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", WHOLE, nullable=False),
        sa.Column("git_oid", sa.Text(), nullable=False),
        sa.Column("recognition", sa.Text(), nullable=False),
        sa.Column("format", sa.Text(), nullable=False),
        sa.Column("adapter", sa.Integer(), nullable=False),
        sa.Column("layout", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_blob")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_blob_git_oid"), "blob", ["git_oid"], unique=False)
    op.create_table(
        "checkpoint",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("size", WHOLE, nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("origin", name=op.f("pk_checkpoint")),
        sqlite_strict=True,
    )
    op.create_table(
        "entry",
        sa.Column("number", WHOLE, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_entry")),
        sqlite_strict=True,
    )
    op.create_table(
        "access_audit",
        sa.Column("id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("account", WHOLE, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_access_audit_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_audit")),
        sqlite_strict=True,
    )
    op.create_table(
        "accreditation",
        sa.Column("number", WHOLE, autoincrement=False, nullable=False),
        sa.Column("evaluator", sa.Text(), nullable=False),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["entry.number"], name=op.f("fk_accreditation_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_accreditation")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_accreditation_evaluator"), "accreditation", ["evaluator"], unique=False
    )
    op.create_table(
        "evidence",
        sa.Column("number", WHOLE, autoincrement=False, nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("evaluator", sa.Text(), nullable=False),
        sa.Column("log", sa.Text(), nullable=False),
        sa.Column("samples", sa.Text(), nullable=True),
        sa.Column("envelope", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["entry.number"], name=op.f("fk_evidence_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_evidence")),
        sa.UniqueConstraint("statement", name=op.f("uq_evidence_statement")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_evidence_subject"), "evidence", ["subject"], unique=False)
    op.create_table(
        "hidden",
        sa.Column("number", WHOLE, autoincrement=False, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=False),
        sa.Column("opened_by", WHOLE, nullable=True),
        sa.ForeignKeyConstraint(["number"], ["entry.number"], name=op.f("fk_hidden_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_hidden")),
        sqlite_strict=True,
    )
    op.create_table(
        "lease",
        sa.Column("number", WHOLE, autoincrement=False, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account", WHOLE, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("starts", sa.Text(), nullable=False),
        sa.Column("until", sa.Text(), nullable=False),
        sa.Column("terms", sa.Text(), nullable=False),
        sa.Column("ended_by", WHOLE, nullable=True),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_lease_account")),
        sa.ForeignKeyConstraint(["ended_by"], ["entry.number"], name=op.f("fk_lease_ended_by")),
        sa.ForeignKeyConstraint(["number"], ["entry.number"], name=op.f("fk_lease_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_lease")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_lease_subject"), "lease", ["subject"], unique=False)
    op.create_table(
        "membership",
        sa.Column("organisation", WHOLE, nullable=False),
        sa.Column("account", WHOLE, nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_membership_account")),
        sa.ForeignKeyConstraint(
            ["organisation"], ["account.id"], name=op.f("fk_membership_organisation")
        ),
        sa.PrimaryKeyConstraint("organisation", "account", name=op.f("pk_membership")),
        sqlite_strict=True,
    )
    op.create_table(
        "policy",
        sa.Column("number", WHOLE, autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("version", WHOLE, nullable=False),
        sa.Column("valid_from", sa.Text(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["entry.number"], name=op.f("fk_policy_number")),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_policy")),
        sa.UniqueConstraint("digest", name=op.f("uq_policy_digest")),
        sqlite_strict=True,
    )
    op.create_table(
        "possession",
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("account", WHOLE, nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_possession_account")),
        sa.ForeignKeyConstraint(["sha256"], ["blob.sha256"], name=op.f("fk_possession_sha256")),
        sa.PrimaryKeyConstraint("sha256", "account", name=op.f("pk_possession")),
        sqlite_strict=True,
    )
    op.create_table(
        "repo",
        sa.Column("id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("owner", WHOLE, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("private", sa.Integer(), nullable=False),
        sa.Column("gate", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("modified_at", sa.Text(), nullable=False),
        sa.Column("discussions_disabled", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["owner"], ["account.id"], name=op.f("fk_repo_owner")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_repo")),
        sa.UniqueConstraint("type", "key", name=op.f("uq_repo_type")),
        sqlite_strict=True,
    )
    op.create_table(
        "subject_file",
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["blob.sha256"], name=op.f("fk_subject_file_sha256")),
        sa.PrimaryKeyConstraint("subject", "sha256", name=op.f("pk_subject_file")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_subject_file_sha256"), "subject_file", ["sha256"], unique=False)
    op.create_table(
        "ticket",
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("account", WHOLE, nullable=True),
        sa.Column("code", sa.Text(), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_ticket_account")),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_ticket")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_ticket_code"), "ticket", ["code"], unique=False)
    op.create_table(
        "token",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", WHOLE, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Text(), nullable=True),
        sa.Column("revoked_at", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_token_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("digest", name=op.f("uq_token_digest")),
        sqlite_strict=True,
    )
    op.create_table(
        "tree_file",
        sa.Column("tree", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("lfs", sa.Integer(), nullable=False),
        sa.Column("since", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["sha256"], ["blob.sha256"], name=op.f("fk_tree_file_sha256")),
        sa.PrimaryKeyConstraint("tree", "path", name=op.f("pk_tree_file")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_tree_file_sha256"), "tree_file", ["sha256"], unique=False)
    op.create_table(
        "xorb",
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("account", WHOLE, nullable=False),
        sa.Column("size", WHOLE, nullable=False),
        sa.Column("chunks", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["account.id"], name=op.f("fk_xorb_account")),
        sa.PrimaryKeyConstraint("hash", "account", name=op.f("pk_xorb")),
        sqlite_strict=True,
    )
    op.create_table(
        "access_request",
        sa.Column("id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("repo", WHOLE, nullable=False),
        sa.Column("account", WHOLE, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("fields", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("due", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.Text(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account"], ["account.id"], name=op.f("fk_access_request_account")
        ),
        sa.ForeignKeyConstraint(
            ["repo"], ["repo.id"], name=op.f("fk_access_request_repo"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_access_request")),
        sa.UniqueConstraint("repo", "account", name=op.f("uq_access_request_repo")),
        sqlite_strict=True,
    )
    op.create_table(
        "decision",
        sa.Column("number", WHOLE, autoincrement=False, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("case", sa.Text(), nullable=False),
        sa.Column("policy_entry", WHOLE, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tier", WHOLE, nullable=False),
        sa.Column("treatment", sa.Text(), nullable=True),
        sa.Column("due", sa.Text(), nullable=True),
        sa.Column("reasons", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["number"], ["entry.number"], name=op.f("fk_decision_number")),
        sa.ForeignKeyConstraint(
            ["policy_entry"], ["policy.number"], name=op.f("fk_decision_policy_entry")
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_decision")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_decision_subject"), "decision", ["subject"], unique=False)
    op.create_table(
        "discussion",
        sa.Column("id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("repo", WHOLE, nullable=False),
        sa.Column("number", WHOLE, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("pull", sa.Integer(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo"], ["repo.id"], name=op.f("fk_discussion_repo"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discussion")),
        sa.UniqueConstraint("repo", "number", name=op.f("uq_discussion_repo")),
        sqlite_strict=True,
    )
    op.create_table(
        "former_name",
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("repo", WHOLE, nullable=False),
        sa.ForeignKeyConstraint(
            ["repo"], ["repo.id"], name=op.f("fk_former_name_repo"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("type", "key", name=op.f("pk_former_name")),
        sqlite_strict=True,
    )
    op.create_table(
        "ref",
        sa.Column("repo", WHOLE, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("oid", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo"], ["repo.id"], name=op.f("fk_ref_repo"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("repo", "kind", "name", name=op.f("pk_ref")),
        sqlite_strict=True,
    )
    op.create_table(
        "revision",
        sa.Column("oid", sa.Text(), nullable=False),
        sa.Column("repo", WHOLE, nullable=False),
        sa.Column("parent", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("sequence", WHOLE, nullable=False),
        sa.Column("tree", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["repo"], ["repo.id"], name=op.f("fk_revision_repo"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("oid", name=op.f("pk_revision")),
        sqlite_strict=True,
    )
    op.create_index("ix_revision_repo_sequence", "revision", ["repo", "sequence"], unique=False)
    op.create_index(op.f("ix_revision_subject"), "revision", ["subject"], unique=False)
    op.create_index(op.f("ix_revision_tree"), "revision", ["tree"], unique=False)
    op.create_table(
        "discussion_event",
        sa.Column("id", WHOLE, autoincrement=True, nullable=False),
        sa.Column("discussion", WHOLE, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("at", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("extra", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["discussion"],
            ["discussion.id"],
            name=op.f("fk_discussion_event_discussion"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_discussion_event")),
        sqlite_strict=True,
    )
