"""What an evaluator states about a log, and the digest of the weights it was run on."""

import hashlib
from collections.abc import Iterable
from contextlib import ExitStack
from datetime import datetime
from pathlib import Path

from openward.errors import Malformed
from openward.evidence.capability_evaluation import (
    CapabilityEvaluation,
    Effort,
    LogReference,
    Relationship,
)
from openward.evidence.lm_eval import SamplesFile
from openward.evidence.measurement import EvaluationLog
from openward.evidence.reading import read_log
from openward.vocabulary import (
    PartyId,
    RiskDomain,
    Sha256,
    Subject,
    WeightFile,
    subject_of,
)
from openward.weights.recognition import Recogniser, partition

_PIECE = 1 << 20


def claim_on(
    log: Path,
    samples: Path | None,
    *,
    evaluator: PartyId,
    domain: str,
    task: str | None,
    scorer: str | None,
    effort: Effort,
    says: str,
    relationship: Relationship,
    ran_at: datetime | None = None,
) -> CapabilityEvaluation:
    """The statement's predicate, from what the log itself says. Raises Malformed."""
    found = read_log_file(log, samples, task)
    when = ran_at or found.created
    if when is None:
        raise Malformed(f"{log.name} does not say when it was run")
    try:
        covered = RiskDomain(domain)
    except ValueError as e:
        known = ", ".join(each.value for each in RiskDomain)
        raise Malformed(f"{domain[:80]!r} is no risk domain; the domains are {known}") from e
    return CapabilityEvaluation(
        evaluator=evaluator,
        domain=covered,
        log=LogReference(
            digest_of(log),
            log.stat().st_size,
            found.format,
            None if samples is None else digest_of(samples),
        ),
        task=found.task,
        scorer=scorer or _only_scorer(found),
        effort=effort,
        elicitation=says,
        relationship=relationship,
        ran_at=when,
        harness=found.harness,
        harness_version=found.harness_version,
    )


def read_log_file(log: Path, samples: Path | None, task: str | None) -> EvaluationLog:
    """A log on disk, with the samples beside it. Raises Malformed."""
    with ExitStack() as files:
        raw = files.enter_context(log.open("rb"))
        beside = None
        if samples is not None:
            beside = SamplesFile(samples.name, files.enter_context(samples.open("rb")))
        return read_log(log.name, raw, log.stat().st_size, samples=beside, task=task)


def _only_scorer(log: EvaluationLog) -> str:
    names = [measurement.scorer for measurement in log.measurements]
    if len(names) != 1:
        shown = ", ".join(names) or "none"
        raise Malformed(f"name one scorer; the log has: {shown}")
    return names[0]


def digest_of(path: Path) -> Sha256:
    """SHA-256 of a file, read piece by piece."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
    return Sha256(digest.hexdigest())


def subject_of_files(paths: Iterable[Path]) -> Subject:
    """The subject of these weight files; of a folder, what a commit of it would be decided on."""
    files: list[WeightFile] = []
    for path in paths:
        if path.is_dir():
            files += _subject_of_folder(path).files
        else:
            files.append(WeightFile(digest_of(path), path.stat().st_size))
    return subject_of(files)


def _subject_of_folder(folder: Path) -> Subject:
    """What is not recognised as something else, hidden files and folders left out."""
    seen = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        if path.is_file() and not hidden:
            recogniser = Recogniser()
            with path.open("rb") as file:
                while piece := file.read(_PIECE):
                    recogniser.feed(piece)
            seen.append((WeightFile(digest_of(path), path.stat().st_size), recogniser.verdict()))
    return partition(seen).subject
