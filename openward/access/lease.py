"""Leases: permission with an end.

    starts ≤ now < until, and not ended before        running

A running lease lasts to its own date. It ends sooner only by an entry of the record that says so
(`ended_at`); no message takes it back in silence, and a publisher who gates later does not reach
leases already given.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from openward.vocabulary import Sha256


class LeaseKind(Enum):
    """What a lease is for; one does not stand for the other."""

    USE = "use"
    EVALUATION = "evaluation"


class LeaseState(Enum):
    """Where a lease is in its life."""

    COMING = "coming"
    RUNNING = "running"
    LAPSED = "lapsed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class Lease:
    """Permission for one holder (an account) and one subject, on the terms accepted."""

    kind: LeaseKind
    holder: str
    subject: Sha256
    terms: Sha256
    starts: datetime
    until: datetime
    ended_at: datetime | None = None

    def state(self, now: datetime) -> LeaseState:
        if self.ended_at is not None and self.ended_at <= now:
            return LeaseState.ENDED
        if now < self.starts:
            return LeaseState.COMING
        return LeaseState.RUNNING if now < self.until else LeaseState.LAPSED


def decide_running(
    leases: Iterable[Lease], kind: LeaseKind, holder: str, subject: Sha256, now: datetime
) -> Lease | None:
    """The holder's running lease of that kind on that subject which lasts longest."""
    fitting = (
        lease
        for lease in leases
        if (lease.kind, lease.holder, lease.subject) == (kind, holder, subject)
        and lease.state(now) is LeaseState.RUNNING
    )
    return max(fitting, key=lambda lease: lease.until, default=None)
