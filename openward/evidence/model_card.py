"""The model card: YAML front matter of README.md, read without trusting it.

    ---
    license: apache-2.0
    pipeline_tag: text-generation
    base_model: open-lab/base-8b        one or a list
    base_model_relation: quantized      finetune, quantized, adapter, merge
    tags: [biology]
    openward:
      family: kifaru                    releases that count as one
      domains: [biological-design]      risk domains the publisher declares
    ---
    # The rest is Markdown

The card is what a publisher says. It can only make the house more careful: a parent binds, a family
adds up, a domain is looked at; nothing of it opens a tier. YAML's tools for making a small text
a huge one (anchors, deep nesting) are refused, and only what JSON can say is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from math import isfinite

import yaml

from openward.errors import Malformed
from openward.statements.strict_json import LARGEST_INTEGER, JsonValue

_LONGEST_FRONT = 256 << 10
_DEEPEST = 24
_FENCE = "---"
# ValueError: a date such as 2026-02-31, an integer of ten thousand digits. A tag that contradicts
# its value (`!!bool maybe`) fails in the loader with whatever comes first.
_UNREADABLE = (yaml.YAMLError, ValueError, LookupError, AttributeError)


@dataclass(frozen=True, slots=True)
class Card:
    """What the front matter says. A card that cannot be read says nothing, but for `problem`."""

    members: Mapping[str, JsonValue]
    problem: str = ""

    def text(self, name: str) -> str | None:
        """A member that is text, else None."""
        value = self.members.get(name)
        return value if isinstance(value, str) and _is_something(value) else None

    def texts(self, name: str) -> tuple[str, ...]:
        """A member that is a text or a list of texts; what is neither is left out."""
        value = self.members.get(name)
        values = value if isinstance(value, list) else [value]
        return tuple(v for v in values if isinstance(v, str) and _is_something(v))

    @property
    def parents(self) -> tuple[str, ...]:
        return self.texts("base_model")

    @property
    def relation(self) -> str | None:
        return self.text("base_model_relation")

    @property
    def family(self) -> str | None:
        return self._own().text("family")

    @property
    def domains(self) -> tuple[str, ...]:
        """Declared risk domains: the card's own list, and its tags."""
        return (*self._own().texts("domains"), *self.texts("tags"))

    def _own(self) -> "Card":
        own = self.members.get("openward")
        return Card(own) if isinstance(own, dict) else NO_CARD


NO_CARD = Card({})


def parse_card(readme: bytes) -> Card:
    """Read the front matter of a README; without one the card is empty. Raises Malformed."""
    try:
        text = readme.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as e:
        raise Malformed("model card: not UTF-8") from e
    if not text.startswith(_FENCE + "\n"):
        return NO_CARD
    front, found, _ = text[len(_FENCE) + 1 :].partition("\n" + _FENCE)
    if not found:
        raise Malformed("model card: the front matter does not end")
    return Card(parse_front_matter(front))


def parse_front_matter(text: str) -> dict[str, JsonValue]:
    """Read one YAML mapping. Raises Malformed."""
    if len(text) > _LONGEST_FRONT:
        raise Malformed(f"model card: the front matter is longer than {_LONGEST_FRONT} characters")
    try:
        _refuse_traps(text)
        value = yaml.load(text, Loader=yaml.CSafeLoader)  # a safe loader, in C
        members = {} if value is None else _plain(value)
    except _UNREADABLE as e:
        raise Malformed(f"model card: not YAML: {_first_line(e)}") from e
    if not isinstance(members, dict):
        raise Malformed("model card: the front matter is no mapping")
    return members


def _refuse_traps(text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.AliasEvent):
            raise Malformed("model card: YAML aliases are not read")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise Malformed(f"model card: nested deeper than {_DEEPEST}")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _plain(value: object) -> JsonValue:
    """The value as JSON can say it; what JSON cannot say becomes text or is refused."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, int):
        return value if abs(value) <= LARGEST_INTEGER else str(value)
    if isinstance(value, float):
        return value if isfinite(value) else str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if isinstance(value, dict):
        return {_name(key): _plain(each) for key, each in value.items()}
    raise Malformed(f"model card: a {type(value).__name__} has no place in a card")


def _name(key: object) -> str:
    if isinstance(key, bool | int | float | date) or key is None:
        # YAML reads the key `no` as false; as text it can at least be seen.
        return str(key).lower()
    if not isinstance(key, str):
        raise Malformed("model card: the name of a member is no text")
    return key


def _is_something(text: str) -> bool:
    # U+0000 names nothing anywhere, and not every store can be asked for it.
    return bool(text) and "\0" not in text


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0][:200] if str(error) else type(error).__name__
