"""What a standing demands of those who want the weights.

    Tier 1, evaluated or presumed ............. nobody is asked anything
    Tier 2; unassessed, identity-gated ........ verified identity, usage attestation, running lease
    Tier 3 .................................... vetting
    unassessed, evaluators-only ............... accredited evaluators
    Tier 4 .................................... nobody receives them

The demand carries what a refusal must say: on what evidence it rests, what would change it, what
can be done instead, and how it is contested.
"""

from dataclasses import dataclass
from enum import IntEnum

from openward.policy.decision import Missing, TierDecision
from openward.policy.document import Policy, Treatment
from openward.vocabulary import Reason, Sha256, Tier

MAX_NAMED = 3  # of what is missing; the whole list stands in the decision


class Gate(IntEnum):
    """How narrow the way to the weights is. Greater is narrower, so `max` is the cautious one."""

    OPEN = 0
    IDENTITY = 1
    VETTED = 2
    EVALUATORS = 3
    CLOSED = 4


@dataclass(frozen=True, slots=True)
class Demand:
    """What one subject's standing asks for, and all that a refusal has to say."""

    subject: Sha256
    gate: Gate
    lease_days: int
    evaluation_lease_days: int
    terms: Sha256
    evidence: tuple[Reason, ...]
    changes: tuple[str, ...]
    alternative: str
    appeal: str


_GATE_OF = {
    Tier.UNRESTRICTED: Gate.OPEN,
    Tier.GATED: Gate.IDENTITY,
    Tier.RESTRICTED: Gate.VETTED,
    Tier.CLOSED: Gate.CLOSED,
}


def decide_demand(policy: Policy, subject: Sha256, decision: TierDecision) -> Demand:
    """What the standing of `subject` demands under `policy`."""
    gate = _gate(decision)
    return Demand(
        subject=subject,
        gate=gate,
        lease_days=policy.lease_days,
        evaluation_lease_days=policy.evaluation_lease_days,
        terms=policy.terms.sha256,
        evidence=decision.reasons,
        changes=_changes(gate, decision.missing),
        alternative=policy.alternatives.at(decision.tier),
        appeal=policy.appeal,
    )


def _gate(decision: TierDecision) -> Gate:
    if decision.tier is not None:
        return _GATE_OF[decision.tier]
    if decision.treatment is Treatment.IDENTITY_GATED:
        return Gate.IDENTITY
    return Gate.EVALUATORS


def _changes(gate: Gate, missing: tuple[Missing, ...]) -> tuple[str, ...]:
    if gate is Gate.OPEN:
        return ()
    if not missing:
        return ("Current evaluations that show less capability.",)
    named = ", ".join(f"{each.domain.value}/{each.evaluation}" for each in missing[:MAX_NAMED])
    more = f" and {len(missing) - MAX_NAMED} more" if len(missing) > MAX_NAMED else ""
    return (f"Current independent evaluations of {named}{more}.",)
