"""Entries of the record: one spelling each, a closed list, and commitments that open one way."""

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed, VerificationError
from openward.statements.entry import (
    COMMITMENTS,
    KINDS,
    MAX_ENTRY_SIZE,
    Accredited,
    Body,
    Committed,
    Decided,
    Ended,
    Entry,
    EvidenceFiled,
    Genesis,
    Opened,
    PolicyAdopted,
    body_json,
    commit_to,
    parse_body,
    parse_entry,
    verify_opening,
)
from openward.statements.strict_json import Fields, JsonValue, canonical_json
from openward.vocabulary import Sha256

AT = datetime(2026, 10, 1, 12, tzinfo=UTC)
SALT = bytes(range(32))

times = st.integers(0, 10**9).map(lambda n: AT + timedelta(seconds=n))
texts = st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1, max_size=20)
shas = st.integers(0, 2**256 - 1).map(lambda n: Sha256(f"{n:064x}"))
indices = st.integers(0, 2**53 - 1)
values: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
reasons = st.lists(st.tuples(texts, texts), max_size=3).map(tuple)
decided = st.builds(
    Decided,
    subject=shas,
    case=shas,
    policy=shas,
    policy_entry=indices,
    state=texts,
    tier=st.integers(0, 4),
    reasons=reasons,
    treatment=st.none() | texts,
    due=st.none() | times,
    review=reasons,
)
bodies: st.SearchStrategy[Body] = st.one_of(
    st.builds(Genesis, texts, texts),
    st.builds(PolicyAdopted, values),
    st.builds(Accredited, values),
    st.builds(EvidenceFiled, shas, values),
    decided,
    st.builds(Committed, st.sampled_from(COMMITMENTS), shas),
    st.builds(Opened, indices, texts, values),
    st.builds(Ended, indices, texts),
)
entries = st.builds(Entry, times, bodies)


@given(entries)
def test_what_is_written_is_read_back(entry: Entry) -> None:
    raw = entry.to_bytes()
    again = parse_entry(raw)
    assert again == entry
    assert again.to_bytes() == raw
    assert again.kind == entry.kind
    assert entry.kind in KINDS


@given(bodies)
def test_a_body_is_read_back_alone(body: Body) -> None:
    kind = Entry(AT, body).kind
    assert parse_body(kind, Fields.of(body_json(body), "hidden")) == body


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_read_or_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse_entry(raw)


@given(entries, st.data())
def test_a_changed_byte_is_malformed_or_another_entry(entry: Entry, data: st.DataObject) -> None:
    raw = bytearray(entry.to_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    try:
        again = parse_entry(bytes(raw))
    except Malformed:
        return
    assert again != entry
    assert again.to_bytes() == bytes(raw)


@given(values)
def test_json_of_any_kind_is_read_or_malformed(value: JsonValue) -> None:
    for kind in KINDS:
        text = {"type": f"openward/{kind}/v1", "at": "2026-10-01T12:00:00Z", "body": value}
        try:
            assert parse_entry(canonical_json(text)).kind == kind
        except Malformed:
            continue


ENDED = b'{"at":"2026-10-01T12:00:00Z","body":{"entry":3,"reason":"r"},"type":"openward/end/v1"}'


def test_an_entry_looks_like_this() -> None:
    assert Entry(AT, Ended(3, "r")).to_bytes() == ENDED
    assert parse_entry(ENDED) == Entry(AT, Ended(3, "r"))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"/end/", b"/beginning/"),
        (b"openward/end/v1", b"end"),
        (b"openward/end/v1", b"openward/end/v2"),
        (b"openward/end/v1", b"openward/end"),
        (b'"reason":"r"', b'"reason":"r","who":"somebody"'),
        (b'"type"', b'"extra":1,"type"'),
        (b'"entry":3', b'"entry":-1'),
        (b'"entry":3', b'"entry":3.0'),
        (b'"entry":3', b'"entry":03'),
        (b'"entry":3', b'"entry": 3'),
        (b'"entry":3', b'"entry":9007199254740993'),
        (b'"reason":"r"', b'"reason":""'),
        (b'"reason":"r"', b'"reason":"\\u0072"'),
        (b'"reason":"r"', b'"reason":"r","reason":"r"'),
        (b'"reason":"r"', b'"reason":null'),
        (b"12:00:00Z", b"12:00:00+00:00"),
        (b"12:00:00Z", b"12:00:00.0Z"),
        (b"12:00:00Z", b"24:00:00Z"),
        (b'v1"}', b'v1"} '),
        (b"}", b"}\n"),
    ],
)
def test_another_spelling_is_malformed(old: bytes, new: bytes) -> None:
    changed = ENDED.replace(old, new)
    assert changed != ENDED
    with pytest.raises(Malformed):
        parse_entry(changed)


@pytest.mark.parametrize("tier", [-1, 5])
def test_a_tier_that_is_none_is_malformed(tier: int) -> None:
    sha = Sha256("0" * 64)
    body = Decided(sha, sha, sha, 0, "assessed", tier, ())
    with pytest.raises(Malformed):
        parse_entry(Entry(AT, body).to_bytes())


def test_a_commitment_to_anything_else_is_malformed() -> None:
    raw = Entry(AT, Committed("name", Sha256("0" * 64))).to_bytes()
    with pytest.raises(Malformed, match="closed list"):
        parse_entry(raw)


@pytest.mark.parametrize("over", [0, 1])
def test_an_entry_has_at_most_65535_bytes(over: int) -> None:
    room = MAX_ENTRY_SIZE - len(Entry(AT, Ended(0, "r")).to_bytes())
    entry = Entry(AT, Ended(0, "r" * (1 + room + over)))
    if over:
        with pytest.raises(Malformed, match="65536"):
            entry.to_bytes()
        raw = ENDED.replace(b'"r"', b'"' + b"r" * MAX_ENTRY_SIZE + b'"')
        with pytest.raises(Malformed, match="at most"):
            parse_entry(raw)
    else:
        assert parse_entry(entry.to_bytes()) == entry


# --- commitments ------------------------------------------------------------------------------


@given(st.sampled_from(COMMITMENTS), st.binary(min_size=32, max_size=32), values)
def test_an_opening_opens_its_own_commitment(what: str, salt: bytes, hidden: JsonValue) -> None:
    opened = Opened(5, base64.b64encode(salt).decode(), hidden)
    assert verify_opening(commit_to(what, salt, hidden), opened) == hidden


@given(values, values, st.binary(min_size=32, max_size=32))
def test_an_opening_opens_no_other_commitment(
    hidden: JsonValue, other: JsonValue, salt: bytes
) -> None:
    opened = Opened(5, base64.b64encode(salt).decode(), other)
    same = canonical_json(hidden) == canonical_json(other)
    if not same:
        with pytest.raises(VerificationError):
            verify_opening(commit_to("grant", salt, hidden), opened)
    changed = bytes([salt[0] ^ 1]) + salt[1:]
    with pytest.raises(VerificationError):
        verify_opening(commit_to("grant", changed, other), opened)


@pytest.mark.parametrize(
    "salt",
    ["", "AAAA", "not base64", base64.b64encode(bytes(31)).decode(), "é",
     base64.b64encode(bytes(33)).decode(), base64.b64encode(SALT).decode() + "\n"],
)  # fmt: skip
def test_a_salt_of_another_shape_opens_nothing(salt: str) -> None:
    with pytest.raises(VerificationError):
        verify_opening(commit_to("grant", SALT, "hidden"), Opened(0, salt, "hidden"))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_commitment_takes_a_whole_salt(size: int) -> None:
    with pytest.raises(ValueError, match="32"):
        commit_to("grant", bytes(size), "hidden")


def test_no_body_has_a_member_for_a_person() -> None:
    """The members of every kind, spelt out: one more is a decision to be made in the open."""
    sha = Sha256("0" * 64)
    every: tuple[Body, ...] = (
        Genesis("o", "k"), PolicyAdopted(None), Accredited(None), EvidenceFiled(sha, None),
        Decided(sha, sha, sha, 0, "s", 0, (), "t", AT, (("r", "f"),)), Committed("grant", sha),
        Opened(0, "s", None), Ended(0, "r"),
    )  # fmt: skip
    members = {
        Entry(AT, body).kind: sorted(json.loads(canonical_json(body_json(body)))) for body in every
    }
    assert members == {
        "genesis": ["founding_key", "origin"],
        "policy": ["envelope"],
        "accreditation": ["envelope"],
        "evidence": ["envelope", "statement"],
        "decision": [
            "case", "due", "policy", "policy_entry", "reasons", "review", "state", "subject",
            "tier", "treatment",
        ],
        "commitment": ["commitment", "what"],
        "opening": ["entry", "hidden", "salt"],
        "end": ["entry", "reason"],
    }  # fmt: skip
    assert set(members) == set(KINDS)
