"""Merkle trees of RFC 6962 section 2.1: roots, proofs, and what proofs prove.

    level 2            (2,0)                 leaf hash = SHA-256(0x00 || entry)
    level 1      (1,0)       (1,1)           node hash = SHA-256(0x01 || left || right)
    level 0   (0,0) (0,1) (0,2) (0,3)  ...   root of no entries = SHA-256("")

A stored hash is named (level, index): the root of the 2**level entries from index * 2**level.
Proofs are made from O(log n) such hashes, asked of a `HashReader`, and checked from nothing but
what the checker holds.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TypeAlias

from openward.errors import VerificationError

HashReader: TypeAlias = Callable[[int, int], bytes]
"""(level, index) -> 32 bytes; only subtrees that are full are asked for."""

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def fold(hashes: Sequence[bytes]) -> bytes:
    """The root over one or more subtrees of equal size, of which the last may be smaller.

    Pairing neighbours and carrying an odd one up gives the tree of RFC 6962, whose left half is
    always the largest power of two.
    """
    level = list(hashes)
    while len(level) > 1:
        paired = [node_hash(a, b) for a, b in zip(level[::2], level[1::2], strict=False)]
        level = paired + level[len(level) & ~1 :]
    return level[0]


def tree_root(size: int, reader: HashReader) -> bytes:
    """The root of the first `size` entries."""
    return _root(0, size, reader) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, reader: HashReader) -> tuple[bytes, ...]:
    """PATH of RFC 6962 section 2.1.1. ValueError unless 0 <= index < size."""
    if not 0 <= index < size:
        raise ValueError(f"entry {index} is not in a tree of {size}")
    return tuple(_path(index, 0, size, reader))


def consistency_proof(old: int, new: int, reader: HashReader) -> tuple[bytes, ...]:
    """PROOF of RFC 6962 section 2.1.2; empty from 0 or to itself. ValueError unless old <= new."""
    if not 0 <= old <= new:
        raise ValueError(f"a tree of {old} does not grow to {new}")
    return tuple(_subproof(old, 0, new, reader)) if old else ()


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """The entry of hash `leaf` is entry `index` under `root` (RFC 9162 section 2.1.3.2).

    Raises VerificationError.
    """
    if not 0 <= index < size:
        raise VerificationError(f"inclusion: entry {index} is not in a tree of {size}")
    _refuse_other_lengths(leaf, *proof)
    at, last, hashed = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            raise VerificationError("inclusion: the proof is too long")
        if at & 1 or at == last:
            hashed = node_hash(sibling, hashed)
            while not at & 1 and at:  # up the right edge, past levels without a sibling
                at, last = at >> 1, last >> 1
        else:
            hashed = node_hash(hashed, sibling)
        at, last = at >> 1, last >> 1
    if last or hashed != root:
        raise VerificationError(f"inclusion: the proof does not lead to the root of {size}")


def verify_consistency(
    old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """The tree of `new` entries only adds to that of `old` (RFC 9162 section 2.1.4.2).

    Raises VerificationError. From 0 the roots are compared with nothing but the empty root.
    """
    if not 0 <= old <= new:
        raise VerificationError(f"consistency: a tree of {old} does not grow to {new}")
    _refuse_other_lengths(old_root, *proof)
    if old in (0, new):
        expected = new_root if old else EMPTY_ROOT
        if proof or old_root != expected:
            raise VerificationError(f"consistency: the root of {old} is another, or proof is left")
        return
    _verify_growth(old, old_root, new, new_root, proof)


def _refuse_other_lengths(*hashes: bytes) -> None:
    # A node hash does not say where its left half ends: one byte could be moved to the right.
    if any(len(each) != HASH_SIZE for each in hashes):
        raise VerificationError(f"a hash takes {HASH_SIZE} bytes")


def _verify_growth(
    old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    path = list(proof) if old & (old - 1) else [old_root, *proof]
    if not path:
        raise VerificationError("consistency: the proof is empty")
    at, last = old - 1, new - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    was = now = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise VerificationError("consistency: the proof is too long")
        if at & 1 or at == last:
            was, now = node_hash(sibling, was), node_hash(sibling, now)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            now = node_hash(now, sibling)
        at, last = at >> 1, last >> 1
    if last or (was, now) != (old_root, new_root):
        raise VerificationError(f"consistency: the proof does not join {old} to {new}")


def _root(low: int, high: int, reader: HashReader) -> bytes:
    """MTH of entries low to high; `low` is a multiple of the largest power of two in the range."""
    width = high - low
    if width & (width - 1) == 0:
        level = width.bit_length() - 1
        return reader(level, low >> level)
    middle = low + _split(width)
    return node_hash(_root(low, middle, reader), _root(middle, high, reader))


def _path(index: int, low: int, high: int, reader: HashReader) -> Iterator[bytes]:
    if high - low == 1:
        return
    middle = low + _split(high - low)
    if index < middle:
        yield from _path(index, low, middle, reader)
        yield _root(middle, high, reader)
    else:
        yield from _path(index, middle, high, reader)
        yield _root(low, middle, reader)


def _subproof(old: int, low: int, high: int, reader: HashReader) -> Iterator[bytes]:
    """SUBPROOF: `old` lies in (low, high]; the old root itself is left to the checker."""
    if old == high:
        if low:
            yield _root(low, high, reader)
        return
    middle = low + _split(high - low)
    if old <= middle:
        yield from _subproof(old, low, middle, reader)
        yield _root(middle, high, reader)
    else:
        yield from _subproof(old, middle, high, reader)
        yield _root(low, middle, reader)


def _split(width: int) -> int:
    """The largest power of two smaller than `width`, for `width` > 1."""
    return 1 << (width - 1).bit_length() - 1
