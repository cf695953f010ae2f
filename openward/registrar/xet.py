"""The write side of Xet: xorbs and shards in, plain files out.

    record_xorb     verified against its name, set aside for the account that sent it
    record_shard    each file put together from the account's own xorbs, proven, kept as a blob

A shard only says how files are made of chunks. Every file is streamed from xorbs into staging,
proven by Xet's hash and by SHA-256, kept like any other upload, and its chunks are from then on
read from it, so that the xorbs' own bytes can go.

Upheld: a shard reaches no xorb of another account, and the answer does not say whether there is
one; memory is bounded whatever the sizes; what fails half-way leaves no file.
"""

import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from openward.errors import Malformed, Unavailable
from openward.registrar.office import Office
from openward.registrar.uploads import Incoming, keep, record_possession, staged_file
from openward.registrar.xorb_reader import XorbReader, mapped, xorb_path
from openward.store.blobs import StagedFile
from openward.store.contents import find_blob, possesses
from openward.store.xorbs import (
    Places,
    XorbRow,
    abandoned_xorbs,
    find_xorb,
    forget_bytes,
    forget_xorb,
    keep_xorb,
    pending_bytes,
)
from openward.vocabulary import Sha256, WeightFile
from openward.weights.reassembly import reassemble
from openward.weights.xet_hash import XetHash, xet_text
from openward.weights.xet_shard import Shard, ShardFile
from openward.weights.xet_xorb import verify_xorb

ABANDONED_AFTER = timedelta(days=1)
_SWEEP_AT_ONCE = 100


def record_xorb(office: Office, account: int, staged: StagedFile, claimed: XetHash) -> bool:
    """Set a finished xorb aside; whether it was new. Raises Malformed, VerificationError."""
    now = office.clock()
    staged.finish()
    if not staged.size:
        raise Malformed("xorb: no chunks")
    xorb = verify_xorb(memoryview(mapped(staged.path)), claimed)
    name = xet_text(claimed)
    places = Places.of_lengths([chunk.length for chunk in xorb.chunks])
    with office.database.writing() as connection:
        known = find_xorb(connection, name, account)
        if known is not None and (known.size or known.places.placed == len(known.places)):
            return False
        most = office.config.limits.file_bytes
        if pending_bytes(connection, account) + staged.size > most:
            raise Malformed(f"over {most} bytes of xorbs wait to become files; register them first")
        kept = known.places if known is not None else places
        _set_aside(staged, account, name)
        keep_xorb(connection, XorbRow(name, account, staged.size, kept, now))
    return True


def record_shard(office: Office, account: int, shard: Shard) -> list[Sha256]:
    """Make the shard's files, each as it is proven. Raises VerificationError, Unavailable."""
    most = office.config.limits.file_bytes
    if sum(file.size for file in shard.files) > most:
        raise Malformed(f"shard: its files have over {most} bytes")
    return [_record_file(office, account, file) for file in shard.files]


def sweep_xorbs(office: Office) -> int:
    """Drop the bytes of xorbs that never became files; says how many went."""
    before = office.clock() - ABANDONED_AFTER
    with staged_file(office) as probe:
        folder = _folder(probe)
    with office.database.reading() as connection:
        if not abandoned_xorbs(connection, before, 1):
            return 0
    with office.database.writing() as connection:
        abandoned = abandoned_xorbs(connection, before, _SWEEP_AT_ONCE)
        for xorb in abandoned:
            if xorb.places.placed:
                forget_bytes(connection, xorb.hash, xorb.account)
            else:
                forget_xorb(connection, xorb.hash, xorb.account)
    for xorb in abandoned:
        xorb_path(folder, xorb.account, xorb.hash).unlink(missing_ok=True)
    return len(abandoned)


# --- one file ---------------------------------------------------------------------------------


def _record_file(office: Office, account: int, file: ShardFile) -> Sha256:
    # A client that lost the answer asks again while the first asking still works.
    with _TURNS.turn((account, file.hash)):
        return _known(office, account, file) or _assemble(office, account, file)


def _known(office: Office, account: int, file: ShardFile) -> Sha256 | None:
    """The file's digest where this very request was done before: held, and every chunk placed."""
    if file.sha256 is None:
        return None
    with office.database.reading() as connection:
        blob = find_blob(connection, file.sha256)
        if blob is None or blob.size != file.size:
            return None
        if not possesses(connection, file.sha256, account):
            return None
        for segment in file.segments:
            row = find_xorb(connection, xet_text(segment.xorb), account)
            if row is None or segment.end > len(row.places):
                return None
            if any(row.places[n].blob is None for n in range(segment.first, segment.end)):
                return None
    return file.sha256


def _assemble(office: Office, account: int, file: ShardFile) -> Sha256:
    with Incoming(office, file.size) as incoming:
        reader = XorbReader(office, account, _folder(incoming.staged))
        proven = _drain(reassemble(file, reader), incoming)
        blob = incoming.finish(proven.sha256)
        keep(office, incoming)
        with office.database.writing() as connection:
            record_possession(connection, blob, account, office.clock())
            emptied: list[str] = []
            for name, parts in _segments_by_xorb(file).items():
                row = find_xorb(connection, name, account)
                if row is None:
                    raise Unavailable(f"xorb {name} expired while it was read; upload it again")
                _place(row.places, parts, proven.sha256)
                whole = row.places.placed == len(row.places)
                keep_xorb(connection, replace(row, size=0 if whole else row.size))
                emptied += [name] if whole else []
        for name in emptied:
            xorb_path(reader.folder, account, name).unlink(missing_ok=True)
    return proven.sha256


def _drain(chunks: Generator[bytes, None, WeightFile], incoming: Incoming) -> WeightFile:
    while True:
        try:
            incoming.write(next(chunks))
        except StopIteration as end:
            proven = end.value
            assert isinstance(proven, WeightFile)  # noqa: S101  # what `reassemble` returns
            return proven


def _segments_by_xorb(file: ShardFile) -> dict[str, list[tuple[int, int, int]]]:
    """For each xorb its segments in the file: first chunk, end chunk, offset of the first."""
    found: dict[str, list[tuple[int, int, int]]] = {}
    offset = 0
    for segment in file.segments:
        parts = found.setdefault(xet_text(segment.xorb), [])
        parts.append((segment.first, segment.end, offset))
        offset += segment.length
    return found


def _place(places: Places, parts: list[tuple[int, int, int]], blob: Sha256) -> None:
    for first, end, start in parts:
        offset = start
        for index in range(first, end):
            places.put(index, blob, offset)
            offset += places[index].length


# --- the folder -------------------------------------------------------------------------------


def _folder(staged: StagedFile) -> Path:
    return staged.path.parent / "xorbs"


def _set_aside(staged: StagedFile, account: int, name: str) -> None:
    folder = _folder(staged)
    try:
        folder.mkdir(exist_ok=True)
        staged.path.replace(xorb_path(folder, account, name))
    except OSError as e:
        raise Unavailable(f"the xorb could not be kept: {e.strerror}") from e


class _Turns:
    """One at a time for each key."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._locks: dict[object, tuple[threading.Lock, int]] = {}

    @contextmanager
    def turn(self, key: object) -> Iterator[None]:
        with self._guard:
            lock, waiting = self._locks.get(key, (threading.Lock(), 0))
            self._locks[key] = (lock, waiting + 1)
        try:
            with lock:
                yield
        finally:
            with self._guard:
                lock, waiting = self._locks[key]
                if waiting == 1:
                    del self._locks[key]
                else:
                    self._locks[key] = (lock, waiting - 1)


_TURNS = _Turns()
