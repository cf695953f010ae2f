"""What every TileStorage and every CheckpointLock must do.

An implementation is put to it by a subclass that says how one is opened:

    class TestDiskTiles(TileStorageContract):
        def open(self, where: Path) -> TileStorage: ...

`open` is called again for the same `where` to see what outlived the first; an implementation
that keeps nothing beyond the process gives the same one back.
"""

from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import pytest

from openward.errors import Conflict
from openward.statements.keys import Ed25519Signer
from openward.tlog.checkpoint import Checkpoint, sign_checkpoint
from openward.tlog.integration import (
    CheckpointLock,
    Edge,
    TileStorage,
    integrate,
    read_edge,
)
from openward.tlog.note import NoteSigner
from openward.tlog.tile import TilePath

FULL = TilePath(0, 1_234_067).text()
PARTIAL = TilePath(0, 1_234_067, 7).text()
BUNDLE = TilePath(None, 0, 1).text()


class TileStorageContract:
    """Subclassed by the tests of each implementation."""

    def open(self, where: Path) -> TileStorage:
        raise NotImplementedError

    def test_what_was_not_written_is_not_there(self, tmp_path: Path) -> None:
        assert self.open(tmp_path).read(FULL) is None

    def test_what_was_written_is_read(self, tmp_path: Path) -> None:
        storage = self.open(tmp_path)
        storage.write({FULL: b"full", PARTIAL: b"part", BUNDLE: b""})
        assert storage.read(FULL) == b"full"
        assert storage.read(PARTIAL) == b"part"
        assert storage.read(BUNDLE) == b""

    def test_a_partial_tile_outlives_the_full_one(self, tmp_path: Path) -> None:
        storage = self.open(tmp_path)
        storage.write({PARTIAL: b"part"})
        storage.write({FULL: b"full"})
        assert storage.read(PARTIAL) == b"part"

    def test_the_same_bytes_may_be_written_again(self, tmp_path: Path) -> None:
        storage = self.open(tmp_path)
        storage.write({FULL: b"full"})
        storage.write({FULL: b"full", PARTIAL: b"part"})
        assert storage.read(FULL) == b"full"
        assert storage.read(PARTIAL) == b"part"

    @pytest.mark.parametrize("other", [b"", b"other", b"full "])
    def test_other_bytes_never_replace_a_tile(self, tmp_path: Path, other: bytes) -> None:
        storage = self.open(tmp_path)
        storage.write({FULL: b"full"})
        with pytest.raises(Conflict):
            storage.write({FULL: other})
        assert storage.read(FULL) == b"full"

    def test_nothing_to_write_is_nothing(self, tmp_path: Path) -> None:
        storage = self.open(tmp_path)
        storage.write({})
        assert storage.read(FULL) is None

    def test_what_was_written_outlives_who_wrote_it(self, tmp_path: Path) -> None:
        self.open(tmp_path).write({FULL: b"full"})
        assert self.open(tmp_path).read(FULL) == b"full"

    def test_a_full_tile_of_any_bytes_comes_back_whole(self, tmp_path: Path) -> None:
        storage = self.open(tmp_path)
        content = bytes(range(256)) * 32
        storage.write({FULL: content})
        assert storage.read(FULL) == content

    def test_a_log_grows_on_it(self, tmp_path: Path) -> None:
        edge = Edge()
        for batch in range(6):
            grown = integrate(edge, [b"%d %d" % (batch, n) for n in range(100)])
            self.open(tmp_path).write(grown.tiles)
            edge = read_edge(self.open(tmp_path), grown.size, grown.root)
            assert edge == grown.edge


class CheckpointLockContract:
    """Subclassed by the tests of each implementation."""

    def open(self, where: Path) -> CheckpointLock:
        raise NotImplementedError

    def test_there_is_no_checkpoint_at_first(self, tmp_path: Path) -> None:
        assert self.open(tmp_path).latest(LOG) is None

    def test_the_last_one_kept_is_given(self, tmp_path: Path) -> None:
        lock = self.open(tmp_path)
        lock.replace(LOG, None, signed(1))
        lock.replace(LOG, signed(1), signed(2))
        assert lock.latest(LOG) == signed(2)

    def test_only_what_stands_there_is_replaced(self, tmp_path: Path) -> None:
        lock = self.open(tmp_path)
        lock.replace(LOG, None, signed(1))
        # The same size under another root is another checkpoint: a fork.
        for old in (None, b"", signed(2), signed(1, fork=True), signed(1) + b"\n"):
            with pytest.raises(Conflict):
                lock.replace(LOG, old, signed(3))
            assert lock.latest(LOG) == signed(1)

    @pytest.mark.parametrize("old", [b"", b"0"])
    def test_nothing_is_not_something(self, tmp_path: Path, old: bytes) -> None:
        lock = self.open(tmp_path)
        with pytest.raises(Conflict):
            lock.replace(LOG, old, signed(1))
        assert lock.latest(LOG) is None

    def test_logs_do_not_share_a_checkpoint(self, tmp_path: Path) -> None:
        lock = self.open(tmp_path)
        lock.replace(LOG, None, signed(1))
        assert lock.latest(OTHER) is None
        lock.replace(OTHER, None, signed(2, OTHER))
        with pytest.raises(Conflict):
            lock.replace(OTHER, signed(1), signed(3, OTHER))
        assert (lock.latest(LOG), lock.latest(OTHER)) == (signed(1), signed(2, OTHER))

    def test_a_checkpoint_outlives_who_kept_it(self, tmp_path: Path) -> None:
        self.open(tmp_path).replace(LOG, None, signed(1))
        assert self.open(tmp_path).latest(LOG) == signed(1)

    def test_one_of_many_at_once_wins(self, tmp_path: Path) -> None:
        lock = self.open(tmp_path)
        lock.replace(LOG, None, signed(1))

        def attempt(size: int) -> int:
            try:
                lock.replace(LOG, signed(1), signed(size))
            except Conflict:
                return 0
            return size

        with ThreadPoolExecutor(8) as pool:
            won = [size for size in pool.map(attempt, range(2, 18)) if size]
        assert len(won) == 1
        assert lock.latest(LOG) == signed(won[0])


LOG, OTHER = "openward.example/log", "openward.example/other"


def signed(size: int, origin: str = LOG, *, fork: bool = False) -> bytes:
    root = sha256(b"fork" if fork else b"%d" % size).digest()
    return sign_checkpoint(
        Checkpoint(origin, size, root), NoteSigner(origin, Ed25519Signer(bytes(32)))
    )
