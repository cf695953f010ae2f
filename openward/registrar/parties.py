"""Who is asking: a visitor (None), or a party with what its credential lets it do."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from openward.store.accounts import (
    AccountRow,
    TokenRow,
    account_by_id,
    find_ticket,
    find_token,
    memberships,
)
from openward.store.repositories import RepoRow

WRITING = ("admin", "write")


@dataclass(frozen=True, slots=True)
class Party:
    """An account acting through a token or a browser session.

    `organisations` maps the id of each organisation it belongs to onto its role there.
    """

    account: AccountRow
    writes: bool
    organisations: Mapping[int, str]
    token: TokenRow | None

    @property
    def owners(self) -> tuple[int, ...]:
        """The namespaces whose private repositories it may see."""
        return (self.account.id, *self.organisations)


def party_of_token(connection: Connection, secret: str, now: datetime) -> Party | None:
    """The party a bearer token stands for; None when it is unknown, expired or revoked."""
    token = find_token(connection, secret, now)
    if token is None:
        return None
    account = account_by_id(connection, token.account)
    if account is None:
        return None
    return Party(account, token.role == "write", memberships(connection, account.id), token)


def party_of_session(connection: Connection, secret: str, now: datetime) -> Party | None:
    """The party a browser session stands for; None when there is none such or it ended."""
    ticket = find_ticket(connection, "session", now, secret=secret)
    if ticket is None or ticket.account is None or ticket.state != "open":
        return None
    account = account_by_id(connection, ticket.account)
    if account is None:
        return None
    return Party(account, True, memberships(connection, account.id), None)


def may_see(party: Party | None, repo: RepoRow) -> bool:
    """Whether the repository exists for this party at all."""
    return not repo.private or (party is not None and repo.owner in party.owners)


def may_write(party: Party | None, owner: int) -> bool:
    """Whether the party may change what this namespace holds."""
    if party is None or not party.writes:
        return False
    return owner == party.account.id or party.organisations.get(owner) in WRITING


def may_administer(party: Party | None, owner: int) -> bool:
    """Whether the party may create, delete, move or gate what this namespace holds."""
    if party is None or not party.writes:
        return False
    return owner == party.account.id or party.organisations.get(owner) == "admin"
