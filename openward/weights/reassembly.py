"""A file put together again from the chunks its shard names.

    shard file      segment     segment     segment
                    xorb A      xorb B      xorb A
                    [0, 7)      [3, 4)      [9, 12)
                       |           |           |
    chunk reader    c c c c c c c  c         c c c   -> the file's bytes, in order

Upheld: never more bytes than a segment states; every segment is exactly the chunks and bytes it
states, and where it carries a range hash, the very chunks its writer knew; the whole is the file
the shard names, by Xet's hash and by SHA-256. The last word comes after the last byte, so what
was yielded is provisional until the generator ends: keep nothing of a file that raised.
"""

import hashlib
from collections.abc import Generator, Iterator
from typing import Protocol

from openward.errors import VerificationError
from openward.vocabulary import Sha256, WeightFile
from openward.weights.xet_hash import (
    Tree,
    XetHash,
    chunk_of,
    file_hash_of_root,
    range_hash,
    xet_text,
)
from openward.weights.xet_shard import Segment, ShardFile


class ChunkReader(Protocol):
    """Where chunks come from.

    Promises: yields the content of chunks [first, end) of `xorb` in order, each at most
    `xet_xorb.MAX_CHUNK` bytes; raises VerificationError where the uploader has no such xorb,
    whether or not somebody else does.
    """

    def __call__(self, xorb: XetHash, first: int, end: int) -> Iterator[bytes]: ...


def reassemble(file: ShardFile, read: ChunkReader) -> Generator[bytes, None, WeightFile]:
    """Yield the bytes of `file`; return it by content once proven. Raises VerificationError."""
    tree, sha256, size = Tree(), hashlib.sha256(), 0
    for segment in file.segments:
        for content in _read_segment(segment, read, tree):
            sha256.update(content)
            size += len(content)
            yield content
    found = file_hash_of_root(tree.root())
    if found != file.hash:
        raise VerificationError(f"file: is {xet_text(found)}, claimed {xet_text(file.hash)}")
    digest = Sha256(sha256.hexdigest())
    if file.sha256 not in (None, digest):
        raise VerificationError(f"file: its SHA-256 is {digest}, claimed {file.sha256}")
    return WeightFile(digest, size)


def _read_segment(segment: Segment, read: ChunkReader, tree: Tree) -> Iterator[bytes]:
    hashes: list[XetHash] = []
    length = 0
    for content in read(segment.xorb, segment.first, segment.end):
        chunk = chunk_of(content)
        hashes.append(chunk.hash)
        length += chunk.length
        if length > segment.length:
            break
        tree.append(chunk)
        yield content
    where = f"segment [{segment.first}, {segment.end}) of xorb {xet_text(segment.xorb)}"
    if length != segment.length or len(hashes) != segment.end - segment.first:
        raise VerificationError(f"{where}: not {segment.length} bytes in as many chunks")
    if segment.range_hash not in (None, range_hash(hashes)):
        raise VerificationError(f"{where}: its range hash is that of other chunks")
