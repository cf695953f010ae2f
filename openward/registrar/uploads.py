"""Bytes on their way in: written, hashed and told apart in one pass; kept once they are whole.

    Incoming.write ...          to the staging folder; nothing is visible yet
    Incoming.finish             exactly the promised bytes, durable, and what they are
    keep + record_possession    under their digest; known; and shown to be held by this account

Large uploads may come in parts, staged under a folder named by what they will become, so that a
client that starts over finds its parts again. Parts nobody completed are swept after a day.

Upheld: no more is written than was promised; a file that is not what was promised leaves nothing.
"""

import hashlib
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Connection

from openward.errors import Malformed, Unavailable
from openward.registrar.office import Office
from openward.store.blobs import READ_SIZE, StagedFile
from openward.store.contents import BlobRow, add_blob, add_possession, pointer_oid
from openward.vocabulary import Sha256
from openward.weights.recognition import Kind, Recogniser
from openward.weights.tensor_file import TensorFormat
from openward.weights.tensors import parse_tensors

INLINE_LIMIT = 64 << 20
"""Bytes. Git itself would hold only a pointer to a larger file; its git oid is the pointer's."""

MULTIPART_FROM = 2 << 30
PART_SIZE = 256 << 20
MOST_PARTS = 1000
ABANDONED_AFTER = timedelta(days=1)
_LAYOUT_LIMIT = 1 << 20  # bytes of a tensor header kept beside the blob


class Incoming:
    """One file of a size promised beforehand. Use as a context: leaving drops what was staged."""

    def __init__(self, office: Office, size: int) -> None:
        if not 0 <= size <= office.config.limits.file_bytes:
            raise Malformed(f"a file has at most {office.config.limits.file_bytes} bytes")
        self._promised = size
        self._recogniser = Recogniser()
        self._git = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
        self._in_git = size <= INLINE_LIMIT
        self._now = office.clock()
        self.staged = staged_file(office, self._watch)

    def write(self, chunk: bytes) -> None:
        """Append. Raises Malformed past the promised size, Unavailable when the disk is full."""
        if self.staged.size + len(chunk) > self._promised:
            raise Malformed(f"the upload goes on past its {self._promised} bytes")
        self.staged.write(chunk)

    def finish(self, expected: Sha256 | None = None) -> BlobRow:
        """Make the bytes durable and say what they are. Raises Malformed when not as promised."""
        if self.staged.size != self._promised:
            raise Malformed(f"the upload ended after {self.staged.size} of {self._promised} bytes")
        digest = self.staged.finish(expected)
        kind = self._recogniser.verdict().kind
        format, adapter, layout = "unreadable", False, None
        if kind is Kind.UNRECOGNISED:
            format, adapter, layout = _appraise_layout(self.staged.path, self._promised)
        git_oid = self._git.hexdigest() if self._in_git else pointer_oid(digest, self._promised)
        return BlobRow(
            sha256=digest,
            size=self._promised,
            git_oid=git_oid,
            recognition=kind.value,
            format=format,
            adapter=adapter,
            layout=layout,
            created_at=self._now,
        )

    def _watch(self, chunk: bytes) -> None:
        self._recogniser.feed(chunk)
        if self._in_git:
            self._git.update(chunk)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.staged.__exit__(kind, error, at)


def staged_file(office: Office, watch: Callable[[bytes], None] | None = None) -> StagedFile:
    """A new staged file. Raises Unavailable when the disk takes no more."""
    try:
        return office.staging.file(watch)
    except OSError as e:
        raise Unavailable(f"the upload could not be written: {e.strerror}") from e


def keep(office: Office, incoming: Incoming) -> None:
    """Give finished bytes their address. Raises Unavailable when the store takes no more."""
    try:
        office.blobs.keep(incoming.staged)
    except OSError as e:
        raise Unavailable(f"the upload could not be kept: {e.strerror}") from e


def record_possession(connection: Connection, blob: BlobRow, account: int, now: datetime) -> None:
    """Note what kept bytes are, and that this account showed it holds them."""
    add_blob(connection, blob)
    add_possession(connection, blob.sha256, account, now)


def record_upload(office: Office, incoming: Incoming, expected: Sha256, account: int) -> BlobRow:
    """Finish, keep and record one uploaded file. Raises Malformed when it is not `expected`."""
    blob = incoming.finish(expected)
    keep(office, incoming)
    with office.database.writing() as connection:
        record_possession(connection, blob, account, office.clock())
    return blob


def _appraise_layout(path: Path, size: int) -> tuple[str, bool, bytes | None]:
    """Format, whether it is an adapter, and the tensor header as JSON where it is kept."""
    try:
        with path.open("rb") as stream:
            tensors = parse_tensors(stream, size)
    except Malformed:
        return "unreadable", False, None
    layout = None
    if tensors.format is TensorFormat.SAFETENSORS:
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            layout = stream.read(length) if length <= _LAYOUT_LIMIT else None
    return tensors.format.value, tensors.adapter, layout


# --- parts ------------------------------------------------------------------------------------


def part_size(size: int) -> int:
    """Bytes of every part but the last, for a file of `size` bytes."""
    return max(PART_SIZE, -(-size // MOST_PARTS))


def part_sizes(size: int) -> list[int]:
    """Bytes of each part, in order."""
    each = part_size(size)
    return [min(each, size - start) for start in range(0, size, each)]


def record_part(
    office: Office, staged: StagedFile, account: int, digest: Sha256, number: int
) -> Sha256:
    """Set a whole part aside until the last one is there; returns its ETag, its own SHA-256."""
    tag = staged.finish()
    folder = _parts_folder(staged, account, digest)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        staged.path.replace(folder / f"{number}")
    except OSError as e:
        raise Unavailable(f"the part could not be kept: {e.strerror}") from e
    return tag


def record_parts(office: Office, account: int, digest: Sha256, size: int) -> BlobRow:
    """Put the parts together and keep the file. Raises Malformed when parts are missing or wrong.

    A part is dropped as soon as it was copied, so the disk holds the file once and one part more.
    """
    with Incoming(office, size) as incoming:
        folder = _parts_folder(incoming.staged, account, digest)
        missing = [
            number
            for number, length in enumerate(part_sizes(size), 1)
            if _size(folder / f"{number}") != length
        ]
        if missing:
            raise Malformed(f"part {missing[0]} of {digest} was not uploaded")
        for number in range(1, len(part_sizes(size)) + 1):
            part = folder / f"{number}"
            for chunk in _read(part):
                incoming.write(chunk)
            part.unlink()
        folder.rmdir()
        return record_upload(office, incoming, digest, account)


def sweep_parts(office: Office, now: datetime) -> int:
    """Drop the parts of uploads that nobody went on with; says how many parts went."""
    with staged_file(office) as probe:
        parts = [path for path in probe.path.parent.glob("parts/*/*") if _abandoned(path, now)]
    for part in parts:
        part.unlink(missing_ok=True)
    return len(parts)


def _abandoned(part: Path, now: datetime) -> bool:
    try:
        return part.stat().st_mtime < (now - ABANDONED_AFTER).timestamp()
    except FileNotFoundError:
        return False


def _parts_folder(staged: StagedFile, account: int, digest: Sha256) -> Path:
    return staged.path.parent / "parts" / f"{account}-{digest}"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return -1


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(READ_SIZE):
            yield chunk
