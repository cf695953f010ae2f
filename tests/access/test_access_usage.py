from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from openward.access.usage import (
    UsageAttestation,
    parse_usage_attestation,
    usage_attestation_json,
)
from openward.errors import Malformed
from openward.statements.strict_json import canonical_json, parse_json
from openward.vocabulary import Sha256

# How long a machine takes is nothing that these tests are about.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
NOW = datetime(2026, 11, 1, tzinfo=UTC)
PROMISE = UsageAttestation(
    applicant=Sha256("a" * 64),
    subject=Sha256("b" * 64),
    repository="lab/model",
    terms=Sha256("c" * 64),
    purpose="To study how it fails.",
    accepted_at=NOW,
    expires_at=NOW + timedelta(days=90),
)


@given(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1).filter(
        str.strip
    ),
    st.integers(1, 10**6),
)
@PATIENT
def test_a_promise_survives_writing_and_reading(purpose: str, seconds: int) -> None:
    promise = replace(PROMISE, purpose=purpose, expires_at=NOW + timedelta(seconds=seconds))
    raw = canonical_json(usage_attestation_json(promise))
    assert parse_usage_attestation(parse_json(raw)) == promise


@pytest.mark.parametrize(
    "change",
    [
        {"purpose": ""},
        {"purpose": " \n"},
        {"purpose": "x" * 2001},
        {"repository": "x" * 201},
        {"repository": ""},
        {"expires_at": "2026-11-01T00:00:00Z"},
        {"expires_at": "2026-10-31T23:59:59Z"},
        {"accepted_at": "yesterday"},
        {"applicant": "me"},
        {"subject": None},
        {"terms": "C" * 64},
        {"email": "me@example.org"},
    ],
)
def test_a_promise_in_any_other_shape_is_refused(change: dict[str, str | None]) -> None:
    with pytest.raises(Malformed):
        parse_usage_attestation({**usage_attestation_json(PROMISE), **change})


@pytest.mark.parametrize("member", sorted(usage_attestation_json(PROMISE)))
def test_a_promise_lacking_a_member_is_refused(member: str) -> None:
    predicate = usage_attestation_json(PROMISE)
    del predicate[member]
    with pytest.raises(Malformed):
        parse_usage_attestation(predicate)


def test_the_longest_purpose_and_repository_are_read() -> None:
    longest = replace(PROMISE, purpose="x" * 2000, repository="x" * 200)
    assert parse_usage_attestation(usage_attestation_json(longest)) == longest


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(usage_attestation_json(PROMISE))), json_values)
@PATIENT
def test_reading_raises_nothing_but_malformed(name: str, value: Any) -> None:
    for predicate in (value, {**usage_attestation_json(PROMISE), name: value}):
        try:
            parse_usage_attestation(predicate)
        except Malformed:
            continue
