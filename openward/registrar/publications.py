"""What a namespace publishes: the latest commit of a repository with its files and its card."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection

from openward.errors import Malformed, Unavailable
from openward.evidence.model_card import ModelCard, parse_model_card
from openward.registrar.office import Office
from openward.store.blobs import read_blob
from openward.store.repositories import RepoRow, RevisionRow, TreeFile, tree_of

CARD = "README.md"
CARD_SIZE = 4 << 20  # bytes


@dataclass(frozen=True, slots=True)
class Release:
    """One repository's latest commit with the subject, its card and its files."""

    repo: RepoRow
    revision: RevisionRow
    files: tuple[TreeFile, ...]
    card: ModelCard


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
        found.append(Release(repo, revision, files, read_card(office, files)))
    return tuple(found)


def read_card(office: Office, files: Iterable[TreeFile]) -> ModelCard:
    """The model card among these files; one that cannot be read declares nothing."""
    for file in files:
        if file.path == CARD and file.blob.recognition == "text":
            with suppress(Malformed, Unavailable):
                raw = read_blob(office.blobs, file.blob.sha256, CARD_SIZE)
                return parse_model_card(raw.decode("utf-8", "replace"))
    return ModelCard()
