"""The words everyone shares. No behaviour beyond ordering, parsing and naming by digest."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, IntEnum
from typing import NewType

from openward.errors import Malformed

Sha256 = NewType("Sha256", str)
"""64 lowercase hexadecimal digits: the SHA-256 of some bytes."""

PartyId = NewType("PartyId", str)
"""The name under which an evaluator, publisher or seat is known in the record."""

_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PARTY = re.compile(r"[a-z0-9][a-z0-9._-]{0,95}", re.ASCII)


class Tier(IntEnum):
    """How far a release travels (C-002). Greater is more closed, so `max` is cautious."""

    UNRESTRICTED = 1
    GATED = 2
    RESTRICTED = 3
    CLOSED = 4


class RiskDomain(Enum):
    """The domains of the EU Code of Practice, appendix 1.4, with CBRN and autonomy spelt out."""

    CHEMICAL = "chemical"
    BIOLOGICAL = "biological"
    RADIOLOGICAL = "radiological"
    NUCLEAR = "nuclear"
    CYBER = "cyber"
    AUTONOMY = "autonomy"
    LOSS_OF_CONTROL = "loss-of-control"
    MANIPULATION = "manipulation"


@dataclass(frozen=True, slots=True)
class Rule:
    """One sentence the house acts on, and where that sentence comes from."""

    id: str
    says: str
    cites: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why: the rule applied, and the facts it was applied to."""

    rule: Rule
    found: str


@dataclass(frozen=True, slots=True, order=True)
class WeightFile:
    """One file of a subject, by content: its SHA-256 and its size in bytes."""

    sha256: Sha256
    size: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What a tier is decided for: the set of files not recognised as non-weight, without paths.

    Two commits with the same weights have the same subject, whatever their README says and
    whatever the files are called.
    """

    files: tuple[WeightFile, ...]

    def text(self) -> str:
        """The canonical text: a header, then one `sha256 size` line a file, sorted."""
        lines = (f"{file.sha256} {file.size}\n" for file in self.files)
        return "openward-subject/v1\n" + "".join(lines)

    @property
    def digest(self) -> Sha256:
        """SHA-256 of `text()`; a stranger can recompute it with sort and sha256sum."""
        return Sha256(hashlib.sha256(self.text().encode("ascii")).hexdigest())

    @property
    def size(self) -> int:
        """Bytes, each distinct file counted once."""
        return sum(file.size for file in self.files)


def subject_of(files: Iterable[WeightFile]) -> Subject:
    """The subject of a set of files, in canonical order and without repetition."""
    return Subject(tuple(sorted(set(files))))


def parse_sha256(text: str) -> Sha256:
    """Read a SHA-256 in its only spelling. Raises Malformed."""
    if not _SHA256.fullmatch(text):
        raise Malformed(f"expected a SHA-256 as 64 lowercase hexadecimal digits, got {text[:80]!r}")
    return Sha256(text)


def parse_party(text: str) -> PartyId:
    """Read a party's name: lowercase letters, digits, dot, dash, underscore. Raises Malformed."""
    if not _PARTY.fullmatch(text):
        raise Malformed(f"expected a name of [a-z0-9._-], at most 96 characters, got {text[:80]!r}")
    return PartyId(text)
