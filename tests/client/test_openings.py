"""What is still hidden shows nothing, and an opening shows only what its commitment hid."""

import base64
from datetime import UTC, datetime

import pytest

from openward.client.openings import Shown, verify_shown
from openward.errors import VerificationError
from openward.statements.entry import (
    Body,
    Committed,
    Decided,
    Entry,
    Genesis,
    Opened,
    body_json,
    commit_to,
)
from openward.statements.strict_json import JsonValue
from openward.vocabulary import Sha256

AT = datetime(2026, 10, 1, tzinfo=UTC)
SALT = bytes(range(32))
DECIDED = Decided(
    subject=Sha256("1" * 64),
    case=Sha256("2" * 64),
    policy=Sha256("3" * 64),
    policy_entry=1,
    state="presumed",
    tier=1,
    reasons=(("presumed.small", "10 bytes"),),
)


def entries(*bodies: Body) -> list[Entry]:
    return [Entry(AT, body) for body in bodies]


def opening(entry: int, hidden: JsonValue, salt: bytes = SALT) -> Opened:
    return Opened(entry, base64.b64encode(salt).decode(), hidden)


def test_a_decision_in_the_open_is_shown_where_it_stands() -> None:
    assert list(verify_shown(entries(Genesis("o", "k"), DECIDED))) == [Shown(1, DECIDED)]


def test_an_opened_decision_was_made_where_its_commitment_stands() -> None:
    hidden = body_json(DECIDED)
    record = entries(Genesis("o", "k"), commit_to("decision", SALT, hidden), opening(1, hidden))
    assert list(verify_shown(record)) == [Shown(1, DECIDED)]
    assert not list(verify_shown(record[:2]))


@pytest.mark.parametrize(
    "wrong",
    [
        opening(1, {**dict(body_json(DECIDED).items()), "tier": 2}),  # type: ignore[union-attr]
        opening(1, body_json(DECIDED), salt=bytes(32)),
        opening(1, body_json(DECIDED), salt=bytes(31)),
        opening(0, body_json(DECIDED)),
        opening(2, body_json(DECIDED)),
        opening(9, body_json(DECIDED)),
        Opened(1, "not base64!", body_json(DECIDED)),
    ],
)
def test_an_opening_that_fits_no_commitment_before_it_is_refused(wrong: Opened) -> None:
    committed = commit_to("decision", SALT, body_json(DECIDED))
    with pytest.raises(VerificationError):
        list(verify_shown(entries(Genesis("o", "k"), committed, wrong)))


def test_what_concerns_a_person_shows_neither_decision_nor_evidence() -> None:
    hidden: JsonValue = {"account": 7}
    grant = commit_to("grant", SALT, hidden)
    assert isinstance(grant, Committed)
    assert not list(verify_shown(entries(Genesis("o", "k"), grant, opening(1, hidden))))
