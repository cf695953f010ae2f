"""Signed addresses: good for one purpose, for a while, and only as signed."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import VerificationError
from openward.web.addresses import LONGEST, Address, sign_address, verify_address

SECRET = bytes(range(32))
NOW = datetime(2026, 11, 1, tzinfo=UTC)
ADDRESS = Address("lfs", 7, "ab" * 32, 123, NOW + timedelta(minutes=5))
TEXT = sign_address(SECRET, ADDRESS, NOW)

addresses = st.builds(
    Address,
    st.text(st.characters(codec="ascii", exclude_characters="\0"), min_size=1, max_size=20),
    st.integers(0, 2**40),
    st.text("0123456789abcdef", min_size=1, max_size=64),
    st.integers(0, 2**40),
    st.integers(1, 3600).map(lambda seconds: NOW + timedelta(seconds=seconds)),
)


@given(addresses)
def test_what_was_signed_is_read_back(address: Address) -> None:
    text = sign_address(SECRET, address, NOW)
    assert verify_address(SECRET, text, address.purpose, NOW) == address
    assert "/" not in text


@pytest.mark.parametrize(("seconds", "good"), [(0, True), (299, True), (300, False), (301, False)])
def test_an_address_ends_on_the_second(seconds: int, good: bool) -> None:
    now = NOW + timedelta(seconds=seconds)
    if good:
        assert verify_address(SECRET, TEXT, "lfs", now) == ADDRESS
    else:
        with pytest.raises(VerificationError, match="expired"):
            verify_address(SECRET, TEXT, "lfs", now)


def test_an_address_is_good_for_its_purpose_and_its_hub_only() -> None:
    with pytest.raises(VerificationError, match="something else"):
        verify_address(SECRET, TEXT, "lfs-verify", NOW)
    with pytest.raises(VerificationError, match="not signed here"):
        verify_address(bytes(32), TEXT, "lfs", NOW)


def test_no_address_outlives_an_hour() -> None:
    sign_address(SECRET, Address("lfs", 7, "ab", 1, NOW + LONGEST), NOW)
    with pytest.raises(ValueError, match="at most"):
        sign_address(SECRET, Address("lfs", 7, "ab", 1, NOW + LONGEST + timedelta(seconds=1)), NOW)


@given(st.integers(0, len(TEXT) - 1), st.sampled_from("AZaz09-_.é"))
def test_a_changed_character_spoils_it(at: int, character: str) -> None:
    changed = TEXT[:at] + character + TEXT[at + 1 :]
    if changed != TEXT:
        with pytest.raises(VerificationError):
            verify_address(SECRET, changed, "lfs", NOW)


@given(st.text(max_size=300))
def test_anything_else_is_refused_and_nothing_breaks(text: str) -> None:
    with pytest.raises(VerificationError):
        verify_address(SECRET, text, "lfs", NOW)


def test_a_signature_has_one_spelling() -> None:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    good = [c for c in alphabet if _reads(TEXT[:-1] + c)]
    assert good == [TEXT[-1]]


def _reads(text: str) -> bool:
    try:
        verify_address(SECRET, text, "lfs", NOW)
    except VerificationError:
        return False
    return True
