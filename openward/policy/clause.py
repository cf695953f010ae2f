"""The proportionality clause as the policy states it.

    {"presumed_open_bytes": 1000000000, "unreadable_bytes": 64000000,
     "listed_domains": ["biological-design"], "review_after": {"releases": 20, "days": 30}}

What it means for a release is in `presumption`.
"""

from dataclasses import dataclass

from openward.errors import Malformed
from openward.policy.bounded import parse_days
from openward.statements.strict_json import Fields, JsonValue
from openward.vocabulary import parse_party

MAX_LISTED = 64


@dataclass(frozen=True, slots=True)
class Proportionality:
    """Up to which size weights are presumed harmless, and when such releases are looked at.

    A namespace with more than `review_releases` of them within `review_days` opens a review.
    """

    presumed_open_bytes: int
    unreadable_bytes: int
    listed_domains: tuple[str, ...]
    review_releases: int
    review_days: int


def parse_proportionality(fields: Fields) -> Proportionality:
    """Read the clause. Raises Malformed."""
    listed = tuple(parse_party(tag) for tag in fields.texts("listed_domains"))
    if len(listed) > MAX_LISTED:
        raise Malformed(f"{fields.path}.listed_domains: at most {MAX_LISTED}")
    after = fields.fields("review_after")
    clause = Proportionality(
        presumed_open_bytes=fields.integer("presumed_open_bytes", minimum=0),
        unreadable_bytes=fields.integer("unreadable_bytes", minimum=0),
        listed_domains=listed,
        review_releases=after.integer("releases", minimum=0),
        review_days=parse_days(after, "days"),
    )
    after.nothing_else()
    fields.nothing_else()
    return clause


def proportionality_json(clause: Proportionality) -> JsonValue:
    """The clause as the policy holds it."""
    return {
        "presumed_open_bytes": clause.presumed_open_bytes,
        "unreadable_bytes": clause.unreadable_bytes,
        "listed_domains": clause.listed_domains,
        "review_after": {"releases": clause.review_releases, "days": clause.review_days},
    }
