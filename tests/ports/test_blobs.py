"""Blobs as files and as objects, held to one contract; and bytes on their way in."""

import errno
import os
import resource
import subprocess
import sys
import urllib.error
import urllib.request
from datetime import timedelta
from pathlib import Path
from random import Random
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import obstore
import pytest
from obstore.store import S3Store

from openward.errors import Malformed, Unavailable
from openward.store.blobs import Blobs, FolderBlobs, ObjectBlobs, Staging, read_blob
from openward.vocabulary import Sha256
from tests.conftest import S3Server
from tests.ports.contract_blobs import ABSENT, SMALL, BlobsContract, digest_of


class TestFolderBlobs(BlobsContract):
    def open(self, where: Path) -> Blobs:
        return FolderBlobs(where / "blobs")

    def damage(self, where: Path, digest: Sha256, content: bytes) -> None:
        place = FolderBlobs(where / "blobs").path(digest)
        assert place is not None
        place.chmod(0o640)
        place.write_bytes(content)

    def test_a_blob_is_a_file_that_nobody_writes_to(self, tmp_path: Path) -> None:
        digest = self.keep(tmp_path, SMALL)
        place = tmp_path / "blobs" / digest[:2] / digest[2:4] / digest
        assert self.open(tmp_path).path(digest) == place
        assert place.stat().st_mode & 0o777 == 0o440
        assert self.open(tmp_path).address(digest, timedelta(60)) is None


class TestObjectBlobs(BlobsContract):
    @pytest.fixture(autouse=True)
    def _bucket(self, s3: S3Server) -> None:
        self.store = s3.bucket()

    def open(self, where: Path) -> Blobs:
        return ObjectBlobs(self.store)

    def damage(self, where: Path, digest: Sha256, content: bytes) -> None:
        obstore.put(self.store, digest, content)

    def test_a_signed_address_hands_out_the_blob(self, tmp_path: Path) -> None:
        digest = self.keep(tmp_path, SMALL)
        assert fetched(self.address(digest)) == SMALL
        assert self.open(tmp_path).path(digest) is None

    def test_an_address_changed_in_any_part_hands_out_nothing(self, tmp_path: Path) -> None:
        digest, other = self.keep(tmp_path, SMALL), self.keep(tmp_path, b"another blob")
        address = self.address(digest)
        parts = urlsplit(address)
        query = dict(parse_qsl(parts.query))
        broken = [address.replace(digest, other), urlunsplit(parts._replace(query=""))]
        for name in ("X-Amz-Signature", "X-Amz-Expires", "X-Amz-Date"):
            last = "1" if query[name][-1] != "1" else "2"
            changed = {**query, name: query[name][:-1] + last}
            broken.append(urlunsplit(parts._replace(query=urlencode(changed))))
        for each in broken:
            with pytest.raises(urllib.error.HTTPError) as refused:
                fetched(each)
            assert refused.value.code in (400, 403)
            refused.value.close()

    def test_an_address_ends(self, tmp_path: Path) -> None:
        digest = self.keep(tmp_path, SMALL)
        assert "X-Amz-Expires=60&" in self.address(digest)

    def test_a_store_that_does_not_answer_is_unavailable(self, tmp_path: Path) -> None:
        nowhere = S3Store(
            "bucket",
            endpoint="http://127.0.0.1:9",
            region="us-east-1",
            access_key_id="a",
            secret_access_key="b",
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
            retry_config={"max_retries": 0},
        )
        blobs = ObjectBlobs(nowhere)
        with pytest.raises(Unavailable, match="did not answer"):
            blobs.size(ABSENT)
        with pytest.raises(Unavailable, match="did not answer"):
            list(blobs.chunks(ABSENT, 0, 1))
        with (
            Staging(tmp_path / "staging", Random(2).randbytes).file() as staged,
            pytest.raises(Unavailable),
        ):
            blobs.keep(staged)

    def address(self, digest: Sha256) -> str:
        found = ObjectBlobs(self.store).address(digest, timedelta(seconds=60))
        assert found is not None
        return found


def fetched(address: str) -> bytes:
    with urllib.request.urlopen(address, timeout=30) as answer:
        content: bytes = answer.read()
    return content


# --- on their way in --------------------------------------------------------------------------


def staging(folder: Path) -> Staging:
    return Staging(folder / "staging", Random(2).randbytes)


def test_bytes_that_are_not_what_was_promised_are_not_finished(tmp_path: Path) -> None:
    with staging(tmp_path).file() as staged:
        staged.write(SMALL)
        with pytest.raises(Malformed, match="SHA-256"):
            staged.finish(digest_of(b"other"))
    assert list((tmp_path / "staging").iterdir()) == []


def test_a_watcher_sees_every_piece(tmp_path: Path) -> None:
    seen: list[bytes] = []
    with staging(tmp_path).file(seen.append) as staged:
        staged.write(b"one")
        staged.write(b"two")
        assert staged.size == 6
        assert staged.finish(digest_of(b"onetwo")) == digest_of(b"onetwo")
    assert seen == [b"one", b"two"]


def test_what_an_earlier_process_left_is_swept(tmp_path: Path) -> None:
    place = staging(tmp_path)
    (tmp_path / "staging" / "left").write_bytes(b"half")
    (tmp_path / "staging" / "parts").mkdir()
    assert place.sweep() == 1
    assert [path.name for path in (tmp_path / "staging").iterdir()] == ["parts"]


def full_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_disk_that_fills_while_a_blob_is_kept_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    blobs = FolderBlobs(tmp_path / "blobs")
    with staging(tmp_path).file() as staged:
        staged.write(SMALL)
        staged.finish()
        with monkeypatch.context() as full:
            full.setattr(Path, "replace", full_disk)
            with pytest.raises(Unavailable, match="No space left"):
                blobs.keep(staged)
        assert blobs.size(digest_of(SMALL)) is None
        blobs.keep(staged)
    assert read_blob(blobs, digest_of(SMALL), 100) == SMALL


def test_a_disk_that_is_full_already_takes_no_new_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = staging(tmp_path)
    monkeypatch.setattr(Path, "open", full_disk)
    with pytest.raises(Unavailable, match="No space left"):
        place.file()


FILLS_THE_DISK = """
import resource, signal, sys
from pathlib import Path
from openward.errors import Unavailable
from openward.store.blobs import Staging
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
place = Staging(Path(sys.argv[1]), lambda n: bytes(n))
try:
    with place.file() as staged:
        for _ in range(int(sys.argv[2])):
            staged.write(bytes(1000))
        staged.finish()
except Unavailable as e:
    print(e)
print(len(list(Path(sys.argv[1]).iterdir())))
"""


@pytest.mark.parametrize("pieces", [101, 500])
def test_a_file_the_disk_cannot_take_is_refused_and_leaves_nothing(
    tmp_path: Path, pieces: int
) -> None:
    """A limit on the size of files stands in for a full disk; the kernel refuses alike."""
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[1] != 0
    ran = subprocess.run(
        [sys.executable, "-c", FILLS_THE_DISK, str(tmp_path / "staging"), str(pieces)],
        capture_output=True,
        text=True,
        cwd=os.getcwd(),
        check=True,
    )
    said, left = ran.stdout.splitlines()
    assert said.startswith("the upload could not be written")
    assert left == "0"
