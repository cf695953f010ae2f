"""A refusal: which rule, on what evidence, what would change it, what else, and how to contest it.

As one line for an HTTP header and a terminal:

    [access.identity-wanted] These weights go to verified people only. Evidence: cyber/ctf: upper
    bound 0.31. To change this: Sign in ... Instead: ... Appeal: ...

Upheld: ASCII, one line, at most 1,000 bytes, no word cut in two; rule, alternative and appeal are
always there, the rest as far as there is room.
"""

from dataclasses import dataclass

from openward.policy.duties import Demand, Gate
from openward.policy.rulebook import CLOSED_TO_ALL, RESTRICTED_TO_VETTED, UNASSESSED_CLOSED
from openward.vocabulary import Reason

MAX_LINE = 1_000
MAX_KEPT = 300  # bytes for each of the three parts that are always there
MAX_EVIDENCE = 3
_CUT = "..."

BY_GATE = {
    Gate.VETTED: Reason(RESTRICTED_TO_VETTED, "Tier 3"),
    Gate.EVALUATORS: Reason(UNASSESSED_CLOSED, "unassessed"),
    Gate.CLOSED: Reason(CLOSED_TO_ALL, "Tier 4"),
}
"""Why the gates that no lease of use passes refuse."""

BECOME_EVALUATOR = "An accreditation as evaluator and an evaluation lease."


@dataclass(frozen=True, slots=True)
class Refusal:
    """Everything somebody needs who was refused. `reasons` holds at least one."""

    reasons: tuple[Reason, ...]
    evidence: tuple[Reason, ...]
    changes: tuple[str, ...]
    alternative: str
    appeal: str


@dataclass(frozen=True, slots=True)
class Refused(Refusal):
    """The bytes are not handed over."""


@dataclass(frozen=True, slots=True)
class Denied(Refusal):
    """The lease is not given."""


def decide_refused(demand: Demand, reason: Reason, *changes: str) -> Refused:
    """The refusal of bytes under `demand`; the nearest change comes first."""
    return Refused(
        (reason,),
        demand.evidence,
        (*changes, *demand.changes),
        demand.alternative,
        demand.appeal,
    )


def decide_denied(demand: Demand, reasons: tuple[Reason, ...], *changes: str) -> Denied:
    """The refusal of a lease under `demand`."""
    return Denied(
        reasons,
        demand.evidence,
        (*changes, *demand.changes),
        demand.alternative,
        demand.appeal,
    )


def refusal_line(refusal: Refusal) -> str:
    """The refusal as one line of ASCII of at most 1,000 bytes."""
    rule = refusal.reasons[0].rule
    head = _clipped(f"[{rule.id}]", MAX_KEPT)
    tail = (
        f"Instead: {_clipped(refusal.alternative, MAX_KEPT)}"
        f" Appeal: {_clipped(refusal.appeal, MAX_KEPT)}"
    )
    evidence = "; ".join(reason.found for reason in refusal.evidence[:MAX_EVIDENCE])
    middle = rule.says
    if evidence:
        middle += f" Evidence: {evidence}."
    if refusal.changes:
        middle += f" To change this: {' '.join(refusal.changes)}"
    room = MAX_LINE - len(head) - len(tail) - 2
    return f"{head} {_clipped(middle, room)} {tail}"


def _clipped(text: str, limit: int) -> str:
    """As many whole words as fit, in printable ASCII, with three dots where some are missing."""
    plain = "".join(c if c.isascii() and c.isprintable() else "?" for c in " ".join(text.split()))
    if len(plain) <= limit:
        return plain
    kept = plain[: limit - len(_CUT)]
    # The character after the cut tells whether the last word is whole.
    whole = kept if plain[len(kept)] == " " else kept.rpartition(" ")[0]
    return whole.rstrip() + _CUT
