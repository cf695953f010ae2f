"""What every store of blobs must do.

An implementation is put to it by a subclass that says how one is opened (`open`, called again for
what outlived the first) and how its bytes can be damaged behind its back (`damage`).
"""

import hashlib
from pathlib import Path
from random import Random

import pytest

from openward.errors import Malformed, Unavailable
from openward.store.blobs import READ_SIZE, Blobs, Staging, read_blob
from openward.vocabulary import Sha256

SMALL = b"a small blob"
LARGE = Random(1).randbytes(9 * READ_SIZE + 17)
ABSENT = Sha256("0" * 64)


def digest_of(content: bytes) -> Sha256:
    return Sha256(hashlib.sha256(content).hexdigest())


class BlobsContract:
    """Subclassed by the tests of each implementation."""

    def open(self, where: Path) -> Blobs:
        raise NotImplementedError

    def damage(self, where: Path, digest: Sha256, content: bytes) -> None:
        raise NotImplementedError

    def keep(self, where: Path, content: bytes) -> Sha256:
        with Staging(where / "staging", Random(2).randbytes).file() as staged:
            staged.write(content)
            digest = staged.finish(digest_of(content))
            self.open(where).keep(staged)
        return digest

    def test_what_was_never_kept_has_no_size(self, tmp_path: Path) -> None:
        assert self.open(tmp_path).size(ABSENT) is None

    @pytest.mark.parametrize("end", [0, 1])
    def test_what_was_never_kept_cannot_be_read(self, tmp_path: Path, end: int) -> None:
        with pytest.raises(Unavailable, match=ABSENT):
            list(self.open(tmp_path).chunks(ABSENT, 0, end))
        with pytest.raises(Unavailable, match=ABSENT):
            read_blob(self.open(tmp_path), ABSENT, 10)

    @pytest.mark.parametrize("content", [b"", SMALL])
    def test_what_was_kept_is_read_as_it_was(self, tmp_path: Path, content: bytes) -> None:
        digest = self.keep(tmp_path, content)
        assert self.open(tmp_path).size(digest) == len(content)
        assert read_blob(self.open(tmp_path), digest, len(content)) == content

    def test_a_large_blob_is_read_in_pieces_and_whole(self, tmp_path: Path) -> None:
        digest = self.keep(tmp_path, LARGE)
        pieces = list(self.open(tmp_path).chunks(digest, 0, len(LARGE)))
        assert len(pieces) > 1
        assert b"".join(pieces) == LARGE

    def test_exactly_the_bytes_asked_for_are_read(self, tmp_path: Path) -> None:
        digest, blobs = self.keep(tmp_path, LARGE), self.open(tmp_path)
        for start, end in (
            (0, 1),
            (1, 2),
            (READ_SIZE - 1, READ_SIZE + 1),
            (3, 8 * READ_SIZE + 3),
            (5, 8 * READ_SIZE + 6),
            (len(LARGE) - 1, len(LARGE)),
            (7, 7),
        ):
            assert b"".join(blobs.chunks(digest, start, end)) == LARGE[start:end]

    def test_keeping_the_same_bytes_again_is_harmless(self, tmp_path: Path) -> None:
        assert self.keep(tmp_path, SMALL) == self.keep(tmp_path, SMALL)
        assert read_blob(self.open(tmp_path), digest_of(SMALL), 100) == SMALL

    def test_a_blob_that_lost_its_end_is_not_read_as_a_shorter_one(self, tmp_path: Path) -> None:
        digest = self.keep(tmp_path, SMALL)
        self.damage(tmp_path, digest, SMALL[:-1])
        with pytest.raises(Unavailable):
            list(self.open(tmp_path).chunks(digest, 0, len(SMALL)))

    def test_a_blob_that_lost_its_end_is_healed_by_keeping_it_again(self, tmp_path: Path) -> None:
        digest = self.keep(tmp_path, SMALL)
        self.damage(tmp_path, digest, SMALL[:-1])
        self.keep(tmp_path, SMALL)
        assert read_blob(self.open(tmp_path), digest, 100) == SMALL

    def test_no_more_is_read_whole_than_is_allowed(self, tmp_path: Path) -> None:
        digest = self.keep(tmp_path, SMALL)
        assert read_blob(self.open(tmp_path), digest, len(SMALL)) == SMALL
        with pytest.raises(Malformed, match="at most"):
            read_blob(self.open(tmp_path), digest, len(SMALL) - 1)

    def test_what_is_dropped_leaves_nothing_behind(self, tmp_path: Path) -> None:
        with Staging(tmp_path / "staging", Random(3).randbytes).file() as staged:
            staged.write(SMALL)
            staged.finish()
        assert self.open(tmp_path).size(digest_of(SMALL)) is None
        assert list((tmp_path / "staging").iterdir()) == []
