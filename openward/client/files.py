"""The files behind a decision: every one that can be had is hashed, and recognised again."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote

from openward.client.hub import HubReader, Tell
from openward.errors import Unavailable, VerificationError
from openward.policy.case import Case
from openward.statements.strict_json import Fields
from openward.vocabulary import Sha256
from openward.weights.recognition import Kind, Recogniser


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as the hub lists it; nothing of it is believed before its bytes are hashed."""

    path: str
    sha256: Sha256
    size: int
    weights: bool


@dataclass(frozen=True, slots=True)
class Hashed:
    """How many files were hashed, and which were not, and why."""

    files: int
    not_checked: tuple[str, ...]


def parse_listed(claimed: Fields) -> tuple[Listed, ...]:
    """The files as the hub lists them. Raises Malformed."""
    return tuple(
        Listed(f.text("path"), f.sha256("sha256"), f.integer("size", minimum=0), f.flag("weights"))
        for f in claimed.listing("files")
    )


def verify_files(
    hub: HubReader,
    repo: str,
    revision: str,
    listed: Sequence[Listed],
    case: Case,
    weights: bool,
    tell: Tell,
) -> Hashed:
    """Hash every file that can be had. Raises VerificationError naming the one that differs."""
    subject = {(file.sha256, file.size) for file in case.subject.files}
    named = {(file.sha256, file.size) for file in listed if file.weights}
    if named != subject:
        raise VerificationError("files: those listed as weights are not those decided on")
    hashed, left = 0, []
    for file in listed:
        if file.weights and not weights:
            left.append(f"{file.path}: its bytes, as asked")
            continue
        try:
            _hash_file(hub, f"/{repo}/resolve/{revision}/{quote(file.path)}", file, tell)
        except Unavailable as e:
            left.append(f"{file.path}: {e}"[:300])
            continue
        hashed += 1
    return Hashed(hashed, tuple(left))


def _hash_file(hub: HubReader, path: str, file: Listed, tell: Tell) -> None:
    digest, size, recogniser = hashlib.sha256(), 0, Recogniser()
    with hub.stream(path, signed=True) as pieces:
        for piece in pieces:
            digest.update(piece)
            recogniser.feed(piece)
            size += len(piece)
            tell(file.path, size, file.size)
    if digest.hexdigest() != file.sha256 or size != file.size:
        raise VerificationError(
            f"{file.path}: {size} bytes with SHA-256 {digest.hexdigest()}, "
            f"decided on were {file.size} with {file.sha256}"
        )
    if not file.weights and recogniser.verdict().kind is Kind.UNRECOGNISED:
        raise VerificationError(f"{file.path}: not recognised as no weights, and not decided on")
