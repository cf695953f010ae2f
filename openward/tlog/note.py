"""Signed notes, as specified by https://c2sp.org/signed-note.

    text                        one or more lines, the last one terminated
                                an empty line; the last one in the note divides
    — name base64(id || sig)    an em dash; up to 16 such lines

    vkey = name "+" hex(id) "+" base64(0x01 || 32-byte Ed25519 key)
    id   = first 4 bytes of SHA-256(name || "\\n" || 0x01 || key)

Upheld: parse accepts exactly what `format_note` writes; signatures of unknown keys are kept
unread; one bad signature of a known key spoils the note, however many good ones stand beside it.
"""

import base64
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from openward.errors import Malformed, VerificationError
from openward.statements.keys import PublicKey, Signer, parse_ed25519

NOTE_LIMIT = 1 << 20
MOST_SIGNATURES = 16
ED25519 = 0x01  # signature type, c2sp.org/signed-note "Signature types"
_ID_SIZE = 4
_DASH = "— "
_NAME = re.compile(r"[^\s+\x00-\x1f\ud800-\udfff]{1,256}")
_FORBIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A name and the Ed25519 key that signs under it; ValueError where either cannot be one."""

    name: str
    key: PublicKey

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(
                f"{self.name!r} cannot name a key: empty, too long, or with space or +"
            )
        self.key.ed25519_bytes()

    @property
    def id(self) -> bytes:
        hashed = hashlib.sha256(self.name.encode() + b"\n" + self._typed()).digest()
        return hashed[:_ID_SIZE]

    def vkey(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(self._typed()).decode('ascii')}"

    def _typed(self) -> bytes:
        return bytes([ED25519]) + self.key.ed25519_bytes()


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A name and the signer of its key."""

    name: str
    signer: Signer

    @property
    def key(self) -> NoteKey:
        return NoteKey(self.name, self.signer.public)


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line, unverified."""

    name: str
    key_id: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class Note:
    """Unverified: the text means nothing before `verify_note`."""

    text: str
    signatures: tuple[NoteSignature, ...]


@dataclass(frozen=True, slots=True)
class VerifiedNote:
    """The text, and which of the known keys are proven to have signed it: at least one."""

    text: str
    signers: tuple[NoteKey, ...]


def parse_vkey(text: str) -> NoteKey:
    """Read an Ed25519 verifier key; the id written in it must be its own. Raises Malformed."""
    name, _, rest = text[:1024].partition("+")
    encoded = rest.partition("+")[2]
    if not _NAME.fullmatch(name):
        raise Malformed("vkey: expected name+hash8+base64")
    try:
        typed = base64.b64decode(encoded, validate=True)
    except ValueError as e:
        raise Malformed("vkey: the key is not base64") from e
    key = NoteKey(name, parse_ed25519(typed[1:]))
    if key.vkey() != text:
        raise Malformed("vkey: not of type 0x01 under its own id, in canonical base64")
    return key


def parse_note(raw: bytes) -> Note:
    """Read a note of at most 1 MiB and 16 signatures. Raises Malformed."""
    if len(raw) > NOTE_LIMIT:
        raise Malformed(f"note: {len(raw)} bytes, at most {NOTE_LIMIT} are read")
    try:
        decoded = raw.decode("utf-8")
    except UnicodeDecodeError as e:
        raise Malformed("note: not UTF-8") from e
    text, _, block = decoded.rpartition("\n\n")
    note = Note(text + "\n", tuple(map(_signature_line, block.split("\n")[:-1])))
    if format_note(note) != raw:
        raise Malformed("note: expected text, an empty line and signature lines, and nothing else")
    return note


def _signature_line(line: str) -> NoteSignature:
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError as e:
        raise Malformed("note: a signature is not base64") from e
    if not _NAME.fullmatch(name) or len(raw) <= _ID_SIZE:
        raise Malformed("note: expected a key's name and a signature after its id")
    return NoteSignature(name, raw[:_ID_SIZE], raw[_ID_SIZE:])


def format_note(note: Note) -> bytes:
    """The note as bytes. Raises Malformed where `parse_note` would not read them."""
    if not 1 <= len(note.signatures) <= MOST_SIGNATURES:
        raise Malformed(f"note: expected 1 to {MOST_SIGNATURES} signatures")
    lines = (
        f"{_DASH}{signed.name} {base64.b64encode(signed.key_id + signed.signature).decode('ascii')}"
        for signed in note.signatures
    )
    return _message(note.text) + b"\n" + "".join(f"{line}\n" for line in lines).encode("utf-8")


def _message(text: str) -> bytes:
    """The bytes that are signed."""
    if not text.endswith("\n") or _FORBIDDEN.search(text):
        raise Malformed("note: the text must end its last line and hold no control characters")
    return text.encode("utf-8")


def sign_note(text: str, signers: Iterable[NoteSigner]) -> bytes:
    """`text`, signed under 1 to 16 names. Raises Malformed where it cannot be that of a note."""
    message = _message(text)
    signatures = (
        NoteSignature(signer.name, signer.key.id, signer.signer.sign(message)) for signer in signers
    )
    return format_note(Note(text, tuple(signatures)))


def verify_note(note: Note, keys: Iterable[NoteKey]) -> VerifiedNote:
    """The text and those of `keys` that signed it.

    Raises VerificationError where none did, or where a signature under a known name and id fails.
    ValueError where two keys share name and id.
    """
    known: dict[tuple[str, bytes], NoteKey] = {}
    for key in keys:
        if known.setdefault((key.name, key.id), key) != key:
            raise ValueError(f"two keys are named {key.name}+{key.id.hex()}")
    message = _message(note.text)
    signers: dict[NoteKey, None] = {}
    for signed in note.signatures:
        if trusted := known.get((signed.name, signed.key_id)):
            trusted.key.verify(signed.signature, message)
            signers[trusted] = None
    if not signers:
        raise VerificationError("note: no known key signed it")
    return VerifiedNote(note.text, tuple(signers))
