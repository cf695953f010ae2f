"""Gathering a case: every fact the decision looks at, from what this hub holds."""

import io
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import Connection

from openward.evidence.accreditation import Register, parse_accreditation
from openward.evidence.appraisal import Presented
from openward.evidence.presentation import FiledLog, present
from openward.policy.case import Case, CaseFile, Reading
from openward.policy.decision import State
from openward.policy.document import Policy
from openward.policy.gathering import appraise_facts
from openward.registrar.kinship import (
    READABLE,
    last_decision,
    linked_subjects,
    overlaps_of,
    parents_of,
    total_of,
)
from openward.registrar.office import Office
from openward.registrar.publications import Release, releases_of
from openward.statements.dsse import parse_envelope
from openward.statements.intoto import parse_statement
from openward.store import reads
from openward.store.blobs import read_blob
from openward.store.contents import BlobRow, blobs_of_subject
from openward.store.holdings import revisions_of_subject, subjects_of_owner
from openward.store.reads import EvidenceRow
from openward.store.repositories import RepoRow
from openward.store.revisions import RevisionRow
from openward.vocabulary import Sha256, WeightFile


def gather_case(
    office: Office, connection: Connection, subject: Sha256, policy: Policy, now: datetime
) -> Case:
    """The case of a subject under a policy, as this hub knows it at `now`."""
    blobs = blobs_of_subject(connection, subject)
    commits = _commits_that_count(connection, subject)
    releases = releases_of(office, connection, commits)
    owner = commits[0][0].owner if commits else None
    first = commits[0][1].at if commits else now
    others = linked_subjects(office, connection, subject, blobs, releases, owner, first)
    return Case(
        files=tuple(_case_file(blob, releases) for blob in blobs),
        linked=total_of(connection, blobs, others),
        opened_at=first,
        evidence=appraise_facts(
            policy,
            subject,
            sorted({repo.namespace for repo, _ in commits if repo.owner == owner}),
            read_register(connection),
            list(_presented(office, connection, subject, policy.alpha)),
            now,
        ),
        parents=tuple(parents_of(connection, subject, releases)),
        overlaps=tuple(overlaps_of(connection, blobs, others)),
        declared_domains=_declared(policy, releases),
        namespace_recent_presumed=_recent_presumed(connection, policy, subject, owner, now),
    )


def _commits_that_count(
    connection: Connection, subject: Sha256
) -> list[tuple[RepoRow, RevisionRow]]:
    """The public commits of the subject, oldest first; the private ones where there are no others.

    A public case must not speak of a private repository, nor rest on what that declares.
    """
    commits = revisions_of_subject(connection, subject)
    return [(repo, commit) for repo, commit in commits if not repo.private] or commits


def read_register(connection: Connection) -> Register:
    """Every accreditation on the record."""
    register = Register()
    for raw in reads.accreditation_envelopes(connection):
        statement = parse_statement(parse_envelope(raw).payload)
        register = register.admit(parse_accreditation(statement.predicate))
    return register


def _case_file(blob: BlobRow, releases: tuple[Release, ...]) -> CaseFile:
    reading = Reading.READABLE if blob.format in READABLE else Reading.UNREADABLE
    configured = any(
        file.path.rpartition("/")[2] == "adapter_config.json"
        for release in releases
        for file in release.files
    )
    return CaseFile(WeightFile(blob.sha256, blob.size), reading, blob.adapter or configured)


def _presented(
    office: Office, connection: Connection, subject: Sha256, alpha: float
) -> Iterator[tuple[Sha256, Presented]]:
    ring = read_register(connection).key_ring()
    for row in reads.evidence_on(connection, subject):
        log = _filed_log(office, row)
        yield row.statement, present(parse_envelope(row.envelope), ring, row.at, log, alpha)


def _filed_log(office: Office, row: EvidenceRow) -> FiledLog:
    limit = office.config.limits.evaluation_log_bytes
    raw = read_blob(office.blobs, row.log, limit)
    samples = None if row.samples is None else read_blob(office.blobs, row.samples, limit)
    return FiledLog(io.BytesIO(raw), samples=None if samples is None else io.BytesIO(samples))


def _declared(policy: Policy, releases: tuple[Release, ...]) -> tuple[str, ...]:
    written = {tag.casefold() for release in releases for tag in release.card.domains}
    return tuple(sorted(written & set(policy.proportionality.listed_domains)))


def _recent_presumed(
    connection: Connection, policy: Policy, subject: Sha256, owner: int | None, now: datetime
) -> int:
    """Releases with weights that the namespace published under the clause, this one included."""
    if owner is None:
        return 0
    since = now - timedelta(days=policy.proportionality.review_days)
    count = 1
    for other, first in subjects_of_owner(connection, owner):
        last = last_decision(connection, other)
        presumed = last is not None and last.state == State.PRESUMED.value
        if other != subject and first >= since and presumed:
            count += bool(blobs_of_subject(connection, other))
    return count
