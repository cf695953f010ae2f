"""safetensors, as specified by https://github.com/huggingface/safetensors.

    [header length u64][header: JSON][the tensors' bytes, one after the other]

    {"__metadata__": {"text": "text"}, "name": {"dtype": "F32", "shape": [2, 3],
                                                "data_offsets": [0, 24]}}

The length is little-endian; offsets count from the end of the header. Upheld: the tensors fill
the file from header to end with no hole and no overlap, each exactly as long as its shape and
type say.
"""

import math
from typing import BinaryIO

from openward.errors import Malformed
from openward.statements.strict_json import Fields, JsonValue, parse_json
from openward.weights.tensor_file import Tensor, TensorFile, TensorFormat

MAX_HEADER = 25_000_000
MAX_RANK = 64
_LENGTH_SIZE = 8
_DEPTH = 3  # header, tensor, shape

BITS = {
    "F4": 4, "F6_E2M3": 6, "F6_E3M2": 6,
    "BOOL": 8, "U8": 8, "I8": 8,
    "F8_E4M3": 8, "F8_E5M2": 8, "F8_E8M0": 8, "F8_E4M3FNUZ": 8, "F8_E5M2FNUZ": 8,
    "I16": 16, "U16": 16, "F16": 16, "BF16": 16,
    "I32": 32, "U32": 32, "F32": 32,
    "I64": 64, "U64": 64, "F64": 64, "C64": 64,
}  # fmt: skip


def parse_safetensors(stream: BinaryIO, size: int) -> TensorFile:
    """Read the header of a file of `size` bytes. Raises Malformed."""
    length = int.from_bytes(_read(stream, _LENGTH_SIZE), "little")
    if length > min(MAX_HEADER, size - _LENGTH_SIZE):
        raise Malformed(f"safetensors: header of {length} bytes in a file of {size}")
    header = Fields.of(
        parse_json(_read(stream, length), limit=MAX_HEADER, depth=_DEPTH), "safetensors"
    )
    metadata: dict[str, str] = {}
    if header.has("__metadata__"):
        metadata = _parse_metadata(header.value("__metadata__"))
    found = [_parse_tensor(name, value) for name, value in header.rest().items()]
    spans = sorted(found, key=lambda pair: pair[0])
    end = 0
    for (start, stop), tensor in spans:
        if start != end:
            raise Malformed(f"safetensors: {tensor.name!r} starts at {start}, expected {end}")
        end = stop
    if _LENGTH_SIZE + length + end != size:
        raise Malformed(f"safetensors: tensors end at byte {end} after the header, not at the end")
    return TensorFile(TensorFormat.SAFETENSORS, tuple(tensor for _, tensor in spans), metadata)


def _parse_metadata(value: JsonValue) -> dict[str, str]:
    metadata: dict[str, str] = {}
    for name, text in Fields.of(value, "safetensors.__metadata__").rest().items():
        if not isinstance(text, str):
            raise Malformed(f"safetensors: metadata {name!r} is not text")
        metadata[name] = text
    return metadata


def _parse_tensor(name: str, value: JsonValue) -> tuple[tuple[int, int], Tensor]:
    fields = Fields.of(value, f"safetensors.{name[:80]}")
    dtype = fields.text("dtype")
    if dtype not in BITS:
        raise Malformed(f"safetensors: {name!r} has the unknown type {dtype[:80]!r}")
    shape, offsets = _numbers(fields, "shape"), _numbers(fields, "data_offsets")
    if len(shape) > MAX_RANK or len(offsets) != 2 or fields.rest():
        raise Malformed(f"safetensors: {name!r} is not described by type, shape and two offsets")
    if (offsets[1] - offsets[0]) * 8 != math.prod(shape) * BITS[dtype]:
        raise Malformed(f"safetensors: {name!r} is not as long as its shape and type say")
    return (offsets[0], offsets[1]), Tensor(name, dtype, shape)


def _numbers(fields: Fields, name: str) -> tuple[int, ...]:
    value = fields.value(name)
    # A Boolean counts as an int in Python; a string is a sequence.
    if not isinstance(value, list) or any(type(number) is not int for number in value):
        raise Malformed(f"{fields.path}.{name}: expected whole numbers")
    if any(number < 0 for number in value):
        raise Malformed(f"{fields.path}.{name}: expected no negative number")
    return tuple(value)


def _read(stream: BinaryIO, length: int) -> bytes:
    raw = stream.read(length)
    if len(raw) != length:
        raise Malformed("safetensors: ends within its header")
    return raw
