"""JSON that can be read in one way only (RFC 8259 within I-JSON, RFC 7493), and written in one.

    {"at":"2026-10-01T00:00:00Z","score":0.5}        members sorted, no spaces: RFC 8785 (JCS)

What two readers might understand differently is refused: a member given twice, NaN and Infinity,
integers no double can hold, half a surrogate pair, a byte order mark, nesting past `depth`.
Size is bounded before anything is read.

Upheld: whatever `canonical_json` writes, `parse_json` reads back as the same value; members
nobody asked for are kept (`Fields.rest`), never dropped in silence.
"""

import json
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from typing import NoReturn, TypeAlias, TypeVar

import rfc8785

from openward.errors import Malformed
from openward.vocabulary import PartyId, Sha256, parse_party, parse_sha256

JsonValue: TypeAlias = (
    bool | int | float | str | Sequence["JsonValue"] | Mapping[str, "JsonValue"] | None
)
"""Parsed JSON. `parse_json` gives lists and dicts; what is written may be tuples and mappings."""

Choice = TypeVar("Choice", bound=Enum)
Read = TypeVar("Read")

LIMIT = 1 << 20
DEPTH = 32
LARGEST_INTEGER = 2**53 - 1  # RFC 7493 section 2.2
# RFC 8785 section 3.2.2.3: from here on a double is written with an exponent, not as digits.
_FIRST_WITH_EXPONENT = 1e21
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z", re.ASCII)


def parse_json(raw: bytes, *, limit: int = LIMIT, depth: int = DEPTH) -> JsonValue:
    """Read one JSON text of at most `limit` bytes and `depth` nested containers.

    Raises Malformed.
    """
    if len(raw) > limit:
        raise Malformed(f"JSON: {len(raw)} bytes, at most {limit} are read")
    try:
        value: JsonValue = json.loads(
            raw.decode("utf-8"),
            object_pairs_hook=_members,
            parse_int=_integer,
            parse_float=_float,
            parse_constant=_constant,
        )
    except ValueError as e:  # UnicodeDecodeError and JSONDecodeError are both ValueErrors
        raise Malformed(f"JSON: {e}") from e
    except RecursionError as e:
        raise Malformed(f"JSON: nested deeper than {depth}") from e
    _refuse_depth_and_surrogates(value, depth)
    return value


def canonical_json(value: JsonValue) -> bytes:
    """The canonical bytes of `value` (RFC 8785).

    Raises Malformed where there are none, or where `parse_json` would not read them back.
    """
    try:
        raw = rfc8785.dumps(_plain(value))
    # UnicodeEncodeError: a member's name with half a surrogate pair fails in the sort.
    except (rfc8785.CanonicalizationError, UnicodeEncodeError) as e:
        raise Malformed(f"JSON: {e}") from e
    except RecursionError as e:
        raise Malformed(f"JSON: nested deeper than {DEPTH}") from e
    parse_json(raw, limit=len(raw))
    return raw


def _plain(value: JsonValue) -> JsonValue:
    """The same value in lists and dicts; the canonicaliser knows no other mapping."""
    if isinstance(value, Mapping):
        return {name: _plain(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return value


def parse_time(text: str) -> datetime:
    """Read a UTC time in its only spelling, `2026-10-01T00:00:00Z`. Raises Malformed."""
    if not _TIME.fullmatch(text):
        raise Malformed(f"expected a time like 2026-10-01T00:00:00Z, got {_shown(text)}")
    try:
        return datetime.fromisoformat(text)
    except ValueError as e:
        raise Malformed(f"no such time: {text}") from e


def format_time(moment: datetime) -> str:
    """Write an aware time of whole seconds. ValueError otherwise: what is written must read back.

    A fraction silently cut would let a decision and its replay fall on two sides of a deadline.
    """
    if moment.tzinfo is None or moment.microsecond:
        raise ValueError(f"expected an aware time of whole seconds, got {moment!r}")
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat() + "Z"


@dataclass(frozen=True, slots=True)
class Fields:
    """A JSON object being taken apart; every complaint names the path to what is wrong.

    An optional member is left out, not null. `rest` gives what was not asked for until then.
    """

    path: str
    members: Mapping[str, JsonValue]
    _asked: set[str] = field(default_factory=set, repr=False, compare=False)

    @classmethod
    def of(cls, value: JsonValue, path: str) -> "Fields":
        """`value` as an object, called `path` in complaints. Raises Malformed."""
        if not isinstance(value, Mapping):
            _refuse(path, "an object", value)
        return cls(path, value)

    def has(self, name: str) -> bool:
        return name in self.members

    def value(self, name: str) -> JsonValue:
        """The member as it stands."""
        self._asked.add(name)
        if name not in self.members:
            raise Malformed(f"{self._at(name)}: missing")
        return self.members[name]

    def text(self, name: str) -> str:
        """Text that is not empty and holds no U+0000, which not every store can keep."""
        return _text(self._at(name), self.value(name))

    def optional_text(self, name: str) -> str | None:
        return self.text(name) if self._offers(name) else None

    def integer(
        self, name: str, *, minimum: int = -LARGEST_INTEGER, maximum: int = LARGEST_INTEGER
    ) -> int:
        """A whole number from `minimum` to `maximum`, both included; `1.0` is not one."""
        value = self.value(name)
        if isinstance(value, bool) or not isinstance(value, int):
            _refuse(self._at(name), "an integer", value)
        return int(_bounded(self._at(name), value, minimum, maximum))

    def optional_integer(
        self, name: str, *, minimum: int = -LARGEST_INTEGER, maximum: int = LARGEST_INTEGER
    ) -> int | None:
        offered = self._offers(name)
        return self.integer(name, minimum=minimum, maximum=maximum) if offered else None

    def number(self, name: str, *, minimum: float = -math.inf, maximum: float = math.inf) -> float:
        """A finite number from `minimum` to `maximum`, both included."""
        value = self.value(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            _refuse(self._at(name), "a number", value)
        if not math.isfinite(value):  # only where the value was built, not parsed
            _refuse(self._at(name), "a finite number", str(value))
        return float(_bounded(self._at(name), value, minimum, maximum))

    def optional_number(
        self, name: str, *, minimum: float = -math.inf, maximum: float = math.inf
    ) -> float | None:
        offered = self._offers(name)
        return self.number(name, minimum=minimum, maximum=maximum) if offered else None

    def flag(self, name: str) -> bool:
        value = self.value(name)
        if not isinstance(value, bool):
            _refuse(self._at(name), "true or false", value)
        return value

    def optional_flag(self, name: str) -> bool | None:
        return self.flag(name) if self._offers(name) else None

    def time(self, name: str) -> datetime:
        return self._read(name, parse_time)

    def optional_time(self, name: str) -> datetime | None:
        return self.time(name) if self._offers(name) else None

    def sha256(self, name: str) -> Sha256:
        return self._read(name, parse_sha256)

    def optional_sha256(self, name: str) -> Sha256 | None:
        return self.sha256(name) if self._offers(name) else None

    def party(self, name: str) -> PartyId:
        return self._read(name, parse_party)

    def choice(self, name: str, kinds: type[Choice]) -> Choice:
        """One of an enumeration whose values are text."""
        value = self.text(name)
        known = {kind.value: kind for kind in kinds}
        if value not in known:
            _refuse(self._at(name), "one of " + ", ".join(known), value)
        return known[value]

    def fields(self, name: str) -> "Fields":
        return Fields.of(self.value(name), self._at(name))

    def optional_fields(self, name: str) -> "Fields | None":
        return self.fields(name) if self._offers(name) else None

    def values(self, name: str) -> tuple[JsonValue, ...]:
        """A list of whatever it holds."""
        value = self.value(name)
        if not isinstance(value, list | tuple):
            _refuse(self._at(name), "a list", value)
        return tuple(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts, each as `text` would have it."""
        values = enumerate(self.values(name))
        return tuple(_text(f"{self._at(name)}[{n}]", value) for n, value in values)

    def optional_texts(self, name: str) -> tuple[str, ...] | None:
        return self.texts(name) if self._offers(name) else None

    def listing(self, name: str) -> tuple["Fields", ...]:
        """A list of objects, each with its own path, as in `policy.domains[2]`."""
        values = enumerate(self.values(name))
        return tuple(Fields.of(value, f"{self._at(name)}[{n}]") for n, value in values)

    def optional_listing(self, name: str) -> tuple["Fields", ...] | None:
        return self.listing(name) if self._offers(name) else None

    def rest(self) -> dict[str, JsonValue]:
        """The members not asked for so far: unknown, untrusted, and kept."""
        return {name: value for name, value in self.members.items() if name not in self._asked}

    def nothing_else(self) -> None:
        """Refuse members not asked for so far, where a format has no room for them."""
        if unknown := sorted(self.rest()):
            raise Malformed(f"{self.path}: unknown member {_shown(unknown[0])}")

    def _offers(self, name: str) -> bool:
        self._asked.add(name)
        return name in self.members

    def _at(self, name: str) -> str:
        return f"{self.path}.{name}"

    def _read(self, name: str, parse: Callable[[str], Read]) -> Read:
        text = self.text(name)
        try:
            return parse(text)
        except Malformed as e:
            raise Malformed(f"{self._at(name)}: {e}") from e


def _members(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members: dict[str, JsonValue] = {}
    for name, value in pairs:
        if name in members:
            raise Malformed(f"JSON: member {_shown(name)} is given twice")
        members[name] = value
    return members


def _integer(digits: str) -> int:
    # Counted before it is read: int() takes time quadratic in its digits.
    if len(digits) > 17 or abs(value := int(digits)) > LARGEST_INTEGER:
        raise Malformed(f"JSON: integer {digits[:20]} is beyond 2^53-1")
    return value


def _float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise Malformed(f"JSON: number {digits[:20]} is beyond a double")
    if LARGEST_INTEGER < abs(value) < _FIRST_WITH_EXPONENT:
        raise Malformed(f"JSON: number {digits[:20]} would be written as an integer beyond 2^53-1")
    return value


def _constant(name: str) -> NoReturn:
    raise Malformed(f"JSON: {name} is not a number")


def _refuse_depth_and_surrogates(value: JsonValue, depth: int) -> None:
    """Walk level by level, so that the walk itself cannot run out of stack."""
    level: list[JsonValue] = [value]
    nested = 0
    while level:
        inside = [member for member in level if isinstance(member, dict | list)]
        if inside and nested == depth:
            raise Malformed(f"JSON: nested deeper than {depth}")
        for member in level:
            if isinstance(member, str):
                _refuse_surrogates(member)
        level = [each for member in inside for each in _inside(member)]
        nested += 1


def _inside(container: dict[str, JsonValue] | list[JsonValue]) -> Iterable[JsonValue]:
    return (*container, *container.values()) if isinstance(container, dict) else container


def _refuse_surrogates(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as e:
        raise Malformed("JSON: half a surrogate pair") from e


def _text(path: str, value: JsonValue) -> str:
    if not isinstance(value, str) or not value or "\0" in value:
        _refuse(path, "text", value)
    return value


def _bounded(path: str, value: float, minimum: float, maximum: float) -> float:
    if value < minimum:
        _refuse(path, f"at least {minimum}", value)
    if value > maximum:
        _refuse(path, f"at most {maximum}", value)
    return value


def _refuse(path: str, expected: str, got: JsonValue) -> NoReturn:
    raise Malformed(f"{path}: expected {expected}, got {_shown(got)}")


def _shown(value: JsonValue) -> str:
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    # Quoted as JSON, ASCII only: foreign bytes must not speak through our messages.
    return json.dumps(value)[:80]
