"""Discussions and pull requests: who may say what, and which state follows.

The life of a discussion is the table below; what is not in it cannot happen. Anybody who is signed
in and sees the repository may open one and comment; its title and state are changed by its author
and by those who may write to the repository.

         open  <->  closed
        draft   ->  open, closed            pull requests alone
     open pull  ->  merged                  final
"""

import json
from dataclasses import dataclass

from sqlalchemy import Connection

from openward.errors import Malformed
from openward.registrar.office import Office
from openward.registrar.parties import Party, may_write
from openward.registrar.refusals import Ground, Refusal
from openward.registrar.releases import settle
from openward.registrar.repositories import MAIN, seen
from openward.store import discussions as store
from openward.store.discussions import DiscussionRow, EventRow
from openward.store.repositories import RepoRow, change_repo
from openward.store.revisions import find_ref, find_revision, revision_by_oid, set_ref

TITLE_LENGTHS = (3, 200)
LONGEST_TEXT = 65_536  # characters
STATES = frozenset({("open", "closed"), ("closed", "open"), ("draft", "open"), ("draft", "closed")})
HIDDEN_TEXT = "This comment has been hidden"


@dataclass(frozen=True, slots=True)
class Place:
    """Which discussion is meant: the repository's type and full name, and the number."""

    type: str
    name: str
    number: int


def open_discussion(
    office: Office, party: Party, type: str, name: str, title: str, text: str, *, pull: bool
) -> DiscussionRow | Refusal:
    """Open a discussion, or a draft pull request from the main branch. Raises Malformed."""
    title = _parse_title(title)
    now = office.clock()
    with office.database.writing() as connection:
        repo = _speaking(connection, party, type, name)
        if isinstance(repo, Refusal):
            return repo
        start = find_revision(connection, repo.id, MAIN)
        if pull and start is None:
            return Refusal(Ground.NO_REVISION, f"Invalid rev id: {MAIN}")
        opened = store.add_discussion(
            connection,
            repo=repo.id,
            title=title,
            author=party.account.name,
            pull=pull,
            state="draft" if pull else "open",
            target=f"refs/heads/{MAIN}" if pull else "",
            now=now,
        )
        _say(connection, opened, party, _parse_text(text), office)
        if pull and start is not None:
            set_ref(connection, repo.id, "pull", str(opened.number), start.oid)
        return opened


def comment(office: Office, party: Party, place: Place, text: str) -> EventRow | Refusal:
    """Say something in a discussion. Raises Malformed."""
    text = _parse_text(text)
    with office.database.writing() as connection:
        found = _found(connection, party, place)
        if isinstance(found, Refusal):
            return found
        return _say(connection, found[1], party, text, office)


def edit_comment(
    office: Office, party: Party, place: Place, event: int, text: str
) -> EventRow | Refusal:
    """Replace one's own comment. Raises Malformed."""
    return _rewrite(office, party, place, event, _parse_text(text), hide=False)


def hide_comment(office: Office, party: Party, place: Place, event: int) -> EventRow | Refusal:
    """Take a comment's text away for good: one's own, or any where one may write."""
    return _rewrite(office, party, place, event, HIDDEN_TEXT, hide=True)


def _rewrite(
    office: Office, party: Party, place: Place, event: int, text: str, *, hide: bool
) -> EventRow | Refusal:
    with office.database.writing() as connection:
        found = _found(connection, party, place)
        if isinstance(found, Refusal):
            return found
        repo, discussion = found
        said = store.find_event(connection, discussion.id, event)
        if said is None or said.kind != "comment":
            return Refusal(Ground.NO_ENTRY, "There is no such comment")
        moderating = hide and may_write(party, repo.owner)
        if said.author != party.account.name and not moderating:
            return Refusal(Ground.FORBIDDEN, "Only its author may change a comment")
        before = json.loads(said.extra)
        if before.get("hidden"):
            return Refusal(Ground.OUT_OF_STATE, HIDDEN_TEXT)
        extra = json.dumps({"edited": not hide or before.get("edited", False), "hidden": hide})
        store.change_event(connection, said.id, text=text, extra=extra)
        after = store.find_event(connection, discussion.id, event)
        assert after is not None  # noqa: S101  # changed just above
        return after


def retitle(office: Office, party: Party, place: Place, title: str) -> EventRow | Refusal:
    """Give a discussion another title. Raises Malformed."""
    title = _parse_title(title)
    with office.database.writing() as connection:
        found = _led(connection, party, place)
        if isinstance(found, Refusal):
            return found
        discussion = found[1]
        store.change_discussion(connection, discussion.id, title=title)
        extra = json.dumps({"from": discussion.title, "to": title})
        return _note(connection, discussion, party, "title-change", "", extra, office)


def change_state(
    office: Office, party: Party, place: Place, state: str, text: str = ""
) -> EventRow | Refusal:
    """Open or close a discussion, with or without a comment. Raises Malformed."""
    with office.database.writing() as connection:
        found = _led(connection, party, place)
        if isinstance(found, Refusal):
            return found
        discussion = found[1]
        if (discussion.state, state) not in STATES:
            return Refusal(
                Ground.OUT_OF_STATE, f"This discussion is {discussion.state}, not to be {state}"
            )
        if text:
            _say(connection, discussion, party, _parse_text(text), office)
        store.change_discussion(connection, discussion.id, state=state)
        extra = json.dumps({"status": state})
        return _note(connection, discussion, party, "status-change", "", extra, office)


def merge_pull(office: Office, party: Party, place: Place, text: str = "") -> EventRow | Refusal:
    """Move the target branch to the pull request, where that loses no commit of the branch."""
    now = office.clock()
    with office.database.writing() as connection:
        found = _found(connection, party, place)
        if isinstance(found, Refusal):
            return found
        repo, pull = found
        if not may_write(party, repo.owner):
            return Refusal(Ground.FORBIDDEN, f"You may not write to {repo.full_name}")
        if not pull.pull or pull.state not in ("open", "draft"):
            return Refusal(Ground.OUT_OF_STATE, f"This discussion is {pull.state}, not mergeable")
        branch = pull.target.removeprefix("refs/heads/")
        target = find_ref(connection, repo.id, "branch", branch)
        head = find_ref(connection, repo.id, "pull", str(pull.number))
        if target is None or head is None:
            return Refusal(Ground.NO_REVISION, f"Invalid rev id: {branch}")
        if not _grows_from(connection, repo.id, head.oid, target.oid):
            return Refusal(
                Ground.OUT_OF_STATE,
                f"{branch} has moved on since this pull request started; open a new one from it",
            )
        if text:
            _say(connection, pull, party, _parse_text(text), office)
        set_ref(connection, repo.id, "branch", branch, head.oid)
        change_repo(connection, repo.id, modified_at=now)
        revision = revision_by_oid(connection, repo.id, head.oid)
        if revision is not None:
            settle(office, connection, repo, revision, now)
        store.change_discussion(connection, pull.id, state="merged")
        extra = json.dumps({"status": "merged"})
        note = _note(connection, pull, party, "status-change", "", extra, office)
    office.sequencer.publish()
    return note


def _grows_from(connection: Connection, repo: int, head: str, base: str) -> bool:
    """Whether `base` is `head` or one of its ancestors."""
    at: str | None = head
    while at is not None and at != base:
        commit = revision_by_oid(connection, repo, at)
        at = None if commit is None else commit.parent
    return at == base


# --- who may ----------------------------------------------------------------------------------


def _speaking(connection: Connection, party: Party, type: str, name: str) -> RepoRow | Refusal:
    """The repository, refused where the party may not speak on it."""
    repo = seen(connection, party, type, name)
    if isinstance(repo, Refusal):
        return repo
    if repo.discussions_disabled:
        return Refusal(Ground.FORBIDDEN, "Discussions are disabled for this repo")
    if not party.writes:
        return Refusal(Ground.FORBIDDEN, "This token may only read")
    return repo


def _found(
    connection: Connection, party: Party, place: Place
) -> tuple[RepoRow, DiscussionRow] | Refusal:
    repo = _speaking(connection, party, place.type, place.name)
    if isinstance(repo, Refusal):
        return repo
    discussion = store.find_discussion(connection, repo.id, place.number)
    if discussion is None:
        return Refusal(Ground.NO_ENTRY, f"There is no discussion {place.number}")
    return repo, discussion


def _led(
    connection: Connection, party: Party, place: Place
) -> tuple[RepoRow, DiscussionRow] | Refusal:
    """The discussion, refused to those who neither opened it nor may write."""
    found = _found(connection, party, place)
    if isinstance(found, Refusal):
        return found
    repo, discussion = found
    if discussion.author != party.account.name and not may_write(party, repo.owner):
        return Refusal(Ground.FORBIDDEN, "Only its author and those who may write may change this")
    return found


def _say(
    connection: Connection, discussion: DiscussionRow, party: Party, text: str, office: Office
) -> EventRow:
    return _note(connection, discussion, party, "comment", text, "{}", office)


def _note(
    connection: Connection,
    discussion: DiscussionRow,
    party: Party,
    kind: str,
    text: str,
    extra: str,
    office: Office,
) -> EventRow:
    return store.add_event(
        connection,
        discussion.id,
        kind=kind,
        author=party.account.name,
        text=text,
        extra=extra,
        now=office.clock(),
    )


def _parse_title(text: str) -> str:
    shortest, longest = TITLE_LENGTHS
    title = text.strip()
    if not shortest <= len(title) <= longest or not title.isprintable():
        raise Malformed(f"a title is one line of {shortest} to {longest} characters")
    return title


def _parse_text(text: str) -> str:
    if not text.strip() or len(text) > LONGEST_TEXT:
        raise Malformed(f"a comment has at most {LONGEST_TEXT} characters, and at least one")
    return text
