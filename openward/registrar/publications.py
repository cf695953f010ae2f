"""What a namespace publishes: the latest commit of a repository with its files and its card."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from openward.errors import Malformed
from openward.evidence.model_card import NO_CARD, Card, parse_card
from openward.registrar.office import Office
from openward.registrar.remembered import Remembered
from openward.store.blobs import Blobs
from openward.store.repositories import RepoRow
from openward.store.revisions import RevisionRow, TreeFile, tree_of
from openward.vocabulary import Sha256

CARD_PATH = "README.md"
_LONGEST_README = 2 << 20  # bytes; a longer one is served, but not read


@dataclass(frozen=True, slots=True)
class Release:
    """One repository's latest commit with the subject, its card and its files."""

    repo: RepoRow
    revision: RevisionRow
    files: tuple[TreeFile, ...]
    card: Card


def releases_of(
    office: Office, connection: Connection, commits: Sequence[tuple[RepoRow, RevisionRow]]
) -> tuple[Release, ...]:
    """The latest commit of each repository of the namespace that published first."""
    latest = {
        repo.id: (repo, revision) for repo, revision in commits if repo.owner == commits[0][0].owner
    }
    found = []
    for repo, revision in latest.values():
        files = tuple(tree_of(connection, revision.tree))
        found.append(Release(repo, revision, files, card_among(office, files)))
    return tuple(found)


def card_among(office: Office, files: Iterable[TreeFile]) -> Card:
    """The model card among these files; one that is no text, or cannot be read, is empty."""
    for file in files:
        if file.path == CARD_PATH and file.blob.recognition == "text":
            return card_of(office.blobs, file.blob.sha256, file.blob.size)
    return NO_CARD


_cards: Remembered[Card] = Remembered(4096)


def card_of(blobs: Blobs, sha256: Sha256, size: int) -> Card:
    """The card in a README, by content: the same bytes are read once. Raises Unavailable."""
    return _cards.get(sha256, lambda: _read_card(blobs, sha256, size))


def _read_card(blobs: Blobs, sha256: Sha256, size: int) -> Card:
    if size > _LONGEST_README:
        return Card({}, f"README.md is longer than {_LONGEST_README} bytes")
    try:
        return parse_card(b"".join(blobs.chunks(sha256, 0, size)))
    except Malformed as e:
        return Card({}, str(e))
