"""Where a subject stands now: the decision in effect, and what it says at this moment.

Upheld (LIBERTIES, amendments): an opening takes effect once a published checkpoint covers the
entry that shows it; a tightening closes the gate at commit. A decision's evidence may lapse
between two decisions, or another policy begin: the recorded decision is made again at `now`, and
the strictest reading stands, so that nothing stays open because nobody looked.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from functools import lru_cache

from sqlalchemy import Connection

from openward.errors import VerificationError
from openward.policy.case import Case, parse_case
from openward.policy.decision import State, TierDecision, decide_tier
from openward.policy.document import Policy, Treatment, parse_policy
from openward.registrar.office import Office
from openward.statements.strict_json import parse_json
from openward.store import reads
from openward.store.blobs import read_blob
from openward.store.contents import subjects_holding
from openward.store.reads import DecisionRow, PolicyRow
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
    """A recorded decision, made again at `now`, also by the policy that began since if one did.

    The strictest reading stands, with the policy it is by.
    """
    in_force = reads.policy_in_force(connection, now)
    read = _inputs(office, connection, row, in_force)
    readings = [(read.policy, _decided(read, row.at)), (read.policy, _decided(read, now))]
    if in_force is not None and in_force.index != row.policy_entry:
        since = _read(in_force.document, _case_bytes(office, row))
        readings.append((since.policy, _decided(since, now)))
    policy, decision = max(readings, key=lambda reading: _strictness(reading[1]))
    return Standing(row, decision, policy, read.case)


def decide_again(
    office: Office, connection: Connection, row: DecisionRow, now: datetime
) -> TierDecision:
    """What the same facts and the same policy say at `now`."""
    return _decided(_inputs(office, connection, row), now)


def _strictness(decision: TierDecision) -> tuple[Closedness, bool]:
    # Of two equally closed readings the one that evidence no longer carries is the honest one.
    return _closedness(decision), decision.state is State.UNASSESSED


def _inputs(
    office: Office, connection: Connection, row: DecisionRow, at_hand: PolicyRow | None = None
) -> "_Read":
    policy_row = at_hand
    if policy_row is None or policy_row.index != row.policy_entry:
        policy_row = reads.policy_at(connection, row.policy_entry)
    if policy_row is None:
        raise LookupError(f"decision {row.index} names no policy")  # the foreign key forbids it
    return _read(policy_row.document, _case_bytes(office, row))


def _case_bytes(office: Office, row: DecisionRow) -> bytes:
    raw = read_blob(office.blobs, row.case, CASE_LIMIT)
    # A byte that turned over on disk must close, never open.
    if hashlib.sha256(raw).hexdigest() != row.case:
        raise VerificationError(f"case {row.case}: the bytes kept here are not those decided on")
    return raw


@dataclass(frozen=True, slots=True, eq=False)
class _Read:
    """A policy and a case as parsed. Each is itself alone: comparing contents would cost more."""

    policy: Policy
    case: Case


# Parsed documents are immutable and named by their bytes: keeping them caches no tier.
@lru_cache(maxsize=64)
def _policy(document: bytes) -> Policy:
    return parse_policy(parse_json(document))


@lru_cache(maxsize=512)
def _read(document: bytes, raw: bytes) -> _Read:
    return _Read(_policy(document), parse_case(parse_json(raw, limit=CASE_LIMIT)))


# The clock has whole seconds: requests within one ask the same of a pure function. What may have
# changed in between, the row and the policy's entry, was read from the record for each.
@lru_cache(maxsize=1024)
def _decided(read: _Read, at: datetime) -> TierDecision:
    return decide_tier(read.policy, read.case, at)


def floor_of(connection: Connection, origin: str, blob: Sha256) -> Tier:
    """The tier that one file carries into every set it is put in.

    Floors come from decisions on evidence alone: presumptions and undecided sets give none, and a
    lapse takes none away. Where several sets hold the file, the one first decided on evidence
    counts, and of those that stood before that decision the most open: public bytes added to a
    bad set lock nobody out, and bad bytes packed again with others stay where they were.
    """
    published, _ = reads.published(connection, origin)
    sets = [
        carried
        for subject in subjects_holding(connection, [blob]).get(blob, set())
        if (carried := _carried(reads.decisions_on(connection, Sha256(subject)), published))
    ]
    measured = [each.measured for each in sets if each.measured is not None]
    if not measured:
        return Tier.UNRESTRICTED
    return Tier(min(each.tier for each in sets if each.since <= min(measured)))


@dataclass(frozen=True, slots=True)
class _Carried:
    """The tier a set stands in, the entry since which it has one, and its first on evidence."""

    tier: int
    since: int
    measured: int | None


def _carried(decisions: list[DecisionRow], published: int) -> _Carried | None:
    """What a set's decisions, oldest first, amount to for its files; None where to nothing."""
    effective = row_in_effect(decisions, published)
    if effective is None:
        return None
    stood = [row for row in decisions if row.tier and row.index <= effective.index]
    measured = [row for row in stood if row.state == State.ASSESSED.value]
    tier = effective.tier or (measured[-1].tier if measured else 0)
    if not tier:
        return None
    return _Carried(tier, _shown_by(stood[0]), _shown_by(measured[0]) if measured else None)


def _shown_by(row: DecisionRow) -> int:
    return row.index if row.public_from is None else row.public_from
