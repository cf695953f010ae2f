"""Shards as clients upload them, see https://huggingface.co/docs/xet/shard.

    header          [tag 32][version u64 = 2][footer size u64: 0 or 200]
    per file        [file hash 32][flags u32][segments u32][unused 8]
      per segment   [xorb hash 32][flags u32][length u32][first chunk u32][end chunk u32]
      bit 31 set    [range hash 32][unused 16]                               one a segment
      bit 30 set    [sha256 32][unused 16]                                   one a file
    end of files    [ff x 32][unused 16]
    per xorb        [xorb hash 32][flags u32][chunks u32][length u32][stored size u32]
      per chunk     [chunk hash 32][offset u32][length u32][flags u32][unused 4]
    end of xorbs    [ff x 32][unused 16]
    footer          lookup tables, then 200 bytes locating them     may be absent, even if stated

Numbers are little-endian; every record is 48 bytes. The SHA-256 is stored as Xet hashes are, in
reversed groups. A segment is chunks [first, end) of a xorb.

Upheld: counts are held against the bytes present before anything is built; a shard is a claim
and proves nothing. Segments may repeat, so `ShardFile.size` can far exceed the shard: compare it
with what the uploader announced before reassembling.
"""

import struct
from dataclasses import dataclass

from openward.errors import Malformed
from openward.vocabulary import Sha256
from openward.weights.xet_hash import Chunk, XetHash, xet_text
from openward.weights.xet_xorb import MAX_CHUNK, MAX_CHUNKS, MAX_CONTENT

MAX_SHARD = 64 * 1024 * 1024
TAG = b"HFRepoMetaData\x00UigEj{\x81W\x83\xa5\xbd\xd9\\\xcd\xd1J\xa9"
RECORD_SIZE = 48
VERSION = 2
FOOTER_SIZE = 200
FOOTER_VERSION = 1
WITH_RANGE_HASHES = 1 << 31
WITH_SHA256 = 1 << 30
END = b"\xff" * 32


@dataclass(frozen=True, slots=True)
class Segment:
    """Chunks [first, end) of a xorb, `length` bytes of content; with the proof of knowing them."""

    xorb: XetHash
    first: int
    end: int
    length: int
    range_hash: XetHash | None


@dataclass(frozen=True, slots=True)
class ShardFile:
    """How a file is put together, and what it claims to be."""

    hash: XetHash
    segments: tuple[Segment, ...]
    sha256: Sha256 | None

    @property
    def size(self) -> int:
        """Bytes of the file, by its segments."""
        return sum(segment.length for segment in self.segments)


@dataclass(frozen=True, slots=True)
class ShardXorb:
    """What a xorb is said to hold."""

    hash: XetHash
    chunks: tuple[Chunk, ...]


@dataclass(frozen=True, slots=True)
class Shard:
    files: tuple[ShardFile, ...]
    xorbs: tuple[ShardXorb, ...]


@dataclass(frozen=True, slots=True)
class _Record:
    """The 48 bytes every part of a shard is made of."""

    hash: XetHash
    numbers: tuple[int, int, int, int]


class _Records:
    """The records of a shard in order, from the first after the header."""

    def __init__(self, raw: bytes) -> None:
        self._raw, self.offset = raw, RECORD_SIZE

    def take(self) -> _Record:
        start, self.offset = self.offset, self.offset + RECORD_SIZE
        if self.offset > len(self._raw):
            raise Malformed(f"shard: ends within the record at byte {start}")
        return _Record(
            XetHash(self._raw[start : start + 32]),
            struct.unpack_from("<4I", self._raw, start + 32),
        )

    def take_many(self, count: int) -> list[_Record]:
        """`count` records, refused before any is read where the bytes cannot hold them."""
        if count * RECORD_SIZE > len(self._raw) - self.offset:
            raise Malformed(f"shard: {count} records do not fit at byte {self.offset}")
        return [self.take() for _ in range(count)]


def parse_shard(raw: bytes) -> Shard:
    """Read an uploaded shard. Raises Malformed."""
    if len(raw) > MAX_SHARD:
        raise Malformed(f"shard: {len(raw)} bytes, at most {MAX_SHARD}")
    footer_size = _parse_header(raw)
    records = _Records(raw)
    files: list[ShardFile] = []
    while (record := records.take()).hash != END:
        files.append(_parse_file(record, records))
    xorbs_at = records.offset
    xorbs: list[ShardXorb] = []
    while (record := records.take()).hash != END:
        xorbs.append(_parse_xorb(record, records))
    if records.offset != len(raw):
        _refuse_other_than_footer(raw, footer_size, records.offset, xorbs_at)
    return Shard(tuple(files), tuple(xorbs))


def _parse_header(raw: bytes) -> int:
    if len(raw) < RECORD_SIZE or not raw.startswith(TAG):
        raise Malformed("shard: does not begin with a shard's tag")
    version, footer_size = struct.unpack_from("<QQ", raw, len(TAG))
    if version != VERSION or footer_size not in (0, FOOTER_SIZE):
        raise Malformed(f"shard: version {version} with a footer of {footer_size} bytes")
    return int(footer_size)


def _parse_file(header: _Record, records: _Records) -> ShardFile:
    flags, count, _, _ = header.numbers
    if flags & ~(WITH_RANGE_HASHES | WITH_SHA256):
        raise Malformed(f"shard: file flags {flags:#x} are not known")
    parts = records.take_many(count)
    proofs: list[XetHash | None] = [None] * len(parts)
    if flags & WITH_RANGE_HASHES:
        proofs = [record.hash for record in records.take_many(count)]
    # The digest went through Xet's own reader of hexadecimal text, so it comes out the same way.
    sha256 = Sha256(xet_text(records.take().hash)) if flags & WITH_SHA256 else None
    segments = (_segment(part, proof) for part, proof in zip(parts, proofs, strict=True))
    return ShardFile(header.hash, tuple(segments), sha256)


def _segment(record: _Record, proof: XetHash | None) -> Segment:
    _, length, first, end = record.numbers
    if not first < end <= MAX_CHUNKS:
        raise Malformed(f"shard: segment of chunks {first} to {end}")
    if not end - first <= length <= min(MAX_CONTENT, MAX_CHUNK * (end - first)):
        raise Malformed(f"shard: segment of {end - first} chunks and {length} bytes")
    return Segment(record.hash, first, end, length, proof)


def _parse_xorb(header: _Record, records: _Records) -> ShardXorb:
    _, count, length, _ = header.numbers
    if not 0 < count <= MAX_CHUNKS:
        raise Malformed(f"shard: xorb of {count} chunks")
    chunks, at = [], 0
    for record in records.take_many(count):
        start, size, _, _ = record.numbers
        if start != at or not 0 < size <= MAX_CHUNK:
            raise Malformed(f"shard: chunk of {size} bytes at {start} of a xorb, expected at {at}")
        chunks.append(Chunk(record.hash, size))
        at += size
    if at != length or at > MAX_CONTENT:
        raise Malformed(f"shard: xorb of {length} bytes whose chunks hold {at}")
    return ShardXorb(header.hash, tuple(chunks))


def _refuse_other_than_footer(raw: bytes, stated: int, tables_at: int, xorbs_at: int) -> None:
    """The lookup tables only speed up searching; it is enough that the footer frames them."""
    footer_at = len(raw) - FOOTER_SIZE
    if stated != FOOTER_SIZE or footer_at < tables_at:
        raise Malformed(f"shard: {len(raw) - tables_at} bytes after its end are no footer")
    version, files_from, xorbs_from = struct.unpack_from("<3Q", raw, footer_at)
    (stated_at,) = struct.unpack_from("<Q", raw, len(raw) - 8)
    if (version, files_from, xorbs_from, stated_at) != (
        FOOTER_VERSION,
        RECORD_SIZE,
        xorbs_at,
        footer_at,
    ):
        raise Malformed("shard: the footer does not describe this shard")
