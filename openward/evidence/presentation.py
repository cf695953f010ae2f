"""From an envelope and a log to what can be appraised: who signed, what was said, what was read.

A log that cannot be read is presented with that as its finding: it was filed, it stays on the
record, and it opens nothing.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import BinaryIO

from openward.errors import Malformed, VerificationError
from openward.evidence.appraisal import Presented
from openward.evidence.capability_evaluation import (
    PREDICATE_TYPE,
    CapabilityEvaluation,
    parse_capability_evaluation,
)
from openward.evidence.lm_eval import SamplesFile
from openward.evidence.measurement import EvaluationLog, Finding, FindingCode, LogState
from openward.evidence.reading import read_log
from openward.statements.dsse import Envelope, verify_envelope
from openward.statements.intoto import PAYLOAD_TYPE, Statement, parse_statement
from openward.statements.keys import KeyRing
from openward.vocabulary import Sha256

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class FiledLog:
    """A log as filed, and the samples file beside it where the statement names one."""

    raw: BinaryIO
    samples: BinaryIO | None = None


def parse_evaluation_statement(payload: bytes) -> tuple[Statement, CapabilityEvaluation]:
    """Read a statement that puts an evaluation forward. Raises Malformed."""
    statement = parse_statement(payload)
    if statement.predicate_type != PREDICATE_TYPE:
        raise Malformed(f"statement: expected the predicate {PREDICATE_TYPE}")
    return statement, parse_capability_evaluation(statement.predicate)


def present(
    envelope: Envelope, ring: KeyRing, filed_at: datetime, log: FiledLog, alpha: float
) -> Presented:
    """What the envelope says and the log shows, with bounds at level `alpha`.

    Raises Malformed where the envelope holds no evaluation.
    """
    statement, claim = parse_evaluation_statement(envelope.payload)
    try:
        verified = verify_envelope(envelope, ring, filed_at, PAYLOAD_TYPE)
        signers = frozenset(held.key.id for held in verified.signers)
    except VerificationError:
        signers = frozenset()
    return Presented(
        claim=claim,
        about=tuple(subject.sha256 for subject in statement.subjects),
        signers=signers,
        log=_read(claim, log, alpha),
        log_sha256=_digest(log.raw),
        samples_sha256=None if log.samples is None else _digest(log.samples),
    )


def _read(claim: CapabilityEvaluation, log: FiledLog, alpha: float) -> EvaluationLog:
    beside = None if log.samples is None else SamplesFile(f"samples of {claim.task}", log.samples)
    size = log.raw.seek(0, 2)
    try:
        return read_log(
            claim.log.sha256, log.raw, size, samples=beside, task=claim.task, alpha=alpha
        )
    except Malformed as e:
        return EvaluationLog(
            format=claim.log.format,
            task=claim.task,
            model="",
            state=LogState.ERROR,
            planned=0,
            present=0,
            epochs=0,
            dataset=None,
            created=None,
            harness=claim.harness,
            harness_version=claim.harness_version,
            measurements=(),
            findings=(Finding(FindingCode.CORRUPT_MEMBER, str(e)),),
        )


def _digest(raw: BinaryIO) -> Sha256:
    raw.seek(0)
    digest = hashlib.sha256()
    while piece := raw.read(_PIECE):
        digest.update(piece)
    return Sha256(digest.hexdigest())
