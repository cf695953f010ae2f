"""The published log's storage, as files and as a row, held to what each of its kind promises."""

import errno
import os
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Barrier

import pytest

from openward.errors import Conflict, Unavailable
from openward.store.database import Database, create_database, open_database
from openward.store.tiles import DatabaseCheckpoints, FolderTiles, PublishedLog
from openward.tlog.integration import CheckpointLock, TileStorage
from tests.ports.contract_tiles import (
    FULL,
    LOG,
    PARTIAL,
    CheckpointLockContract,
    TileStorageContract,
    signed,
)

opened: list[Database] = []


@pytest.fixture(autouse=True)
def _close_databases() -> Iterator[None]:
    yield
    while opened:
        opened.pop().close()


class TestFolderTiles(TileStorageContract):
    def open(self, where: Path) -> TileStorage:
        return FolderTiles(where)


class TestSqliteCheckpoints(CheckpointLockContract):
    def open(self, where: Path) -> CheckpointLock:
        address = f"sqlite:///{where / 'hub.db'}"
        if not (where / "hub.db").exists():
            create_database(address)
        return DatabaseCheckpoints(opened_at(address))


class TestPostgresCheckpoints(CheckpointLockContract):
    @pytest.fixture(autouse=True)
    def _address(self, new_postgres: Callable[[], str]) -> None:
        self.address = new_postgres()
        create_database(self.address)

    def open(self, where: Path) -> CheckpointLock:
        return DatabaseCheckpoints(opened_at(self.address))

    def test_one_of_many_first_checkpoints_wins(self, tmp_path: Path) -> None:
        only_one_first_checkpoint_is_kept(self.open(tmp_path))


def test_one_of_many_first_checkpoints_wins(tmp_path: Path) -> None:
    create_database(f"sqlite:///{tmp_path / 'hub.db'}")
    database = opened_at(f"sqlite:///{tmp_path / 'hub.db'}")
    only_one_first_checkpoint_is_kept(DatabaseCheckpoints(database))


def opened_at(address: str) -> Database:
    opened.append(open_database(address))
    return opened[-1]


def only_one_first_checkpoint_is_kept(lock: CheckpointLock) -> None:
    together = Barrier(8)

    def attempt(size: int) -> int:
        together.wait()
        try:
            lock.replace(LOG, None, signed(size))
        except Conflict:
            return 0
        return size

    with ThreadPoolExecutor(8) as pool:
        won = [size for size in pool.map(attempt, range(1, 9)) if size]
    assert len(won) == 1
    assert lock.latest(LOG) == signed(won[0])


# --- files ------------------------------------------------------------------------------------


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_no_half_of_a_tile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = FolderTiles(tmp_path)
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(Unavailable, match="No space left"):
        storage.write({FULL: b"full"})
    assert storage.read(FULL) is None
    monkeypatch.undo()
    storage.write({FULL: b"full"})
    assert storage.read(FULL) == b"full"


def test_a_checkpoint_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lawless_database: Database
) -> None:
    log = PublishedLog(tmp_path / "log", lawless_database)
    log.publish(signed(1))
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(Unavailable, match="No space left"):
        log.publish(signed(2))
    assert log.checkpoint() == signed(1)


@pytest.fixture
def lawless_database(tmp_path: Path) -> Database:
    create_database(f"sqlite:///{tmp_path / 'hub.db'}")
    return opened_at(f"sqlite:///{tmp_path / 'hub.db'}")


def test_a_folder_that_cannot_be_read_is_not_an_empty_log(tmp_path: Path) -> None:
    (tmp_path / FULL).mkdir(parents=True)
    with pytest.raises(Unavailable, match="could not be read"):
        FolderTiles(tmp_path).read(FULL)


def test_a_writer_that_is_overtaken_never_shows_the_other_ones_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two processes write one tile: the second starts over just before the first is done."""
    storage, seen = FolderTiles(tmp_path), list[bytes | None]()
    replace = Path.replace

    def overtaken(self: Path, target: Path) -> Path:
        monkeypatch.setattr(Path, "replace", replace)
        monkeypatch.setattr(os, "getpid", lambda: 4242)
        with suppress(KeyboardInterrupt):
            FolderTiles(tmp_path).write(Stopping({FULL: b"full"}, monkeypatch))
        monkeypatch.undo()
        try:
            return self.replace(target)
        finally:
            seen.append(storage.read(FULL))

    monkeypatch.setattr(Path, "replace", overtaken)
    storage.write({FULL: b"full"})
    assert seen == [b"full"]


class Stopping(dict[str, bytes]):
    """Tiles whose writer is stopped once it has opened its file and written nothing yet."""

    def __init__(self, tiles: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
        super().__init__(tiles)
        monkeypatch.setattr(os, "fsync", self.stop)
        self.update(dict.fromkeys(tiles, b""))

    def stop(self, *_: object) -> None:
        raise KeyboardInterrupt


def test_tiles_are_durable_in_their_folder_before_write_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    fsync = os.fsync

    def noted(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink())
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", noted)
    FolderTiles(tmp_path).write({FULL: b"full", PARTIAL: b"part"})
    assert {(tmp_path / FULL).parent, (tmp_path / PARTIAL).parent} <= set(synced)
