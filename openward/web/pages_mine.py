"""What somebody signed in asked for, and what it may use.

GET /access    my requests with their deadlines, my leases with their ends
"""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from openward.access.lease import LeaseState
from openward.registrar.parties import Party, may_see
from openward.registrar.passages import lease_of
from openward.store import reads
from openward.store.holdings import revisions_of_subject
from openward.store.repositories import repo_by_id
from openward.store.requests import requests_of
from openward.vocabulary import Sha256
from openward.web.pages_frame import page, reader
from openward.web.pages_model import address_of
from openward.web.sessions import acting, office_of


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as its applicant sees it."""

    repo: str
    address: str
    state: str
    at: datetime
    due: datetime | None
    decided_at: datetime | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Held:
    """One lease as its holder sees it; `names` are the repositories it is good for."""

    entry: int
    kind: str
    names: tuple[tuple[str, str], ...]
    subject: Sha256
    until: datetime
    running: bool
    state: str


def routes() -> list[BaseRoute]:
    return [Route("/access", serve_mine)]


def serve_mine(request: Request) -> Response:
    office = office_of(request)
    with office.database.reading() as connection:
        party = acting(connection, request)
        if party is None:
            return RedirectResponse("/login?next=/access", HTTPStatus.SEE_OTHER)
        members = {
            "asked": _asked(connection, party),
            "held": _held(connection, party, office.clock()),
        }
    return page(office, "access.html", "My access", reader(party), members)


def _asked(connection: Connection, party: Party) -> list[Asked]:
    found = []
    for row in requests_of(connection, party.account.id):
        repo = repo_by_id(connection, row.repo)
        if repo is not None and may_see(party, repo):
            found.append(
                Asked(
                    repo.full_name,
                    address_of(repo),
                    row.state,
                    row.at,
                    row.due,
                    row.decided_at,
                    row.reason,
                )
            )
    return found


def _held(connection: Connection, party: Party, now: datetime) -> list[Held]:
    found = []
    for row in reads.leases_of(connection, account=party.account.id):
        lease = lease_of(connection, row, party.account.name, Sha256(row.terms))
        state = lease.state(now)
        found.append(
            Held(
                row.index,
                lease.kind.value,
                _named(connection, party, row.subject),
                row.subject,
                row.until,
                state is LeaseState.RUNNING,
                state.value,
            )
        )
    return found


def _named(connection: Connection, party: Party, subject: Sha256) -> tuple[tuple[str, str], ...]:
    repos = [repo for repo, _ in revisions_of_subject(connection, subject)]
    return tuple({r.full_name: address_of(r) for r in repos if may_see(party, r)}.items())
