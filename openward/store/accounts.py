"""Accounts, memberships, tokens and tickets: rows in, rows out. Secrets are kept by digest only."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Row, insert, select, update

from openward.errors import Conflict
from openward.store import schema as t
from openward.store.database import inserted_key


@dataclass(frozen=True, slots=True)
class AccountRow:
    """A person or an organisation. `evaluator` names the accredited party it acts for."""

    id: int
    name: str
    kind: str
    fullname: str
    email: str | None
    verified_at: datetime | None
    verified_how: str | None
    evaluator: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class TokenRow:
    """A token as its owner may see it: never the secret."""

    id: str
    account: int
    name: str
    role: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class TicketRow:
    """A short-lived secret: a sign-in link, a browser session, a device code."""

    kind: str
    account: int | None
    code: str | None
    state: str
    expires_at: datetime


def secret_digest(secret: str) -> str:
    """How a secret is stored. The secrets are 256 random bits, so a plain hash suffices."""
    return hashlib.sha256(secret.encode("utf-8")).hexdigest()


def _account(row: Row[tuple[object, ...]] | None) -> AccountRow | None:
    if row is None:
        return None
    m = row._mapping
    return AccountRow(**{name: m[name] for name in AccountRow.__dataclass_fields__})


def find_account(connection: Connection, name: str) -> AccountRow | None:
    """The account of that name, whatever its case."""
    query = select(t.account).where(t.account.c.key == name.casefold())
    return _account(connection.execute(query).one_or_none())


def account_by_id(connection: Connection, account: int) -> AccountRow | None:
    query = select(t.account).where(t.account.c.id == account)
    return _account(connection.execute(query).one_or_none())


def all_accounts(connection: Connection) -> list[AccountRow]:
    rows = connection.execute(select(t.account).order_by(t.account.c.key)).all()
    return [account for row in rows if (account := _account(row)) is not None]


def add_account(
    connection: Connection, name: str, kind: str, fullname: str, email: str | None, now: datetime
) -> int:
    """A new account's id. Raises Conflict when the name is taken."""
    if find_account(connection, name) is not None:
        raise Conflict(f"an account named {name} exists already")
    result = connection.execute(
        insert(t.account).values(
            name=name,
            key=name.casefold(),
            kind=kind,
            fullname=fullname,
            email=email,
            created_at=now,
        )
    )
    return inserted_key(result)


def set_verified(connection: Connection, account: int, how: str, now: datetime) -> None:
    connection.execute(
        update(t.account).where(t.account.c.id == account).values(verified_at=now, verified_how=how)
    )


def set_evaluator(connection: Connection, account: int, party: str) -> None:
    connection.execute(update(t.account).where(t.account.c.id == account).values(evaluator=party))


def add_member(connection: Connection, organisation: int, account: int, role: str) -> None:
    connection.execute(
        insert(t.membership).values(organisation=organisation, account=account, role=role)
    )


def memberships(connection: Connection, account: int) -> dict[int, str]:
    """The organisations an account belongs to, with its role in each."""
    query = select(t.membership).where(t.membership.c.account == account)
    return {row.organisation: row.role for row in connection.execute(query)}


def members(connection: Connection, organisation: int) -> dict[int, str]:
    """The accounts that belong to an organisation, with their roles."""
    query = select(t.membership).where(t.membership.c.organisation == organisation)
    return {row.account: row.role for row in connection.execute(query)}


# --- tokens -----------------------------------------------------------------------------------


def _token(row: Row[tuple[object, ...]]) -> TokenRow:
    m = row._mapping
    return TokenRow(**{name: m[name] for name in TokenRow.__dataclass_fields__})


def add_token(connection: Connection, token: TokenRow, secret: str) -> None:
    connection.execute(
        insert(t.token).values(
            id=token.id,
            account=token.account,
            name=token.name,
            role=token.role,
            digest=secret_digest(secret),
            created_at=token.created_at,
            expires_at=token.expires_at,
        )
    )


def find_token(connection: Connection, secret: str, now: datetime) -> TokenRow | None:
    """The running token of that secret; expired and revoked ones are as if they never were."""
    query = select(t.token).where(t.token.c.digest == secret_digest(secret))
    row = connection.execute(query).one_or_none()
    if row is None or row.revoked_at is not None:
        return None
    if row.expires_at is not None and row.expires_at <= now:
        return None
    return _token(row)


def tokens_of(connection: Connection, account: int | None = None) -> list[TokenRow]:
    query = select(t.token).order_by(t.token.c.created_at, t.token.c.id)
    if account is not None:
        query = query.where(t.token.c.account == account)
    return [_token(row) for row in connection.execute(query)]


def revoke_token(
    connection: Connection, now: datetime, *, id: str | None = None, secret: str | None = None
) -> TokenRow | None:
    """End a token by its id or its secret; None when there is none such."""
    key = t.token.c.id == id if secret is None else t.token.c.digest == secret_digest(secret)
    row = connection.execute(select(t.token).where(key)).one_or_none()
    if row is None:
        return None
    if row.revoked_at is None:
        connection.execute(update(t.token).where(t.token.c.id == row.id).values(revoked_at=now))
    return _token(row)


# --- tickets ----------------------------------------------------------------------------------


def add_ticket(connection: Connection, ticket: TicketRow, secret: str, now: datetime) -> None:
    connection.execute(
        insert(t.ticket).values(
            digest=secret_digest(secret),
            kind=ticket.kind,
            account=ticket.account,
            code=ticket.code,
            state=ticket.state,
            created_at=now,
            expires_at=ticket.expires_at,
        )
    )


def find_ticket(
    connection: Connection, kind: str, now: datetime, *, secret: str = "", code: str = ""
) -> TicketRow | None:
    """The running ticket of that secret, or of that code a person typed in."""
    query = select(t.ticket).where(t.ticket.c.kind == kind, t.ticket.c.expires_at > now)
    if code:
        query = query.where(t.ticket.c.code == code)
    else:
        query = query.where(t.ticket.c.digest == secret_digest(secret))
    row = connection.execute(query).first()
    if row is None:
        return None
    return TicketRow(row.kind, row.account, row.code, row.state, row.expires_at)


def advance_ticket(
    connection: Connection,
    kind: str,
    state: str,
    *,
    secret: str = "",
    code: str = "",
    account: int | None = None,
) -> None:
    """Move a ticket to another state (`used`, `granted`, `denied`)."""
    match = t.ticket.c.code == code if code else t.ticket.c.digest == secret_digest(secret)
    values: dict[str, object] = {"state": state}
    if account is not None:
        values["account"] = account
    connection.execute(update(t.ticket).where(t.ticket.c.kind == kind, match).values(**values))
