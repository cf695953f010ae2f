"""Which policy and which accreditations are in force: a fold over the record, and nothing else.

    entry 0   genesis        names the log and the founding key
    entry n   policy         an envelope the founding key signed; a version above the last one
    entry m   accreditation  an envelope the founding key signed; keys that no other evaluator has

No table and no flag says what is in force. What is held at an index is the fold over the entries
before it; whoever has the log can fold it again. An adoption that is not signed, not readable or
not newer is never in force; `appraise_adoptions` says so and goes on, `decide_in_force` stops.

A policy adopted ahead of its time leaves the one before it in force until it begins.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from openward.errors import Malformed, VerificationError
from openward.evidence import accreditation as evaluators
from openward.evidence.accreditation import Accreditation, Register, parse_accreditation
from openward.policy import document
from openward.policy import rulebook as rules
from openward.policy.document import Policy, parse_policy
from openward.statements.dsse import parse_envelope, verify_envelope
from openward.statements.entry import Accredited, Entry, Genesis, PolicyAdopted
from openward.statements.intoto import (
    PAYLOAD_TYPE,
    parse_statement,
    statement_bytes,
    verify_about,
)
from openward.statements.keys import HeldKey, KeyRing, PublicKey, parse_spki
from openward.statements.strict_json import JsonValue, canonical_json
from openward.vocabulary import PartyId, Reason, Rule, Sha256

FOUNDER = PartyId("founder")


@dataclass(frozen=True, slots=True)
class AdoptedPolicy:
    """A policy, and the index of the entry that holds it."""

    entry: int
    policy: Policy


@dataclass(frozen=True, slots=True)
class NotTaken:
    """An entry that the fold passed over, and why."""

    entry: int
    reason: Reason


@dataclass(frozen=True, slots=True)
class InForce:
    """What the entries so far amount to. `policies` are in the order of their adoption."""

    origin: str
    founding_key: PublicKey
    policies: tuple[AdoptedPolicy, ...] = ()
    register: Register = field(default_factory=Register)
    not_taken: tuple[NotTaken, ...] = ()

    def policy_at(self, now: datetime) -> AdoptedPolicy | None:
        """The newest policy that has begun by `now`; before the first begins, the newest."""
        begun = [each for each in self.policies if each.policy.valid_from <= now]
        return next(reversed(begun or self.policies), None)


def decide_in_force(entries: Iterable[Entry]) -> InForce:
    """What is in force after `entries`, the record from its first entry on.

    Raises VerificationError where there is no founding entry, or where an adoption cannot be
    taken: nothing should follow from a record that holds one.
    """
    state = appraise_adoptions(entries)
    if state.not_taken:
        first = state.not_taken[0]
        raise VerificationError(
            f"entry {first.entry}: {first.reason.rule.id}: {first.reason.found}"
        )
    return state


def appraise_adoptions(entries: Iterable[Entry]) -> InForce:
    """The same, passing over what cannot be taken. Raises VerificationError without a founding."""
    state: InForce | None = None
    for index, entry in enumerate(entries):
        state = _founded(entry) if state is None else _after(state, index, entry)
    if state is None:
        raise VerificationError("record: empty, it has no founding entry")
    return state


def policy_statement(policy: Policy) -> bytes:
    """The statement that the founding key signs to adopt `policy`."""
    predicate = document.policy_json(policy)
    return statement_bytes([("policy", policy.digest)], document.PREDICATE_TYPE, predicate)


def accreditation_statement(accreditation: Accreditation) -> bytes:
    """The statement that the founding key signs to accredit an evaluator."""
    predicate = accreditation.predicate()
    about = [("accreditation", _digest(predicate))]
    return statement_bytes(about, evaluators.PREDICATE_TYPE, predicate)


def _founded(entry: Entry) -> InForce:
    if not isinstance(entry.body, Genesis):
        raise VerificationError("record: its first entry is not a founding")
    try:
        key = parse_spki(base64.b64decode(entry.body.founding_key, validate=True))
    except (ValueError, Malformed) as e:
        raise VerificationError("record: the founding key cannot be read") from e
    return InForce(entry.body.origin, key)


def _after(state: InForce, index: int, entry: Entry) -> InForce:
    match entry.body:
        case PolicyAdopted(envelope):
            taken = _adopted(state, index, envelope, entry.at)
        case Accredited(envelope):
            taken = _accredited(state, envelope, entry.at)
        case Genesis():
            taken = Reason(rules.FOUNDED_ONCE, "a second founding")
        case _:
            return state
    if isinstance(taken, InForce):
        return taken
    return replace(state, not_taken=(*state.not_taken, NotTaken(index, taken)))


def _adopted(state: InForce, index: int, envelope: JsonValue, at: datetime) -> InForce | Reason:
    predicate = _signed(state, envelope, at, document.PREDICATE_TYPE)
    if isinstance(predicate, Reason):
        return predicate
    try:
        policy = parse_policy(predicate)
    except Malformed as e:
        return _because(rules.UNREADABLE_STATEMENT, e)
    last = state.policies[-1].policy.version if state.policies else 0
    if policy.version <= last:
        return Reason(rules.NOT_NEWER, f"version {policy.version} after {last}")
    return replace(state, policies=(*state.policies, AdoptedPolicy(index, policy)))


def _accredited(state: InForce, envelope: JsonValue, at: datetime) -> InForce | Reason:
    predicate = _signed(state, envelope, at, evaluators.PREDICATE_TYPE)
    if isinstance(predicate, Reason):
        return predicate
    try:
        return replace(state, register=state.register.admit(parse_accreditation(predicate)))
    except Malformed as e:
        return _because(rules.UNREADABLE_STATEMENT, e)
    except VerificationError as e:
        return _because(rules.KEY_TAKEN, e)


def _signed(
    state: InForce, envelope: JsonValue, at: datetime, predicate_type: str
) -> Mapping[str, JsonValue] | Reason:
    """The predicate that the founding key signed, or why there is none."""
    ring = KeyRing((HeldKey(state.founding_key, FOUNDER, at),))
    try:
        signed = verify_envelope(parse_envelope(canonical_json(envelope)), ring, at, PAYLOAD_TYPE)
        statement = parse_statement(signed.payload)
        return verify_about(statement, predicate_type, {_digest(statement.predicate)})
    except Malformed as e:
        return _because(rules.UNREADABLE_STATEMENT, e)
    except VerificationError as e:
        return _because(rules.UNSIGNED, e)


def _because(rule: Rule, error: Exception) -> Reason:
    return Reason(rule, str(error)[:200])


def _digest(predicate: Mapping[str, JsonValue]) -> Sha256:
    return Sha256(hashlib.sha256(canonical_json(predicate)).hexdigest())
