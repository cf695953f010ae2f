from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from openward.access.lease import Lease, LeaseKind, LeaseState, decide_running
from openward.vocabulary import Sha256

NOW = datetime(2026, 11, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SUBJECT = Sha256("b" * 64)
LEASE = Lease(
    LeaseKind.USE, "ada", SUBJECT, Sha256("c" * 64), NOW - SECOND, NOW + timedelta(days=9)
)


@pytest.mark.parametrize(
    ("starts", "until", "ended", "state"),
    [
        (1, 9, None, LeaseState.COMING),
        (0, 9, None, LeaseState.RUNNING),
        (-1, 1, None, LeaseState.RUNNING),
        (-1, 0, None, LeaseState.LAPSED),
        (-9, -1, None, LeaseState.LAPSED),
        (-1, 9, 1, LeaseState.RUNNING),
        (-1, 9, 0, LeaseState.ENDED),
        (-9, -1, -2, LeaseState.ENDED),
        (1, 9, 0, LeaseState.ENDED),
    ],
)
def test_the_table_of_states(starts: int, until: int, ended: int | None, state: LeaseState) -> None:
    lease = replace(
        LEASE,
        starts=NOW + starts * SECOND,
        until=NOW + until * SECOND,
        ended_at=None if ended is None else NOW + ended * SECOND,
    )
    assert lease.state(NOW) is state


@pytest.mark.parametrize(
    "other",
    [
        replace(LEASE, kind=LeaseKind.EVALUATION),
        replace(LEASE, holder="bob"),
        replace(LEASE, subject=Sha256("d" * 64)),
        replace(LEASE, until=NOW),
        replace(LEASE, starts=NOW + SECOND),
        replace(LEASE, ended_at=NOW),
    ],
)
def test_another_lease_does_not_stand_for_this_one(other: Lease) -> None:
    assert decide_running([other], LeaseKind.USE, "ada", SUBJECT, NOW) is None
    assert decide_running([other, LEASE], LeaseKind.USE, "ada", SUBJECT, NOW) == LEASE


def test_of_several_running_leases_the_longest_is_named() -> None:
    longer = replace(LEASE, until=LEASE.until + SECOND)
    for leases in ([LEASE, longer], [longer, LEASE]):
        assert decide_running(leases, LeaseKind.USE, "ada", SUBJECT, NOW) == longer
