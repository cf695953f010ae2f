"""Where a subject stands now: the decision in effect, and what it says at this moment.

Upheld (LIBERTIES, amendments): an opening takes effect once a published checkpoint covers the
entry that shows it; a tightening closes the gate at commit. A decision's evidence may lapse
between two decisions: the recorded decision is made again at `now`, and the stricter of the two
stands, so that nothing stays open because nobody looked.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import lru_cache

from sqlalchemy import Connection

from openward.policy.case import Case, parse_case
from openward.policy.decision import State, TierDecision, decide_tier
from openward.policy.document import Policy, Treatment, parse_policy
from openward.registrar.office import Office
from openward.statements.strict_json import parse_json
from openward.store import reads
from openward.store.blobs import read_blob
from openward.store.reads import DecisionRow
from openward.store.repositories import subjects_holding
from openward.vocabulary import Sha256, Tier

CASE_LIMIT = 16 << 20  # bytes of canonical JSON: a subject of 60,000 files


class Closedness(IntEnum):
    """How closed a standing is; `max` is the cautious choice. Identity-gated stands with Tier 2."""

    OPEN = 1
    GATED = 2
    RESTRICTED = 3
    CLOSED = 4


@dataclass(frozen=True, slots=True)
class Standing:
    """The decision in effect, as recorded and as it reads now, with what it was decided from."""

    row: DecisionRow
    decision: TierDecision
    policy: Policy
    case: Case


def closedness(state: str, tier: int, treatment: str | None) -> Closedness:
    """How closed a recorded standing is."""
    if tier:
        return Closedness(tier)
    if state == State.UNASSESSED.value and treatment == Treatment.IDENTITY_GATED.value:
        return Closedness.GATED
    return Closedness.RESTRICTED


def _closedness(decision: TierDecision) -> Closedness:
    treatment = None if decision.treatment is None else decision.treatment.value
    return closedness(decision.state.value, int(decision.tier or 0), treatment)


def row_in_effect(
    decisions: list[DecisionRow], published: int, *, inside: bool = False
) -> DecisionRow | None:
    """Which of a subject's decisions, oldest first, is in effect; None where none is yet.

    `inside` a private repository a decision is in effect once its commitment is published.
    """
    effective: DecisionRow | None = None
    for row in decisions:
        shown_by = row.index if inside else row.public_from
        shown = shown_by is not None and shown_by < published
        if shown or (effective is not None and _stricter(row, effective)):
            effective = row
    return effective


def _stricter(row: DecisionRow, than: DecisionRow) -> bool:
    here = closedness(row.state, row.tier, row.treatment)
    return here > closedness(than.state, than.tier, than.treatment)


def standing_of(
    office: Office,
    connection: Connection,
    subject: Sha256,
    now: datetime,
    *,
    inside: bool = False,
) -> Standing | None:
    """Where the subject stands; None while no decision on it is in effect."""
    published, _ = reads.published(connection, office.config.origin)
    row = row_in_effect(reads.decisions_on(connection, subject), published, inside=inside)
    return None if row is None else load_standing(office, connection, row, now)


def load_standing(
    office: Office, connection: Connection, row: DecisionRow, now: datetime
) -> Standing:
    """A recorded decision with its inputs, made again at `now`; the stricter of the two."""
    policy_row = reads.policy_at(connection, row.policy_entry)
    if policy_row is None:
        raise LookupError(f"decision {row.index} names no policy")  # the foreign key forbids it
    policy = _policy(policy_row.document)
    case = _case(read_blob(office.blobs, row.case, CASE_LIMIT))
    at_entry = decide_tier(policy, case, row.at)
    at_now = decide_tier(policy, case, now)
    decision = at_now if _closedness(at_now) > _closedness(at_entry) else at_entry
    return Standing(row, decision, policy, case)


# Parsed documents are immutable and named by their bytes: keeping them caches no tier.
@lru_cache(maxsize=64)
def _policy(document: bytes) -> Policy:
    return parse_policy(parse_json(document))


@lru_cache(maxsize=4096)
def _case(raw: bytes) -> Case:
    return parse_case(parse_json(raw, limit=CASE_LIMIT))


def floor_of(connection: Connection, origin: str, blob: Sha256) -> Tier:
    """The tier that one file carries into every set it is put in.

    Floors come from decisions on evidence alone: presumptions and undecided sets give none. Where
    several sets hold the file, the most open one that stands counts, if it stood before the first
    decision on evidence that holds the file: adding public bytes to a bad set locks nobody out.
    """
    published, _ = reads.published(connection, origin)
    rows = [
        row
        for subject in subjects_holding(connection, [blob]).get(blob, set())
        if (row := row_in_effect(reads.decisions_on(connection, Sha256(subject)), published))
        and row.tier
    ]
    assessed = [row for row in rows if row.state == State.ASSESSED.value]
    if not assessed:
        return Tier.UNRESTRICTED
    first = min(row.index for row in assessed)
    return Tier(min(row.tier for row in rows if row in assessed or row.index < first))
