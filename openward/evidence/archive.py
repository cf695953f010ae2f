"""The zip archives Inspect AI writes (PKWARE APPNOTE), read one member at a time.

    PK 3 4  local header, name, data        one a member, in any order
    PK 1 2  central entry                   one a member: method, CRC, sizes, offset, name
    PK 6 6  zip64 end of directory          where 16 or 32 bits do not suffice
    PK 6 7  zip64 locator
    PK 5 6  end of directory                the last 22 bytes; no comment

Members are stored, deflated or compressed with Zstandard (method 93). Two readers of the same
bytes must see the same members, so a name given twice, a comment, a gap between directory and
end, encryption and several disks are refused. Nothing is allocated on the word of a header:
count, names and inflated sizes are bounded first, and inflating stops where the size was stated.
"""

import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import BinaryIO

import zstandard

from openward.errors import Malformed
from openward.evidence.measurement import quoted

MEMBER_LIMIT = 200_000
DIRECTORY_LIMIT = 64 << 20
INFLATED_LIMIT = 1 << 30
"""Bytes of all members together, inflated."""

_WINDOW_LIMIT = 32 << 20  # Zstandard allocates its window before the first byte
_NAME_LIMIT = 1024
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_STORED, _DEFLATED, _ZSTANDARD = 0, 8, 93
_ENCRYPTED = 1 | 1 << 6 | 1 << 13


@dataclass(frozen=True, slots=True)
class Member:
    """One member as the directory describes it; sizes and offset in bytes."""

    name: str
    method: int
    crc: int
    packed: int
    size: int
    offset: int


@dataclass(frozen=True, slots=True)
class Archive:
    """The members of an archive by name, and the bytes they lie in."""

    raw: BinaryIO
    members: Mapping[str, Member]

    def read(self, name: str, limit: int) -> bytes:
        """One member's bytes, proven against its CRC and size. Raises Malformed."""
        member = self.members[name]
        if max(member.size, member.packed) > limit:
            raise Malformed(
                f"archive: {quoted(name)} has {member.size} bytes, at most {limit} are read"
            )
        content = _inflate(member, _packed(self.raw, member))
        if len(content) != member.size or zlib.crc32(content) != member.crc:
            raise Malformed(f"archive: {quoted(name)} is not what its size and CRC say")
        return content


def parse_archive(raw: BinaryIO, size: int) -> Archive:
    """Read the directory of an archive of `size` bytes. Raises Malformed."""
    count, length, offset = _directory(raw, size)
    if count > MEMBER_LIMIT or length > DIRECTORY_LIMIT:
        raise Malformed(f"archive: {count} members, at most {MEMBER_LIMIT} are read")
    directory = _exactly(raw, offset, length)
    members: dict[str, Member] = {}
    position = inflated = 0
    for _ in range(count):
        member, position = _entry(directory, position)
        if member.offset + member.packed > offset:
            raise Malformed(f"archive: {quoted(member.name)} lies beyond the directory")
        if member.name in members:
            raise Malformed(f"archive: member {quoted(member.name)} is given twice")
        members[member.name] = member
        inflated += member.size
    if position != length:
        raise Malformed("archive: the directory is longer than its members")
    if inflated > INFLATED_LIMIT:
        raise Malformed(f"archive: inflates to {inflated} bytes, at most {INFLATED_LIMIT} are read")
    return Archive(raw, members)


def _directory(raw: BinaryIO, size: int) -> tuple[int, int, int]:
    """Members, length and offset of the directory, which must end where the end record begins."""
    end = size - _END.size
    if end < 0:
        raise Malformed("archive: too short")
    mark, disk, first, here, count, length, offset, comment = _END.unpack(
        _exactly(raw, end, _END.size)
    )
    if mark != b"PK\5\6" or comment:
        raise Malformed("archive: it does not end with its directory")
    if 0xFFFF in (disk, first, here, count) or 0xFFFFFFFF in (length, offset):
        end, disk, first, here, count, length, offset = _directory64(raw, end)
    if disk or first or here != count or offset + length != end:
        raise Malformed("archive: its directory is not where it is said to be")
    return count, length, offset


def _directory64(raw: BinaryIO, end: int) -> tuple[int, int, int, int, int, int, int]:
    start = end - _LOCATOR.size - _END64.size
    if start < 0:
        raise Malformed("archive: too short")
    found = _exactly(raw, start, _END64.size + _LOCATOR.size)
    mark, _, _, _, disk, first, here, count, length, offset = _END64.unpack_from(found)
    locator, _, at, disks = _LOCATOR.unpack_from(found, _END64.size)
    if mark != b"PK\6\6" or locator != b"PK\6\7" or at != start or disks != 1:
        raise Malformed("archive: no zip64 directory where one is promised")
    return start, disk, first, here, count, length, offset


def _entry(directory: bytes, position: int) -> tuple[Member, int]:
    """The member described at `position`, and where the next one is."""
    if position + _ENTRY.size > len(directory):
        raise Malformed("archive: the directory is cut short")
    mark, _, _, flags, method, _, _, crc, packed, size, named, extra, comment, _, _, _, offset = (
        _ENTRY.unpack_from(directory, position)
    )
    after = position + _ENTRY.size
    until = after + named + extra + comment
    if mark != b"PK\1\2" or until > len(directory) or named > _NAME_LIMIT:
        raise Malformed("archive: a directory entry is broken")
    if flags & _ENCRYPTED or method not in (_STORED, _DEFLATED, _ZSTANDARD):
        raise Malformed(f"archive: a member is encrypted, or compressed by method {method}")
    try:
        name = directory[after : after + named].decode("utf-8")
    except UnicodeDecodeError as e:
        raise Malformed("archive: a member's name is not UTF-8") from e
    fields = directory[after + named : after + named + extra]
    size, packed, offset = _wide(fields, size, packed, offset)
    return Member(name, method, crc, packed, size, offset), until


def _wide(extra: bytes, *narrow: int) -> tuple[int, ...]:
    """Size, packed size and offset, with those that did not fit 32 bits from the zip64 field."""
    missing = narrow.count(0xFFFFFFFF)
    while missing and len(extra) >= 4:
        kind, length = struct.unpack_from("<2H", extra)
        if kind == 1 and len(extra) >= 4 + length >= 4 + 8 * missing:
            wide = iter(struct.unpack_from(f"<{missing}Q", extra, 4))
            return tuple(next(wide) if n == 0xFFFFFFFF else n for n in narrow)
        extra = extra[4 + length :]
    if missing:
        raise Malformed("archive: a zip64 size is missing")
    return narrow


def _packed(raw: BinaryIO, member: Member) -> bytes:
    """The compressed bytes of a member, which follow a local header of the same name."""
    header = _exactly(raw, member.offset, _LOCAL.size)
    mark, _, _, method, _, _, _, _, _, named, extra = _LOCAL.unpack(header)
    start = member.offset + _LOCAL.size
    name = _exactly(raw, start, named)
    if mark != b"PK\3\4" or method != member.method or name != member.name.encode():
        raise Malformed(f"archive: {quoted(member.name)} is not where the directory says")
    return _exactly(raw, start + named + extra, member.packed)


def _inflate(member: Member, packed: bytes) -> bytes:
    """At most one byte more than the member's stated size, so that a bomb goes off small."""
    most = member.size + 1
    try:
        if member.method == _DEFLATED:
            return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, most)
        if member.method == _ZSTANDARD:
            inflater = zstandard.ZstdDecompressor(max_window_size=_WINDOW_LIMIT)
            return inflater.stream_reader(BytesIO(packed)).read(most)
    except (zlib.error, zstandard.ZstdError) as e:
        raise Malformed(f"archive: {quoted(member.name)} does not inflate: {e}") from e
    return packed


def _exactly(raw: BinaryIO, offset: int, length: int) -> bytes:
    """`length` bytes at `offset`. Raises Malformed where the bytes end before."""
    raw.seek(offset)
    content = raw.read(length)
    if len(content) != length:
        raise Malformed("archive: cut short")
    return content
