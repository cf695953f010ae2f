"""publish -> appraise -> decide -> record -> make servable.

Every procedure here ends in the same step: gather the case, decide, and write the decision with
its projection in the caller's transaction. A decision that says what the last one said, from the
same facts, is not written again.

What is still private enters the record as a commitment, and is opened before it is served.
"""

from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import Connection

from openward.policy.case import Case, case_json
from openward.policy.decision import decide_tier
from openward.policy.document import parse_policy
from openward.policy.replay import record_decision
from openward.registrar.casework import gather_case
from openward.registrar.kinship import last_decision
from openward.registrar.office import Office
from openward.registrar.standing import decide_again
from openward.statements.entry import Body, Decided, body_json
from openward.statements.strict_json import canonical_json, parse_json
from openward.store import reads
from openward.store.holdings import revisions_of_subject
from openward.store.reads import DecisionRow, PolicyRow
from openward.store.records import Hidden, enter, enter_hidden, open_hidden, time_of_entry
from openward.store.repositories import RepoRow
from openward.store.revisions import RevisionRow, refs_of, revision_by_oid
from openward.vocabulary import Sha256

Progress = Callable[[int, int], None]
"""Told how many of how many are done."""


def settle(
    office: Office, connection: Connection, repo: RepoRow, revision: RevisionRow, now: datetime
) -> None:
    """After a commit: decide its subject, unless that was done, and show what may be shown."""
    policy = reads.policy_in_force(connection, now)
    if policy is None:
        return
    last = last_decision(connection, revision.subject)
    # What was decided in hiding is linked with nothing: it is decided again before it is shown.
    shows = not repo.private and last is not None and last.public_from is None
    if last is None or last.policy_entry != policy.index or shows:
        decide_subject(office, connection, revision.subject, policy, now)
    if not repo.private:
        _show(connection, revision.subject, now)


def settle_repository(office: Office, connection: Connection, repo: RepoRow, now: datetime) -> None:
    """After a repository became public: open what its branches and tags rest on."""
    for oid in sorted({ref.oid for ref in refs_of(connection, repo.id)}):
        commit = revision_by_oid(connection, repo.id, oid)
        if commit is not None:
            settle(office, connection, repo, commit, now)


def decide_subject(
    office: Office, connection: Connection, subject: Sha256, policy_row: PolicyRow, now: datetime
) -> DecisionRow | None:
    """Gather, decide, record. Returns the last decision, new or not."""
    at = time_of_entry(connection, now)
    policy = parse_policy(parse_json(policy_row.document))
    case = gather_case(office, connection, subject, policy, at)
    decision = decide_tier(policy, case, at)
    body = record_decision(policy, policy_row.index, case, decision)
    last = last_decision(connection, subject)
    if last is None or not _says_the_same(last, body):
        keep_case(office, case)
        record_about(office, connection, subject, "decision", body, at)
    return last_decision(connection, subject)


def _says_the_same(last: DecisionRow, body: Decided) -> bool:
    return (
        last.case == body.case
        and last.policy_entry == body.policy_entry
        and (last.state, last.tier, last.treatment) == (body.state, body.tier, body.treatment)
        and last.reasons == body.reasons
    )


def keep_case(office: Office, case: Case) -> None:
    """Keep a case's one spelling under its digest, where anyone can fetch it."""
    with office.staging.file() as staged:
        staged.write(canonical_json(case_json(case)))
        staged.finish(case.digest)
        office.blobs.keep(staged)


def record_about(
    office: Office, connection: Connection, subject: Sha256, what: str, body: Body, now: datetime
) -> int:
    """Enter a body in the open, or as a commitment while nobody publishes the subject."""
    if is_public(connection, subject):
        return enter(connection, body, now)
    hidden = Hidden(what, office.entropy(32), body_json(body))
    return enter_hidden(connection, hidden, now)


def is_public(connection: Connection, subject: Sha256) -> bool:
    """Whether a public repository holds the subject."""
    return any(not repo.private for repo, _ in revisions_of_subject(connection, subject))


def _show(connection: Connection, subject: Sha256, now: datetime) -> None:
    """Open every commitment about a subject that became public."""
    for evidence in reads.hidden_evidence(connection, subject):
        open_hidden(connection, evidence, now)
    for row in reads.decisions_on(connection, subject):
        if row.public_from is None:
            open_hidden(connection, row.index, now)


# --- sweeps -----------------------------------------------------------------------------------


def decide_all(office: Office, subjects: Iterable[Sha256], progress: Progress) -> int:
    """Decide these subjects under the policy in force, each in a transaction of its own."""
    waiting = list(subjects)
    for done, subject in enumerate(waiting):
        progress(done, len(waiting))
        now = office.clock()
        with office.database.writing() as connection:
            policy = reads.policy_in_force(connection, now)
            if policy is not None:
                decide_subject(office, connection, subject, policy, now)
    progress(len(waiting), len(waiting))
    return len(waiting)


def decide_due(office: Office) -> int:
    """Decide again what time alone has changed; returns how many subjects there were.

    A measurement ended, a policy began or ended: the same facts say something else now.
    """
    now = office.clock()
    with office.database.reading() as connection:
        policy = reads.policy_in_force(connection, now)
        waiting = [] if policy is None else reads.subjects_undecided(connection, policy.index)
        for row in reads.last_decisions(connection):
            again = decide_again(office, connection, row, now)
            if again.state.value != row.state:
                waiting.append(row.subject)
    if waiting:
        decide_all(office, dict.fromkeys(waiting), lambda done, total: None)
        office.sequencer.publish()
    return len(waiting)
