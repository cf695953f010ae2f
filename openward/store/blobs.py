"""Content-addressed files, stored once: a local folder, or any S3-compatible store.

Bytes arrive in `Staging`, a local folder where they are hashed while they are written; only when
they are whole, and are what was promised, do they get their address. A half-written upload is
therefore never visible, and a full disk or a lost connection leaves nothing behind but a staged
file that the next start sweeps away.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from openward.errors import Malformed, Unavailable
from openward.vocabulary import Sha256

READ_SIZE = 1 << 20  # 1 MiB reads reach 0.98 of nginx's rate; 64 KiB a quarter of it
_OBJECT_READ = 8 * READ_SIZE  # each is a request of its own


class Blobs(Protocol):
    """Where the bytes are. Every implementation keeps these promises (tests/ports/contract_blobs):

    * `keep` is durable and whole once it returns, or raises Unavailable; keeping the same bytes
      twice is harmless;
    * a digest that was never kept has no size, and reading it raises Unavailable;
    * `chunks` yields exactly the bytes [start, end), however large the blob is, or raises
      Unavailable; it never ends early.
    """

    def keep(self, staged: "StagedFile") -> None: ...

    def size(self, digest: Sha256) -> int | None: ...

    def chunks(self, digest: Sha256, start: int, end: int) -> Iterator[bytes]: ...

    def path(self, digest: Sha256) -> Path | None:
        """The local file, where there is one: the fastest way to send it."""

    def address(self, digest: Sha256, lasting: timedelta) -> str | None:
        """A signed address at the store itself, where there is one."""


class StagedFile:
    """A file on its way in: written, hashed, and kept or dropped. Use as a context."""

    def __init__(self, path: Path, watch: Callable[[bytes], None] | None = None) -> None:
        self.path = path
        self.size = 0
        self._hash = hashlib.sha256()
        self._watch = watch
        self._file = path.open("xb")

    def write(self, chunk: bytes) -> None:
        """Append. Raises Unavailable when the disk is full."""
        try:
            self._file.write(chunk)
        except OSError as e:
            raise Unavailable(f"the upload could not be written: {e.strerror}") from e
        self._hash.update(chunk)
        self.size += len(chunk)
        if self._watch is not None:
            self._watch(chunk)

    @property
    def digest(self) -> Sha256:
        return Sha256(self._hash.hexdigest())

    def finish(self, expected: Sha256 | None = None) -> Sha256:
        """Make the bytes durable. Raises Malformed when they are not what was promised."""
        if expected is not None and self.digest != expected:
            raise Malformed(f"the uploaded bytes have SHA-256 {self.digest}, not {expected}")
        try:
            self._file.flush()
            os.fsync(self._file.fileno())
        except OSError as e:
            raise Unavailable(f"the upload could not be written: {e.strerror}") from e
        self._file.close()
        return self.digest

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        # Closing flushes what is buffered, and fails again where writing failed.
        with suppress(OSError):
            self._file.close()
        self.path.unlink(missing_ok=True)


class Staging:
    """A local folder for bytes that have no address yet; names come from the caller's entropy."""

    def __init__(self, folder: Path, entropy: Callable[[int], bytes]) -> None:
        self._folder = folder
        self._entropy = entropy
        folder.mkdir(parents=True, exist_ok=True)

    def file(self, watch: Callable[[bytes], None] | None = None) -> StagedFile:
        """A new, empty file; `watch` sees every chunk in the same pass as the hash.

        Raises Unavailable when the disk takes no more.
        """
        try:
            return StagedFile(self._folder / self._entropy(16).hex(), watch)
        except OSError as e:
            raise Unavailable(f"the upload could not be written: {e.strerror}") from e

    def sweep(self) -> int:
        """Drop what an earlier process left half-written; says how many files went."""
        left = [path for path in self._folder.iterdir() if path.is_file()]
        for path in left:
            path.unlink(missing_ok=True)
        return len(left)


class FolderBlobs:
    """Blobs as read-only files, `ab/cd/<sha256>`, under one local folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def _place(self, digest: Sha256) -> Path:
        return self._folder.joinpath(digest[:2], digest[2:4], digest)

    def keep(self, staged: StagedFile) -> None:
        try:
            self._keep(staged, self._place(staged.digest))
        except OSError as e:
            raise Unavailable(f"the upload could not be kept: {e.strerror}") from e

    def _keep(self, staged: StagedFile, place: Path) -> None:
        place.parent.mkdir(parents=True, exist_ok=True)
        if place.exists() and place.stat().st_size == staged.size:
            return
        staged.path.chmod(0o440)
        staged.path.replace(place)
        folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def size(self, digest: Sha256) -> int | None:
        try:
            return self._place(digest).stat().st_size
        except FileNotFoundError:
            return None

    def chunks(self, digest: Sha256, start: int, end: int) -> Iterator[bytes]:
        try:
            file = self._place(digest).open("rb")
        except FileNotFoundError as e:
            raise Unavailable(f"blob {digest} is missing from the store") from e
        with file:
            file.seek(start)
            left = end - start
            while left > 0 and (chunk := file.read(min(READ_SIZE, left))):
                left -= len(chunk)
                yield chunk
        if left:
            raise Unavailable(f"blob {digest} is shorter than it was")

    def path(self, digest: Sha256) -> Path | None:
        return self._place(digest)

    def address(self, digest: Sha256, lasting: timedelta) -> str | None:
        return None


class ObjectBlobs:
    """Blobs as objects `<sha256>` in an S3-compatible store; downloads leave from there."""

    def __init__(self, store: S3Store) -> None:
        self._store = store

    def keep(self, staged: StagedFile) -> None:
        if self.size(staged.digest) == staged.size:
            return
        try:
            obstore.put(self._store, staged.digest, staged.path)
        except BaseError as e:
            raise Unavailable(f"the object store did not take blob {staged.digest}") from e

    def size(self, digest: Sha256) -> int | None:
        try:
            return obstore.head(self._store, digest)["size"]
        except (NotFoundError, FileNotFoundError):
            return None
        except BaseError as e:
            raise Unavailable("the object store did not answer") from e

    def chunks(self, digest: Sha256, start: int, end: int) -> Iterator[bytes]:
        if self.size(digest) is None:
            raise Unavailable(f"blob {digest} is missing from the store")
        for at in range(start, end, _OBJECT_READ):
            wanted = min(_OBJECT_READ, end - at)
            try:
                chunk = bytes(obstore.get_range(self._store, digest, start=at, length=wanted))
            except BaseError as e:
                raise Unavailable("the object store did not answer") from e
            if len(chunk) != wanted:
                raise Unavailable(f"blob {digest} is shorter than it was")
            yield chunk

    def path(self, digest: Sha256) -> Path | None:
        return None

    def address(self, digest: Sha256, lasting: timedelta) -> str | None:
        return obstore.sign(self._store, "GET", digest, lasting)


def read_blob(blobs: Blobs, digest: Sha256, limit: int) -> bytes:
    """A small blob, whole. Raises Unavailable when it is missing, Malformed when over `limit`."""
    size = blobs.size(digest)
    if size is None:
        raise Unavailable(f"blob {digest} is missing from the store")
    if size > limit:
        raise Malformed(f"blob {digest} has {size} bytes; at most {limit} are read here")
    return b"".join(blobs.chunks(digest, 0, size))
