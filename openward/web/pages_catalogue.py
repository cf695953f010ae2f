"""The catalogue: what this hub holds, each with its tier and the reason in a sentence.

    GET /?q=...&tier=1&kind=dataset&from=50

The search box asks the same address as the form does, so it works with and without scripts. One
page looks at a bounded number of repositories; where a filter finds few of them, the next page
goes on from there.
"""

from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from urllib.parse import urlencode

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from openward.registrar.office import Office
from openward.registrar.parties import Party
from openward.registrar.standing import standing_of
from openward.store.repositories import RepoRow, list_repos
from openward.store.revisions import find_revision, tree_of
from openward.web.hub_errors import HubProblem
from openward.web.hub_names import MAIN
from openward.web.pages_frame import page, reader
from openward.web.pages_model import address_of, verdict_on
from openward.web.pages_verdict import NO_DECISION, Verdict
from openward.web.pages_words import KEYS, LEGEND
from openward.web.sessions import acting, office_of

LENGTH = 40
MOST_LOOKED_AT = 400  # repositories a request, so that a rare tier costs no more than a common one
LONGEST_SEARCH = 200
_FURTHEST = 10_000_000
KINDS = {"model": "Models", "dataset": "Datasets", "space": "Spaces"}


@dataclass(frozen=True, slots=True)
class Listed:
    """One repository of the catalogue. `size` is that of its weights, None without a commit."""

    name: str
    address: str
    private: bool
    verdict: Verdict
    size: int | None
    changed: datetime


@dataclass(frozen=True, slots=True)
class Asked:
    """What a visitor looks for. `tier` is a key of the legend, or empty for all."""

    search: str
    tier: str
    kind: str
    start: int

    def address(self, **other: str | int) -> str:
        """The address of this search with some members changed; empty ones are left out."""
        members = {"q": self.search, "tier": self.tier, "kind": self.kind, "from": 0, **other}
        if members["kind"] == "model":
            members["kind"] = ""
        return "/?" + urlencode({name: value for name, value in members.items() if value})


def routes() -> list[BaseRoute]:
    return [Route("/", serve_catalogue)]


def serve_catalogue(request: Request) -> Response:
    office, asked = office_of(request), parse_asked(request)
    with office.database.reading() as connection:
        party = acting(connection, request)
        found, following = _look(office, connection, party, asked)
    members = {
        "asked": asked,
        "found": found,
        "following": None if following is None else asked.address(**{"from": following}),
        "legend": LEGEND,
        "kinds": KINDS,
    }
    return page(office, "catalogue.html", KINDS[asked.kind], reader(party), members)


def parse_asked(request: Request) -> Asked:
    """Read the query. Raises HubProblem 400."""
    query = request.query_params
    tier, kind, start = query.get("tier", ""), query.get("kind") or "model", query.get("from", "0")
    known = tier in ("", *KEYS) and kind in KINDS
    if not known or not (start.isascii() and start.isdigit()) or len(start) > 8:
        raise HubProblem(HTTPStatus.BAD_REQUEST, "The catalogue does not know this filter.")
    search = query.get("q", "").strip()[:LONGEST_SEARCH].replace("\0", "")
    return Asked(search, tier, kind, min(int(start), _FURTHEST))


def _look(
    office: Office, connection: Connection, party: Party | None, asked: Asked
) -> tuple[list[Listed], int | None]:
    """A page of what fits, and where the next one starts; None at the end."""
    visible_to = () if party is None else party.owners
    found: list[Listed] = []
    start = asked.start
    while start - asked.start < MOST_LOOKED_AT:
        batch = list_repos(
            connection,
            asked.kind,
            visible_to=visible_to,
            search=asked.search,
            limit=LENGTH + 1,
            offset=start,
        )
        for n, repo in enumerate(batch[:LENGTH], start=1):
            listed = _listed(office, connection, repo)
            if asked.tier in ("", listed.verdict.badge.key):
                found.append(listed)
            if len(found) == LENGTH:
                return found, start + n if n < len(batch) else None
        if len(batch) <= LENGTH:
            return found, None
        start += LENGTH
    return found, start


def _listed(office: Office, connection: Connection, repo: RepoRow) -> Listed:
    revision = find_revision(connection, repo.id, MAIN)
    if revision is None:
        return Listed(
            repo.full_name, address_of(repo), repo.private, NO_DECISION, None, repo.modified_at
        )
    now = office.clock()
    standing = standing_of(office, connection, revision.subject, now, inside=repo.private)
    if standing is not None:
        size = standing.case.subject.size
    else:
        files = tree_of(connection, revision.tree, layouts=False)
        size = sum({file.blob.sha256: file.blob.size for file in files}.values())
    return Listed(
        repo.full_name,
        address_of(repo),
        repo.private,
        verdict_on(office, standing),
        size,
        repo.modified_at,
    )
