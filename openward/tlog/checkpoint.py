"""Checkpoints of the transparency log, as specified by https://c2sp.org/tlog-checkpoint.

    openward.example/log        origin: which log this is, and the name of the key that signs
    20852163                    how many entries it holds
    CsUYapGGPo4dkMgIAUqom...=   root hash (RFC 6962), base64
    (further lines)             extensions, kept as they are

    — openward.example/log ...  signed as a note

The text is signed, so two readings of the same bytes must never differ: `parse_checkpoint`
accepts exactly what `Checkpoint.text` writes, and nothing else.
"""

import base64
import re
from dataclasses import dataclass

from openward.errors import Malformed, VerificationError
from openward.tlog.merkle import EMPTY_ROOT, HASH_SIZE
from openward.tlog.note import NoteKey, NoteSigner, parse_note, sign_note, verify_note
from openward.tlog.tile import LARGEST_SIZE

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log: `root` is the 32-byte root over its first `size` entries."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def text(self) -> str:
        root = base64.b64encode(self.root).decode("ascii")
        lines = (self.origin, str(self.size), root, *self.extensions)
        return "".join(f"{line}\n" for line in lines)


def parse_checkpoint(text: str) -> Checkpoint:
    """Read the text of a checkpoint. Raises Malformed."""
    lines = text.split("\n")[:-1]
    if len(lines) < 3 or not all(lines):
        raise Malformed("checkpoint: expected three or more non-empty, terminated lines")
    origin, size, root, *extensions = lines
    # int() would take "1_0", " 5", "+5" and digits of other scripts.
    if not _SIZE.fullmatch(size) or int(size) > LARGEST_SIZE:
        raise Malformed(f"checkpoint: size {size[:20]!r} is not a canonical decimal below 2^63")
    try:
        digest = base64.b64decode(root, validate=True)
    except ValueError as e:
        raise Malformed("checkpoint: root hash is not base64") from e
    checkpoint = Checkpoint(origin, int(size), digest, tuple(extensions))
    if len(digest) != HASH_SIZE or checkpoint.text() != text:
        raise Malformed("checkpoint: root hash is not 32 bytes in canonical base64")
    if checkpoint.size == 0 and digest != EMPTY_ROOT:
        raise Malformed("checkpoint: an empty log has another root")
    return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, signer: NoteSigner) -> bytes:
    """The signed checkpoint. ValueError where the signer's name is not the origin.

    Whoever calls this answers for consistency with every checkpoint signed before. Raises
    Malformed for a checkpoint that nobody could read.
    """
    if signer.name != checkpoint.origin:
        raise ValueError(f"{signer.name} does not sign for {checkpoint.origin}")
    parse_checkpoint(checkpoint.text())
    return sign_note(checkpoint.text(), [signer])


def verify_checkpoint(raw: bytes, key: NoteKey) -> Checkpoint:
    """The checkpoint in a signed note, proven to be by `key` and of the log of that name.

    Raises Malformed or VerificationError.
    """
    checkpoint = parse_checkpoint(verify_note(parse_note(raw), [key]).text)
    if checkpoint.origin != key.name:
        raise VerificationError(f"checkpoint of {checkpoint.origin[:80]!r}, signed by {key.name}")
    return checkpoint
