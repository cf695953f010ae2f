"""Accounts, tokens, browser sessions and the device flow: who may act, and for how long.

    sign-in link  (15 minutes, once)      ->  session  (14 days)
    device code   (15 minutes)            ->  token (30 days) and refresh ticket (90 days, once)
    token         (no end unless given)

Every secret is 32 fresh random bytes, shown once and kept by digest (store.accounts). Device codes
follow RFC 8628; a person confirms the short code in a signed-in session.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from openward.errors import Malformed
from openward.registrar.office import Office
from openward.registrar.parties import Party
from openward.registrar.refusals import Ground, Refusal
from openward.store.accounts import (
    AccountRow,
    TicketRow,
    TokenRow,
    account_by_id,
    add_account,
    add_member,
    add_ticket,
    add_token,
    advance_ticket,
    find_ticket,
)

ROLES = ("admin", "write", "read")
TOKEN_ROLES = ("write", "read")
LINK_LIFE = timedelta(minutes=15)
SESSION_LIFE = timedelta(days=14)
DEVICE_CODE_LIFE = timedelta(minutes=15)
# The clients renew a token of which less than a day is left.
DEVICE_TOKEN_LIFE = timedelta(days=30)
REFRESH_LIFE = timedelta(days=90)
TOKEN_PREFIX = "ow_"  # noqa: S105  # lets people and secret scanners tell what they found

# Without vowels no word appears, without look-alikes no code is misread.
_CODE_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"
_NAME = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,94}[A-Za-z0-9_])?", re.ASCII)
_TAKEN_BY_PAGES = frozenset((
    "about", "access", "api", "appeal", "datasets", "device", "docs", "join", "kernels", "lfs",
    "log", "login", "logout", "models", "new", "oauth", "openward", "organizations", "policy",
    "rulebook", "settings", "spaces", "static", "xet",
))  # fmt: skip


@dataclass(frozen=True, slots=True)
class DeviceCodes:
    """What a client shows its user, and what it polls with; RFC 8628 section 3.2."""

    device_code: str
    user_code: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class DeviceTokens:
    """The token a device gets, and the ticket that renews it once."""

    access: str
    refresh: str
    expires_in: int


@dataclass(frozen=True, slots=True)
class NotYet:
    """Why a device has no token; `error` is the word of RFC 8628 section 3.5."""

    error: str
    says: str


def parse_name(text: str) -> str:
    """Read the name of an account or repository, as the clients allow it. Raises Malformed."""
    if not _NAME.fullmatch(text) or "--" in text or ".." in text or text.endswith(".git"):
        raise Malformed(
            "a name has letters, digits, '.', '_' and '-', at most 96; it neither starts nor ends"
            " with '-' or '.', has no '--' or '..', and does not end in '.git'"
        )
    return text


def open_account(
    office: Office, name: str, *, fullname: str = "", email: str | None = None
) -> AccountRow:
    """Open a person's account. Raises Malformed, Conflict."""
    with office.database.writing() as connection:
        return _open(connection, name, "person", fullname, email, office.clock())


def open_organisation(
    office: Office, name: str, founder: AccountRow, *, fullname: str = ""
) -> AccountRow:
    """Open an organisation with its first administrator. Raises Malformed, Conflict."""
    with office.database.writing() as connection:
        organisation = _open(connection, name, "organisation", fullname, None, office.clock())
        add_member(connection, organisation.id, founder.id, "admin")
        return organisation


def join(office: Office, organisation: AccountRow, account: AccountRow, role: str) -> None:
    """Give a person a role in an organisation. Raises Malformed for an unknown role."""
    if role not in ROLES:
        raise Malformed(f"a role is one of {', '.join(ROLES)}, not {role[:80]!r}")
    with office.database.writing() as connection:
        add_member(connection, organisation.id, account.id, role)


def _open(
    connection: Connection, name: str, kind: str, fullname: str, email: str | None, now: datetime
) -> AccountRow:
    if parse_name(name).casefold() in _TAKEN_BY_PAGES:
        raise Malformed(f"the name {name} stands for a page of the hub")
    made = add_account(connection, name, kind, fullname or name, email, now)
    account = account_by_id(connection, made)
    assert account is not None  # noqa: S101  # added two lines above
    return account


def issue_token(
    office: Office,
    account: AccountRow,
    name: str,
    role: str,
    lasting: timedelta | None = None,
) -> tuple[TokenRow, str]:
    """A new token and its secret, which nobody can show again. Raises Malformed."""
    with office.database.writing() as connection:
        return _issue(connection, office, account.id, name, role, lasting)


def _issue(
    connection: Connection,
    office: Office,
    account: int,
    name: str,
    role: str,
    lasting: timedelta | None,
) -> tuple[TokenRow, str]:
    if role not in TOKEN_ROLES:
        raise Malformed(f"a token's role is one of {', '.join(TOKEN_ROLES)}, not {role[:80]!r}")
    now = office.clock()
    secret = TOKEN_PREFIX + office.entropy(32).hex()
    until = None if lasting is None else now + lasting
    token = TokenRow(office.entropy(12).hex(), account, name, role, now, until, None)
    add_token(connection, token, secret)
    return token, secret


# --- browser sessions -------------------------------------------------------------------------


def issue_sign_in_link(office: Office, account: AccountRow) -> str:
    """The secret of a link that signs its bearer in, once."""
    with office.database.writing() as connection:
        return _ticket(connection, office, "link", account.id, LINK_LIFE)


def redeem_sign_in_link(office: Office, secret: str) -> str | Refusal:
    """The secret of a session, for that of a link; a link works once."""
    with office.database.writing() as connection:
        link = find_ticket(connection, "link", office.clock(), secret=secret)
        if link is None or link.state != "open":
            return Refusal(Ground.FORBIDDEN, "This sign-in link was used before, or it expired.")
        advance_ticket(connection, "link", "used", secret=secret)
        return _ticket(connection, office, "session", link.account, SESSION_LIFE)


def close_session(office: Office, secret: str) -> None:
    with office.database.writing() as connection:
        advance_ticket(connection, "session", "closed", secret=secret)


def _ticket(
    connection: Connection,
    office: Office,
    kind: str,
    account: int | None,
    lasting: timedelta,
    code: str | None = None,
) -> str:
    now = office.clock()
    secret = office.entropy(32).hex()
    ticket = TicketRow(kind, account, code, "open", now + lasting)
    add_ticket(connection, ticket, secret, now)
    return secret


# --- the device flow --------------------------------------------------------------------------


def begin_device(office: Office) -> DeviceCodes:
    """Codes for a device that wants to act for somebody; RFC 8628 section 3.2."""
    user_code = _user_code(office.entropy(32))
    with office.database.writing() as connection:
        device_code = _ticket(connection, office, "device", None, DEVICE_CODE_LIFE, user_code)
    return DeviceCodes(device_code, user_code, int(DEVICE_CODE_LIFE.total_seconds()))


def confirm_device(office: Office, party: Party, typed: str, *, granting: bool) -> Refusal | None:
    """A signed-in person grants or denies the device that shows this code."""
    code = parse_user_code(typed)
    with office.database.writing() as connection:
        ticket = find_ticket(connection, "device", office.clock(), code=code)
        if ticket is None or ticket.state != "open":
            return Refusal(Ground.NO_ENTRY, "No device is waiting with this code, or it expired.")
        state = "granted" if granting else "denied"
        advance_ticket(connection, "device", state, code=code, account=party.account.id)
    return None


def redeem_device(office: Office, device_code: str) -> DeviceTokens | NotYet:
    """The tokens of a confirmed device; a device code works once. RFC 8628 section 3.5."""
    with office.database.writing() as connection:
        ticket = find_ticket(connection, "device", office.clock(), secret=device_code)
        if ticket is None:
            return NotYet("expired_token", "This device code expired. Start again.")
        if ticket.state == "open":
            return NotYet("authorization_pending", "Nobody has confirmed the code yet.")
        if ticket.state == "granted" and ticket.account is not None:
            advance_ticket(connection, "device", "used", secret=device_code)
            return _device_tokens(connection, office, ticket.account)
        if ticket.state == "denied":
            return NotYet("access_denied", "The code was denied.")
        return NotYet("invalid_grant", "This device code was used before.")


def renew_device(office: Office, refresh: str) -> DeviceTokens | NotYet:
    """New tokens for a refresh ticket, which works once. RFC 6749 section 6."""
    with office.database.writing() as connection:
        ticket = find_ticket(connection, "refresh", office.clock(), secret=refresh)
        if ticket is None or ticket.account is None or ticket.state != "open":
            return NotYet("invalid_grant", "This refresh token was used before, or it expired.")
        advance_ticket(connection, "refresh", "used", secret=refresh)
        return _device_tokens(connection, office, ticket.account)


def _device_tokens(connection: Connection, office: Office, account: int) -> DeviceTokens:
    _, access = _issue(connection, office, account, "device", "write", DEVICE_TOKEN_LIFE)
    refresh = _ticket(connection, office, "refresh", account, REFRESH_LIFE)
    return DeviceTokens(access, refresh, int(DEVICE_TOKEN_LIFE.total_seconds()))


def parse_user_code(typed: str) -> str:
    """Read a code as people type it: any case, with or without the dash. Raises Malformed."""
    letters = [c for c in typed[:32].upper() if c not in " -"]
    if len(letters) != 8 or any(c not in _CODE_LETTERS for c in letters):
        raise Malformed("a code has eight letters, like BCDF-GHJK")
    return "".join(letters[:4]) + "-" + "".join(letters[4:])


def _user_code(random: bytes) -> str:
    """Eight letters: 20 ** 8 codes, for fifteen minutes each, tried only by signed-in people."""
    number = int.from_bytes(random, "big")
    letters = []
    for _ in range(8):
        number, digit = divmod(number, len(_CODE_LETTERS))
        letters.append(_CODE_LETTERS[digit])
    return "".join(letters[:4]) + "-" + "".join(letters[4:])
