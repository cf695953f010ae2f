"""Rows of the queries that every request asks, read once for each state of the database.

SQLite counts for each connection what others committed (PRAGMA data_version). While that count
stands, a query over the connection brings the same rows, so they need not be fetched again:

    BEGIN; PRAGMA data_version  = 7      as before: rows seen at 7 are the rows
    BEGIN; PRAGMA data_version  = 8      somebody committed: nothing seen counts any more

The count is asked inside the transaction and speaks of the very snapshot that the transaction
reads, so it cannot be late. PostgreSQL has no such count: there every query runs, and so it does
where something may be written. Rows are kept, never what was decided from them.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, Select

MOST_KEPT = 256
"""Answers kept for one connection; one more, and all are dropped."""

_SEEN = "openward.rows"


class _Seen:
    """What one connection read at one state of the database."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.rows: dict[tuple[object, ...], Sequence[Row[Any]]] = {}


def begin_reading(connection: Connection) -> None:
    """As a reading transaction on SQLite begins: drop what was seen if it may have changed."""
    version = int(connection.exec_driver_sql("PRAGMA data_version").scalar_one())
    seen = connection.info.get(_SEEN)
    if not isinstance(seen, _Seen) or seen.version != version:
        connection.info[_SEEN] = _Seen(version)


def rows_of(
    connection: Connection, query: Select[Any], asked: Mapping[str, object]
) -> Sequence[Row[Any]]:
    """All rows of a query that was built once; the values in `asked` must be hashable."""
    seen = connection.info.get(_SEEN)
    if not isinstance(seen, _Seen):
        return connection.execute(query, asked).all()
    key = (query, *asked.values())
    rows = seen.rows.get(key)
    if rows is None:
        if len(seen.rows) >= MOST_KEPT:
            seen.rows.clear()
        rows = seen.rows[key] = connection.execute(query, asked).all()
    return rows


def row_fields(row: Row[tuple[object, ...]], shape: type) -> dict[str, object]:
    """The columns of a row that a frozen row class has, by name."""
    m = row._mapping
    return {name: m[name] for name in shape.__dataclass_fields__}  # type: ignore[attr-defined]
