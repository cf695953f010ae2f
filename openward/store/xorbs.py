"""Xorbs: what an account uploaded by Xet, and where each chunk of it can be read now.

    staging/xorbs/<account>-<hash>     the bytes, until every chunk has a place in some blob
    row xorb                           per chunk [blob sha256 32][offset u64][length u32]

A chunk without a place has 32 zero bytes for its blob and is read from the xorb's own bytes. Once
a file was put together, its chunks have places, and the xorb's bytes are dropped: what it held is
held once, as plain blobs. The row stays, because a client goes on referring to xorbs it sent.

Upheld: a xorb exists for the account that sent it and for no other.
"""

import struct
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, func, insert, select, update

from openward.store.schema import xorb as table
from openward.vocabulary import Sha256

_PLACE = struct.Struct(">32sQI")
_NOWHERE = bytes(32)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a chunk is: in a blob at an offset, or (blob None) still in the xorb."""

    blob: Sha256 | None
    offset: int
    length: int


class Places:
    """The places of a xorb's chunks, packed as they are stored."""

    def __init__(self, packed: bytes) -> None:
        self._packed = bytearray(packed)

    @classmethod
    def of_lengths(cls, lengths: list[int]) -> "Places":
        """The chunks of a new xorb, none of them placed."""
        return cls(b"".join(_PLACE.pack(_NOWHERE, 0, length) for length in lengths))

    def __len__(self) -> int:
        return len(self._packed) // _PLACE.size

    def __getitem__(self, index: int) -> Place:
        blob, offset, length = _PLACE.unpack_from(self._packed, index * _PLACE.size)
        return Place(None if blob == _NOWHERE else Sha256(blob.hex()), offset, length)

    def put(self, index: int, blob: Sha256, offset: int) -> None:
        """Place a chunk; one that has a place keeps it."""
        place = self[index]
        if place.blob is None:
            _PLACE.pack_into(
                self._packed, index * _PLACE.size, bytes.fromhex(blob), offset, place.length
            )

    @property
    def placed(self) -> int:
        """How many chunks have a place."""
        return sum(self[index].blob is not None for index in range(len(self)))

    def packed(self) -> bytes:
        return bytes(self._packed)


@dataclass(frozen=True, slots=True)
class XorbRow:
    """A xorb of an account; `size` is the bytes kept of it, 0 once they are dropped."""

    hash: str
    account: int
    size: int
    places: Places
    at: datetime


def find_xorb(connection: Connection, hash: str, account: int) -> XorbRow | None:
    query = select(table).where(table.c.hash == hash, table.c.account == account)
    row = connection.execute(query).one_or_none()
    if row is None:
        return None
    return XorbRow(row.hash, row.account, row.size, Places(bytes(row.chunks)), row.at)


def keep_xorb(connection: Connection, xorb: XorbRow) -> None:
    """Write the row, over an older one of the same xorb."""
    c = table.c
    connection.execute(delete(table).where(c.hash == xorb.hash, c.account == xorb.account))
    connection.execute(
        insert(table).values(
            hash=xorb.hash,
            account=xorb.account,
            size=xorb.size,
            chunks=xorb.places.packed(),
            at=xorb.at,
        )
    )


def pending_bytes(connection: Connection, account: int) -> int:
    """Bytes of an account's xorbs that are not yet part of any file."""
    query = select(func.sum(table.c.size)).where(table.c.account == account)
    return int(connection.execute(query).scalar() or 0)


def abandoned_xorbs(connection: Connection, before: datetime, limit: int) -> list[XorbRow]:
    """Xorbs sent before that time whose bytes are still kept."""
    query = select(table).where(table.c.at < before, table.c.size > 0).order_by(table.c.at)
    return [
        XorbRow(row.hash, row.account, row.size, Places(bytes(row.chunks)), row.at)
        for row in connection.execute(query.limit(limit))
    ]


def forget_bytes(connection: Connection, hash: str, account: int) -> None:
    """Note that the xorb's own bytes are gone; its placed chunks go on being readable."""
    c = table.c
    connection.execute(update(table).where(c.hash == hash, c.account == account).values(size=0))


def forget_xorb(connection: Connection, hash: str, account: int) -> None:
    c = table.c
    connection.execute(delete(table).where(c.hash == hash, c.account == account))
