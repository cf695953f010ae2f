import contextlib
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from enum import Enum
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.statements.strict_json import (
    DEPTH,
    LARGEST_INTEGER,
    LIMIT,
    Fields,
    JsonValue,
    canonical_json,
    format_time,
    parse_json,
    parse_time,
)

TEXT = st.text(st.characters(codec="utf-8"))
NUMBER = st.integers(-LARGEST_INTEGER, LARGEST_INTEGER) | st.floats(
    allow_nan=False, allow_infinity=False
).filter(lambda x: not LARGEST_INTEGER < abs(x) < 1e21)
VALUE: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXT, inner, max_size=5),
    max_leaves=20,
)


@given(VALUE)
def test_what_is_written_is_read_back(value: JsonValue) -> None:
    assert parse_json(canonical_json(value)) == value


@given(VALUE)
def test_writing_what_was_read_changes_nothing(value: JsonValue) -> None:
    raw = canonical_json(value)
    assert canonical_json(parse_json(raw)) == raw


@given(
    st.binary() | TEXT.map(str.encode) | st.text('[]{}",:\\u0dD8 1e-.', max_size=40).map(str.encode)
)
def test_any_bytes_are_a_value_or_malformed_and_nothing_worse(raw: bytes) -> None:
    with contextlib.suppress(Malformed):
        canonical_json(parse_json(raw))


@pytest.mark.parametrize(
    ("raw", "complaint"),
    [
        (b'{"a":1,"a":1}', "twice"),
        (b'{"x":{"a":1,"\\u0061":2}}', "twice"),
        (b"NaN", "not a number"),
        (b"[Infinity]", "not a number"),
        (b"-Infinity", "not a number"),
        (b"1e309", "beyond a double"),
        (b"9007199254740992", "is beyond"),
        (b"-9007199254740992", "is beyond"),
        (b"9" * 5000, "is beyond"),
        (b"1e16", "written as an integer"),
        (b"-9007199254740992.0", "written as an integer"),
        (b'"\\ud800"', "surrogate"),
        (b'{"\\udfff":1}', "surrogate"),
        (b'[[{"a":["\\ud83d\\ud83d"]}]]', "surrogate"),
        (b"\xef\xbb\xbf1", "BOM|Expecting"),
        (b'"\xff"', "utf-8"),
        (b'"\xed\xa0\x80"', "utf-8"),
        (b'"\xc0\xaf"', "utf-8"),
        (b"1 2", "Extra data"),
        (b"", "Expecting"),
        (b"01", "Extra data"),
        (b"'a'", "Expecting"),
        (b"[1,]", "."),
        (b'"a\nb"', "control character"),
        ("\uff11".encode(), "Expecting"),
        (b"\x0c1", "Expecting"),
    ],
)
def test_what_two_readers_might_read_differently_is_refused(raw: bytes, complaint: str) -> None:
    with pytest.raises(Malformed, match=complaint):
        parse_json(raw)


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        (b"9007199254740991", LARGEST_INTEGER),
        (b"-9007199254740991", -LARGEST_INTEGER),
        (b"9007199254740991.0", float(LARGEST_INTEGER)),
        (b"1e21", 1e21),
        (b"-1e25", -1e25),
        (b'"\\ud83d\\ude00"', "😀"),
        (b" [ ]\r\n\t", []),
    ],
)
def test_the_edges_of_what_is_read(raw: bytes, value: JsonValue) -> None:
    assert parse_json(raw) == value


def test_size_is_bounded_to_the_byte() -> None:
    assert LIMIT == 1_048_576
    assert parse_json(b'"' + b"a" * (LIMIT - 2) + b'"') == "a" * (LIMIT - 2)
    with pytest.raises(Malformed, match="at most"):
        parse_json(b'"' + b"a" * (LIMIT - 1) + b'"')
    with pytest.raises(Malformed, match="at most 2"):
        parse_json(b"123", limit=2)


@pytest.mark.parametrize(("left", "inner", "right"), [("[", "1", "]"), ('{"a":', "[]", "}")])
def test_depth_is_bounded_to_the_level(left: str, inner: str, right: str) -> None:
    deepest = DEPTH - inner.count("[")
    assert parse_json((left * deepest + inner + right * deepest).encode())
    with pytest.raises(Malformed, match="deeper"):
        parse_json((left * (deepest + 1) + inner + right * (deepest + 1)).encode())


def test_thirty_two_levels_are_read() -> None:
    assert DEPTH == 32


def test_a_million_brackets_are_malformed() -> None:
    with pytest.raises(Malformed, match="deeper"):
        parse_json(b"[" * LIMIT)


def test_an_empty_container_counts_as_a_level() -> None:
    assert parse_json(b"[[]]", depth=2) == [[]]
    with pytest.raises(Malformed, match="deeper"):
        parse_json(b"[[]]", depth=1)


@pytest.mark.parametrize(
    ("value", "raw"),
    [
        ({"b": 1, "a": [True, None]}, b'{"a":[true,null],"b":1}'),
        (
            {"\u20ac": 1, "\r": 2, "\U0001f600": 3, "\ufb33": 4},
            '{"\\r":2,"\u20ac":1,"\U0001f600":3,"\ufb33":4}'.encode(),
        ),
        (1.0, b"1"),
        (-0.0, b"0"),
        (1e21, b"1e+21"),
        (5e-324, b"5e-324"),
        (0.000001, b"0.000001"),
        (1e-7, b"1e-7"),
        (333333333.33333329, b"333333333.3333333"),
        ("\x0f\n'A'B\"\\\\\"/", b'"\\u000f\\n\'A\'B\\"\\\\\\\\\\"/"'),
        ((1, MappingProxyType({"a": (2,)})), b'[1,{"a":[2]}]'),
    ],
)
def test_canonical_json_is_that_of_rfc_8785(value: JsonValue, raw: bytes) -> None:
    assert canonical_json(value) == raw


@pytest.mark.parametrize(
    "value",
    [
        math.nan,
        math.inf,
        LARGEST_INTEGER + 1,
        1e20,
        "\ud800",
        {"\ud800": 1},
        {1: 2},
        b"bytes",
        object(),
        json.loads("[" * 33 + "]" * 33),
        json.loads("[" * 800 + "]" * 800),
    ],
)
def test_what_could_not_be_read_back_is_not_written(value: object) -> None:
    with pytest.raises(Malformed):
        canonical_json(value)  # type: ignore[arg-type]


def test_a_bottomless_value_is_not_written() -> None:
    bottomless: list[JsonValue] = []
    bottomless.append(bottomless)
    with pytest.raises(Malformed, match="deeper"):
        canonical_json(bottomless)


@given(st.datetimes().map(lambda t: t.replace(microsecond=0, tzinfo=UTC)))
def test_times_read_back(moment: datetime) -> None:
    assert parse_time(format_time(moment)) == moment
    assert parse_time(format_time(moment)).tzinfo is UTC


def test_times_are_written_in_utc() -> None:
    east = timezone(timedelta(hours=2))
    assert format_time(datetime(2026, 10, 1, 2, 0, 5, tzinfo=east)) == "2026-10-01T00:00:05Z"
    assert format_time(datetime(33, 1, 1, tzinfo=UTC)) == "0033-01-01T00:00:00Z"


def test_a_time_without_zone_or_with_a_fraction_is_not_written() -> None:
    for moment in (datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 0, 0, 1, UTC)):  # noqa: DTZ001
        with pytest.raises(ValueError, match="whole seconds"):
            format_time(moment)


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-01",
        "2026-10-01T00:00:00",
        "2026-10-01T00:00:00+00:00",
        "2026-10-01T00:00:00z",
        "2026-10-01t00:00:00Z",
        "2026-10-01 00:00:00Z",
        "2026-10-01T00:00:00.5Z",
        "2026-10-01T24:00:00Z",
        "2026-12-31T23:59:60Z",
        "2026-02-29T00:00:00Z",
        "0000-01-01T00:00:00Z",
        "20261001T000000Z",
        "2026-10-01T00:00:00Z\n",
        "\uff12026-10-01T00:00:00Z",
        "",
    ],
)
def test_only_one_spelling_of_a_time(text: str) -> None:
    with pytest.raises(Malformed):
        parse_time(text)


@given(st.text())
def test_any_text_is_a_time_or_malformed(text: str) -> None:
    with contextlib.suppress(Malformed):
        assert format_time(parse_time(text)) == text


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


GOOD: JsonValue = {
    "text": "x",
    "texts": ["x", "y"],
    "integer": 3,
    "number": 0.5,
    "flag": False,
    "time": "2026-10-01T00:00:00Z",
    "sha256": "a" * 64,
    "party": "evaluator-1",
    "choice": "blue",
    "fields": {"inner": 1},
    "listing": [{"n": 1}, {"n": 2}],
}


def read(fields: Fields, kind: str) -> object:
    if kind.endswith("choice"):
        return getattr(fields, kind)(kind.removeprefix("optional_"), Colour)
    return getattr(fields, kind)(kind.removeprefix("optional_"))


KINDS = [
    "text",
    "texts",
    "integer",
    "number",
    "flag",
    "time",
    "sha256",
    "party",
    "choice",
    "fields",
    "listing",
]


def test_every_kind_of_member_is_read() -> None:
    fields = Fields.of(GOOD, "it")
    assert fields.text("text") == "x"
    assert fields.texts("texts") == ("x", "y")
    assert fields.integer("integer") == 3
    assert fields.number("number") == 0.5
    assert fields.number("integer") == 3.0
    assert isinstance(fields.number("integer"), float)
    assert fields.flag("flag") is False
    assert fields.time("time") == datetime(2026, 10, 1, tzinfo=UTC)
    assert fields.sha256("sha256") == "a" * 64
    assert fields.party("party") == "evaluator-1"
    assert fields.choice("choice", Colour) is Colour.BLUE
    assert fields.fields("fields").integer("inner") == 1
    assert [each.integer("n") for each in fields.listing("listing")] == [1, 2]
    assert fields.values("listing") == ({"n": 1}, {"n": 2})


OPTIONAL = [kind for kind in KINDS if hasattr(Fields, "optional_" + kind)]


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_member_is_named(kind: str) -> None:
    with pytest.raises(Malformed, match=rf"it\.{kind}: missing"):
        read(Fields.of({}, "it"), kind)


@pytest.mark.parametrize("kind", OPTIONAL)
def test_an_optional_member_is_read_where_it_is_and_none_where_it_is_not(kind: str) -> None:
    fields = Fields.of(GOOD, "it")
    assert read(fields, "optional_" + kind) == read(fields, kind)
    assert read(Fields.of({}, "it"), "optional_" + kind) is None


@pytest.mark.parametrize("kind", [*KINDS, *(f"optional_{kind}" for kind in OPTIONAL)])
def test_null_stands_for_nothing(kind: str) -> None:
    name = kind.removeprefix("optional_")
    with pytest.raises(Malformed, match=rf"it\.{name}: expected .*, got null"):
        read(Fields.of({name: None}, "it"), kind)


@pytest.mark.parametrize(
    ("kind", "value", "complaint"),
    [
        ("text", 1, "it.text: expected text, got 1"),
        ("text", "", 'it.text: expected text, got ""'),
        ("text", "a\0b", r'it.text: expected text, got "a\u0000b"'),
        ("texts", "xy", 'it.texts: expected a list, got "xy"'),
        ("texts", ["x", 1], "it.texts[1]: expected text, got 1"),
        ("integer", True, "it.integer: expected an integer, got true"),
        ("integer", 1.0, "it.integer: expected an integer, got 1.0"),
        ("integer", "1", 'it.integer: expected an integer, got "1"'),
        ("integer", 2**53, "it.integer: expected at most 9007199254740991, got 9007199254740992"),
        ("number", "x", 'it.number: expected a number, got "x"'),
        ("number", False, "it.number: expected a number, got false"),
        ("number", math.nan, 'it.number: expected a finite number, got "nan"'),
        ("number", math.inf, 'it.number: expected a finite number, got "inf"'),
        ("flag", 0, "it.flag: expected true or false, got 0"),
        ("time", "now", 'it.time: expected a time like 2026-10-01T00:00:00Z, got "now"'),
        ("sha256", "A" * 64, "it.sha256: expected a SHA-256"),
        ("party", "Eve", "it.party: expected a name"),
        ("choice", "green", 'it.choice: expected one of red, blue, got "green"'),
        ("fields", [], "it.fields: expected an object, got a list"),
        ("listing", {}, "it.listing: expected a list, got an object"),
        ("listing", [{}, 2], "it.listing[1]: expected an object, got 2"),
        ("text", ["é" * 200], "it.text: expected text, got a list"),
    ],
)
def test_complaints_name_the_path_and_what_was_found(
    kind: str, value: JsonValue, complaint: str
) -> None:
    for optional in ("", "optional_") if kind in OPTIONAL else ("",):
        with pytest.raises(Malformed) as caught:
            read(Fields.of({kind: value}, "it"), optional + kind)
        assert str(caught.value).startswith(complaint)


def test_paths_grow_with_the_nesting() -> None:
    policy = Fields.of({"domains": [{"cyber": {"low": "x"}}]}, "policy")
    with pytest.raises(
        Malformed, match=r'policy\.domains\[0\]\.cyber\.low: expected a number, got "x"'
    ):
        policy.listing("domains")[0].fields("cyber").number("low")


def test_what_is_not_an_object_has_no_fields() -> None:
    with pytest.raises(Malformed, match="policy: expected an object, got a list"):
        Fields.of([], "policy")


def test_complaints_are_short_and_speak_ascii() -> None:
    with pytest.raises(Malformed) as caught:
        Fields.of({"n": "é\u202e" * 500}, "it").integer("n")
    assert str(caught.value).isascii()
    assert len(str(caught.value)) < 130


Bounded = Callable[[Fields, float, float], float | None]


@pytest.mark.parametrize(
    "read_bounded",
    [
        lambda f, low, high: f.integer("n", minimum=low, maximum=high),
        lambda f, low, high: f.optional_integer("n", minimum=low, maximum=high),
        lambda f, low, high: f.number("n", minimum=low, maximum=high),
        lambda f, low, high: f.optional_number("n", minimum=low, maximum=high),
    ],
)
@pytest.mark.parametrize(
    ("low", "high", "complaint"),
    [(5, 5, None), (6, 9, "at least 6, got 5"), (1, 4, "at most 4, got 5")],
)
def test_bounds_include_their_ends(
    read_bounded: Bounded, low: int, high: int, complaint: str | None
) -> None:
    fields = Fields.of({"n": 5}, "it")
    if complaint is None:
        assert read_bounded(fields, low, high) == 5
    else:
        with pytest.raises(Malformed, match=complaint):
            read_bounded(fields, low, high)


def test_members_not_asked_for_are_kept() -> None:
    fields = Fields.of({"a": 1, "b": 2, "c": None, "d": 4}, "it")
    fields.integer("a")
    fields.optional_integer("b")
    assert fields.has("d")
    assert not fields.has("e")
    assert fields.rest() == {"c": None, "d": 4}


def test_members_not_asked_for_are_refused_where_there_is_no_room() -> None:
    fields = Fields.of({"a": 1, "z": 2, "y": 3}, "it")
    fields.integer("a")
    with pytest.raises(Malformed, match='it: unknown member "y"'):
        fields.nothing_else()
    fields.value("y")
    fields.value("z")
    fields.nothing_else()
