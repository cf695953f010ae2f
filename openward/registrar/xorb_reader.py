"""Chunks of an account's own xorbs, wherever they are by now.

    placed        in a blob at an offset, together with its neighbours in one read
    not yet       in the xorb's own bytes, mapped and unpacked one chunk at a time

Upheld: what another account sent is not found, and the answer does not say whether it exists;
at most a few xorbs are mapped at a time, and none is ever read whole.
"""

import mmap
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

from openward.errors import VerificationError
from openward.registrar.office import Office
from openward.store.xorbs import Places, XorbRow, find_xorb
from openward.weights.xet_hash import XetHash, xet_text
from openward.weights.xet_xorb import Stored, parse_xorb, read_chunks

_OPEN_XORBS = 4
T = TypeVar("T")


class XorbReader:
    """The chunks of one account's xorbs (see weights.reassembly.ChunkReader)."""

    def __init__(self, office: Office, account: int, folder: Path) -> None:
        self.folder = folder
        self._office = office
        self._account = account
        self._rows: OrderedDict[XetHash, XorbRow] = OrderedDict()
        self._open: OrderedDict[XetHash, tuple[mmap.mmap, tuple[Stored, ...]]] = OrderedDict()

    def __call__(self, xorb: XetHash, first: int, end: int) -> Iterator[bytes]:
        row = self._row(xorb)
        if end > len(row.places):
            raise VerificationError(f"xorb {row.hash} has {len(row.places)} chunks, not {end}")
        at = first
        while at < end:
            run = _run(row.places, at, end)
            if row.places[at].blob is None:
                try:
                    raw, stored = self._stored(xorb, row)
                except FileNotFoundError:
                    row = self._placed_since(xorb, at)
                    continue
                yield from read_chunks(memoryview(raw), stored[at:run])
            else:
                yield from self._placed(row.places, at, run)
            at = run

    def _row(self, xorb: XetHash) -> XorbRow:
        if xorb not in self._rows:
            with self._office.database.reading() as connection:
                row = find_xorb(connection, xet_text(xorb), self._account)
            if row is None:
                # The same whether nobody or somebody else sent it.
                raise VerificationError(
                    f"xorb {xet_text(xorb)} was not uploaded by this account, or expired; clear "
                    "the client's Xet cache and upload again"
                )
            _remember(self._rows, xorb, row)
        return self._rows[xorb]

    def _placed_since(self, xorb: XetHash, index: int) -> XorbRow:
        """The row again, where another file took the chunks over and the bytes were dropped."""
        del self._rows[xorb]
        row = self._row(xorb)
        if row.places[index].blob is None:
            raise VerificationError(
                f"xorb {row.hash}: its bytes expired; clear the client's Xet cache and upload again"
            )
        return row

    def _stored(self, xorb: XetHash, row: XorbRow) -> tuple[mmap.mmap, tuple[Stored, ...]]:
        if xorb not in self._open:
            raw = mapped(xorb_path(self.folder, self._account, row.hash))
            _remember(self._open, xorb, (raw, parse_xorb(memoryview(raw))))
        return self._open[xorb]

    def _placed(self, places: Places, first: int, end: int) -> Iterator[bytes]:
        """Chunks that lie one after the other in one blob."""
        start, last = places[first], places[end - 1]
        assert start.blob is not None  # noqa: S101  # the caller saw that these are placed
        pieces = self._office.blobs.chunks(start.blob, start.offset, last.offset + last.length)
        held = bytearray()
        for index in range(first, end):
            length = places[index].length
            while len(held) < length:
                held += next(pieces)
            yield bytes(held[:length])
            del held[:length]


def _remember(cache: OrderedDict[XetHash, T], xorb: XetHash, value: T) -> None:
    cache[xorb] = value
    while len(cache) > _OPEN_XORBS:
        cache.popitem(last=False)


def _run(places: Places, first: int, end: int) -> int:
    """Where the chunks end that can be read in one go from `first`."""
    at, place = first + 1, places[first]
    while at < end:
        after = places[at]
        follows = after.blob is None or after.offset == place.offset + place.length
        if after.blob != place.blob or not follows:
            break
        at, place = at + 1, after
    return at


def xorb_path(folder: Path, account: int, name: str) -> Path:
    """Where the bytes of an account's xorb are set aside."""
    return folder / f"{account}-{name}"


def mapped(path: Path) -> mmap.mmap:
    """The file as memory that is read on demand; it goes with the last view of it."""
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
