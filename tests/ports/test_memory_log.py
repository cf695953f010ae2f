from pathlib import Path

from openward.tlog.integration import CheckpointLock, TileStorage
from tests.ports.contract_tiles import CheckpointLockContract, TileStorageContract
from tests.ports.memory_log import MemoryLock, MemoryTiles


class TestMemoryTiles(TileStorageContract):
    def open(self, where: Path) -> TileStorage:
        return opened_tiles.setdefault(where, MemoryTiles())


class TestMemoryLock(CheckpointLockContract):
    def open(self, where: Path) -> CheckpointLock:
        return opened_locks.setdefault(where, MemoryLock())


opened_tiles: dict[Path, MemoryTiles] = {}
opened_locks: dict[Path, MemoryLock] = {}
