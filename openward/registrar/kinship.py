"""Which releases belong together: by shared bytes, a shared index, a declared family or base.

What a stranger does cannot lock out what was there before: other sets count as linked only where
they are of the namespace that published the subject first, or were published earlier. Private
repositories are not looked at, or a public case would speak of them.
"""

from collections.abc import Iterator
from datetime import datetime

from sqlalchemy import Connection

from openward.policy.case import Derivation, Link, Linked, LinkKind, Overlap, Parent
from openward.policy.decision import State
from openward.registrar.office import Office
from openward.registrar.publications import Release, releases_of
from openward.store import reads
from openward.store.contents import BlobRow, blobs_of_subject, subjects_holding
from openward.store.holdings import revisions_holding, revisions_of_subject, subjects_of_owner
from openward.store.reads import DecisionRow
from openward.store.repositories import find_repo
from openward.store.revisions import find_revision
from openward.vocabulary import Sha256, Tier

READABLE = ("safetensors", "gguf")
_RELATIONS = {
    "adapter": Derivation.ADAPTER,
    "quantized": Derivation.QUANTISATION,
    "finetune": Derivation.FINETUNE,
    "merge": Derivation.MERGE,
    "conversion": Derivation.CONVERSION,
}


def linked_subjects(
    office: Office,
    connection: Connection,
    subject: Sha256,
    blobs: list[BlobRow],
    releases: tuple[Release, ...],
    owner: int | None,
    first: datetime,
) -> dict[Sha256, Link]:
    """Every subject that counts with this one, and by what; followed as far as the links go."""
    found: dict[Sha256, Link] = {}
    waiting = [(blobs, releases)]
    while waiting:
        held, at = waiting.pop()
        for other, link in _neighbours(office, connection, held, at):
            if other == subject or other in found:
                continue
            commits = [
                (repo, revision)
                for repo, revision in revisions_of_subject(connection, other)
                if not repo.private
            ]
            if not any(repo.owner == owner or revision.at < first for repo, revision in commits):
                continue
            found[other] = link
            near = releases_of(office, connection, commits)
            waiting.append((blobs_of_subject(connection, other), near))
    return found


def _neighbours(
    office: Office, connection: Connection, blobs: list[BlobRow], releases: tuple[Release, ...]
) -> Iterator[tuple[Sha256, Link]]:
    holding = subjects_holding(connection, [blob.sha256 for blob in blobs])
    for blob, subjects in sorted(holding.items()):
        for other in sorted(subjects):
            yield Sha256(other), Link(LinkKind.SHARED_BLOB, blob)
    for release in releases:
        for file in release.files:
            if file.path.endswith(".index.json"):
                for _, other in revisions_holding(connection, file.blob.sha256):
                    yield other, Link(LinkKind.INDEX, file.blob.sha256)
        for parent in release.card.parents:
            base = _subject_named(connection, parent)
            if base is not None:
                yield base, Link(LinkKind.BASE, _shown(parent))
        if release.card.family is not None:
            yield from _family(office, connection, release)


def _family(
    office: Office, connection: Connection, release: Release
) -> Iterator[tuple[Sha256, Link]]:
    """The other releases of the namespace that declare the same family."""
    family = release.card.family or ""
    for other, _ in subjects_of_owner(connection, release.repo.owner):
        commits = revisions_of_subject(connection, other)
        own = [(repo, commit) for repo, commit in commits if repo.owner == release.repo.owner]
        near = releases_of(office, connection, own)
        if any(each.card.family == family and not each.repo.private for each in near):
            yield other, Link(LinkKind.FAMILY, _shown(family))


def _subject_named(connection: Connection, name: str) -> Sha256 | None:
    """The subject of a public repository's main branch."""
    repo = find_repo(connection, "model", name)
    if repo is None or repo.private:
        return None
    head = find_revision(connection, repo.id, "main")
    return None if head is None else head.subject


def total_of(connection: Connection, blobs: list[BlobRow], others: dict[Sha256, Link]) -> Linked:
    every = {blob.sha256: blob for blob in blobs}
    for other in others:
        every |= {blob.sha256: blob for blob in blobs_of_subject(connection, other)}
    return Linked(
        size=sum(blob.size for blob in every.values()),
        unreadable=sum(blob.size for blob in every.values() if blob.format not in READABLE),
        by=tuple({(link.kind, link.to): link for link in others.values()}.values()),
    )


def overlaps_of(
    connection: Connection, blobs: list[BlobRow], others: dict[Sha256, Link]
) -> Iterator[Overlap]:
    holding = subjects_holding(connection, [blob.sha256 for blob in blobs])
    sharing = {Sha256(other) for subjects in holding.values() for other in subjects}
    for other in sorted(sharing & others.keys()):
        size = sum(blob.size for blob in blobs_of_subject(connection, other))
        yield Overlap(other, size, _tier(connection, other))


def parents_of(
    connection: Connection, subject: Sha256, releases: tuple[Release, ...]
) -> Iterator[Parent]:
    seen: set[tuple[str, Derivation]] = set()
    for release in releases:
        kind = _RELATIONS.get(release.card.relation or "", Derivation.UNKNOWN)
        for name in release.card.parents:
            shown = _shown(name)
            base = _subject_named(connection, name)
            if base == subject or (shown, kind) in seen:
                continue
            seen.add((shown, kind))
            if base is None:
                yield Parent(shown, kind, None, None)
            else:
                size = sum(blob.size for blob in blobs_of_subject(connection, base))
                yield Parent(shown, kind, _tier(connection, base), size)


def _tier(connection: Connection, subject: Sha256) -> Tier | None:
    """The tier of the last decision, shown or not: the cautious reading for those near it.

    What was measured above Tier 1 is not harmless once that measurement has lapsed.
    """
    rows = reads.decisions_on(connection, subject)
    if rows and rows[-1].tier:
        return Tier(rows[-1].tier)
    measured = [row.tier for row in rows if row.state == State.ASSESSED.value]
    return Tier(measured[-1]) if measured and measured[-1] > Tier.UNRESTRICTED else None


def _shown(name: str) -> str:
    """A declared name as a case may hold it: no U+0000, not empty, not long."""
    return name.replace("\0", "?")[:200] or "?"


def last_decision(connection: Connection, subject: Sha256) -> DecisionRow | None:
    """The last decision on a subject, shown or not."""
    rows = reads.decisions_on(connection, subject)
    return rows[-1] if rows else None
