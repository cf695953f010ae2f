"""GGUF versions 2 and 3, as specified by https://github.com/ggml-org/ggml/blob/master/docs/gguf.md.

    "GGUF" [version u32][tensors u64][entries u64]
    per entry    [key: text][type u32][value]          arrays: [type u32][count u64][values]
    per tensor   [name: text][dimensions u32][extent u64 ...][type u32][offset u64]
    padding to the alignment, then the tensors' bytes, each padded to the alignment
    text         [length u64][UTF-8]

Little-endian throughout; a big-endian file shows a version no reader knows and is refused.
Upheld: counts and lengths are held against what was read so far before anything is built; the
tensors follow one another in the order listed and account for the whole file.
"""

import math
import re
import struct
from typing import BinaryIO

from openward.errors import Malformed
from openward.weights.tensor_file import Tensor, TensorFile, TensorFormat

MAX_HEADER = 64 * 1024 * 1024
MAX_TENSORS = 1 << 20
MAX_ENTRIES = 1 << 16
MAX_NAME = 4096
MAX_TEXT = 4 * 1024 * 1024
MAX_RANK = 8
MAX_ALIGNMENT = 1 << 16
MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_TEXT, _ARRAY = 8, 9
_DECIMAL = re.compile(r"[1-9][0-9]{0,5}", re.ASCII)
_SCALARS = {
    0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i",
    6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d",
}  # fmt: skip

# type: (name, elements a block, bytes a block)
TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20),
    6: ("Q5_0", 32, 22), 7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34),
    10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110), 12: ("Q4_K", 256, 144),
    13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 16: ("IQ2_XXS", 256, 66),
    17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82),
    23: ("IQ4_XS", 256, 136), 24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4),
    27: ("I64", 1, 8), 28: ("F64", 1, 8), 29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2),
    34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
}  # fmt: skip


class _Reader:
    """Reads forward and counts; refuses to go past the end of the file or of the allowance."""

    def __init__(self, stream: BinaryIO, size: int) -> None:
        self._stream, self._limit, self.offset = stream, min(size, MAX_HEADER), 0

    def take(self, length: int) -> bytes:
        if length > self._limit - self.offset:
            raise Malformed(f"GGUF: {length} bytes at {self.offset} run past the end")
        raw = self._stream.read(length)
        if len(raw) != length:
            raise Malformed(f"GGUF: ends at byte {self.offset + len(raw)}")
        self.offset += length
        return raw

    def number(self, shape: str) -> int:
        return int(struct.unpack(shape, self.take(struct.calcsize(shape)))[0])

    def count(self, most: int, of: str) -> int:
        count = self.number("<Q")
        if count > most:
            raise Malformed(f"GGUF: {count} {of}, at most {most}")
        return count

    def text(self, most: int) -> str:
        raw = self.take(self.count(most, "bytes of text"))
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError as e:
            raise Malformed(f"GGUF: text before byte {self.offset} is not UTF-8") from e


def parse_gguf(stream: BinaryIO, size: int) -> TensorFile:
    """Read the header of a file of `size` bytes. Raises Malformed."""
    reader = _Reader(stream, size)
    if reader.take(len(MAGIC)) != MAGIC:
        raise Malformed("GGUF: does not begin with its magic")
    if (version := reader.number("<I")) not in _VERSIONS:
        raise Malformed(f"GGUF: version {version} is not read")
    tensors = reader.count(MAX_TENSORS, "tensors")
    entries = reader.count(MAX_ENTRIES, "entries")
    metadata: dict[str, str] = {}
    for _ in range(entries):
        key = reader.text(MAX_NAME)
        if key in metadata:
            raise Malformed(f"GGUF: the entry {key!r} comes twice")
        metadata[key] = _parse_value(reader)
    alignment = _parse_alignment(metadata)
    placed = tuple(_parse_tensor(reader) for _ in range(tensors))
    if len({tensor.name for tensor, _, _ in placed}) != len(placed):
        raise Malformed("GGUF: two tensors share a name")
    _refuse_other_layout(placed, alignment, reader.offset, size)
    return TensorFile(TensorFormat.GGUF, tuple(tensor for tensor, _, _ in placed), metadata)


def _parse_value(reader: _Reader) -> str:
    """The value as text; of an array, how many it holds."""
    kind = reader.number("<I")
    if kind == _TEXT:
        return reader.text(MAX_TEXT)
    if kind == _ARRAY:
        return _skip_array(reader)
    if kind not in _SCALARS:
        raise Malformed(f"GGUF: unknown type {kind} of an entry")
    shape = _SCALARS[kind]
    return str(struct.unpack(shape, reader.take(struct.calcsize(shape)))[0])


def _skip_array(reader: _Reader) -> str:
    kind, count = reader.number("<I"), reader.count(MAX_HEADER, "values")
    if kind == _TEXT:
        for _ in range(count):
            reader.take(reader.count(MAX_TEXT, "bytes of text"))
    elif kind in _SCALARS:
        reader.take(count * struct.calcsize(_SCALARS[kind]))
    else:
        raise Malformed(f"GGUF: arrays of type {kind} are not read")
    return f"[{count}]"


def _parse_alignment(metadata: dict[str, str]) -> int:
    text = metadata.get("general.alignment", "32")
    alignment = int(text) if _DECIMAL.fullmatch(text) else 0
    if not 0 < alignment <= MAX_ALIGNMENT or alignment & (alignment - 1):
        raise Malformed(f"GGUF: alignment {text[:80]!r} is not a power of two in use")
    return alignment


def _parse_tensor(reader: _Reader) -> tuple[Tensor, int, int]:
    """A tensor, its size in bytes and its stated offset."""
    name = reader.text(MAX_NAME)
    if (rank := reader.number("<I")) > MAX_RANK:
        raise Malformed(f"GGUF: {name!r} has {rank} dimensions")
    shape = tuple(reader.number("<Q") for _ in range(rank))
    kind, offset = reader.number("<I"), reader.number("<Q")
    if kind not in TYPES:
        raise Malformed(f"GGUF: {name!r} has the unknown type {kind}")
    dtype, block, block_size = TYPES[kind]
    # Rows are stored whole: the first extent is the row.
    if (shape[0] if shape else 1) % block:
        raise Malformed(f"GGUF: {name!r} has rows that are not whole blocks of {dtype}")
    return Tensor(name, dtype, shape), math.prod(shape) // block * block_size, offset


def _refuse_other_layout(
    placed: tuple[tuple[Tensor, int, int], ...], alignment: int, header_end: int, size: int
) -> None:
    end = padded = 0
    for tensor, length, offset in placed:
        if offset != padded:
            raise Malformed(f"GGUF: {tensor.name!r} starts at {offset}, expected {padded}")
        end = offset + length
        padded = _padded(end, alignment)
    start = _padded(header_end, alignment)
    # Writers differ on whether the last tensor is padded, and a file without tensors may just end.
    ends = {start + end, start + padded} if placed else {start, header_end}
    if size not in ends:
        raise Malformed(f"GGUF: the layout ends at byte {start + end}, the file at {size}")


def _padded(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment
