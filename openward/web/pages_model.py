"""The page of a repository: the verdict in a sentence, then what it rests on.

    /{ns}/{name}                  models; /datasets/{ns}/{name}, /spaces/{ns}/{name}
    .../tree/{rev}, .../commit/{rev}    the same page at another revision
    .../blob/{rev}/{path}         leads to the file itself

What a repository's card and file names say is shown as text, never as HTML. A private repository
is answered exactly as one that does not exist.
"""

import hashlib
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from urllib.parse import quote

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from openward.access.passage import Allowed
from openward.errors import Unavailable
from openward.policy.calendar import decide_changes
from openward.policy.decision import State
from openward.policy.duties import Gate
from openward.policy.record import appraise_record
from openward.registrar.office import Office
from openward.registrar.parties import Party
from openward.registrar.passages import Passage, decide_passage
from openward.registrar.standing import Standing, standing_of
from openward.store import reads
from openward.store.blobs import read_blob
from openward.store.contents import subject_files
from openward.store.repositories import RepoRow
from openward.store.revisions import RevisionRow, TreeFile, tree_of
from openward.vocabulary import Sha256
from openward.web.hub_names import MAIN, TYPES, named_revision, visible_repo
from openward.web.pages_frame import page, reader
from openward.web.pages_measured import coming, grounds, inadmissible, measured_rows, wanted
from openward.web.pages_verdict import NO_DECISION, Verdict, verdict_of
from openward.web.pages_words import access_words
from openward.web.raw_path import part
from openward.web.sessions import acting, office_of
from openward.web.standing import API

CARD = "README.md"
MOST_FILES = 500
MOST_CARD = 200_000  # bytes shown; the whole card can be downloaded


@dataclass(frozen=True, slots=True)
class FileLine:
    """One file as listed: whether it is among the weights that the decision is about."""

    path: str
    size: int
    sha256: Sha256
    weights: bool
    address: str


@dataclass(frozen=True, slots=True)
class Proof:
    """Where the decision can be checked. `digest` is the SHA-256 of the entry."""

    digest: str
    entry: int
    size: int
    public: bool


def routes() -> list[BaseRoute]:
    listed: list[BaseRoute] = []
    for plural in ("datasets", "spaces", "models"):
        at = "/{namespace}/{name}" if plural == "models" else f"/{plural}/{{namespace}}/{{name}}"
        for path in ("", "/tree/{rev}", "/tree/{rev}/{path:path}", "/commit/{rev}"):
            listed.append(Route(at + path, partial(serve_repository, plural)))
        listed.append(Route(f"{at}/blob/{{rev}}/{{path:path}}", partial(serve_file, plural)))
    return listed


def address_of(repo: RepoRow) -> str:
    """The page of a repository, from the root of the hub."""
    prefix = "" if repo.type == "model" else f"{repo.type}s/"
    return f"/{prefix}{repo.full_name}"


def serve_file(plural: str, request: Request) -> Response:
    """A file's page is the file."""
    place = str(request.scope["path"]).replace("/blob/", "/resolve/", 1)
    return RedirectResponse(place, HTTPStatus.SEE_OTHER)


def serve_repository(plural: str, request: Request) -> Response:
    """The page; a former name leads to the present one."""
    office = office_of(request)
    asked = f"{part(request, 'namespace')}/{part(request, 'name')}"
    with office.database.reading() as connection:
        party = acting(connection, request)
        repo = visible_repo(connection, TYPES[plural], asked, party)
        if repo.full_name != asked:
            return RedirectResponse(address_of(repo), HTTPStatus.TEMPORARY_REDIRECT)
        revision = named_revision(connection, request, repo)
        members = _members(office, connection, repo, revision, party)
    return page(office, "model.html", repo.full_name, reader(party), members)


def verdict_on(office: Office, standing: Standing | None) -> Verdict:
    """The verdict on where a subject stands now."""
    if standing is None:
        return NO_DECISION
    measured = appraise_record(standing.policy, standing.case, office.clock())
    return verdict_of(standing.policy, standing.case, standing.decision, measured)


def _members(
    office: Office,
    connection: Connection,
    repo: RepoRow,
    revision: RevisionRow,
    party: Party | None,
) -> dict[str, object]:
    now = office.clock()
    standing = standing_of(office, connection, revision.subject, now, inside=repo.private)
    passage = decide_passage(office, connection, repo, revision, None, lambda: party, now)
    files = tree_of(connection, revision.tree, layouts=False)
    lines = _lines(connection, repo, revision, standing, files)
    return {
        "repo": repo,
        "revision": revision,
        "at_main": MAIN,
        "address": address_of(repo),
        "verdict": verdict_on(office, standing),
        "access": access_words(passage.demand.gate, passage.publisher),
        "files": lines[:MOST_FILES],
        "more_files": max(0, len(lines) - MOST_FILES),
        "weights": sum({line.sha256: line.size for line in lines if line.weights}.values()),
        "card": _card(office, files),
        "api": API,
        "vkey": office.log_key.vkey(),
        **_passage_members(passage, party),
        **_standing_members(office, connection, standing),
    }


def _passage_members(passage: Passage, party: Party | None) -> dict[str, object]:
    gate = passage.demand.gate
    return {
        "gate": gate.name.lower(),
        "open_to_all": passage.open_to_all,
        "held": _held(passage, party),
        "may_ask": gate <= Gate.IDENTITY and not passage.open_to_all,
        "alternative": "" if gate is Gate.OPEN else passage.demand.alternative,
        "appeal": passage.demand.appeal,
        "changes_it": passage.demand.changes,
    }


def _held(passage: Passage, party: Party | None) -> str:
    """By what the reader may have the weights already; empty for a visitor and where all may."""
    if party is None or passage.open_to_all or not isinstance(passage.outcome, Allowed):
        return ""
    return passage.outcome.basis.found


def _standing_members(
    office: Office, connection: Connection, standing: Standing | None
) -> dict[str, object]:
    if standing is None:
        none: tuple[()] = ()
        lists = ("rows", "measured", "missing", "inadmissible", "reasons", "coming")
        return {"standing": None, "proof": None, **dict.fromkeys(lists, none)}
    now = office.clock()
    policy, case, decision = standing.policy, standing.case, standing.decision
    rows = measured_rows(appraise_record(policy, case, now), decision.tier) if case.files else ()
    measured = tuple(row for row in rows if row.fact is not None)
    undecided = decision.state is State.UNASSESSED
    return {
        "standing": standing,
        # Without a tier the list of what is missing says the rest.
        "rows": measured if undecided else rows,
        "measured": measured,
        "missing": wanted(decision.missing) if undecided else (),
        "reasons": grounds((*decision.reasons, *decision.review)),
        "inadmissible": inadmissible(case),
        "coming": coming(decide_changes(policy, case, decision, now)),
        "proof": _proof(office, connection, standing),
    }


def _proof(office: Office, connection: Connection, standing: Standing) -> Proof:
    index = standing.row.index
    raw = reads.entries(connection, index, index + 1)[0]
    size, _ = reads.published(connection, office.config.origin)
    return Proof(hashlib.sha256(raw).hexdigest(), index, size, standing.row.public_from is not None)


def _lines(
    connection: Connection,
    repo: RepoRow,
    revision: RevisionRow,
    standing: Standing | None,
    files: list[TreeFile],
) -> list[FileLine]:
    if standing is not None:
        weights = {each.file.sha256 for each in standing.case.files}
    else:
        weights = {file.sha256 for file in subject_files(connection, revision.subject).files}
    place = f"{address_of(repo)}/resolve/{revision.oid}"
    return [
        FileLine(
            file.path,
            file.blob.size,
            file.blob.sha256,
            file.blob.sha256 in weights,
            f"{place}/{quote(file.path)}",
        )
        for file in files
    ]


def _card(office: Office, files: list[TreeFile]) -> str:
    """The model card without its front matter, as text; empty where there is none to show."""
    card = next((file.blob for file in files if file.path == CARD), None)
    if card is None or card.recognition != "text" or card.size > MOST_CARD:
        return ""
    try:
        text = read_blob(office.blobs, card.sha256, MOST_CARD).decode("utf-8", "replace")
    except Unavailable:
        return ""
    return without_front_matter(text).strip()


def without_front_matter(text: str) -> str:
    """The card itself, after the YAML between two `---` lines at its head."""
    lines = text.removeprefix("\ufeff").splitlines()
    if lines and lines[0].rstrip() == "---":
        for n, line in enumerate(lines[1:], start=1):
            if line.rstrip() == "---":
                return "\n".join(lines[n + 1 :])
    return "\n".join(lines)
