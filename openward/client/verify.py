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

from dataclasses import dataclass, field
from datetime import datetime

from openward.client.evidence import verify_digest, verify_evidence
from openward.client.files import parse_listed, verify_files
from openward.client.hub import API, HubReader, Tell
from openward.client.openings import verify_shown
from openward.client.record import Record, read_key, verify_record
from openward.council.in_force import AdoptedPolicy, InForce, decide_in_force
from openward.errors import Malformed, VerificationError
from openward.policy.case import Case, parse_case
from openward.policy.decision import TierDecision, decide_tier
from openward.policy.replay import verify_replay
from openward.statements.entry import Decided
from openward.statements.strict_json import Fields, parse_json
from openward.tlog.note import NoteKey
from openward.vocabulary import Sha256

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
    verify_evidence(hub, record, index, adopted, case, repo, tell)
    decision = verify_replay(decided, adopted.policy, case, at)
    report = Report(repo, claimed.text("revision"), decision, index)
    _say(report, record, key, adopted, case, decided)
    _agree(claimed, decision, in_force, adopted, case, now)
    listed = parse_listed(claimed)
    hashed = verify_files(hub, repo, report.revision, listed, case, weights, tell)
    report.verified.append(
        f"bytes: {hashed.files} of {len(listed)} files hashed to what was decided on"
    )
    report.not_checked += hashed.not_checked
    _still(report, in_force, case, decision, now)
    return report


# --- the record -------------------------------------------------------------------------------


def _last_decision(record: Record, subject: Sha256) -> tuple[int, Decided]:
    found = [
        (shown.made, shown.body)
        for shown in verify_shown(record.entries)
        if isinstance(shown.body, Decided) and shown.body.subject == subject
    ]
    if not found:
        raise VerificationError(f"record: no decision on the weights {subject}")
    return found[-1]


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
    verify_digest(raw, decided.case, "case")
    try:
        return parse_case(parse_json(raw, limit=CASE_LIMIT))
    except Malformed as e:
        raise VerificationError(f"case {decided.case}: {e}") from e


# --- the verdict ------------------------------------------------------------------------------


def _agree(
    claimed: Fields,
    decision: TierDecision,
    in_force: InForce,
    adopted: AdoptedPolicy,
    case: Case,
    now: datetime,
) -> None:
    """The hub serves by the decision on the record, or by what the same facts say today."""
    current = in_force.policy_at(now) or adopted
    readings = [decision, *(decide_tier(p.policy, case, now) for p in (adopted, current))]
    allowed = {(r.state.value, None if r.tier is None else int(r.tier)) for r in readings}
    said = (claimed.text("state"), claimed.optional_integer("tier") if _has_tier(claimed) else None)
    if said not in allowed:
        raise VerificationError(f"hub: serves as {said}, the record says {decision.state.value}")


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
