"""One schema, two databases: what is created, what is refused, and what a transaction promises."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier, Event

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from openward.errors import Unavailable
from openward.statements.entry import Ended
from openward.store import reads, records
from openward.store import schema as t
from openward.store.accounts import add_account, find_account
from openward.store.database import Database, create_database, open_database
from tests.world import BEGAN


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database, on each of the two."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'deep' / 'hub.db'}"
    make: Callable[[], str] = request.getfixturevalue("new_postgres")
    return make()


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    create_database(address)
    opened = open_database(address)
    yield opened
    opened.close()


def test_the_migrations_create_what_the_schema_declares(address: str) -> None:
    create_database(address)
    url = make_url(address)
    if url.get_backend_name() == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, t.metadata) == []
        found = inspect(connection)
        for table in t.metadata.sorted_tables:
            columns = [column["name"] for column in found.get_columns(table.name)]
            assert columns == [column.name for column in table.columns]
            keys = {tuple(key["constrained_columns"]) for key in found.get_foreign_keys(table.name)}
            assert keys == {(key.parent.name,) for key in table.foreign_keys}
            deletes = {
                key["constrained_columns"][0]: key["options"].get("ondelete")
                for key in found.get_foreign_keys(table.name)
            }
            assert deletes == {key.parent.name: key.ondelete for key in table.foreign_keys}
        if url.get_backend_name() == "sqlite":
            strict = connection.execute(text("SELECT name, strict FROM pragma_table_list"))
            tables = {row.name: row.strict for row in strict}
            assert all(tables[table.name] == 1 for table in t.metadata.sorted_tables)
    engine.dispose()


def test_a_database_that_should_be_there_is_not_made_silently(tmp_path: Path) -> None:
    place = tmp_path / "hub.db"
    with pytest.raises(Unavailable, match="does not exist"):
        open_database(f"sqlite:///{place}")
    assert not place.exists()


def test_a_database_without_tables_is_not_opened(address: str) -> None:
    if address.startswith("sqlite"):
        place = Path(make_url(address).database or "")
        place.parent.mkdir()
        place.touch()
    with pytest.raises(Unavailable, match="version None"):
        open_database(address)


def test_a_database_of_another_version_is_not_opened(address: str, database: Database) -> None:
    with database.writing() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Unavailable, match="version 9999"):
        open_database(address)


def test_what_was_written_is_read_by_who_comes_later(database: Database) -> None:
    with database.writing() as connection:
        add_account(connection, "Ada", "person", "Ada", None, BEGAN)
    with database.reading() as connection:
        found = find_account(connection, "ADA")
    assert found is not None
    assert (found.name, found.created_at) == ("Ada", BEGAN)


def test_a_transaction_that_fails_leaves_nothing(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.writing() as connection:
        add_account(connection, "ada", "person", "Ada", None, BEGAN)
        _ = 1 // 0
    with database.reading() as connection:
        assert find_account(connection, "ada") is None


def test_reading_cannot_write(database: Database) -> None:
    with (
        pytest.raises((Unavailable, DBAPIError)),
        database.reading() as connection,
    ):
        add_account(connection, "ada", "person", "Ada", None, BEGAN)
    with database.reading() as connection:
        assert find_account(connection, "ada") is None


def test_a_reader_sees_one_state_while_others_write(database: Database) -> None:
    with database.reading() as before:
        assert reads.log_size(before) == 0
        with database.writing() as connection:
            records.enter(connection, Ended(0, "a reason"), BEGAN)
        assert reads.log_size(before) == 0
    with database.reading() as after:
        assert reads.log_size(after) == 1


def test_writers_at_once_wait_for_each_other_and_all_finish(database: Database) -> None:
    together = Barrier(6)

    def write(n: int) -> int:
        together.wait()
        with database.writing() as connection:
            return records.enter(connection, Ended(0, f"writer {n}"), BEGAN)

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(write, range(6))) == list(range(6))


def test_what_a_writer_read_still_holds_when_it_commits(database: Database) -> None:
    """The second writer starts after the first has read; it waits, and reads what that left."""
    begun, sizes = Event(), list[int]()

    def second() -> None:
        begun.wait()
        with database.writing() as connection:
            sizes.append(reads.log_size(connection))

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(second)
        with database.writing() as connection:
            assert reads.log_size(connection) == 0
            begun.set()
            records.enter(connection, Ended(0, "first"), BEGAN)
        waiting.result()
    assert sizes == [1]


def test_foreign_keys_are_held_to(database: Database) -> None:
    row = {"number": 5, "digest": "d", "version": 1, "valid_from": BEGAN, "document": b"{}"}
    with pytest.raises(DBAPIError), database.writing() as connection:
        connection.execute(t.policy.insert().values(**row))
    with database.reading() as connection:
        assert connection.execute(select(t.policy)).first() is None
