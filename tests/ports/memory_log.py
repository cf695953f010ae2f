"""Tiles and checkpoints held in memory, for tests: the smallest things that keep the promises."""

from collections.abc import Mapping
from threading import Lock

from openward.errors import Conflict


class MemoryTiles:
    """A `TileStorage` in a dictionary."""

    def __init__(self) -> None:
        self.tiles: dict[str, bytes] = {}

    def write(self, tiles: Mapping[str, bytes]) -> None:
        for path, content in tiles.items():
            if self.tiles.get(path, content) != content:
                raise Conflict(f"{path} holds other bytes")
        self.tiles |= tiles

    def read(self, path: str) -> bytes | None:
        return self.tiles.get(path)


class MemoryLock:
    """A `CheckpointLock` in a dictionary, for the threads of one process."""

    def __init__(self) -> None:
        self._latest: dict[str, bytes] = {}
        self._turn = Lock()

    def latest(self, origin: str) -> bytes | None:
        return self._latest.get(origin)

    def replace(self, origin: str, old: bytes | None, new: bytes) -> None:
        with self._turn:
            if self._latest.get(origin) != old:
                raise Conflict(f"{origin} has moved on")
            self._latest[origin] = new
