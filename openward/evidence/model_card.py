"""Model cards: the YAML between two `---` lines at the head of README.md.

    ---
    license: apache-2.0
    base_model: open-lab/base-8b        one or a list
    base_model_relation: quantized      finetune, quantized, adapter, merge
    tags: [biology]
    openward:
      family: kifaru                    releases that count as one
      domains: [biological-design]      risk domains the publisher declares
    ---
    # The card itself ...

What a card declares can only make the house more careful: a parent binds, a family adds up, a
domain is looked at. Nothing in it opens anything. Aliases are refused (a few lines of them can
stand for gigabytes), and so is YAML that is no mapping.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

from openward.errors import Malformed
from openward.statements.strict_json import JsonValue

CARD_LIMIT = 1 << 20
DEPTH = 24
_FENCE = "---"


class _Loader(yaml.CSafeLoader):
    """SafeLoader without aliases and without times: a date in a card stays the text it was."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # a class attribute of PyYAML's own
        first: [(tag, expression) for tag, expression in resolvers if "timestamp" not in tag]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a card declares. `fields` is the front matter as it stands; the rest is read from it."""

    fields: Mapping[str, JsonValue] = field(default_factory=dict)

    @property
    def parents(self) -> tuple[str, ...]:
        return _texts(self.fields.get("base_model"))

    @property
    def relation(self) -> str | None:
        relation = self.fields.get("base_model_relation")
        return relation if isinstance(relation, str) else None

    @property
    def tags(self) -> tuple[str, ...]:
        return _texts(self.fields.get("tags"))

    @property
    def family(self) -> str | None:
        family = self._own().get("family")
        return family if isinstance(family, str) and family else None

    @property
    def domains(self) -> tuple[str, ...]:
        """Declared risk domains: the card's own list and its tags, as written."""
        return (*_texts(self._own().get("domains")), *self.tags)

    def _own(self) -> Mapping[str, JsonValue]:
        own = self.fields.get("openward")
        return own if isinstance(own, Mapping) else {}


def parse_model_card(text: str) -> ModelCard:
    """Read a card's front matter; a card without one declares nothing. Raises Malformed."""
    front = front_matter(text)
    if not front.strip():
        return ModelCard()
    if len(front) > CARD_LIMIT:
        raise Malformed(f"model card: front matter of more than {CARD_LIMIT} characters")
    try:
        _refuse_aliases(front)
        value = yaml.load(front, _Loader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, ValueError, RecursionError) as e:
        raise Malformed(f"model card: {_first_line(e)}") from e
    if value is None:
        return ModelCard()
    plain = _plain(value)
    if not isinstance(plain, Mapping):
        raise Malformed("model card: the front matter is no mapping")
    return ModelCard(plain)


def front_matter(text: str) -> str:
    """What stands between the fences at the head of a card; empty where there are none."""
    lines = text.removeprefix("\ufeff").splitlines()
    if not lines or lines[0].rstrip() != _FENCE:
        return ""
    for n, line in enumerate(lines[1:], start=1):
        if line.rstrip() == _FENCE:
            return "\n".join(lines[1:n])
    return ""


def _refuse_aliases(front: str) -> None:
    depth = 0
    for event in yaml.parse(front, _Loader):
        if isinstance(event, yaml.AliasEvent):
            raise Malformed("model card: aliases are not read")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH:
            raise Malformed(f"model card: nested deeper than {DEPTH}")


def _plain(value: object) -> JsonValue:
    """The same value as JSON: keys as text, numbers no JSON can hold as text."""
    if isinstance(value, dict):
        return {str(name): _plain(member) for name, member in value.items()}
    if isinstance(value, list | set | tuple):
        return [_plain(member) for member in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return str(value)


def _texts(value: JsonValue) -> tuple[str, ...]:
    if isinstance(value, str):
        return (value,) if value else ()
    if isinstance(value, list | tuple):
        return tuple(member for member in value if isinstance(member, str) and member)
    return ()


def _first_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
