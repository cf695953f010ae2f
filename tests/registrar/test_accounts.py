"""Names, codes, tokens and tickets: what they may be, and when they end."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils._validators import validate_repo_id
from hypothesis import given
from hypothesis import strategies as st

from openward.app import now, open_hub
from openward.config import HubConfig
from openward.errors import Conflict, Malformed
from openward.registrar import accounts
from openward.registrar.accounts import (
    DEVICE_CODE_LIFE,
    DEVICE_TOKEN_LIFE,
    LINK_LIFE,
    REFRESH_LIFE,
    SESSION_LIFE,
    DeviceTokens,
    NotYet,
    begin_device,
    confirm_device,
    issue_sign_in_link,
    issue_token,
    join,
    open_account,
    open_organisation,
    parse_name,
    parse_user_code,
    redeem_device,
    redeem_sign_in_link,
    renew_device,
)
from openward.registrar.founding import CONFIGURATION, found_hub
from openward.registrar.office import Office
from openward.registrar.parties import Party, party_of_session, party_of_token
from openward.registrar.refusals import Refusal
from openward.store.accounts import AccountRow

SECOND = timedelta(seconds=1)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.at = now()

    def __call__(self) -> datetime:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def office(tmp_path: Path, clock: Clock) -> Iterator[Office]:
    """A hub without a server, whose clock the test moves."""
    counter = iter(range(10**6))
    found_hub(tmp_path / "hub", HubConfig(), clock, lambda n: next(counter).to_bytes(n, "big"))
    hub = open_hub(tmp_path / "hub" / CONFIGURATION)
    yield replace(hub.office, clock=clock)
    hub.close()


@pytest.fixture
def ada(office: Office) -> AccountRow:
    return open_account(office, "ada")


def holder(office: Office, secret: str) -> str | None:
    with office.database.reading() as connection:
        party = party_of_token(connection, secret, office.clock())
    return None if party is None else party.account.name


def session_of(office: Office, secret: str) -> Party | None:
    with office.database.reading() as connection:
        return party_of_session(connection, secret, office.clock())


@given(st.text(st.sampled_from("aB9_.-") | st.characters(), max_size=8))
def test_a_name_is_what_the_clients_take_for_one(text: str) -> None:
    try:
        validate_repo_id(text)
        taken = "/" not in text
    except HFValidationError:
        taken = False
    if taken:
        assert parse_name(text) == text
    else:
        with pytest.raises(Malformed):
            parse_name(text)


def test_a_name_has_up_to_96_characters() -> None:
    assert parse_name("a" * 96)
    for text in ("", "a" * 97):
        with pytest.raises(Malformed):
            parse_name(text)


def test_a_name_is_given_once_whatever_its_case(office: Office, ada: AccountRow) -> None:
    with pytest.raises(Conflict):
        open_account(office, "ADA")
    with pytest.raises(Conflict):
        open_organisation(office, "Ada", ada)
    for page in ("api", "Datasets", "LOGIN"):
        with pytest.raises(Malformed):
            open_account(office, page)


def test_roles_are_those_of_the_list(office: Office, ada: AccountRow) -> None:
    lab = open_organisation(office, "lab", ada)
    ben = open_account(office, "ben")
    join(office, lab, ben, "write")
    with pytest.raises(Malformed):
        join(office, lab, open_account(office, "cyd"), "owner")
    with pytest.raises(Malformed):
        issue_token(office, ada, "t", "admin")


def test_a_token_ends_on_its_second(office: Office, ada: AccountRow, clock: Clock) -> None:
    _, lasting = issue_token(office, ada, "forever", "read")
    _, secret = issue_token(office, ada, "hour", "read", timedelta(hours=1))
    clock.at += timedelta(hours=1) - SECOND
    assert holder(office, secret) == "ada"
    clock.at += SECOND
    assert holder(office, secret) is None
    assert holder(office, lasting) == "ada"
    assert holder(office, secret[:-1]) is None


def test_a_link_lasts_a_quarter_of_an_hour(office: Office, ada: AccountRow, clock: Clock) -> None:
    in_time, late = issue_sign_in_link(office, ada), issue_sign_in_link(office, ada)
    clock.at += LINK_LIFE - SECOND
    session = redeem_sign_in_link(office, in_time)
    assert isinstance(session, str)
    assert isinstance(redeem_sign_in_link(office, in_time), Refusal)
    clock.at += SECOND
    assert isinstance(redeem_sign_in_link(office, late), Refusal)
    party = session_of(office, session)
    assert party is not None and party.account == ada
    clock.at += SESSION_LIFE - SECOND
    assert session_of(office, session) is None


def test_a_link_is_no_session_and_a_session_no_link(office: Office, ada: AccountRow) -> None:
    link = issue_sign_in_link(office, ada)
    assert session_of(office, link) is None
    session = redeem_sign_in_link(office, link)
    assert isinstance(session, str)
    assert isinstance(redeem_sign_in_link(office, session), Refusal)
    accounts.close_session(office, session)
    assert session_of(office, session) is None


def test_a_device_code_and_what_follows_end_on_time(
    office: Office, ada: AccountRow, clock: Clock
) -> None:
    party = Party(ada, True, {}, None)
    codes = begin_device(office)
    clock.at += DEVICE_CODE_LIFE - SECOND
    assert redeem_device(office, codes.device_code) == NotYet(
        "authorization_pending", "Nobody has confirmed the code yet."
    )
    assert confirm_device(office, party, codes.user_code, granting=True) is None
    tokens = redeem_device(office, codes.device_code)
    assert isinstance(tokens, DeviceTokens)
    late = begin_device(office)
    clock.at += DEVICE_CODE_LIFE
    assert isinstance(confirm_device(office, party, late.user_code, granting=True), Refusal)
    assert isinstance(redeem_device(office, late.device_code), NotYet)
    clock.at += DEVICE_TOKEN_LIFE - DEVICE_CODE_LIFE - SECOND
    assert holder(office, tokens.access) == "ada"
    clock.at += SECOND
    assert holder(office, tokens.access) is None
    clock.at += REFRESH_LIFE - DEVICE_TOKEN_LIFE - SECOND
    renewed = renew_device(office, tokens.refresh)
    assert isinstance(renewed, DeviceTokens)
    assert isinstance(renew_device(office, tokens.refresh), NotYet)
    clock.at += REFRESH_LIFE
    assert isinstance(renew_device(office, renewed.refresh), NotYet)


def test_a_code_is_confirmed_once(office: Office, ada: AccountRow) -> None:
    party = Party(ada, True, {}, None)
    codes = begin_device(office)
    assert confirm_device(office, party, codes.user_code, granting=False) is None
    assert isinstance(confirm_device(office, party, codes.user_code, granting=True), Refusal)
    denied = redeem_device(office, codes.device_code)
    assert isinstance(denied, NotYet) and denied.error == "access_denied"


def test_the_kinds_of_secret_do_not_stand_for_each_other(office: Office, ada: AccountRow) -> None:
    codes = begin_device(office)
    link = issue_sign_in_link(office, ada)
    assert isinstance(renew_device(office, link), NotYet)
    assert isinstance(renew_device(office, codes.device_code), NotYet)
    assert isinstance(redeem_sign_in_link(office, codes.device_code), Refusal)
    assert holder(office, link) is None


@pytest.mark.parametrize("typed", ["BCDF-GHJK", "bcdfghjk", " bcdf ghjk ", "BC-DF-GH-JK"])
def test_a_code_may_be_typed_in_any_way(typed: str) -> None:
    assert parse_user_code(typed) == "BCDF-GHJK"


@pytest.mark.parametrize("typed", ["", "BCDFGHJ", "BCDFGHJKL", "ACDFGHJK", "BCDF_GHJK"])
def test_what_is_no_code_is_malformed(typed: str) -> None:
    with pytest.raises(Malformed):
        parse_user_code(typed)


@given(st.binary(min_size=32, max_size=32))
def test_every_code_made_can_be_typed(random: bytes) -> None:
    code = accounts._user_code(random)
    assert parse_user_code(code) == code
