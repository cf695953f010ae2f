"""Which files are known not to be weights.

    every file starts as part of the subject ................. what a tier is decided for
    text, not an encoded payload, at most 16 MiB ............. companion
    a picture, whole, at most 8 MiB .......................... companion
    companions over 64 MiB together .......................... none is

A file is recognised by its content alone: no name is looked at, so none can mislead. Recognition
is positive; what is not understood is a weight. It is not proof that nothing is hidden (any prose
can carry bits), it bounds how much can be: the allowance is the most that a commit can carry
past a tier's decision.

Upheld: how the bytes were cut into pieces, and in which order files come, change nothing; more
files never take a file out of the subject.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

import numpy as np

from openward.errors import Malformed
from openward.vocabulary import Subject, WeightFile, subject_of
from openward.weights.images import MAGICS, parse_picture

TEXT_LIMIT = 16 * 1024 * 1024
PICTURE_LIMIT = 8 * 1024 * 1024
ALLOWANCE = 64 * 1024 * 1024

# Below these sizes a payload of that kind is small against the allowance.
ENCODED_FROM = 64 * 1024
NUMBERS_FROM = 1024 * 1024
RUN = 64
# Base85 comes near log2(85) = 6.4 bits a byte, prose and code stay below 5.9.
MOST_BITS = 6.1

_PICTURE_MAGICS = tuple(magic for _, magic in MAGICS)
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_ENCODED = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=_-"
_NUMBERS = b"0123456789+-.,;:eE[]() \t\r\n"


class Kind(Enum):
    """What a file was recognised as."""

    TEXT = "text"
    PICTURE = "picture"
    UNRECOGNISED = "unrecognised"


@dataclass(frozen=True, slots=True)
class Recognition:
    """The kind, and in words what it was told by."""

    kind: Kind
    found: str


@dataclass(frozen=True, slots=True)
class Partition:
    """A commit's files by content: those a tier is decided for, and those that go along."""

    subject: Subject
    companions: tuple[WeightFile, ...]


class Recogniser:
    """Recognises a file from its pieces, in the pass that hashes it.

    Holds at most `TEXT_LIMIT` bytes, and none once the file can no longer be recognised; a file
    of weights is given up at its first piece that holds a control character.
    """

    def __init__(self) -> None:
        self._held = bytearray()
        self._given_up: Recognition | None = None

    def feed(self, piece: bytes | memoryview) -> None:
        """Take the next bytes of the file."""
        if self._given_up:
            return
        if len(self._held) + len(piece) > TEXT_LIMIT:
            self._give_up(f"over {TEXT_LIMIT} bytes")
            return
        self._held += piece
        if _CONTROL.search(piece) and not self._may_be_picture():
            self._give_up("control characters")

    def verdict(self) -> Recognition:
        """What the bytes fed so far are, taken as the whole file."""
        return self._given_up or recognise(bytes(self._held))

    def _may_be_picture(self) -> bool:
        head = bytes(self._held[: max(map(len, _PICTURE_MAGICS))])
        return any(head.startswith(m) or m.startswith(head) for m in _PICTURE_MAGICS)

    def _give_up(self, found: str) -> None:
        self._held = bytearray()
        self._given_up = Recognition(Kind.UNRECOGNISED, found)


def recognise(raw: bytes) -> Recognition:
    """What a whole file is."""
    if raw.startswith(_PICTURE_MAGICS):
        return _recognise_picture(raw)
    if why := _not_text(raw):
        return Recognition(Kind.UNRECOGNISED, why)
    return Recognition(Kind.TEXT, "UTF-8 text")


def partition(files: Iterable[tuple[WeightFile, Recognition]]) -> Partition:
    """Part a commit's files into the subject and its companions."""
    seen = tuple(files)
    subject = {file for file, recognition in seen if recognition.kind is Kind.UNRECOGNISED}
    recognised = {file for file, recognition in seen if recognition.kind is not Kind.UNRECOGNISED}
    if sum(file.size for file in recognised) > ALLOWANCE:
        return Partition(subject_of(subject | recognised), ())
    return Partition(subject_of(subject), tuple(sorted(recognised - subject)))


def _recognise_picture(raw: bytes) -> Recognition:
    if len(raw) > PICTURE_LIMIT:
        return Recognition(Kind.UNRECOGNISED, f"picture over {PICTURE_LIMIT} bytes")
    try:
        picture = parse_picture(raw)
    except Malformed as e:
        return Recognition(Kind.UNRECOGNISED, str(e))
    return Recognition(Kind.PICTURE, picture.value)


def _not_text(raw: bytes) -> str:
    """Why `raw` is not text that people write; empty where it is."""
    if len(raw) > TEXT_LIMIT:
        return f"over {TEXT_LIMIT} bytes"
    if _CONTROL.search(raw):
        return "control characters"
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as e:
        return f"not UTF-8 at byte {e.start}"
    if len(raw) > ENCODED_FROM and _dominates(_ENCODED, raw):
        return "mostly long runs of base64 or hexadecimal"
    if len(raw) > ENCODED_FROM and _bits(raw) > MOST_BITS:
        return "characters as evenly spread as an encoding's"
    if len(raw) > NUMBERS_FROM and _dominates(_NUMBERS, raw):
        return "mostly numbers"
    return ""


def _dominates(alphabet: bytes, raw: bytes) -> bool:
    """Whether runs of `RUN` or more characters of `alphabet` make up over half of the bytes."""
    belongs = np.zeros(256, np.bool_)
    belongs[np.frombuffer(alphabet, np.uint8)] = True
    inside = belongs[np.frombuffer(raw, np.uint8)]
    edges = np.flatnonzero(np.diff(inside, prepend=False, append=False))
    lengths = edges[1::2] - edges[::2]
    return 2 * int(lengths[lengths >= RUN].sum()) > len(raw)


def _bits(raw: bytes) -> float:
    """Shannon entropy of the ASCII characters, in bits each."""
    # Letters of other scripts are spread over bytes by UTF-8 and say nothing here.
    counts = np.bincount(np.frombuffer(raw, np.uint8), minlength=256)[:128]
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())
