"""Repositories: create, delete, move, settings, branches, tags, squash.

Every procedure asks for authority first, reads and writes in one transaction, and answers a
`Refusal` where it did nothing. A repository that the party may not see is refused exactly as one
that does not exist.
"""

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from openward.errors import Conflict, Malformed
from openward.registrar.accounts import parse_name
from openward.registrar.office import Office
from openward.registrar.parties import Party, may_administer, may_see, may_write
from openward.registrar.refusals import Ground, Refusal
from openward.registrar.releases import settle, settle_repository
from openward.registrar.uploads import Incoming, keep, record_possession
from openward.store import contents, revisions
from openward.store import repositories as store
from openward.store.accounts import AccountRow, find_account
from openward.store.repositories import RepoRow
from openward.store.revisions import RefRow, RevisionRow, TreeFile
from openward.vocabulary import Subject

TYPES = ("model", "dataset", "space")
GATES = ("none", "auto", "manual")
MAIN = "main"

# git check-ref-format(1): no component starts with a dot or ends in .lock, no "..", no control
# characters, none of " ~^:?*[\", no "@{", no leading, trailing or doubled slash, no final dot.
_NO_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|@\{|//|^/|/$|\.$|^@$|(^|/)\.|\.lock(/|$)")
_LONGEST_REF = 200  # characters
_LFS_ENDINGS = (
    "7z", "arrow", "bin", "bin.*", "bz2", "ckpt", "ftz", "gguf", "gz", "h5", "joblib", "lfs.*",
    "mlmodel", "model", "msgpack", "npy", "npz", "onnx", "ot", "parquet", "pb", "pickle", "pkl",
    "pt", "pth", "rar", "safetensors", "tar", "tar.*", "tflite", "tgz", "wasm", "xz", "zip", "zst",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NewRepo:
    """What a party asks for; without `namespace` it is the party's own."""

    type: str
    namespace: str | None
    name: str
    private: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings to change; None leaves one as it is. `gate` is none, auto or manual."""

    private: bool | None = None
    gate: str | None = None
    discussions_disabled: bool | None = None


def create_repo(office: Office, party: Party, asked: NewRepo) -> RepoRow | Refusal:
    """A new repository with its first commit. Raises Malformed, Conflict when the name is taken."""
    parse_name(asked.name)
    if asked.type not in TYPES:
        raise Malformed(f"a repository is a {', '.join(TYPES)}, not {asked.type[:80]!r}")
    now = office.clock()
    with office.database.writing() as connection:
        owner = party.account if not asked.namespace else find_account(connection, asked.namespace)
        if owner is None or not may_administer(party, owner.id):
            namespace = asked.namespace or party.account.name
            return Refusal(
                Ground.FORBIDDEN,
                f"You don't have the rights to create a {asked.type} under the namespace"
                f' "{namespace}"',
            )
        made = store.add_repo(
            connection,
            type=asked.type,
            owner=owner.id,
            namespace=owner.name,
            name=asked.name,
            private=asked.private,
            now=now,
        )
        repo = store.repo_by_id(connection, made)
        assert repo is not None  # noqa: S101  # added just above
        initial_commit(office, connection, repo, party.account, now)
    office.sequencer.publish()
    return repo


def initial_commit(
    office: Office, connection: Connection, repo: RepoRow, author: AccountRow, now: datetime
) -> RevisionRow:
    """The first commit of a repository: .gitattributes alone, on main."""
    raw = gitattributes()
    blob = keep_text(office, connection, author, raw, now)
    unnamed = TreeFile(".gitattributes", blob, False, "")
    tree = revisions.tree_digest(repo.id, [unnamed])
    subject = Subject(())
    revision = name_revision(
        RevisionRow(
            oid="",
            repo=repo.id,
            parent=None,
            title="initial commit",
            message="",
            author=author.name,
            at=now,
            sequence=revisions.next_sequence(connection, repo.id),
            tree=tree,
            subject=subject.digest,
        )
    )
    file = TreeFile(".gitattributes", blob, False, revision.oid)
    revisions.add_revision(connection, revision, [file], subject)
    revisions.set_ref(connection, repo.id, "branch", MAIN, revision.oid)
    settle(office, connection, repo, revision, now)
    return revision


def name_revision(revision: RevisionRow) -> RevisionRow:
    """The revision under its name: 40 hex digits that follow from everything else in it."""
    text = "\n".join(
        (
            f"openward-commit/v1 {revision.repo} {revision.sequence} {revision.parent or '-'}",
            f"{revision.tree} {revision.subject} {revision.at:%Y-%m-%dT%H:%M:%SZ}",
            revision.author,
            revision.title,
            revision.message,
        )
    )
    oid = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:40]
    return replace(revision, oid=oid)


def keep_text(
    office: Office, connection: Connection, holder: AccountRow, raw: bytes, now: datetime
) -> contents.BlobRow:
    """Keep a small text of the hub's own making as a blob."""
    with Incoming(office, len(raw)) as incoming:
        incoming.write(raw)
        blob = incoming.finish()
        keep(office, incoming)
    record_possession(connection, blob, holder.id, now)
    return blob


def gitattributes() -> bytes:
    """What a new repository tells git-lfs about file names."""
    patterns = [f"*.{ending}" for ending in _LFS_ENDINGS] + ["saved_model/**/*", "*tfevents*"]
    return "".join(f"{p} filter=lfs diff=lfs merge=lfs -text\n" for p in patterns).encode()


def seen(connection: Connection, party: Party | None, type: str, name: str) -> RepoRow | Refusal:
    """The repository of that name, refused when it is not there for this party."""
    repo = store.find_repo(connection, type, name)
    if repo is None or not may_see(party, repo):
        return Refusal(Ground.NO_REPOSITORY, "Repository not found")
    return repo


def administered(connection: Connection, party: Party, type: str, name: str) -> RepoRow | Refusal:
    """The repository of that name, refused when the party may not administer it."""
    repo = seen(connection, party, type, name)
    if isinstance(repo, RepoRow) and not may_administer(party, repo.owner):
        return Refusal(Ground.FORBIDDEN, f"You may not administer {repo.full_name}")
    return repo


def written(connection: Connection, party: Party, type: str, name: str) -> RepoRow | Refusal:
    """The repository of that name, refused when the party may not write to it."""
    repo = seen(connection, party, type, name)
    if isinstance(repo, RepoRow) and not may_write(party, repo.owner):
        return Refusal(Ground.FORBIDDEN, f"You may not write to {repo.full_name}")
    return repo


def delete_repo(office: Office, party: Party, type: str, name: str) -> Refusal | None:
    """Forget a repository and its history; decisions on its weights stay in the record."""
    with office.database.writing() as connection:
        repo = administered(connection, party, type, name)
        if isinstance(repo, Refusal):
            return repo
        store.delete_repo(connection, repo.id)
    return None


def move_repo(office: Office, party: Party, type: str, name: str, to: str) -> Refusal | None:
    """Rename, or hand to another namespace; the old name redirects. Raises Malformed, Conflict."""
    namespace, _, new = to.partition("/")
    parse_name(new)
    with office.database.writing() as connection:
        repo = administered(connection, party, type, name)
        if isinstance(repo, Refusal):
            return repo
        owner = find_account(connection, namespace)
        if owner is None or not may_administer(party, owner.id):
            return Refusal(Ground.FORBIDDEN, f"You may not create repositories in {namespace}")
        store.move_repo(connection, repo, owner.id, owner.name, new)
        store.change_repo(connection, repo.id, modified_at=office.clock())
    return None


def change_settings(
    office: Office, party: Party, type: str, name: str, settings: Settings
) -> RepoRow | Refusal:
    """Set what is given. Raises Malformed for a gate that is none of the three."""
    if settings.gate is not None and settings.gate not in GATES:
        raise Malformed("gated is false, auto or manual")
    changes: dict[str, object] = {
        column: value
        for column, value in (
            ("private", settings.private),
            ("gate", settings.gate),
            ("discussions_disabled", settings.discussions_disabled),
        )
        if value is not None
    }
    with office.database.writing() as connection:
        repo = administered(connection, party, type, name)
        if isinstance(repo, Refusal):
            return repo
        if changes:
            store.change_repo(connection, repo.id, **changes)
        after = store.repo_by_id(connection, repo.id)
        assert after is not None  # noqa: S101  # found in this transaction
        if repo.private and not after.private:
            settle_repository(office, connection, after, office.clock())
    office.sequencer.publish()
    return after


# --- branches and tags ------------------------------------------------------------------------


def parse_ref_name(text: str) -> str:
    """Read the name of a branch or tag, as git allows it. Raises Malformed."""
    if not text or len(text) > _LONGEST_REF or _NO_REF.search(text) or text.startswith("refs/"):
        raise Malformed(f"not a name for a branch or tag: {text[:80]!r}")
    return text


def create_branch(
    office: Office,
    party: Party,
    type: str,
    name: str,
    branch: str,
    *,
    start: str = MAIN,
    overwrite: bool = False,
) -> Refusal | None:
    """A branch at a revision. Raises Malformed, and Conflict when it exists."""
    return _create_ref(office, party, type, name, RefRow("branch", branch, start, ""), overwrite)


def create_tag(
    office: Office, party: Party, type: str, name: str, tag: str, *, at: str, message: str
) -> Refusal | None:
    """A tag on a revision. Raises Malformed, and Conflict when it exists."""
    return _create_ref(office, party, type, name, RefRow("tag", tag, at, message), False)


def _create_ref(
    office: Office, party: Party, type: str, name: str, asked: RefRow, overwrite: bool
) -> Refusal | None:
    parse_ref_name(asked.name)
    with office.database.writing() as connection:
        repo = written(connection, party, type, name)
        if isinstance(repo, Refusal):
            return repo
        if not overwrite and revisions.find_ref(connection, repo.id, asked.kind, asked.name):
            raise Conflict(f"Reference {ref_path(asked)} already exists")
        revision = revisions.find_revision(connection, repo.id, asked.oid)
        if revision is None:
            return Refusal(Ground.NO_REVISION, f"Invalid rev id: {asked.oid}")
        revisions.set_ref(connection, repo.id, asked.kind, asked.name, revision.oid, asked.message)
    return None


def delete_ref(
    office: Office, party: Party, type: str, name: str, kind: str, ref: str
) -> Refusal | None:
    """Forget a branch or tag; its commits stay. The main branch cannot go."""
    if kind == "branch" and ref == MAIN:
        return Refusal(Ground.FORBIDDEN, f"Cannot delete refs/heads/{MAIN}")
    with office.database.writing() as connection:
        repo = written(connection, party, type, name)
        if isinstance(repo, Refusal):
            return repo
        if not revisions.delete_ref(connection, repo.id, kind, ref):
            return Refusal(Ground.NO_REVISION, f"Reference {ref} doesn't exist")
    return None


def ref_path(ref: RefRow) -> str:
    """The ref as git spells it: refs/heads/…, refs/tags/…, refs/pr/…"""
    return {"branch": "refs/heads/", "tag": "refs/tags/", "pull": "refs/pr/"}[ref.kind] + ref.name


def super_squash(
    office: Office, party: Party, type: str, name: str, branch: str, message: str
) -> RevisionRow | Refusal:
    """One commit without a parent takes the place of a branch's history."""
    with office.database.writing() as connection:
        repo = written(connection, party, type, name)
        if isinstance(repo, Refusal):
            return repo
        ref = revisions.find_ref(connection, repo.id, "branch", branch)
        tip = None if ref is None else revisions.revision_by_oid(connection, repo.id, ref.oid)
        if tip is None:
            return Refusal(Ground.NO_REVISION, f"Invalid rev id: {branch}")
        now = office.clock()
        title = message or f"Super-squash branch '{branch}'"
        squashed = name_revision(
            RevisionRow(
                oid="",
                repo=repo.id,
                parent=None,
                title=title,
                message="",
                author=party.account.name,
                at=now,
                sequence=revisions.next_sequence(connection, repo.id),
                tree=tip.tree,
                subject=tip.subject,
            )
        )
        files = revisions.tree_of(connection, tip.tree)
        subject = contents.subject_files(connection, tip.subject)
        revisions.add_revision(connection, squashed, files, subject)
        revisions.set_ref(connection, repo.id, "branch", branch, squashed.oid)
        store.change_repo(connection, repo.id, modified_at=now)
        return squashed
