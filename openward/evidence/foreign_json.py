"""JSON as evaluation harnesses write it: laxer than a signed document, and bounded all the same.

    {"id": 7, "epoch": 1, "scores": {"match": {"value": NaN}}, "store": {"seed": 2e400}}

NaN, Infinity, great integers and half surrogate pairs are read, since real logs hold them in
places nobody relies on. A member given twice is refused: two readers would see two scores.
"""

import json
import math

from openward.errors import Malformed
from openward.evidence.measurement import quoted
from openward.statements.strict_json import Fields, JsonValue

JSON_LIMIT = 64 << 20
"""Bytes of one JSON text: a whole log that is not an archive, or one sample of one that is."""

VALUE_LIMIT = 2_000_000
"""Brackets and commas of one JSON text; each value costs one, and up to 100 bytes in memory."""


def parse_foreign_json(raw: bytes) -> JsonValue:
    """Read one JSON text. Raises Malformed."""
    if len(raw) > JSON_LIMIT:
        raise Malformed(f"JSON: {len(raw)} bytes, at most {JSON_LIMIT} are read")
    # Counted before anything is built: "[[],[],..." takes thirty times its size in memory.
    if sum(raw.count(mark) for mark in (b"[", b"{", b",")) > VALUE_LIMIT:
        raise Malformed(f"JSON: more than {VALUE_LIMIT} values")
    try:
        value: JsonValue = json.loads(raw.decode("utf-8"), object_pairs_hook=_members)
    except ValueError as e:  # UnicodeDecodeError, JSONDecodeError, integers of 4,300 digits
        raise Malformed(f"JSON: {e}") from e
    except RecursionError as e:
        raise Malformed("JSON: nested too deep") from e
    return value


def fields_of(value: JsonValue, path: str) -> Fields:
    """An object without its null members, which harnesses write for what is left out.

    Raises Malformed.
    """
    fields = Fields.of(value, path)
    return Fields(path, {name: v for name, v in fields.members.items() if v is not None})


def as_number(value: JsonValue) -> float | None:
    """A number, infinite where no double holds it; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _members(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members = dict(pairs)
    if len(members) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise Malformed(f"JSON: member {quoted(twice)} is given twice")
    return members
