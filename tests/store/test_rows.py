"""Rows seen before are brought again only while nobody has written anything."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection, bindparam, select

from openward.store import schema as t
from openward.store.accounts import add_account
from openward.store.database import Database, create_database, open_database
from openward.store.repositories import add_repo, find_repo
from openward.store.revisions import find_revision, tree_of
from openward.store.rows import MOST_KEPT, rows_of
from tests.world import BEGAN

_NAMED = select(t.account.c.name).where(t.account.c.name.startswith(bindparam("beginning")))
_AT = select(t.account.c.id).where(t.account.c.id == bindparam("id"))


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """An empty database, on each of the two."""
    address = f"sqlite:///{tmp_path / 'hub.db'}"
    if request.param == "postgresql":
        make: Callable[[], str] = request.getfixturevalue("new_postgres")
        address = make()
    create_database(address)
    opened = open_database(address)
    yield opened
    opened.close()


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    create_database(f"sqlite:///{tmp_path / 'hub.db'}")
    opened = open_database(f"sqlite:///{tmp_path / 'hub.db'}")
    yield opened
    opened.close()


def add(database: Database, name: str) -> int:
    with database.writing() as connection:
        return add_account(connection, name, "person", "", None, BEGAN)


def names(connection: Connection, beginning: str = "a") -> list[str]:
    return sorted(row.name for row in rows_of(connection, _NAMED, {"beginning": beginning}))


def test_what_was_written_in_between_is_read(database: Database) -> None:
    for number in range(5):
        add(database, f"a{number}")
        with database.reading() as connection:
            assert len(names(connection)) == number + 1


def test_a_transaction_goes_on_seeing_what_it_saw_at_first(database: Database) -> None:
    add(database, "a0")
    with database.reading() as connection:
        assert names(connection) == ["a0"]
        add(database, "a1")
        add(database, "b0")
        assert names(connection) == ["a0"]
        # A query that it had not run before sees the same moment.
        assert names(connection, "b") == []
    with database.reading() as connection:
        assert (names(connection), names(connection, "b")) == (["a0", "a1"], ["b0"])


def test_while_nothing_is_written_nothing_is_fetched_again(sqlite: Database) -> None:
    add(sqlite, "a0")
    with sqlite.reading() as connection:
        first = rows_of(connection, _NAMED, {"beginning": "a"})
    with sqlite.reading() as connection:
        assert rows_of(connection, _NAMED, {"beginning": "a"}) is first
        assert rows_of(connection, _NAMED, {"beginning": "b"}) == []
        assert rows_of(connection, _AT, {"id": "a"}) == []


def test_what_one_database_holds_is_not_said_of_another(sqlite: Database, tmp_path: Path) -> None:
    add(sqlite, "a0")
    create_database(f"sqlite:///{tmp_path / 'other.db'}")
    other = open_database(f"sqlite:///{tmp_path / 'other.db'}")
    with sqlite.reading() as here, other.reading() as there:
        assert (names(here), names(there)) == (["a0"], [])
    other.close()


def test_a_writer_reads_what_it_has_just_written(database: Database) -> None:
    with database.writing() as connection:
        assert names(connection) == []
        add_account(connection, "a0", "person", "", None, BEGAN)
        assert names(connection) == ["a0"]


def test_only_so_many_answers_are_kept(sqlite: Database) -> None:
    with sqlite.reading() as connection:
        first = rows_of(connection, _AT, {"id": 0})
        for number in range(1, MOST_KEPT):
            rows_of(connection, _AT, {"id": number})
        assert rows_of(connection, _AT, {"id": 0}) is first
        rows_of(connection, _AT, {"id": MOST_KEPT})
        assert rows_of(connection, _AT, {"id": 0}) is not first


def test_a_repository_renamed_or_made_private_is_seen_at_once(database: Database) -> None:
    owner = add(database, "ada")
    with database.reading() as connection:
        assert find_repo(connection, "model", "ada/lens") is None
    with database.writing() as connection:
        repo = add_repo(
            connection,
            type="model",
            owner=owner,
            namespace="ada",
            name="lens",
            private=False,
            now=BEGAN,
        )
    for private in (True, False, True):
        with database.writing() as connection:
            connection.execute(t.repo.update().where(t.repo.c.id == repo).values(private=private))
        with database.reading() as connection:
            found = find_repo(connection, "model", "Ada/Lens")
            assert found is not None
            assert found.private is private
            assert find_revision(connection, repo, "main") is None
            assert tree_of(connection, "0" * 40, path="w.bin") == []
