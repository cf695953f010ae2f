"""Bodies taken apart: JSON objects and forms, bounded before they are held.

application/json                    ->  Fields (null members count as left out)
application/x-www-form-urlencoded   ->  Form
"""

from dataclasses import dataclass
from urllib.parse import parse_qsl

from starlette.requests import Request

from openward.errors import Malformed
from openward.statements.strict_json import Fields, parse_json
from openward.web.bodies import small_body

LIMIT = 1 << 20  # bytes
_MOST_FIELDS = 20_000


@dataclass(frozen=True, slots=True)
class Form:
    """Fields of a form in their order; a name may come more than once."""

    pairs: tuple[tuple[str, str], ...]

    def first(self, name: str) -> str:
        """The first value of that name, empty when there is none."""
        return next((value for key, value in self.pairs if key == name), "")

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.pairs if key == name]


async def read_fields(request: Request, limit: int = LIMIT) -> Fields:
    """The body as a JSON object; an empty body is an empty object. Raises Malformed, HubProblem."""
    raw = await small_body(request, limit)
    given = Fields.of(parse_json(raw, limit=limit) if raw.strip() else {}, "body")
    members = {name: value for name, value in given.members.items() if value is not None}
    return Fields("body", members)


async def read_form(request: Request, limit: int = LIMIT) -> Form:
    """The body as a form. Raises Malformed, HubProblem."""
    raw = await small_body(request, limit)
    try:
        pairs = parse_qsl(
            raw.decode("ascii"),
            keep_blank_values=True,
            max_num_fields=_MOST_FIELDS,
            errors="strict",
        )
    except ValueError as e:  # UnicodeDecodeError is one too
        raise Malformed("the body is not a form") from e
    if any("\0" in name or "\0" in value for name, value in pairs):
        raise Malformed("a field of the form holds a NUL")
    return Form(tuple(pairs))


def said(fields: Fields, name: str) -> str:
    """A text that may be empty or left out; both are empty. Raises Malformed for other values."""
    return "" if fields.members.get(name) in ("", None) else fields.text(name)
