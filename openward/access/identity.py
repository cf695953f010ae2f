"""Who asks: a visitor, somebody with an account, a verified person, an accredited evaluator.

A party is told apart by its account and, in signed promises, by a salted commitment to it. What
is verified, and how, is the registrar's to find out; here stands only what was found.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from openward.vocabulary import PartyId, Sha256


@dataclass(frozen=True, slots=True)
class Applicant:
    """Somebody signed in. `evaluator` is the name of a running accreditation, None without one."""

    account: str
    commitment: Sha256
    verified_at: datetime | None = None
    evaluator: PartyId | None = None

    def verified_by(self, now: datetime) -> datetime | None:
        """When the identity was verified, if that was not after `now`."""
        if self.verified_at is None or self.verified_at > now:
            return None
        return self.verified_at


class Possession(Enum):
    """Whether a party proved to hold the very bytes it asks for, by having uploaded them whole."""

    UNPROVEN = "unproven"
    PROVED = "proved"


@dataclass(frozen=True, slots=True)
class Party:
    """Who asks for bytes. `applicant` is None for a visitor."""

    applicant: Applicant | None = None
    possession: Possession = Possession.UNPROVEN
