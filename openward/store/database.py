"""One engine for SQLite or PostgreSQL, and the two ways into it: `writing` and `reading`.

A writing transaction takes SQLite's write lock at once (BEGIN IMMEDIATE), so that what was read
inside it still holds when it commits; on PostgreSQL it locks the record's table first, and is
SERIALIZABLE. Writers wait for each other, readers for nobody. A reading transaction cannot write:
`PRAGMA query_only` there, READ ONLY here.

A database that should exist is never created silently: `create` makes one, `open_database` refuses
to open one that is missing or of another version.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, CursorResult, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DataError, DBAPIError, OperationalError

from openward.errors import Conflict, Malformed, Unavailable
from openward.store.rows import begin_reading

_MIGRATIONS = Path(__file__).parent / "migrations"
_MOVED_ON = {"40001", "40P01"}  # PostgreSQL appendix A: serialization_failure, deadlock_detected
_ONE_WRITER = "LOCK TABLE entry IN EXCLUSIVE MODE"


class Database:
    """A pool of writing and one of reading connections to the same database."""

    def __init__(self, url: str) -> None:
        address = make_url(url)
        self._sqlite = address.get_backend_name() == "sqlite"
        self._write = _engine(address, read_only=False)
        self._read = _engine(address, read_only=True)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction: all of it becomes visible, or none.

        Raises Conflict, Unavailable, and Malformed for a value that the database cannot hold.
        """
        try:
            with self._write.connect() as connection, connection.begin():
                if not self._sqlite:
                    # The first statement: what a transaction sees is fixed by the one after it.
                    connection.exec_driver_sql(_ONE_WRITER)
                yield connection
        except DBAPIError as e:
            raise _translated(e) from e

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A consistent view that cannot write. Raises Unavailable, Malformed."""
        try:
            with self._read.connect() as connection, connection.begin():
                if self._sqlite:
                    begin_reading(connection)
                yield connection
        except DBAPIError as e:
            raise _translated(e) from e

    def close(self) -> None:
        self._write.dispose()
        self._read.dispose()


def create_database(url: str) -> None:
    """Make the tables of a new database, by the numbered migrations."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite" and address.database:
        Path(address.database).parent.mkdir(parents=True, exist_ok=True)
    engine = _engine(address, read_only=False)
    try:
        with engine.begin() as connection:
            command.upgrade(_alembic(connection), "head")
    finally:
        engine.dispose()


def open_database(url: str) -> Database:
    """Open a database made by `create_database`. Raises Unavailable, naming what is missing."""
    address = make_url(url)
    if address.get_backend_name() == "sqlite" and not Path(address.database or "").is_file():
        raise Unavailable(f"database: {address.database} does not exist; run openward init")
    database = Database(url)
    with database.reading() as connection:
        found = MigrationContext.configure(connection).get_current_revision()
    expected = ScriptDirectory(str(_MIGRATIONS)).get_current_head()
    if found != expected:
        database.close()
        raise Unavailable(f"database: is at version {found}, this release needs {expected}")
    return database


def _alembic(connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS))
    config.attributes["connection"] = connection
    return config


def _engine(address: URL, *, read_only: bool) -> Engine:
    if address.get_backend_name() == "sqlite":
        return _sqlite(address, read_only=read_only)
    address = address.set(drivername="postgresql+psycopg")
    options = {"postgresql_readonly": True} if read_only else {}
    engine = create_engine(address, pool_size=8, max_overflow=24, pool_pre_ping=True)
    return engine.execution_options(
        isolation_level="REPEATABLE READ" if read_only else "SERIALIZABLE", **options
    )


def _sqlite(address: URL, *, read_only: bool) -> Engine:
    engine = create_engine(address, pool_size=8, max_overflow=24, connect_args={"timeout": 30})

    @event.listens_for(engine, "connect")
    def prepare(connection, _record) -> None:  # type: ignore[no-untyped-def]
        # The driver's own implicit BEGIN would come too late; see the `begin` listener.
        connection.isolation_level = None
        for pragma in (
            "journal_mode = WAL",
            "synchronous = FULL",
            "foreign_keys = ON",
            f"query_only = {'ON' if read_only else 'OFF'}",
        ):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _translated(error: DBAPIError) -> Exception:
    """What the house calls this: worth trying again, broken outside us, or asked for wrongly."""
    if getattr(error.orig, "sqlstate", None) in _MOVED_ON:
        return Conflict("the record moved on while this was written; try again")
    if isinstance(error, OperationalError):
        return Unavailable(f"database: {error.orig}")
    if isinstance(error, DataError):  # U+0000 on PostgreSQL, which no name holds
        return Malformed(f"database: {error.orig}")
    return error


def inserted_key(result: CursorResult[Any]) -> int:
    """The key that the database gave the row just inserted."""
    key = result.inserted_primary_key
    if key is None:
        raise TypeError("the statement inserted no single row")
    return int(key[0])
