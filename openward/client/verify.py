"""One model's tier, checked by somebody who trusts nothing of the hub but a pinned key.

Steps, each raising VerificationError that names what failed:

    1 the record is what its signed checkpoint says (client.record)
    2 what is in force follows from the record alone (council.in_force)
    3 the decision on these weights is the last one on the record
    4 its policy was in force then, and its case has the digest that was logged
    5 every piece of evidence: signed, logged, its log intact, its scores recomputed
    6 the decision follows from policy and case (policy.replay)
    7 the files are those the decision is about: every file that can be had is hashed, and what
      is not among the weights is recognised again as no weights
"""

import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from openward.client.hub import HubReader, Tell
from openward.client.record import Record, read_key, verify_record
from openward.council.in_force import AdoptedPolicy, InForce, decide_in_force
from openward.errors import Malformed, Unavailable, VerificationError
from openward.evidence.presentation import FiledLog, parse_evaluation_statement, present
from openward.policy.case import Case, parse_case
from openward.policy.decision import TierDecision, decide_tier
from openward.policy.gathering import appraise_facts
from openward.policy.replay import verify_replay
from openward.statements.dsse import Envelope, parse_envelope
from openward.statements.entry import Decided, Entry, EvidenceFiled, Opened, parse_body
from openward.statements.strict_json import Fields, canonical_json, parse_json
from openward.tlog.note import NoteKey
from openward.vocabulary import Sha256
from openward.weights.recognition import Kind, Recogniser

API = "/api/openward"
CASE_LIMIT = 16 << 20


@dataclass(slots=True)
class Report:
    """What was found out about one model, in the three degrees that must not be mixed."""

    repo: str
    revision: str
    decision: TierDecision
    entry: int
    verified: list[str] = field(default_factory=list)
    attested: list[str] = field(default_factory=list)
    not_checked: list[str] = field(default_factory=list)
    not_claimed: tuple[str, ...] = (
        "that the model is safe: a tier says what was measured and decided, no more",
    )


@dataclass(frozen=True, slots=True)
class Listed:
    """A file as the hub lists it; nothing of it is believed before its bytes are hashed."""

    path: str
    sha256: Sha256
    size: int
    weights: bool


def verify_model(
    hub: HubReader,
    repo: str,
    *,
    revision: str = "main",
    key: NoteKey | None = None,
    weights: bool = True,
    now: datetime,
    tell: Tell,
) -> Report:
    """Check a model's standing. Raises VerificationError, Unavailable, Malformed."""
    trusted = key or read_key(hub)
    record = verify_record(hub, trusted, tell)
    in_force = decide_in_force(record.entries)
    if in_force.origin != trusted.name:
        raise VerificationError("record: its founding entry names another log")
    claimed = Fields.of(
        hub.read_json(f"{API}/models/{repo}/standing?revision={revision}", signed=True), "standing"
    )
    subject = claimed.sha256("subject")
    index, decided = _last_decision(record, subject)
    at = record.entries[index].at
    adopted = _policy_then(record, index, decided)
    case = _case(hub, decided)
    _evidence(hub, record, index, adopted, case, repo, tell)
    decision = verify_replay(decided, adopted.policy, case, at)
    report = Report(repo, claimed.text("revision"), decision, index)
    _say(report, record, key, adopted, case, decided)
    _agree(claimed, decision, decided, adopted, case, now)
    _files(hub, report, claimed, case, weights, tell)
    _still(report, in_force, case, decision, now)
    return report


# --- the record -------------------------------------------------------------------------------


def _decisions(record: Record) -> Iterable[tuple[int, Decided]]:
    for index, entry in enumerate(record.entries):
        match entry.body:
            case Decided():
                yield index, entry.body
            case Opened(_, _, hidden) if isinstance(hidden, dict) and "policy_entry" in hidden:
                body = parse_body("decision", Fields.of(hidden, f"entry {index}"))
                if isinstance(body, Decided):
                    yield index, body


def _last_decision(record: Record, subject: Sha256) -> tuple[int, Decided]:
    found = [(index, body) for index, body in _decisions(record) if body.subject == subject]
    if not found:
        raise VerificationError(f"record: no decision on the weights {subject}")
    index, body = found[-1]
    entry = record.entries[index]
    if isinstance(entry.body, Opened):
        index = entry.body.entry  # the decision was made when its commitment was entered
    return index, body


def _policy_then(record: Record, index: int, decided: Decided) -> AdoptedPolicy:
    before = decide_in_force(record.entries[:index])
    then = before.policy_at(record.entries[index].at)
    if then is None or then.entry != decided.policy_entry:
        raise VerificationError(
            f"entry {index}: decided under entry {decided.policy_entry}, "
            f"in force was entry {None if then is None else then.entry}"
        )
    if then.policy.digest != decided.policy:
        raise VerificationError(f"entry {index}: names another policy than entry {then.entry}")
    return then


def _case(hub: HubReader, decided: Decided) -> Case:
    raw = hub.read(f"{API}/cases/{decided.case}", limit=CASE_LIMIT)
    _hashes(raw, decided.case, "case")
    try:
        return parse_case(parse_json(raw, limit=CASE_LIMIT))
    except Malformed as e:
        raise VerificationError(f"case {decided.case}: {e}") from e


def _hashes(raw: bytes, digest: Sha256, what: str) -> None:
    found = hashlib.sha256(raw).hexdigest()
    if found != digest:
        raise VerificationError(f"{what} {digest}: the bytes served have SHA-256 {found}")


# --- the evidence -----------------------------------------------------------------------------


def _evidence(
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
        raw = hub.read(f"{API}/logs/{claim.log.sha256}", limit=1 << 30)
        _hashes(raw, claim.log.sha256, f"evaluation log of {claim.task}")
        samples = None
        if claim.log.samples is not None:
            beside = hub.read(f"{API}/logs/{claim.log.samples}", limit=1 << 30)
            _hashes(beside, claim.log.samples, f"samples of {claim.task}")
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


def _filed(entries: Iterable[Entry], subject: Sha256) -> dict[Sha256, tuple[Envelope, datetime]]:
    found: dict[Sha256, tuple[Envelope, datetime]] = {}
    history = list(entries)
    for index, entry in enumerate(history):
        body, at = entry.body, entry.at
        if isinstance(body, Opened) and isinstance(body.hidden, dict) and "envelope" in body.hidden:
            at = history[body.entry].at
            opened = parse_body("evidence", Fields.of(body.hidden, f"entry {index}"))
            body = opened
        if not isinstance(body, EvidenceFiled):
            continue
        raw = canonical_json(body.envelope)
        _hashes(raw, body.statement, f"entry {index}: statement")
        envelope = parse_envelope(raw)
        statement, _ = parse_evaluation_statement(envelope.payload)
        if any(each.sha256 == subject for each in statement.subjects):
            found[body.statement] = (envelope, at)
    return found


# --- the files --------------------------------------------------------------------------------


def _files(
    hub: HubReader, report: Report, claimed: Fields, case: Case, weights: bool, tell: Tell
) -> None:
    listed = [
        Listed(f.text("path"), f.sha256("sha256"), f.integer("size", minimum=0), f.flag("weights"))
        for f in claimed.listing("files")
    ]
    subject = {(file.sha256, file.size) for file in case.subject.files}
    named = {(file.sha256, file.size) for file in listed if file.weights}
    if named != subject:
        raise VerificationError("files: those listed as weights are not those decided on")
    hashed = 0
    for file in listed:
        if file.weights and not weights:
            report.not_checked.append(f"{file.path}: its bytes, as asked")
            continue
        try:
            _hash_file(hub, report, file, tell)
        except Unavailable as e:
            report.not_checked.append(f"{file.path}: {e}"[:300])
            continue
        hashed += 1
    report.verified.append(f"bytes: {hashed} of {len(listed)} files hashed to what was decided on")


def _hash_file(hub: HubReader, report: Report, file: Listed, tell: Tell) -> None:
    digest, size, recogniser = hashlib.sha256(), 0, Recogniser()
    path = f"/{report.repo}/resolve/{report.revision}/{file.path}"
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


# --- the verdict ------------------------------------------------------------------------------


def _agree(
    claimed: Fields,
    decision: TierDecision,
    decided: Decided,
    adopted: AdoptedPolicy,
    case: Case,
    now: datetime,
) -> None:
    """The hub serves by the decision on the record, or by a stricter reading of it today."""
    today = decide_tier(adopted.policy, case, now)
    allowed = {
        (each.state.value, None if each.tier is None else int(each.tier))
        for each in (decision, today)
    }
    said = (claimed.text("state"), claimed.optional_integer("tier") if _has_tier(claimed) else None)
    if said not in allowed:
        raise VerificationError(f"hub: serves as {said}, the record says {decided.state}")


def _has_tier(claimed: Fields) -> bool:
    return claimed.has("tier") and claimed.value("tier") is not None


def _say(
    report: Report,
    record: Record,
    key: NoteKey | None,
    adopted: AdoptedPolicy,
    case: Case,
    decided: Decided,
) -> None:
    how = "the pinned key" if key is not None else "the hub's own key, trusted on first use"
    report.verified += [
        f"record: {record.checkpoint.size} entries under a checkpoint signed with {how}",
        f"policy: {adopted.policy.name} version {adopted.policy.version}, entry {adopted.entry}, "
        "signed by the founding key",
        f"decision: entry {report.entry} follows from policy {decided.policy[:16]} and case "
        f"{decided.case[:16]}, decided again",
    ]
    if case.evidence:
        report.verified.append(f"evidence: {len(case.evidence)} scores recomputed from their logs")
        for evaluator in sorted({fact.evaluator for fact in case.evidence}):
            report.attested.append(f"that the evaluations were run as logged: {evaluator}")
    if key is None:
        report.attested.append("that this is the log's key: the hub (pin it with --vkey)")
    report.attested.append("what is linked, declared and published when: the hub")


def _still(
    report: Report, in_force: InForce, case: Case, decision: TierDecision, now: datetime
) -> None:
    current = in_force.policy_at(now)
    if current is None:
        return
    today = decide_tier(current.policy, case, now)
    if (today.state, today.tier) != (decision.state, decision.tier):
        report.not_checked.append(
            f"today the same facts give {today.state.value}; a new decision is due"
        )
