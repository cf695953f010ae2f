"""Finding repositories: GET /api/models, /api/datasets, /api/spaces.

    search, author, filter*, pipeline_tag, library, gated    which
    sort, direction, limit, cursor                           in which order, how many
    full, cardData, config, expand*                          how much of each

A private repository appears to those who may see it, and to nobody else.
"""

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from openward.registrar.parties import Party
from openward.statements.strict_json import JsonValue
from openward.store.accounts import find_account
from openward.store.repositories import RepoRow, list_repos
from openward.web.hub_info import Shown, describe_repo, listed, main_of, show
from openward.web.hub_names import TYPES, repo_type
from openward.web.paging import asked_page, next_page
from openward.web.sessions import acting, office_of

_BATCH = 1000
_LONGEST_PAGE = 1000
_FILTERS = ("filter", "pipeline_tag", "library", "gated", "language", "license", "task_categories")


def routes() -> list[BaseRoute]:
    return [Route(f"/api/{plural}", serve_list) for plural in TYPES]


def serve_list(request: Request) -> Response:
    """A page of repositories."""
    office, type = office_of(request), repo_type(request)
    start, length = asked_page(request, default=_LONGEST_PAGE, most=_LONGEST_PAGE)
    with office.database.reading() as connection:
        party = acting(connection, request)
        found = _in_order(request, _matching(connection, request, type, party))
        page = found[start : start + length]
        names = listed(request)
        listing = [
            describe_repo(show(office, connection, repo, main_of(connection, repo)), names)
            for repo in page
        ]
    more = next_page(request, office, start + length) if len(found) > start + length else {}
    return JSONResponse(listing, headers=more)


def _matching(
    connection: Connection, request: Request, type: str, party: Party | None
) -> list[RepoRow]:
    author = request.query_params.get("author")
    owner = None
    if author is not None:
        account = find_account(connection, author)
        if account is None:
            return []
        owner = account.id
    search = request.query_params.get("search", "")
    repos = _all(connection, type, () if party is None else party.owners, owner, search)
    if not any(name in request.query_params for name in _FILTERS):
        return list(repos)
    office = office_of(request)
    return [
        repo
        for repo in repos
        if _fits(request, show(office, connection, repo, main_of(connection, repo)))
    ]


def _all(
    connection: Connection, type: str, visible_to: tuple[int, ...], owner: int | None, search: str
) -> Iterator[RepoRow]:
    offset = 0
    while batch := list_repos(
        connection,
        type,
        visible_to=visible_to,
        owner=owner,
        search=search,
        limit=_BATCH,
        offset=offset,
    ):
        yield from batch
        offset += len(batch)


def _fits(request: Request, shown: Shown) -> bool:
    """Whether a repository has every tag and property asked for."""
    described = describe_repo(shown, ("tags", "pipeline_tag", "library_name", "gated"))
    query = request.query_params
    held = described["tags"]
    assert isinstance(held, list)  # noqa: S101  # describe_repo lists tags
    wanted = [tag for each in query.getlist("filter") for tag in each.split(",")]
    wanted += [f"{n}:{v}" for n in ("license", "task_categories") for v in query.getlist(n)]
    wanted += query.getlist("language")
    if not all(tag in held for tag in wanted):
        return False
    if "gated" in query and (described["gated"] is not False) != (query["gated"].lower() == "true"):
        return False
    return _same(described, "pipeline_tag", query.get("pipeline_tag")) and _same(
        described, "library_name", query.get("library")
    )


def _same(described: Mapping[str, JsonValue], name: str, asked: str | None) -> bool:
    return asked is None or described.get(name) == asked


def _in_order(request: Request, repos: list[RepoRow]) -> list[RepoRow]:
    """Newest first, unless the client asks for another order that the hub can tell."""
    match request.query_params.get("sort", "lastModified"):
        case "createdAt":
            ordered = sorted(repos, key=lambda repo: repo.created_at, reverse=True)
        case _:
            ordered = repos
    return ordered[::-1] if request.query_params.get("direction") == "1" else ordered
