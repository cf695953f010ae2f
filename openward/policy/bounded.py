"""Texts and periods of a policy, each within a bound.

One line is printable text without a line break. What travels in an HTTP header is printable ASCII
of at most 240 characters. A period is a whole number of days, at least one.
"""

from openward.errors import Malformed
from openward.statements.strict_json import Fields

MAX_PROSE = 240
MAX_CITES = 16
MAX_DAYS = 3_650


def parse_prose(fields: Fields, name: str) -> str:
    """One line of printable ASCII that fits in a header. Raises Malformed."""
    line = parse_line(fields, name, MAX_PROSE)
    if not line.isascii():
        raise Malformed(f"{fields.path}.{name}: expected printable ASCII")
    return line


def parse_line(fields: Fields, name: str, limit: int) -> str:
    """One line of printable text of at most `limit` characters. Raises Malformed."""
    line = fields.text(name)
    if len(line) > limit or not line.isprintable() or line != line.strip():
        raise Malformed(f"{fields.path}.{name}: expected one line of at most {limit} characters")
    return line


def parse_cites(fields: Fields) -> tuple[str, ...]:
    """The sources of a line drawn: at least one. Raises Malformed."""
    cites = fields.texts("cites")
    if not 1 <= len(cites) <= MAX_CITES:
        raise Malformed(f"{fields.path}.cites: expected 1 to {MAX_CITES} sources")
    return cites


def parse_days(fields: Fields, name: str) -> int:
    """A period in days, from 1 to 3,650. Raises Malformed."""
    return fields.integer(name, minimum=1, maximum=MAX_DAYS)
