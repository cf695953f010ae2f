"""Inclusion proofs that can be kept in a file, as specified by https://c2sp.org/tlog-proof.

    c2sp.org/tlog-proof@v1
    index 73894                                         which entry
    gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=        inclusion proof, leaf to root
    ...
                                                        an empty line, then the checkpoint:
    example.com/fancylog
    ...

The `extra` line, opaque to the format, is not written and not read here.
"""

import base64
import re
from dataclasses import dataclass

from openward.errors import Malformed
from openward.tlog.checkpoint import Checkpoint, verify_checkpoint
from openward.tlog.merkle import HASH_SIZE, leaf_hash, verify_inclusion
from openward.tlog.note import NOTE_LIMIT, NoteKey
from openward.tlog.tile import LARGEST_SIZE

MOST_HASHES = 63  # a tree of 2^63 - 1 entries is no deeper
_HEAD = "c2sp.org/tlog-proof@v1"
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Proof:
    """Unverified: an entry's index, the path to the root, and the signed checkpoint."""

    index: int
    path: tuple[bytes, ...]
    checkpoint: bytes

    def text(self) -> bytes:
        lines = [_HEAD, f"index {self.index}"]
        lines += [base64.b64encode(each).decode("ascii") for each in self.path]
        return "".join(f"{line}\n" for line in lines).encode("ascii") + b"\n" + self.checkpoint


def parse_proof(raw: bytes) -> Proof:
    """Read a proof in its only spelling. Raises Malformed."""
    if len(raw) > NOTE_LIMIT:
        raise Malformed(f"proof: {len(raw)} bytes, at most {NOTE_LIMIT} are read")
    head, separator, checkpoint = raw.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as e:
        raise Malformed("proof: not ASCII above the checkpoint") from e
    if not separator or lines[0] != _HEAD or len(lines) < 2:
        raise Malformed(f"proof: expected {_HEAD}, an index, hashes and a checkpoint")
    match = _INDEX.fullmatch(lines[1])
    if match is None or int(match[1]) > LARGEST_SIZE:
        raise Malformed("proof: the second line is not an index in canonical decimal")
    if len(lines) - 2 > MOST_HASHES:
        raise Malformed(f"proof: {len(lines) - 2} hashes, at most {MOST_HASHES}")
    return Proof(int(match[1]), tuple(map(_hash, lines[2:])), checkpoint)


def _hash(line: str) -> bytes:
    try:
        digest = base64.b64decode(line, validate=True)
    except ValueError as e:
        raise Malformed("proof: a hash is not base64") from e
    if len(digest) != HASH_SIZE or base64.b64encode(digest).decode("ascii") != line:
        raise Malformed("proof: a hash is not 32 bytes in canonical base64")
    return digest


def verify_proof(proof: Proof, entry: bytes, key: NoteKey) -> Checkpoint:
    """The checkpoint, proven to be signed by `key` and to cover `entry` at the proof's index.

    Raises Malformed or VerificationError.
    """
    checkpoint = verify_checkpoint(proof.checkpoint, key)
    verify_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.path, checkpoint.root)
    return checkpoint
