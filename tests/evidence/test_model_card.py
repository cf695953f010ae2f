"""Model cards are read without trusting them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.evidence.model_card import Card, parse_card, parse_front_matter


def card(front: str) -> Card:
    return parse_card(f"---\n{front}\n---\n# Title\n".encode())


def test_a_card_says_what_its_front_matter_says() -> None:
    read = card("license: mit\ntags: [a, b]\nbase_model: x/y\nreleased: 2026-10-01\nno: 1")
    assert read.text("license") == "mit"
    assert read.texts("tags") == ("a", "b")
    assert read.texts("base_model") == ("x/y",)
    assert read.members["released"] == "2026-10-01"
    assert read.members["false"] == 1
    assert read.text("tags") is None
    assert read.texts("nothing") == ()


@pytest.mark.parametrize("raw", [b"", b"# Title\n", b"----\na: 1\n---\n", b" ---\na: 1\n---\n"])
def test_without_front_matter_a_card_is_empty(raw: bytes) -> None:
    assert parse_card(raw) == Card({})


def test_line_ends_and_a_byte_order_mark_make_no_difference() -> None:
    assert parse_card(b"\xef\xbb\xbf---\r\nlicense: mit\r\n---\r\n").text("license") == "mit"


@pytest.mark.parametrize(
    "front",
    [
        "a: [",
        "- a\n- b",
        "a: &x [1]\nb: *x",
        "a: " + "[" * 25 + "]" * 25,
        "a: !!python/object:os.system x",
        "a: !!binary aGk=",
        "a: !!set {b}",
        "? [a]\n: b",
        "a: 2026-02-31",
        "a: '" + "x" * 262_144 + "'",
    ],
)
def test_what_is_a_trap_or_no_mapping_is_malformed(front: str) -> None:
    with pytest.raises(Malformed):
        parse_front_matter(front)


def test_the_bounds_themselves_are_read() -> None:
    deepest = "a: " + "[" * 23 + "]" * 23  # the mapping is one level too
    assert parse_front_matter(deepest)
    longest = "a: '" + "x" * (262_144 - 5) + "'"
    assert len(longest) == 262_144
    assert parse_front_matter(longest)


def test_front_matter_that_does_not_end_is_malformed() -> None:
    with pytest.raises(Malformed):
        parse_card(b"---\na: 1\n")
    with pytest.raises(Malformed):
        parse_card(b"---\na: \xff\n---\n")


def test_numbers_json_cannot_hold_become_text() -> None:
    assert parse_front_matter("a: 9007199254740991\nb: 9007199254740992\nc: .inf") == {
        "a": 9007199254740991,
        "b": "9007199254740992",
        "c": "inf",
    }


@given(st.binary(max_size=300))
def test_whatever_comes_is_a_card_or_malformed(raw: bytes) -> None:
    for readme in (raw, b"---\n" + raw + b"\n---\n"):
        try:
            read = parse_card(readme)
        except Malformed:
            continue
        json.dumps(dict(read.members), allow_nan=False)


@given(st.text("abc:-[]{}&*!?|>'\"# \n0.~%@`,", max_size=60))
def test_whatever_yaml_comes_is_a_card_or_malformed(front: str) -> None:
    try:
        members = parse_front_matter(front)
    except Malformed:
        return
    assert json.loads(json.dumps(members, allow_nan=False)) == members
