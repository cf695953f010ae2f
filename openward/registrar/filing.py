"""Filing evidence: a signed statement and its log, kept whatever they are worth.

A statement enters the record with its digest, its log is kept as a blob, and the subject is decided
again. Evidence that cannot open anything is not turned away: it stays, with its findings.
"""

import hashlib
from dataclasses import dataclass

from sqlalchemy import Connection

from openward.errors import Conflict, Malformed
from openward.evidence.presentation import parse_evaluation_statement
from openward.registrar.office import Office
from openward.registrar.parties import Party, may_write
from openward.registrar.refusals import Ground, Refusal
from openward.registrar.releases import decide_subject, record_about
from openward.statements.dsse import Envelope
from openward.statements.entry import EvidenceFiled
from openward.statements.strict_json import parse_json
from openward.store import reads
from openward.store.blobs import StagedFile
from openward.store.holdings import revisions_of_subject
from openward.store.reads import DecisionRow
from openward.vocabulary import Sha256


@dataclass(frozen=True, slots=True)
class Filed:
    """Where the statement stands, and what is decided of its subject now."""

    statement: Sha256
    subject: Sha256
    decision: DecisionRow | None


def file_evidence(
    office: Office,
    party: Party,
    envelope: Envelope,
    log: StagedFile,
    samples: StagedFile | None = None,
) -> Filed | Refusal:
    """File a statement with its log; `log` and `samples` are staged and finished.

    Raises Malformed when the bytes are not the ones the statement names, Conflict when it was
    filed before.
    """
    statement, claim = parse_evaluation_statement(envelope.payload)
    if len(statement.subjects) != 1:
        raise Malformed("evidence: a statement speaks of exactly one set of weights")
    _same("log", claim.log.sha256, log.digest)
    if claim.log.samples is not None:
        _same("samples", claim.log.samples, samples.digest if samples else None)
    subject = statement.subjects[0].sha256
    raw = envelope.text()
    digest = Sha256(hashlib.sha256(raw).hexdigest())
    with office.database.writing() as connection:
        if not _may_file(connection, party, subject):
            return Refusal(
                Ground.FORBIDDEN,
                "Evidence is filed by accredited evaluators and by those who publish the weights.",
            )
        if any(row.statement == digest for row in reads.evidence_on(connection, subject)):
            raise Conflict(f"statement {digest} was filed before")
        for staged in (log, samples):
            if staged is not None:
                office.blobs.keep(staged)
        now = office.clock()
        body = EvidenceFiled(digest, parse_json(raw))
        record_about(office, connection, subject, "evidence", body, now)
        policy = reads.policy_in_force(connection, now)
        # Also where its repository is gone for now: it may come back, with its last decision.
        known = revisions_of_subject(connection, subject) or reads.decisions_on(connection, subject)
        decision = None
        if policy is not None and known:
            decision = decide_subject(office, connection, subject, policy, now)
    office.sequencer.publish()
    return Filed(digest, subject, decision)


def _may_file(connection: Connection, party: Party, subject: Sha256) -> bool:
    if not party.writes:
        return False
    if party.account.evaluator is not None:
        return True
    commits = revisions_of_subject(connection, subject)
    return any(may_write(party, repo.owner) for repo, _ in commits)


def _same(what: str, stated: Sha256, found: Sha256 | None) -> None:
    if stated != found:
        raise Malformed(
            f"evidence: the statement names the {what} {stated}, these bytes are {found}"
        )
