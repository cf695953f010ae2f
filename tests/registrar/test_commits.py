"""Commits, without the web: who may, what is refused, and that nothing is half done."""

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, func, select

from openward.errors import Malformed
from openward.registrar.accounts import issue_token, open_account
from openward.registrar.commits import Asked, Committed, Proposal, Received, record_commit
from openward.registrar.office import Office
from openward.registrar.operations import AddLarge, DeleteFile, Header
from openward.registrar.parties import Party, party_of_token
from openward.registrar.refusals import Ground, Refusal
from openward.registrar.repositories import NewRepo, create_repo
from openward.registrar.uploads import Incoming, record_upload
from openward.store import schema as t
from openward.store.contents import possesses
from openward.store.discussions import change_discussion, find_discussion
from openward.store.repositories import RepoRow, change_repo
from openward.store.revisions import delete_ref, find_ref, find_revision, set_ref, tree_of
from openward.vocabulary import Sha256
from tests.registrar.hub_in_a_folder import an_office

WEIGHTS = bytes(range(256)) * 10
OID = Sha256(hashlib.sha256(WEIGHTS).hexdigest())


class Desk:
    """An office with two accounts and a repository of the first."""

    def __init__(self, folder: Path) -> None:
        self.office: Office = an_office(folder)
        self.ada, self.ben = self.party("ada"), self.party("ben")
        self.repo = self.create("lens")
        self.staged = ExitStack()

    def party(self, name: str, role: str = "write") -> Party:
        account = open_account(self.office, name, fullname=name, email=f"{name}@x.test")
        _, secret = issue_token(self.office, account, "test", role)
        with self.office.database.reading() as connection:
            party = party_of_token(connection, secret, self.office.clock())
        assert party is not None
        return party

    def create(self, name: str, *, private: bool = False) -> RepoRow:
        made = create_repo(self.office, self.ada, NewRepo("model", None, name, private))
        assert isinstance(made, RepoRow)
        return made

    def small(self, path: str, content: bytes = b"hello\n") -> Received:
        incoming = self.staged.enter_context(Incoming(self.office, len(content)))
        incoming.write(content)
        return Received(path, incoming, incoming.finish())

    def upload(self, party: Party, content: bytes = WEIGHTS) -> Sha256:
        with Incoming(self.office, len(content)) as incoming:
            incoming.write(content)
            digest = Sha256(hashlib.sha256(content).hexdigest())
            record_upload(self.office, incoming, digest, party.account.id)
        return digest

    def propose(self, party: Party, *asked: Asked, **changed: object) -> Proposal:
        plain = Proposal(party, self.repo.id, "main", False, Header("s", "d", None), asked, never)
        return replace(plain, **changed)  # type: ignore[arg-type]

    def head(self, name: str = "main") -> str:
        with self.office.database.reading() as connection:
            revision = find_revision(connection, self.repo.id, name)
        assert revision is not None
        return revision.oid

    def paths(self, name: str = "main") -> list[str]:
        with self.office.database.reading() as connection:
            revision = find_revision(connection, self.repo.id, name)
            assert revision is not None
            return [file.path for file in tree_of(connection, revision.tree)]


def never(connection: Connection, digest: Sha256) -> bool:
    return False


def always(connection: Connection, digest: Sha256) -> bool:
    return True


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    with desk.staged:
        yield desk


def committed(outcome: Committed | Refusal) -> Committed:
    assert isinstance(outcome, Committed), outcome
    return outcome


def ground(outcome: Committed | Refusal) -> Ground:
    assert isinstance(outcome, Refusal), outcome
    return outcome.ground


def test_a_commit_moves_its_branch_and_says_who_when_and_what(desk: Desk) -> None:
    before = desk.head()
    done = committed(record_commit(desk.office, desk.propose(desk.ada, desk.small("a/b.txt"))))
    assert desk.head() == done.revision.oid != before
    assert done.revision.parent == before
    assert (done.revision.title, done.revision.message) == ("s", "d")
    assert done.revision.author == "ada"
    assert done.pull is None
    assert desk.paths() == [".gitattributes", "a/b.txt"]
    with desk.office.database.reading() as connection:
        files = {f.path: f.since for f in tree_of(connection, done.revision.tree)}
        digest = Sha256(hashlib.sha256(b"hello\n").hexdigest())
        assert possesses(connection, digest, desk.ada.account.id)
    assert files == {".gitattributes": before, "a/b.txt": done.revision.oid}


def test_a_commit_that_changes_nothing_is_the_commit_before(desk: Desk) -> None:
    first = committed(record_commit(desk.office, desk.propose(desk.ada, desk.small("a"))))
    again = committed(record_commit(desk.office, desk.propose(desk.ada, desk.small("a"))))
    assert again.revision == first.revision


def test_a_refused_commit_keeps_no_bytes(desk: Desk) -> None:
    content = b"only here\n"
    stale = Header("s", "", "0" * 40)
    asked = desk.propose(desk.ada, desk.small("a", content), header=stale)
    assert ground(record_commit(desk.office, asked)) is Ground.STALE
    assert desk.office.blobs.size(Sha256(hashlib.sha256(content).hexdigest())) is None
    right = Header("s", "", desk.head())
    committed(record_commit(desk.office, replace(asked, header=right)))


@pytest.mark.parametrize(
    ("who", "target", "pull", "expected"),
    [
        ("ada", "main", False, None),
        ("ada", "refs/heads/main", False, None),
        ("ada", "nowhere", False, Ground.NO_REVISION),
        ("ada", "v1", False, Ground.OUT_OF_STATE),
        ("ada", "v1", True, Ground.OUT_OF_STATE),
        ("ada", "refs/pr/9", False, Ground.NO_REVISION),
        ("ben", "main", False, Ground.FORBIDDEN),
        ("ben", "main", True, None),
        ("reader", "main", False, Ground.FORBIDDEN),
        ("reader", "main", True, Ground.FORBIDDEN),
    ],
)
def test_who_may_commit_where(
    desk: Desk, who: str, target: str, pull: bool, expected: Ground | None
) -> None:
    parties = {"ada": desk.ada, "ben": desk.ben, "reader": desk.party("reader", "read")}
    with desk.office.database.writing() as connection:
        set_ref(connection, desk.repo.id, "tag", "v1", desk.head())
    asked = desk.propose(parties[who], desk.small("a"), target=target, pull=pull)
    outcome = record_commit(desk.office, asked)
    if expected is None:
        committed(outcome)
    else:
        assert ground(outcome) is expected


def test_a_pull_request_is_open_to_its_author_and_the_repositorys_own(desk: Desk) -> None:
    before = desk.head()
    opened = committed(
        record_commit(desk.office, desk.propose(desk.ben, desk.small("a"), pull=True))
    )
    assert opened.pull == 1
    assert desk.head() == before
    with desk.office.database.reading() as connection:
        found = find_discussion(connection, desk.repo.id, 1)
    assert found is not None
    assert (found.author, found.pull, found.state) == ("ben", True, "open")
    assert (found.title, found.target) == ("s", "refs/heads/main")
    cas = desk.party("cas")
    for party, path in ((desk.ben, "b"), (desk.ada, "c")):
        committed(
            record_commit(desk.office, desk.propose(party, desk.small(path), target="refs/pr/1"))
        )
    stranger = desk.propose(cas, desk.small("d"), target="refs/pr/1")
    assert ground(record_commit(desk.office, stranger)) is Ground.FORBIDDEN
    assert desk.paths("refs/pr/1") == [".gitattributes", "a", "b", "c"]
    second = committed(record_commit(desk.office, desk.propose(cas, desk.small("z"), pull=True)))
    assert second.pull == 2
    with desk.office.database.writing() as connection:
        change_repo(connection, desk.repo.id, discussions_disabled=True)
    for asked in (
        desk.propose(cas, desk.small("y"), pull=True),
        desk.propose(desk.ben, desk.small("y"), target="refs/pr/1"),
    ):
        assert ground(record_commit(desk.office, asked)) is Ground.FORBIDDEN


@pytest.mark.parametrize(("state", "open_to_author"), [("draft", True), ("closed", False)])
def test_a_pull_request_that_ended_takes_no_more(
    desk: Desk, state: str, open_to_author: bool
) -> None:
    record_commit(desk.office, desk.propose(desk.ben, desk.small("a"), pull=True))
    with desk.office.database.writing() as connection:
        found = find_discussion(connection, desk.repo.id, 1)
        assert found is not None
        change_discussion(connection, found.id, state=state)
    more = desk.propose(desk.ben, desk.small("b"), target="refs/pr/1")
    assert isinstance(record_commit(desk.office, more), Committed) is open_to_author


def test_a_pull_request_against_a_pull_request_is_refused(desk: Desk) -> None:
    record_commit(desk.office, desk.propose(desk.ben, desk.small("a"), pull=True))
    asked = desk.propose(desk.ben, desk.small("b"), target="refs/pr/1", pull=True)
    assert ground(record_commit(desk.office, asked)) is Ground.OUT_OF_STATE


def test_a_private_repository_is_not_there_for_strangers(desk: Desk) -> None:
    hidden = desk.create("hidden", private=True)
    for pull in (False, True):
        asked = desk.propose(desk.ben, desk.small("a"), repo=hidden.id, pull=pull)
        assert ground(record_commit(desk.office, asked)) is Ground.NO_REPOSITORY
    assert ground(record_commit(desk.office, desk.propose(desk.ada, repo=999))) is (
        Ground.NO_REPOSITORY
    )


def test_bytes_are_taken_by_digest_from_who_holds_or_may_read_them(desk: Desk) -> None:
    desk.upload(desk.ben)
    named, copy = AddLarge("w", OID, len(WEIGHTS)), AddLarge("w", OID, None)
    for asked in (named, copy, AddLarge("w", Sha256("0" * 64), None)):
        outcome = record_commit(desk.office, desk.propose(desk.ada, asked, may_read=never))
        assert ground(outcome) is Ground.FORBIDDEN
    missing = desk.propose(desk.ada, AddLarge("w", Sha256("0" * 64), 1), may_read=always)
    assert ground(record_commit(desk.office, missing)) is Ground.FORBIDDEN
    committed(record_commit(desk.office, desk.propose(desk.ada, named, may_read=always)))
    with desk.office.database.reading() as connection:
        assert not possesses(connection, OID, desk.ada.account.id)


def test_a_copy_within_a_repository_is_for_who_may_write_there(desk: Desk) -> None:
    desk.upload(desk.ada)
    committed(record_commit(desk.office, desk.propose(desk.ada, AddLarge("w", OID, None))))
    with desk.office.database.writing() as connection:
        connection.execute(t.possession.delete())
    within = AddLarge("copy", OID, None)
    assert ground(record_commit(desk.office, desk.propose(desk.ben, within, pull=True))) is (
        Ground.FORBIDDEN
    )
    announced = desk.propose(desk.ada, AddLarge("copy", OID, len(WEIGHTS)))
    assert ground(record_commit(desk.office, announced)) is Ground.FORBIDDEN
    committed(record_commit(desk.office, desk.propose(desk.ada, within)))
    elsewhere = desk.create("other")
    assert ground(
        record_commit(desk.office, desk.propose(desk.ada, within, repo=elsewhere.id))
    ) is (Ground.FORBIDDEN)


def test_a_size_that_is_not_the_bytes_is_refused(desk: Desk) -> None:
    desk.upload(desk.ada)
    for size in (len(WEIGHTS) - 1, len(WEIGHTS) + 1, 0):
        with pytest.raises(Malformed, match="bytes"):
            record_commit(desk.office, desk.propose(desk.ada, AddLarge("w", OID, size)))
    assert desk.paths() == [".gitattributes"]


def test_deleting_what_is_missing_is_no_entry(desk: Desk) -> None:
    outcome = record_commit(desk.office, desk.propose(desk.ada, DeleteFile("nowhere")))
    assert ground(outcome) is Ground.NO_ENTRY


def test_the_subject_is_the_weights_and_nothing_else(desk: Desk) -> None:
    desk.upload(desk.ada)
    asked = desk.propose(desk.ada, AddLarge("w", OID, None), desk.small("README.md"))
    with_weights = committed(record_commit(desk.office, asked)).revision
    prose = desk.propose(desk.ada, desk.small("README.md", b"other words\n"))
    assert committed(record_commit(desk.office, prose)).revision.subject == with_weights.subject
    gone = desk.propose(desk.ada, DeleteFile("w"))
    assert committed(record_commit(desk.office, gone)).revision.subject != with_weights.subject


def test_when_recording_fails_nothing_of_the_commit_is_there(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*args: object) -> None:
        raise RuntimeError("the office burned down")

    monkeypatch.setattr("openward.registrar.commits.settle", failing)
    before = desk.head()
    with desk.office.database.reading() as connection:
        counts = [connection.scalar(select(func.count()).select_from(table)) for table in TABLES]
    with pytest.raises(RuntimeError):
        record_commit(desk.office, desk.propose(desk.ben, desk.small("new"), pull=True))
    assert desk.head() == before
    with desk.office.database.reading() as connection:
        after = [connection.scalar(select(func.count()).select_from(table)) for table in TABLES]
        assert find_ref(connection, desk.repo.id, "pull", "1") is None
    assert after == counts


TABLES = (t.revision, t.tree_file, t.blob, t.possession, t.discussion, t.ref)


def test_a_branch_whose_commit_went_is_no_revision(desk: Desk) -> None:
    with desk.office.database.writing() as connection:
        delete_ref(connection, desk.repo.id, "branch", "main")
        set_ref(connection, desk.repo.id, "branch", "main", "0" * 40)
    assert ground(record_commit(desk.office, desk.propose(desk.ada, desk.small("a")))) is (
        Ground.NO_REVISION
    )
