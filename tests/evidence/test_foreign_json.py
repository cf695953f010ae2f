import contextlib
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.evidence import foreign_json
from openward.evidence.foreign_json import as_number, fields_of, parse_foreign_json

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(values)
def test_what_a_harness_writes_is_read(value: object) -> None:
    assert parse_foreign_json(json.dumps(value).encode()) == value


def test_what_real_logs_hold_beside_the_point_is_read() -> None:
    raw = b'{"nan": NaN, "far": 1e999, "seed": 18446744073709551616, "half": "\\ud800"}'
    read = fields_of(parse_foreign_json(raw), "x").members
    nan = as_number(read["nan"])
    assert nan is not None and math.isnan(nan)
    assert as_number(read["far"]) == math.inf
    assert as_number(read["seed"]) == 2.0**64


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff", b"\xef\xbb\xbf1", b"[" * 100_000, b"9" * 5000, b"1 2", b"'a'"]
)
def test_what_is_no_json_is_malformed(raw: bytes) -> None:
    with pytest.raises(Malformed, match="JSON"):
        parse_foreign_json(raw)


@pytest.mark.parametrize("raw", [b'{"a":1,"a":1}', b'[{"b":{"a":1,"c":2,"a":3}}]'])
def test_a_member_given_twice_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed, match='"a" is given twice'):
        parse_foreign_json(raw)


def test_size_is_bounded_before_anything_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign_json, "JSON_LIMIT", 4)
    assert parse_foreign_json(b'"ab"') == "ab"
    with pytest.raises(Malformed, match="5 bytes, at most 4"):
        parse_foreign_json(b'"abc"')


@pytest.mark.parametrize("raw", [b"[1,2]", b'{"a":[2]}', b'[{"a":2}]'])
def test_values_are_counted_before_they_are_built(
    monkeypatch: pytest.MonkeyPatch, raw: bytes
) -> None:
    monkeypatch.setattr(foreign_json, "VALUE_LIMIT", 2)
    parse_foreign_json(raw)
    monkeypatch.setattr(foreign_json, "VALUE_LIMIT", 1)
    with pytest.raises(Malformed, match="more than 1 values"):
        parse_foreign_json(raw)


def test_a_member_that_is_null_is_left_out() -> None:
    fields = fields_of({"a": None, "b": 1}, "x")
    assert not fields.has("a")
    assert fields.members == {"b": 1}
    with pytest.raises(Malformed, match="x: expected an object"):
        fields_of([], "x")


@pytest.mark.parametrize(
    ("value", "number"),
    [(1, 1.0), (0.5, 0.5), (10**400, math.inf), (True, None), ("1", None), (None, None)],
)
def test_only_numbers_are_numbers(value: object, number: float | None) -> None:
    assert as_number(value) == number  # type: ignore[arg-type]


@given(st.binary() | st.text().map(str.encode))
def test_anything_else_is_malformed_and_nothing_worse(raw: bytes) -> None:
    with contextlib.suppress(Malformed):
        parse_foreign_json(raw)
