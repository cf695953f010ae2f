"""The gate as a client sees it: an access decision becomes an HTTP answer.

    open to everyone     no credential is read, nothing says who asked
    allowed              Cache-Control: private, no-store above Tier 1
    refused, nobody      401 GatedRepo and the refusal in one line: sign in, then ask
    refused, somebody    403 GatedRepo and the refusal in one line

X-Error-Code must be GatedRepo on every denial: without it the stock client tells its user to check
the connection.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from sqlalchemy import Connection

from openward.access.passage import Allowed
from openward.access.refusal import refusal_line
from openward.registrar.office import Office
from openward.registrar.parties import Party
from openward.registrar.passages import Passage, decide_passage
from openward.store.repositories import RepoRow
from openward.store.revisions import RevisionRow, TreeFile
from openward.web.hub_errors import GATED_REPO, LONGEST_HEADER, HubProblem, one_line

NO_STORE = {"Cache-Control": "private, no-store"}
NOTICE = "X-HF-Warning"
"""`topic; text`: stock clients log the text, once for each topic."""


@dataclass(frozen=True, slots=True)
class Admission:
    """What the gate answered: a problem to raise, or headers that the bytes carry.

    `basis` is the rule let through by; `lease` the entry of the lease it rests on, for addresses
    that are bound to it; `above` whether the access belongs in the audit.
    """

    refusal: HubProblem | None
    basis: str
    lease: int | None = None
    party: Party | None = None
    audited: bool = False
    headers: Mapping[str, str] = field(default_factory=dict)


def admit(
    office: Office,
    connection: Connection,
    repo: RepoRow,
    revision: RevisionRow,
    file: TreeFile | None,
    caller: Callable[[], Party | None],
) -> Admission:
    """Ask the gate for one file, or with None for the revision's weights as a whole."""
    passage = decide_passage(office, connection, repo, revision, file, caller, office.clock())
    if not isinstance(passage.outcome, Allowed):
        return Admission(_refusal(office, repo, passage), "")
    headers = dict({} if passage.open_to_all and not repo.private else NO_STORE)
    if passage.notice is not None:
        headers[NOTICE] = one_line(passage.notice)
    return Admission(
        None,
        passage.outcome.basis.rule.id,
        passage.lease,
        passage.party,
        audited=passage.party is not None and passage.audited,
        headers=headers,
    )


def _refusal(office: Office, repo: RepoRow, passage: Passage) -> HubProblem:
    if isinstance(passage.outcome, Allowed):
        raise TypeError("an allowed passage has no refusal")
    http = HTTPStatus.UNAUTHORIZED if passage.party is None else HTTPStatus.FORBIDDEN
    prefix = "" if repo.type == "model" else f"{repo.type}s/"
    line = refusal_line(passage.outcome)
    page = f" See {office.config.endpoint}/{prefix}{repo.full_name}"
    # An address cut in two leads nowhere; the client's user finds the page by the model's name.
    fits = len(line) + len(page) <= LONGEST_HEADER
    return HubProblem(http, line + page if fits else line, GATED_REPO)
