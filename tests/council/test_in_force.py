import base64
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openward.council.in_force import (
    InForce,
    accreditation_statement,
    appraise_adoptions,
    decide_in_force,
    policy_statement,
)
from openward.errors import VerificationError
from openward.evidence.accreditation import PREDICATE_TYPE as ACCREDITATION
from openward.evidence.accreditation import Accreditation
from openward.policy.document import PREDICATE_TYPE as POLICY
from openward.policy.document import Policy, parse_policy, policy_json
from openward.statements.dsse import sign_envelope
from openward.statements.entry import (
    Accredited,
    Body,
    Committed,
    Entry,
    Genesis,
    PolicyAdopted,
    parse_entry,
)
from openward.statements.intoto import PAYLOAD_TYPE, statement_bytes
from openward.statements.keys import Ed25519Signer
from openward.statements.strict_json import JsonValue, canonical_json, parse_json
from openward.vocabulary import PartyId, RiskDomain, Sha256

# How long a machine takes is nothing that these tests are about.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOW = datetime(2026, 11, 1, tzinfo=UTC)
DAY = timedelta(days=1)
FOUNDING, STRANGER, FIRST, SECOND = (Ed25519Signer(bytes([n]) * 32) for n in range(4))
EXAMPLES = Path(__file__).resolve().parents[2] / "examples" / "policies"
POLICIED = parse_policy(parse_json((EXAMPLES / "demonstration.json").read_bytes()))
GENESIS = Genesis("example.org/log", base64.b64encode(FOUNDING.public.spki).decode())


def envelope(
    payload: bytes, signer: Ed25519Signer = FOUNDING, kind: str = PAYLOAD_TYPE
) -> JsonValue:
    return parse_json(sign_envelope(kind, payload, [signer]).text())


def version(number: int) -> Policy:
    return replace(POLICIED, version=number)


def digest(predicate: Mapping[str, JsonValue]) -> Sha256:
    return Sha256(hashlib.sha256(canonical_json(predicate)).hexdigest())


def adopts(policy: Policy, signer: Ed25519Signer = FOUNDING) -> PolicyAdopted:
    return PolicyAdopted(envelope(policy_statement(policy), signer))


def accreditation(evaluator: str, *keys: Ed25519Signer) -> Accreditation:
    return Accreditation(
        PartyId(evaluator),
        tuple(key.public for key in keys),
        (RiskDomain.CYBER,),
        NOW,
        NOW + 365 * DAY,
    )


def accredits(evaluator: str, *keys: Ed25519Signer, signer: Ed25519Signer = FOUNDING) -> Accredited:
    return Accredited(envelope(accreditation_statement(accreditation(evaluator, *keys)), signer))


def record(*bodies: Body) -> list[Entry]:
    """Through the bytes of the log, as a reader would meet them."""
    entries = [Entry(NOW + n * DAY, body) for n, body in enumerate((GENESIS, *bodies))]
    return [parse_entry(entry.to_bytes()) for entry in entries]


def passed_over(state: InForce) -> list[tuple[int, str]]:
    return [(each.entry, each.reason.rule.id) for each in state.not_taken]


def test_a_founded_record_holds_no_policy_and_no_evaluator() -> None:
    state = decide_in_force(record())
    assert state.origin == "example.org/log"
    assert state.founding_key == FOUNDING.public
    assert (state.policies, state.register.accreditations) == ((), ())
    assert state.policy_at(NOW) is None


def test_signed_policies_and_accreditations_are_in_force() -> None:
    entries = record(adopts(version(1)), accredits("lab", FIRST), adopts(version(2)))
    state = decide_in_force(entries)
    assert [(a.entry, a.policy.version) for a in state.policies] == [(1, 1), (3, 2)]
    assert state.register.accreditations == (accreditation("lab", FIRST),)
    assert state.policies[0].policy == version(1)
    earlier = decide_in_force(entries[:3])
    assert [a.policy.version for a in earlier.policies] == [1]


def test_other_entries_change_nothing() -> None:
    other = Committed("grant", Sha256("a" * 64))
    plain = decide_in_force(record(adopts(version(1))))
    assert decide_in_force(record(adopts(version(1)), other)) == plain


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        (adopts(version(3), STRANGER), "adoption.unsigned"),
        (accredits("lab", FIRST, signer=STRANGER), "adoption.unsigned"),
        (adopts(version(2)), "adoption.not-newer"),
        (adopts(version(1)), "adoption.not-newer"),
        (PolicyAdopted({"payload": "not an envelope"}), "adoption.unreadable"),
        (PolicyAdopted(None), "adoption.unreadable"),
        (PolicyAdopted(envelope(b"not JSON")), "adoption.unreadable"),
        (
            PolicyAdopted(envelope(policy_statement(version(3)), kind="text/plain")),
            "adoption.unsigned",
        ),
        # An accreditation in a policy's place, and a policy in an accreditation's.
        (
            PolicyAdopted(envelope(accreditation_statement(accreditation("lab", FIRST)))),
            "adoption.unsigned",
        ),
        (Accredited(envelope(policy_statement(version(3)))), "adoption.unsigned"),
        # A statement about something else than its own predicate.
        (
            PolicyAdopted(
                envelope(
                    statement_bytes([("policy", Sha256("a" * 64))], POLICY, policy_json(version(3)))
                )
            ),
            "adoption.unsigned",
        ),
        (GENESIS, "adoption.founded-once"),
        (accredits("rival", FIRST), "adoption.key-taken"),
    ],
)
def test_what_cannot_be_taken_is_never_in_force(body: Body, rule: str) -> None:
    before = (adopts(version(2)), accredits("owner", FIRST))
    state = appraise_adoptions(record(*before, body))
    assert passed_over(state) == [(3, rule)]
    assert replace(state, not_taken=()) == decide_in_force(record(*before))
    with pytest.raises(VerificationError, match=f"entry 3: {rule}"):
        decide_in_force(record(*before, body))


def test_a_signed_statement_that_breaks_its_format_is_unreadable() -> None:
    broken = {**policy_json(version(3)), "exception": "for friends"}
    odd = {**accreditation("lab", FIRST).predicate(), "domains": []}
    policy = envelope(statement_bytes([("policy", digest(broken))], POLICY, broken))
    evaluator = envelope(statement_bytes([("it", digest(odd))], ACCREDITATION, odd))
    state = appraise_adoptions(record(PolicyAdopted(policy), Accredited(evaluator)))
    assert passed_over(state) == [(1, "adoption.unreadable"), (2, "adoption.unreadable")]


def test_the_fold_goes_on_after_what_it_passed_over() -> None:
    state = appraise_adoptions(
        record(adopts(version(5), STRANGER), adopts(version(1)), adopts(version(2)))
    )
    assert [a.policy.version for a in state.policies] == [1, 2]


def test_a_record_without_a_founding_is_refused() -> None:
    with pytest.raises(VerificationError, match="empty"):
        appraise_adoptions([])
    with pytest.raises(VerificationError, match="not a founding"):
        appraise_adoptions(record(adopts(version(1)))[1:])


@pytest.mark.parametrize("key", ["", "?", "AAAA", GENESIS.founding_key[:-4]])
def test_a_founding_key_that_cannot_be_read_is_refused(key: str) -> None:
    with pytest.raises(VerificationError, match="founding key"):
        appraise_adoptions([Entry(NOW, Genesis("example.org/log", key))])


def test_a_policy_ahead_of_its_time_leaves_the_one_before_in_force() -> None:
    start = POLICIED.valid_from
    entries = record(adopts(version(1)), adopts(replace(version(2), valid_from=start + 30 * DAY)))
    state = decide_in_force(entries)

    def held(at: datetime) -> int:
        adopted = state.policy_at(at)
        assert adopted is not None
        return adopted.policy.version

    assert held(start) == 1
    assert held(start + 30 * DAY - timedelta(seconds=1)) == 1
    assert held(start + 30 * DAY) == 2
    # Before any begins there is nothing to leave in force; the newest says when it will.
    assert held(start - DAY) == 2


def test_an_older_policy_does_not_come_back_when_a_newer_one_ends() -> None:
    start = POLICIED.valid_from
    state = decide_in_force(
        record(adopts(version(1)), adopts(replace(version(2), valid_until=start + DAY)))
    )
    adopted = state.policy_at(start + 2 * DAY)
    assert adopted is not None
    assert adopted.policy.version == 2


@given(st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=8))
@PATIENT
def test_versions_in_force_only_rise_and_only_the_founding_key_adopts(
    tries: list[tuple[int, bool]],
) -> None:
    bodies = [adopts(version(n), FOUNDING if signed else STRANGER) for n, signed in tries]
    state = appraise_adoptions(record(*bodies))
    versions = [a.policy.version for a in state.policies]
    assert versions == sorted(set(versions))
    assert all(tries[a.entry - 1] == (a.policy.version, True) for a in state.policies)
    assert len(state.policies) + len(state.not_taken) == len(tries)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(json_values)
@PATIENT
def test_no_envelope_can_break_the_fold(value: JsonValue) -> None:
    entries = [Entry(NOW, GENESIS), Entry(NOW, PolicyAdopted(value)), Entry(NOW, Accredited(value))]
    assert [index for index, _ in passed_over(appraise_adoptions(entries))] == [1, 2]
