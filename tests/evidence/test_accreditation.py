import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed, VerificationError
from openward.evidence.accreditation import Accreditation, Register, parse_accreditation
from openward.statements.keys import Ed25519Signer
from openward.statements.strict_json import JsonValue, canonical_json, parse_json
from openward.vocabulary import PartyId, RiskDomain

KEYS = [Ed25519Signer(bytes([n]) * 32).public for n in range(20)]
SINCE, UNTIL = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
INSTITUTE, OTHER = PartyId("institute"), PartyId("other")
DAY = timedelta(days=1)


def predicate() -> dict[str, Any]:
    return {
        "evaluator": "institute",
        "keys": [KEYS[0].pem(), KEYS[1].pem()],
        "domains": ["cyber", "biological"],
        "from": "2026-01-01T00:00:00Z",
        "until": "2027-01-01T00:00:00Z",
        "affiliated_with": ["Example-Lab"],
        "later": 2,
    }


def accredited(
    evaluator: PartyId = INSTITUTE,
    key: int = 0,
    since: datetime = SINCE,
    until: datetime = UNTIL,
    affiliated_with: tuple[str, ...] = (),
) -> Accreditation:
    domains = (RiskDomain.CYBER,)
    return Accreditation(evaluator, (KEYS[key],), domains, since, until, affiliated_with)


def test_every_member_is_read() -> None:
    read = parse_accreditation(predicate())
    assert read == Accreditation(
        INSTITUTE,
        (KEYS[0], KEYS[1]),
        (RiskDomain.CYBER, RiskDomain.BIOLOGICAL),
        SINCE,
        UNTIL,
        ("Example-Lab",),
        {"later": 2},
    )
    assert read.predicate() == predicate()
    assert read.key_ids() == {KEYS[0].id, KEYS[1].id}


@given(
    st.lists(st.sampled_from(KEYS), min_size=1, max_size=16, unique=True),
    st.lists(st.sampled_from(RiskDomain), min_size=1, unique=True),
    st.lists(st.text("abcXYZ", min_size=1), max_size=3),
)
def test_what_is_stated_is_read_back(
    keys: list[Any], domains: list[RiskDomain], affiliated: list[str]
) -> None:
    stated = Accreditation(INSTITUTE, tuple(keys), tuple(domains), SINCE, UNTIL, tuple(affiliated))
    assert parse_accreditation(parse_json(canonical_json(stated.predicate()))) == stated


def test_affiliations_may_be_left_out() -> None:
    stated = predicate()
    del stated["affiliated_with"]
    assert parse_accreditation(stated).affiliated_with == ()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("evaluator", "The Institute"),
        ("keys", []),
        ("keys", [KEYS[0].pem(), KEYS[0].pem()]),
        ("keys", [key.pem() for key in KEYS[:17]]),
        ("keys", ["no key"]),
        ("domains", []),
        ("domains", ["cyber", "cyber"]),
        ("domains", ["space"]),
        ("from", "2027-01-01T00:00:00Z"),
        ("until", "2025-01-01T00:00:00Z"),
        ("affiliated_with", ["x"] * 1025),
        ("affiliated_with", None),
    ],
)
def test_other_values_are_refused(name: str, value: JsonValue) -> None:
    with pytest.raises(Malformed):
        parse_accreditation({**predicate(), name: value})


def test_the_most_keys_and_affiliations_are_read() -> None:
    most = {
        **predicate(),
        "keys": [key.pem() for key in KEYS[:16]],
        "domains": [domain.value for domain in RiskDomain],
        "affiliated_with": ["x"] * 1024,
    }
    assert len(parse_accreditation(most).keys) == 16


@pytest.mark.parametrize(
    ("at", "covered"),
    [
        (SINCE - timedelta(seconds=1), False),
        (SINCE, True),
        (UNTIL - timedelta(seconds=1), True),
        (UNTIL, False),
    ],
)
def test_an_accreditation_covers_its_beginning_and_not_its_end(at: datetime, covered: bool) -> None:
    assert accredited().covers(at) == covered


def test_a_key_belongs_to_one_evaluator() -> None:
    register = Register().admit(accredited()).admit(accredited(since=UNTIL, until=UNTIL + DAY))
    assert len(register.of(INSTITUTE)) == 2
    assert register.of(OTHER) == ()
    with pytest.raises(VerificationError, match=f"{KEYS[0].id} belongs to institute"):
        register.admit(accredited(OTHER))
    assert register.admit(accredited(OTHER, key=1)).of(OTHER) == (accredited(OTHER, key=1),)


def test_the_ring_holds_each_key_from_its_first_to_its_last_day() -> None:
    middle = accredited()
    late = accredited(since=UNTIL + DAY, until=UNTIL + 2 * DAY)
    early = accredited(since=SINCE - 2 * DAY, until=SINCE - DAY)
    other = accredited(OTHER, key=1)
    ring = Register().admit(middle).admit(late).admit(early).admit(other).key_ring()
    held = ring.by_id()
    assert len(held) == 2
    first = held[KEYS[0].id]
    assert (first.holder, first.not_before, first.not_after) == (
        INSTITUTE,
        SINCE - 2 * DAY,
        UNTIL + 2 * DAY,
    )
    second = held[KEYS[1].id]
    assert (second.holder, second.not_before, second.not_after) == (OTHER, SINCE, UNTIL)


def test_independence_is_lost_by_any_affiliation_ever_recorded() -> None:
    past = accredited(until=SINCE + DAY, affiliated_with=("Example-Lab",))
    register = Register().admit(past).admit(accredited()).admit(accredited(OTHER, key=1))
    assert not register.independent(INSTITUTE, "example-lab")
    assert not register.independent(INSTITUTE, "EXAMPLE-LAB")
    assert register.independent(INSTITUTE, "example-lab-2")
    assert register.independent(OTHER, "example-lab")


def test_nobody_is_independent_of_their_own_name() -> None:
    assert not Register().independent(INSTITUTE, "Institute")


json_values: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values, st.sampled_from(sorted(predicate())))
def test_anything_else_is_malformed_and_nothing_worse(value: JsonValue, name: str) -> None:
    with contextlib.suppress(Malformed):
        parse_accreditation(value)
    with contextlib.suppress(Malformed):
        parse_accreditation({**predicate(), name: value})
