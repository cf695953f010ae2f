"""Deciding offline, from a policy and a folder of evidence: nobody is asked, nothing is trusted
but the keys in the folder's own register.

    DIR/*.dsse.json          signed capability evaluations, all about the same weights
    DIR/*                    the logs they name, found by digest, whatever they are called
    DIR/accreditation.json   a list of accreditation predicates: whose signatures count
    DIR/subject.json         {"files": [{"sha256", "bytes", "reading"}], "namespace"}; optional

Without `subject.json` the weights are known by digest only: their size is not, so the
proportionality clause is not applied.
"""

import hashlib
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from openward.errors import Malformed
from openward.evidence.accreditation import Register, parse_accreditation
from openward.evidence.presentation import FiledLog, parse_evaluation_statement, present
from openward.policy.case import Case, CaseFile, Linked, Reading
from openward.policy.decision import TierDecision, decide_tier
from openward.policy.document import Policy, parse_policy
from openward.policy.gathering import appraise_facts
from openward.statements.dsse import Envelope, parse_envelope
from openward.statements.intoto import parse_statement
from openward.statements.strict_json import Fields, JsonValue, parse_json
from openward.vocabulary import Sha256, WeightFile, subject_of

ENVELOPES = "*.dsse.json"
REGISTER = "accreditation.json"
SUBJECT = "subject.json"
UNKNOWN_SIZE = 2**53 - 1
"""What unknown weights weigh: more than any allowance."""


@dataclass(frozen=True, slots=True)
class Offline:
    """The policy, the case that the folder amounts to, and the decision."""

    policy: Policy
    case: Case
    decision: TierDecision


def read_policy(path: Path) -> Policy:
    """A policy document, or the envelope that adopted it (its signature is not looked at)."""
    value = parse_json(path.read_bytes())
    if isinstance(value, dict) and "payloadType" in value:
        statement = parse_statement(parse_envelope(path.read_bytes()).payload)
        return parse_policy(statement.predicate)
    return parse_policy(value)


def decide_offline(policy: Policy, folder: Path, now: datetime) -> Offline:
    """Decide from what lies in `folder`. Raises Malformed naming the file that is wrong."""
    register = _register(folder)
    envelopes = _envelopes(folder)
    logs = _by_digest(folder)
    about, files, namespace = _subject(folder, envelopes)
    presented = []
    for digest, (name, envelope) in sorted(envelopes.items()):
        _, claim = parse_evaluation_statement(envelope.payload)
        log = logs.get(claim.log.sha256)
        if log is None:
            raise Malformed(f"{name}: no file in the folder is the log {claim.log.sha256}")
        samples = logs.get(claim.log.samples) if claim.log.samples else None
        with ExitStack() as opened:
            raw = opened.enter_context(log.open("rb"))
            beside = opened.enter_context(samples.open("rb")) if samples else None
            filed = FiledLog(raw, beside)
            ring = register.key_ring()
            presented.append((digest, present(envelope, ring, now, filed, policy.alpha)))
    facts = appraise_facts(policy, about, namespace, register, presented, now)
    size = sum(file.file.size for file in files)
    unreadable = sum(f.file.size for f in files if f.reading is Reading.UNREADABLE)
    case = Case(files=files, linked=Linked(size, unreadable), opened_at=now, evidence=facts)
    return Offline(policy, case, decide_tier(policy, case, now))


def _register(folder: Path) -> Register:
    path = folder / REGISTER
    register = Register()
    if not path.is_file():
        return register
    value = parse_json(path.read_bytes())
    if not isinstance(value, list):
        raise Malformed(f"{REGISTER}: expected a list of accreditations")
    for each in value:
        register = register.admit(parse_accreditation(each))
    return register


def _envelopes(folder: Path) -> dict[Sha256, tuple[str, Envelope]]:
    found: dict[Sha256, tuple[str, Envelope]] = {}
    for path in sorted(folder.glob(ENVELOPES)):
        try:
            envelope = parse_envelope(path.read_bytes())
        except Malformed as e:
            raise Malformed(f"{path.name}: {e}") from e
        found[Sha256(hashlib.sha256(envelope.text()).hexdigest())] = (path.name, envelope)
    return found


def _by_digest(folder: Path) -> dict[Sha256, Path]:
    found: dict[Sha256, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.endswith(".dsse.json"):
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
            found[Sha256(digest)] = path
    return found


def _subject(
    folder: Path, envelopes: dict[Sha256, tuple[str, Envelope]]
) -> tuple[Sha256, tuple[CaseFile, ...], tuple[str, ...]]:
    """The weights' digest, their files, and the namespaces that publish them."""
    path = folder / SUBJECT
    if path.is_file():
        return _described(parse_json(path.read_bytes()))
    named = {
        subject.sha256
        for _, envelope in envelopes.values()
        for subject in parse_evaluation_statement(envelope.payload)[0].subjects
    }
    if len(named) != 1:
        raise Malformed(
            f"{len(named)} sets of weights are named by the statements in {folder}; "
            f"say which is meant in {SUBJECT}"
        )
    (digest,) = named
    # Files nobody listed: of no known size, so that no allowance can cover them.
    unknown = CaseFile(WeightFile(digest, UNKNOWN_SIZE), Reading.UNREADABLE, adapter=False)
    return digest, (unknown,), ()


def _described(value: JsonValue) -> tuple[Sha256, tuple[CaseFile, ...], tuple[str, ...]]:
    fields = Fields.of(value, "subject")
    files = tuple(
        CaseFile(
            WeightFile(each.sha256("sha256"), each.integer("bytes", minimum=0)),
            each.choice("reading", Reading) if each.has("reading") else Reading.UNREADABLE,
            each.optional_flag("adapter") or False,
        )
        for each in fields.listing("files")
    )
    namespace = fields.optional_text("namespace")
    digest = subject_of(file.file for file in files).digest
    return digest, files, () if namespace is None else (namespace,)
