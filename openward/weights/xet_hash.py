"""Xet's hashes, as specified by https://huggingface.co/docs/xet/hashing.

    chunk     blake3 keyed DATA    over the chunk's bytes
    node      blake3 keyed NODE    over one line a child: "<hash as text> : <length>\\n"
    xorb      the root node over its chunks
    file      blake3 keyed by 32 zero bytes, over the root node over its chunks
    range     blake3 keyed RANGE   over the concatenated chunk hashes of a stretch of a xorb

A hash's text is not the hexadecimal of its bytes: it is four 64-bit numbers, each stored
little-endian and written big-endian, so every group of 8 bytes appears reversed.

    bytes  07 06 05 04 03 02 01 00  0f 0e ...      text  0001020304050607 0809...

The tree is cut by content: siblings are gathered left to right until the last of three or more
is divisible by 4 (its last 8 bytes as a number), or there are nine, or none are left.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NewType

from blake3 import blake3

from openward.errors import Malformed

XetHash = NewType("XetHash", bytes)
"""32 bytes, as they stand in xorbs and shards; `xet_text` writes them, `parse_xet_hash` reads."""

HASH_SIZE = 32
NOTHING = XetHash(bytes(HASH_SIZE))  # the hash of a file or xorb without chunks

_DATA = bytes.fromhex("6697f5775b9550de3135cbaca597181c9de421109beb2b58b4d0b04b93adf229")
_NODE = bytes.fromhex("017ec5c7a5472996fd946666b48a02e65ddd536f37c76dd2f86352e64a53713f")
_RANGE = bytes.fromhex("7f1857d6ce56ed66127ff913e7a5c3f3a4cd26d5b5db49e64124987f28fb94c3")
_TEXT = re.compile(r"[0-9a-f]{64}", re.ASCII)
_BRANCHING = 4
_FEWEST = 3
_MOST = 2 * _BRANCHING + 1


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a file, by content: its hash and its length in bytes."""

    hash: XetHash
    length: int


def xet_text(xet_hash: XetHash) -> str:
    """How a hash is written in addresses and hashed lines: 64 lowercase digits, groups reversed."""
    return b"".join(xet_hash[i : i + 8][::-1] for i in range(0, HASH_SIZE, 8)).hex()


def parse_xet_hash(text: str) -> XetHash:
    """Read a hash in the only spelling `xet_text` writes. Raises Malformed."""
    if not _TEXT.fullmatch(text):
        raise Malformed(f"xet hash: expected 64 lowercase hexadecimal digits, got {text[:80]!r}")
    stored = bytes.fromhex(text)
    return XetHash(b"".join(stored[i : i + 8][::-1] for i in range(0, HASH_SIZE, 8)))


def chunk_of(content: bytes) -> Chunk:
    """Name a chunk by its content."""
    return Chunk(XetHash(blake3(content, key=_DATA).digest()), len(content))


def xorb_hash(chunks: Iterable[Chunk]) -> XetHash:
    """The name of a xorb holding these chunks in this order."""
    tree = Tree()
    for chunk in chunks:
        tree.append(chunk)
    return tree.root()


def file_hash(chunks: Iterable[Chunk]) -> XetHash:
    """The name of a file made of these chunks in this order."""
    return file_hash_of_root(xorb_hash(chunks))


def file_hash_of_root(root: XetHash) -> XetHash:
    """The name of a file whose chunks have the root `root`; for a caller who kept a `Tree`."""
    if root == NOTHING:
        return NOTHING
    return XetHash(blake3(root, key=bytes(HASH_SIZE)).digest())


def range_hash(hashes: Iterable[XetHash]) -> XetHash:
    """What shows that a writer knows the chunks of a segment and not merely the xorb's name."""
    return XetHash(blake3(b"".join(hashes), key=_RANGE).digest())


@dataclass(slots=True)
class Tree:
    """The root over chunks that arrive one at a time, in memory that grows with the logarithm.

    Each level keeps its open group of siblings; a group that is cut becomes one node above.
    """

    _open: list[list[Chunk]] = field(default_factory=list)
    _lone: list[bool] = field(default_factory=list)

    def append(self, node: Chunk, level: int = 0) -> None:
        """Add the next node of a level; for callers, the next chunk."""
        if level == len(self._open):
            self._open.append([])
            self._lone.append(True)
        else:
            self._lone[level] = False
        siblings = self._open[level]
        siblings.append(node)
        if len(siblings) == _MOST or (len(siblings) >= _FEWEST and _cuts(node.hash)):
            self._open[level] = []
            self.append(_node(siblings), level + 1)

    def root(self) -> XetHash:
        """The root over what was appended, which ends the tree: the open groups are closed."""
        level = 0
        while level < len(self._open):
            siblings = self._open[level]
            # A level that only ever held one node is the top: that node is the root.
            if siblings and self._lone[level]:
                return siblings[0].hash
            if siblings:
                self._open[level] = []
                self.append(_node(siblings), level + 1)
            level += 1
        return NOTHING


def _cuts(xet_hash: XetHash) -> bool:
    return int.from_bytes(xet_hash[24:], "little") % _BRANCHING == 0


def _node(children: list[Chunk]) -> Chunk:
    lines = "".join(f"{xet_text(child.hash)} : {child.length}\n" for child in children)
    digest = blake3(lines.encode("ascii"), key=_NODE).digest()
    return Chunk(XetHash(digest), sum(child.length for child in children))
