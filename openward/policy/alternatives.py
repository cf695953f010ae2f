"""What a person who is refused can do instead, in the policy's words.

    "alternatives": {"tier-2": "...", "tier-3": "...", "tier-4": "...", "unassessed": "..."}

Each is one line of printable ASCII of at most 240 characters: it travels in an HTTP header and is
read in a terminal, whole. A policy that closes a door without naming another is refused.
"""

from dataclasses import dataclass

from openward.policy.bounded import parse_prose
from openward.statements.strict_json import Fields, JsonValue
from openward.vocabulary import Tier


@dataclass(frozen=True, slots=True)
class Alternatives:
    """One line for each standing that keeps somebody out."""

    gated: str
    restricted: str
    closed: str
    unassessed: str

    def at(self, tier: Tier | None) -> str:
        """The line for a tier, or for weights without one (None). Tier 1 keeps nobody out."""
        match tier:
            case None:
                return self.unassessed
            case Tier.UNRESTRICTED | Tier.GATED:
                return self.gated
            case Tier.RESTRICTED:
                return self.restricted
            case Tier.CLOSED:
                return self.closed

    def json(self) -> JsonValue:
        return {
            "tier-2": self.gated,
            "tier-3": self.restricted,
            "tier-4": self.closed,
            "unassessed": self.unassessed,
        }


def parse_alternatives(fields: Fields) -> Alternatives:
    """Read the four lines. Raises Malformed."""
    alternatives = Alternatives(
        gated=parse_prose(fields, "tier-2"),
        restricted=parse_prose(fields, "tier-3"),
        closed=parse_prose(fields, "tier-4"),
        unassessed=parse_prose(fields, "unassessed"),
    )
    fields.nothing_else()
    return alternatives
