"""The evidence behind a decision: every statement on the record, its log, its scores recomputed."""

import hashlib
import io
from collections.abc import Sequence
from datetime import datetime

from openward.client.hub import API, HubReader, Tell
from openward.client.openings import verify_shown
from openward.client.record import Record
from openward.council.in_force import AdoptedPolicy, decide_in_force
from openward.errors import VerificationError
from openward.evidence.presentation import FiledLog, parse_evaluation_statement, present
from openward.policy.case import Case
from openward.policy.gathering import appraise_facts
from openward.statements.dsse import Envelope, parse_envelope
from openward.statements.entry import Entry, EvidenceFiled
from openward.statements.strict_json import canonical_json
from openward.vocabulary import Sha256

LOG_LIMIT = 1 << 30  # bytes


def verify_digest(raw: bytes, digest: Sha256, what: str) -> None:
    """The bytes have that SHA-256. Raises VerificationError naming what they are."""
    found = hashlib.sha256(raw).hexdigest()
    if found != digest:
        raise VerificationError(f"{what} {digest}: the bytes served have SHA-256 {found}")


def verify_evidence(
    hub: HubReader,
    record: Record,
    index: int,
    adopted: AdoptedPolicy,
    case: Case,
    repo: str,
    tell: Tell,
) -> None:
    """The facts of the case are what the logged statements and their logs give."""
    register = decide_in_force(record.entries[:index]).register
    filed = _filed(record.entries[:index], case.subject.digest)
    presented = []
    for done, (statement, (envelope, at)) in enumerate(sorted(filed.items())):
        tell("evidence", done, len(filed))
        _, claim = parse_evaluation_statement(envelope.payload)
        raw = hub.read(f"{API}/logs/{claim.log.sha256}", limit=LOG_LIMIT)
        verify_digest(raw, claim.log.sha256, f"evaluation log of {claim.task}")
        samples = None
        if claim.log.samples is not None:
            beside = hub.read(f"{API}/logs/{claim.log.samples}", limit=LOG_LIMIT)
            verify_digest(beside, claim.log.samples, f"samples of {claim.task}")
            samples = io.BytesIO(beside)
        log = FiledLog(io.BytesIO(raw), samples)
        ring = register.key_ring()
        presented.append((statement, present(envelope, ring, at, log, adopted.policy.alpha)))
    tell("evidence", len(filed), len(filed))
    namespaces = (repo.partition("/")[0],)
    at = record.entries[index].at
    subject = case.subject.digest
    facts = appraise_facts(adopted.policy, subject, namespaces, register, presented, at)
    recomputed = {(f.domain, f.evaluation, f.statement): f for f in facts}
    for fact in case.evidence:
        again = recomputed.pop((fact.domain, fact.evaluation, fact.statement), None)
        if again != fact:
            raise VerificationError(
                f"evidence on {fact.domain.value}: the case says {fact}, its log says {again}"
            )
    if recomputed:
        left = next(iter(recomputed.values()))
        raise VerificationError(f"evidence on {left.domain.value} was left out of the case")


def _filed(entries: Sequence[Entry], subject: Sha256) -> dict[Sha256, tuple[Envelope, datetime]]:
    """The statements on the weights, with the time at which each was filed."""
    found: dict[Sha256, tuple[Envelope, datetime]] = {}
    for shown in verify_shown(entries):
        if not isinstance(shown.body, EvidenceFiled):
            continue
        raw = canonical_json(shown.body.envelope)
        verify_digest(raw, shown.body.statement, f"entry {shown.made}: statement")
        envelope = parse_envelope(raw)
        statement, _ = parse_evaluation_statement(envelope.payload)
        if any(each.sha256 == subject for each in statement.subjects):
            found[shown.body.statement] = (envelope, entries[shown.made].at)
    return found
