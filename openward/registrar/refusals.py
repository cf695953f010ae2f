"""What a procedure answers instead of doing as asked: a value, with the sentence to show."""

from dataclasses import dataclass
from enum import Enum


class Ground(Enum):
    """Why the procedure did nothing."""

    FORBIDDEN = "forbidden"
    NO_REPOSITORY = "no repository"
    NO_REVISION = "no revision"
    NO_ENTRY = "no entry"
    STALE = "stale"
    OUT_OF_STATE = "out of state"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nothing was written. `says` is one sentence for the person who asked."""

    ground: Ground
    says: str
