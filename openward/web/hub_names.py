"""Which repository and which revision a request names.

    /api/{models|datasets|spaces}/{namespace}/{name}/…/{rev}

Names are matched whatever their case; a repository that the caller may not see is answered exactly
as one that does not exist.
"""

from sqlalchemy import Connection
from starlette.requests import Request

from openward.registrar.parties import Party, may_see
from openward.store.repositories import RepoRow, find_repo
from openward.store.revisions import RevisionRow, find_revision
from openward.web.hub_errors import repo_not_found, revision_not_found
from openward.web.raw_path import part
from openward.web.sessions import acting

TYPES = {"models": "model", "datasets": "dataset", "spaces": "space"}
PLURALS = {type: plural for plural, type in TYPES.items()}
MAIN = "main"


def repo_key(request: Request) -> tuple[str, str]:
    """Type and full name as the path has them; a type that is none is empty."""
    return repo_type(request), f"{part(request, 'namespace')}/{part(request, 'name')}"


def repo_type(request: Request) -> str:
    """The type of the path's {type}, else of its first word after /api; without one, a model."""
    words = request.scope["path"].split("/")
    plural = request.path_params.get("type") or (words[2] if words[1] == "api" else "models")
    return TYPES.get(plural, "")


def named_repo(connection: Connection, request: Request, party: Party | None) -> RepoRow:
    """The repository of the path's {type} (default models), {namespace} and {name}."""
    return visible_repo(connection, *repo_key(request), party)


def visible_repo(connection: Connection, type: str, full_name: str, party: Party | None) -> RepoRow:
    """The repository of that name. Raises HubProblem 404 when it is not there for this party."""
    repo = find_repo(connection, type, full_name)
    if repo is None or not may_see(party, repo):
        raise repo_not_found()
    return repo


def readable_repo(connection: Connection, request: Request) -> RepoRow:
    """The path's repository, for a reader: a public one asks for nobody.

    So what everybody may read is answered the same to everybody, with a token, without, or with a
    bad one. Raises HubProblem 404, and 401 for a bad token where somebody has to be known.
    """
    repo = find_repo(connection, *repo_key(request))
    if repo is not None and not repo.private:
        return repo
    return named_repo(connection, request, acting(connection, request))


def named_revision(connection: Connection, request: Request, repo: RepoRow) -> RevisionRow:
    """The revision of the path's {rev}, else of the main branch. Raises HubProblem 404."""
    name = part(request, "rev") if "rev" in request.path_params else MAIN
    revision = find_revision(connection, repo.id, name)
    if revision is None:
        raise revision_not_found(name)
    return revision
