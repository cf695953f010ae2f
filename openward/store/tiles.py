"""The published log: tiles as files under one folder, the checkpoint lock in the database.

    log/checkpoint               the last published checkpoint, a signed note
    log/tile/0/x001/234.p/5      as https://c2sp.org/tlog-tiles names them

The folder can be served by any web server. The checkpoint file is only a copy: what counts, and
moves only by compare-and-swap, is the row in the database. Everything under `tile/` can be made
again from the entries.
"""

import os
import threading
from collections.abc import Mapping
from pathlib import Path

from sqlalchemy import insert, select, update

from openward.errors import Conflict, Unavailable
from openward.store.database import Database
from openward.store.schema import checkpoint as table


class FolderTiles:
    """TileStorage (see tlog.integration) as files; each appears whole or not at all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, tiles: Mapping[str, bytes]) -> None:
        for path, content in tiles.items():
            place = self._folder / path
            try:
                held = place.read_bytes() if place.exists() else None
                if held is None:
                    _write_whole(place, content)
            except OSError as e:
                raise Unavailable(f"log: {path} could not be written: {e.strerror}") from e
            if held is not None and held != content:
                raise Conflict(f"log: other bytes stand under {path}")

    def read(self, path: str) -> bytes | None:
        try:
            return (self._folder / path).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as e:
            raise Unavailable(f"log: {path} could not be read: {e.strerror}") from e


class DatabaseCheckpoints:
    """CheckpointLock (see tlog.integration) as one row an origin."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def latest(self, origin: str) -> bytes | None:
        with self._database.reading() as connection:
            query = select(table.c.note).where(table.c.origin == origin)
            note = connection.execute(query).scalar()
        return None if note is None else bytes(note)

    def replace(self, origin: str, old: bytes | None, new: bytes) -> None:
        size = int(new.split(b"\n", 2)[1])  # the second line of a checkpoint
        row = {"origin": origin, "size": size, "note": new}
        with self._database.writing() as connection:
            if old is None:
                held = connection.execute(select(table.c.size).where(table.c.origin == origin))
                if held.first() is not None:
                    raise Conflict("log: another sequencer published first")
                connection.execute(insert(table).values(**row))
                return
            stands = (table.c.origin == origin) & (table.c.note == old)
            if connection.execute(update(table).where(stands).values(**row)).rowcount != 1:
                raise Conflict("log: another sequencer published first")


class PublishedLog:
    """What the sequencer writes and everybody reads: tiles, lock, and the checkpoint file."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder = folder
        self.tiles = FolderTiles(folder)
        self.lock = DatabaseCheckpoints(database)

    def publish(self, note: bytes) -> None:
        """Put a checkpoint where people read it; every tile it needs is there already.

        Raises Unavailable.
        """
        try:
            _write_whole(self.folder / "checkpoint", note)
        except OSError as e:
            raise Unavailable(f"log: the checkpoint could not be written: {e.strerror}") from e

    def checkpoint(self) -> bytes | None:
        return self.tiles.read("checkpoint")


def _write_whole(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    # Named by who writes it: two writers of one tile must not share a half-written file.
    fresh = place.with_name(f".{place.name}.{os.getpid()}-{threading.get_ident()}.new")
    with fresh.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(place)
    # The new name is durable only once its folder is.
    folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
