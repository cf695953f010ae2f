"""A standing as members of a JSON answer: what it is, why, and where that can be checked."""

import hashlib

from sqlalchemy import Connection

from openward.registrar.office import Office
from openward.registrar.standing import Standing, standing_of
from openward.statements.strict_json import JsonValue, format_time
from openward.store import reads
from openward.store.repositories import RepoRow
from openward.store.revisions import RevisionRow

API = "/api/openward"


def describe(
    office: Office, connection: Connection, repo: RepoRow, revision: RevisionRow
) -> dict[str, JsonValue]:
    """The `openward` member of a repository's info: state or tier, decision, entry, proof."""
    now = office.clock()
    standing = standing_of(office, connection, revision.subject, now, inside=repo.private)
    if standing is None:
        return {"state": "undecided", "tier": None, "subject": revision.subject}
    return {"subject": revision.subject, **members_of(office, connection, standing)}


def members_of(office: Office, connection: Connection, standing: Standing) -> dict[str, JsonValue]:
    """What a decision in effect says, and the addresses of its proof and its case."""
    row, decision = standing.row, standing.decision
    shown = row.index if row.public_from is None else row.public_from
    raw = reads.entries(connection, row.index, row.index + 1)[0]
    policy = reads.policy_at(connection, row.policy_entry)
    address = f"{office.config.endpoint}{API}"
    return {
        "state": decision.state.value,
        "tier": None if decision.tier is None else int(decision.tier),
        "treatment": None if decision.treatment is None else decision.treatment.value,
        "due": None if decision.due is None else format_time(decision.due),
        "reasons": [{"rule": reason.rule.id, "found": reason.found} for reason in decision.reasons],
        "decided_at": format_time(row.at),
        "decision": hashlib.sha256(raw).hexdigest(),
        "entry": row.index,
        "shown_by": shown,
        "proof": f"{address}/entries/{row.index}/proof",
        "case": row.case,
        "policy": None if policy is None else policy.digest,
    }
