"""Commits: what was asked for, held against what is there, recorded in one transaction.

    proposal  →  planned (reading)  →  bytes kept  →  planned again (writing)  →  revision, ref

Planning twice costs a read and keeps the bytes of a refused commit out of the store; only the
second plan, made under the write lock, counts.

Upheld: a commit that names a parent lands on that parent or not at all; a file named by digest
alone is taken only from an account that showed it holds those bytes, or that may read them here,
and the answer does not say whether anybody else does; nothing is half visible.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection

from openward.errors import Conflict, Malformed, Unavailable
from openward.registrar.office import Office
from openward.registrar.operations import (
    AddLarge,
    DeleteFile,
    DeleteFolder,
    Header,
)
from openward.registrar.parties import Party, may_see, may_write
from openward.registrar.refusals import Ground, Refusal
from openward.registrar.releases import settle
from openward.registrar.repositories import name_revision
from openward.registrar.trees import Change, PutFile, decide_tree
from openward.registrar.uploads import Incoming, keep, record_possession
from openward.store import contents, revisions
from openward.store import repositories as store
from openward.store.contents import BlobRow
from openward.store.discussions import add_discussion, add_event, find_discussion
from openward.store.holdings import repo_holds
from openward.store.repositories import RepoRow
from openward.store.revisions import RefRow, RevisionRow, TreeFile
from openward.vocabulary import Sha256, WeightFile
from openward.weights.recognition import Kind, Recognition, partition

STALE = "The branch was updated since you opened this page. Please refresh and try again."
_PULL = "refs/pr/"
_BRANCH = "refs/heads/"

MayRead = Callable[[Connection, Sha256], bool]
"""Whether the committing party may read these bytes in some repository of the hub."""


@dataclass(frozen=True, slots=True)
class Received:
    """A small file that came inside the commit, staged under its path."""

    path: str
    incoming: Incoming
    blob: BlobRow


Asked = Received | AddLarge | DeleteFile | DeleteFolder


@dataclass(frozen=True, slots=True)
class Proposal:
    """A commit as asked for: onto `target`, or as a pull request against it."""

    party: Party
    repo: int
    target: str
    pull: bool
    header: Header
    asked: Sequence[Asked]
    may_read: MayRead = field(compare=False)


@dataclass(frozen=True, slots=True)
class Committed:
    """The commit now at the target; `pull` is the number of the pull request it opened."""

    repo: RepoRow
    revision: RevisionRow
    pull: int | None


@dataclass(frozen=True, slots=True)
class _Plan:
    repo: RepoRow
    ref: RefRow
    base: RevisionRow
    files: dict[str, TreeFile]


def record_commit(office: Office, proposal: Proposal) -> Committed | Refusal:
    """Do as asked, or say why not. Raises Malformed, Conflict, Unavailable."""
    now = office.clock()
    with office.database.reading() as connection:
        plan = _plan(connection, proposal)
    if isinstance(plan, Refusal):
        return plan
    for asked in proposal.asked:
        if isinstance(asked, Received):
            keep(office, asked.incoming)
    with office.database.writing() as connection:
        plan = _plan(connection, proposal)
        if isinstance(plan, Refusal):
            return plan
        committed = _record(office, connection, proposal, plan, now)
    # The commit stands; what is not published now is published with the next entry.
    with suppress(Conflict, Unavailable):
        office.sequencer.publish()
    return committed


def _record(
    office: Office, connection: Connection, proposal: Proposal, plan: _Plan, now: datetime
) -> Committed:
    for asked in proposal.asked:
        if isinstance(asked, Received):
            record_possession(connection, asked.blob, proposal.party.account.id, now)
    revision = _record_revision(office, connection, proposal, plan, now)
    if proposal.pull:
        number = _record_pull(connection, proposal, plan, revision, now)
        return Committed(plan.repo, revision, number)
    revisions.set_ref(
        connection, plan.repo.id, plan.ref.kind, plan.ref.name, revision.oid, plan.ref.message
    )
    return Committed(plan.repo, revision, None)


def _plan(connection: Connection, proposal: Proposal) -> _Plan | Refusal:
    party = proposal.party
    repo = store.repo_by_id(connection, proposal.repo)
    if repo is None or not may_see(party, repo):
        return Refusal(Ground.NO_REPOSITORY, "Repository not found")
    ref = _target(connection, repo, proposal)
    if isinstance(ref, Refusal):
        return ref
    base = revisions.revision_by_oid(connection, repo.id, ref.oid)
    if base is None:
        return _no_revision(proposal.target)
    if proposal.header.parent is not None and proposal.header.parent != base.oid:
        return Refusal(Ground.STALE, STALE)
    changes: list[Change] = []
    for asked in proposal.asked:
        change = _change(connection, proposal, repo, asked)
        if isinstance(change, Refusal):
            return change
        changes.append(change)
    before = {file.path: file for file in revisions.tree_of(connection, base.tree)}
    files = decide_tree(before, changes, since="")
    return files if isinstance(files, Refusal) else _Plan(repo, ref, base, files)


def _target(connection: Connection, repo: RepoRow, proposal: Proposal) -> RefRow | Refusal:
    """The branch or pull request to move, if this party may."""
    name = proposal.target
    number = name.removeprefix(_PULL)
    if number != name and not proposal.pull:
        ref = revisions.find_ref(connection, repo.id, "pull", number)
    else:
        ref = revisions.find_ref(connection, repo.id, "branch", name.removeprefix(_BRANCH))
    if ref is None:
        if revisions.find_revision(connection, repo.id, name) is not None:
            return Refusal(Ground.OUT_OF_STATE, f"Commits go to a branch, and {name} is none")
        return _no_revision(name)
    if may_write(proposal.party, repo.owner):
        return ref
    own = number != name and _is_author(connection, repo, number, proposal.party)
    if not proposal.party.writes or not (proposal.pull or own):
        return Refusal(
            Ground.FORBIDDEN,
            f"You have no right to write to {repo.full_name}; a pull request may be open to you",
        )
    if repo.discussions_disabled:
        return Refusal(Ground.FORBIDDEN, f"Pull requests are disabled on {repo.full_name}")
    return ref


def _is_author(connection: Connection, repo: RepoRow, number: str, party: Party) -> bool:
    """Whether this party opened the pull request, and it is still open."""
    pull = find_discussion(connection, repo.id, int(number))
    if pull is None or pull.state not in ("open", "draft"):
        return False
    return pull.author == party.account.name


def _no_revision(name: str) -> Refusal:
    return Refusal(Ground.NO_REVISION, f"Invalid rev id: {name}")


def _change(
    connection: Connection, proposal: Proposal, repo: RepoRow, asked: Asked
) -> Change | Refusal:
    match asked:
        case Received(path, _, blob):
            # What is known of the bytes already stays; only the first record of them counts.
            return PutFile(path, contents.find_blob(connection, blob.sha256) or blob, False)
        case AddLarge():
            return _large(connection, proposal, repo, asked)
        case DeleteFile() | DeleteFolder():
            return asked


def _large(
    connection: Connection, proposal: Proposal, repo: RepoRow, asked: AddLarge
) -> Change | Refusal:
    blob = contents.find_blob(connection, asked.sha256)
    if blob is None or not _entitled(connection, proposal, repo, asked):
        # One answer for bytes nobody holds and for bytes somebody else holds.
        return Refusal(
            Ground.FORBIDDEN,
            f"{asked.path}: upload the file first; this account did not upload sha256:"
            f"{asked.sha256} and can read it in no repository here",
        )
    if asked.size not in (None, blob.size):
        raise Malformed(f"{asked.path}: sha256:{asked.sha256} has {blob.size} bytes")
    return PutFile(asked.path, blob, True)


def _entitled(connection: Connection, proposal: Proposal, repo: RepoRow, asked: AddLarge) -> bool:
    if contents.possesses(connection, asked.sha256, proposal.party.account.id):
        return True
    copies_within = asked.size is None and may_write(proposal.party, repo.owner)
    if copies_within and repo_holds(connection, repo.id, asked.sha256):
        return True
    return proposal.may_read(connection, asked.sha256)


def _record_revision(
    office: Office, connection: Connection, proposal: Proposal, plan: _Plan, now: datetime
) -> RevisionRow:
    """The next revision, with its tier decided; the base itself where nothing changed."""
    files = list(plan.files.values())
    tree = revisions.tree_digest(plan.repo.id, files)
    if tree == plan.base.tree:
        return plan.base
    subject = partition(
        (WeightFile(f.blob.sha256, f.blob.size), Recognition(Kind(f.blob.recognition), ""))
        for f in files
    ).subject
    revision = name_revision(
        RevisionRow(
            oid="",
            repo=plan.repo.id,
            parent=plan.base.oid,
            title=proposal.header.summary,
            message=proposal.header.description,
            author=proposal.party.account.name,
            at=now,
            sequence=revisions.next_sequence(connection, plan.repo.id),
            tree=tree,
            subject=subject.digest,
        )
    )
    revisions.add_revision(connection, revision, _stamped(plan.files, revision.oid), subject)
    store.change_repo(connection, plan.repo.id, modified_at=now)
    settle(office, connection, plan.repo, revision, now)
    return revision


def _stamped(files: Mapping[str, TreeFile], oid: str) -> list[TreeFile]:
    """The files, those that changed now naming the commit that brought them."""
    return [f if f.since else TreeFile(f.path, f.blob, f.lfs, oid) for f in files.values()]


def _record_pull(
    connection: Connection,
    proposal: Proposal,
    plan: _Plan,
    revision: RevisionRow,
    now: datetime,
) -> int:
    opened = add_discussion(
        connection,
        repo=plan.repo.id,
        title=proposal.header.summary,
        author=proposal.party.account.name,
        pull=True,
        state="open",
        target=f"{_BRANCH}{plan.ref.name}",
        now=now,
    )
    add_event(
        connection,
        opened.id,
        kind="comment",
        author=proposal.party.account.name,
        text=proposal.header.description,
        now=now,
    )
    revisions.set_ref(connection, plan.repo.id, "pull", str(opened.number), revision.oid)
    return opened.number
