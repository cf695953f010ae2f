"""Reading what a file of tensors says of itself, in whichever readable format it is.

    "GGUF"                      gguf
    anything else               safetensors, which has no magic; or it is not readable

A file that is neither is still a weight file; it is only one of which nothing more is known.
"""

from typing import BinaryIO

from openward.weights.gguf import MAGIC, parse_gguf
from openward.weights.safetensors import parse_safetensors
from openward.weights.tensor_file import TensorFile


def parse_tensors(stream: BinaryIO, size: int) -> TensorFile:
    """Read the header of a file of `size` bytes from its start. Seeks; raises Malformed."""
    start = stream.tell()
    magic = stream.read(len(MAGIC))
    stream.seek(start)
    return parse_gguf(stream, size) if magic == MAGIC else parse_safetensors(stream, size)
