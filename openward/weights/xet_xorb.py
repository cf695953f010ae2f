"""Xorbs, as specified by https://huggingface.co/docs/xet/xorb: chunks stored in a row.

    per chunk   [version u8 = 0][stored length u24][scheme u8][length u24][stored bytes]
    footer      "XETBLOB" [version u8][xorb hash 32] ... [footer length u32]       may be absent

Numbers are little-endian. Schemes: 0 as it is, 1 an LZ4 frame, 2 an LZ4 frame over the bytes
grouped by their position modulo 4 (all first bytes, then all second bytes, ...).

Upheld: nothing is allocated that the limits below do not allow; a frame that would expand past
its stated length is stopped there; the footer is not believed. A xorb is known only by what
`verify_xorb` recomputes from the chunks' content.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import lz4.frame

from openward.errors import Malformed, VerificationError
from openward.weights.xet_hash import HASH_SIZE, Chunk, XetHash, chunk_of, xet_text, xorb_hash

MAX_CHUNK = 128 * 1024
MAX_STORED_CHUNK = 2 * MAX_CHUNK
MAX_CHUNKS = 8 * 1024
MAX_CONTENT = 64 * 1024 * 1024
HEADER_SIZE = 8
FOOTER_MAGIC = b"XETBLOB"
_FOOTER_LEAST = 7 + 1 + HASH_SIZE + 4
_FOOTER_MOST = 1024 + 40 * MAX_CHUNKS  # a hash and two offsets a chunk
MAX_XORB = MAX_CONTENT + HEADER_SIZE * MAX_CHUNKS + _FOOTER_MOST


class Scheme(IntEnum):
    """How a chunk is stored."""

    PLAIN = 0
    LZ4 = 1
    GROUPED_LZ4 = 2


@dataclass(frozen=True, slots=True)
class Stored:
    """Where a chunk lies in its xorb, and how. Offsets and lengths in bytes."""

    offset: int
    size: int
    scheme: Scheme
    length: int


@dataclass(frozen=True, slots=True)
class Xorb:
    """A xorb proven to be what its name says: its chunks in order, and where each is stored."""

    hash: XetHash
    chunks: tuple[Chunk, ...]
    stored: tuple[Stored, ...]

    @property
    def length(self) -> int:
        """Bytes of content in all."""
        return sum(chunk.length for chunk in self.chunks)


def parse_xorb(raw: bytes | memoryview) -> tuple[Stored, ...]:
    """Read where the chunks lie, without unpacking any. Raises Malformed."""
    view = memoryview(raw)
    if len(view) > MAX_XORB:
        raise Malformed(f"xorb: {len(view)} bytes, at most {MAX_XORB}")
    chunks: list[Stored] = []
    offset = content = 0
    while offset < len(view) and view[offset : offset + len(FOOTER_MAGIC)] != FOOTER_MAGIC:
        chunk = _parse_header(view, offset)
        chunks.append(chunk)
        offset = chunk.offset + chunk.size
        content += chunk.length
        if len(chunks) > MAX_CHUNKS or content > MAX_CONTENT:
            raise Malformed(f"xorb: over {MAX_CHUNKS} chunks or {MAX_CONTENT} bytes of content")
    if not chunks:
        raise Malformed("xorb: no chunks")
    if offset < len(view):
        _refuse_other_than_footer(view[offset:])
    return tuple(chunks)


def read_chunks(raw: bytes | memoryview, chunks: tuple[Stored, ...]) -> Iterator[bytes]:
    """The content of `chunks`, which `parse_xorb` found in `raw`. Raises Malformed."""
    view = memoryview(raw)
    for chunk in chunks:
        yield _unpack(bytes(view[chunk.offset : chunk.offset + chunk.size]), chunk)


def verify_xorb(raw: bytes | memoryview, claimed: XetHash) -> Xorb:
    """Prove that `raw` is the xorb `claimed`, from the content of every chunk.

    Raises Malformed, and VerificationError where it is a xorb by another name.
    """
    stored = parse_xorb(raw)
    chunks = tuple(chunk_of(content) for content in read_chunks(raw, stored))
    found = xorb_hash(chunks)
    if found != claimed:
        raise VerificationError(f"xorb: is {xet_text(found)}, claimed {xet_text(claimed)}")
    return Xorb(found, chunks, stored)


def _parse_header(view: memoryview, offset: int) -> Stored:
    header = bytes(view[offset : offset + HEADER_SIZE])
    if len(header) < HEADER_SIZE or header[0] != 0:
        raise Malformed(f"xorb: no chunk header of version 0 at byte {offset}")
    size, length = int.from_bytes(header[1:4], "little"), int.from_bytes(header[5:8], "little")
    if header[4] not in tuple(Scheme):
        raise Malformed(f"xorb: unknown compression scheme {header[4]} at byte {offset}")
    if not 0 < length <= MAX_CHUNK or size > MAX_STORED_CHUNK:
        raise Malformed(f"xorb: chunk of {length} bytes stored as {size} at byte {offset}")
    start = offset + HEADER_SIZE
    if start + size > len(view):
        raise Malformed(f"xorb: chunk at byte {offset} is cut short")
    return Stored(start, size, Scheme(header[4]), length)


def _refuse_other_than_footer(view: memoryview) -> None:
    if not _FOOTER_LEAST <= len(view) <= _FOOTER_MOST:
        raise Malformed(f"xorb: footer of {len(view)} bytes")
    if int.from_bytes(view[-4:], "little") != len(view) - 4:
        raise Malformed("xorb: the footer's length is not what follows the chunks")


def _unpack(stored: bytes, chunk: Stored) -> bytes:
    content = stored if chunk.scheme is Scheme.PLAIN else _unpack_lz4(stored, chunk.length)
    if len(content) != chunk.length:
        raise Malformed(f"xorb: chunk holds {len(content)} bytes, states {chunk.length}")
    return _ungroup(content) if chunk.scheme is Scheme.GROUPED_LZ4 else content


def _unpack_lz4(stored: bytes, length: int) -> bytes:
    """Exactly one LZ4 frame, unpacked no further than `length` bytes."""
    frame = lz4.frame.LZ4FrameDecompressor()
    try:
        content: bytes = frame.decompress(stored, max_length=length)
        # Where the content just fits, the frame's end mark is still unread.
        surplus: bytes = b"" if frame.eof else frame.decompress(b"", max_length=1)
    except RuntimeError as e:
        raise Malformed(f"xorb: not an LZ4 frame: {e}") from e
    if surplus or not frame.eof or frame.unused_data:
        raise Malformed("xorb: LZ4 frame does not end with its chunk")
    return content


def _ungroup(grouped: bytes) -> bytes:
    content, start = bytearray(len(grouped)), 0
    for position in range(4):
        end = start + len(content[position::4])
        content[position::4] = grouped[start:end]
        start = end
    return bytes(content)
