"""Run a recorded decision again, from its inputs, and say where it differs.

    recorded:  subject, case, policy, policy_entry, state, tier, treatment, due, reasons
    replayed:  decide_tier(policy, case, at), at the time of the recorded entry

Bit for bit: the same digests, the same state and tier, the same reasons in the same order.
"""

from datetime import datetime

from openward.errors import VerificationError
from openward.policy.case import Case
from openward.policy.decision import TierDecision, decide_tier
from openward.policy.document import Policy
from openward.statements.entry import Decided


def record_decision(
    policy: Policy, policy_entry: int, case: Case, decision: TierDecision
) -> Decided:
    """The body under which a decision enters the record; tier 0 stands for unassessed."""
    return Decided(
        subject=case.subject.digest,
        case=case.digest,
        policy=policy.digest,
        policy_entry=policy_entry,
        state=decision.state.value,
        tier=0 if decision.tier is None else int(decision.tier),
        reasons=tuple((reason.rule.id, reason.found) for reason in decision.reasons),
        treatment=None if decision.treatment is None else decision.treatment.value,
        due=decision.due,
        review=tuple((reason.rule.id, reason.found) for reason in decision.review),
    )


def appraise_replay(recorded: Decided, policy: Policy, case: Case, at: datetime) -> tuple[str, ...]:
    """Where the recorded decision differs from one made again at `at`; empty where nowhere."""
    again = record_decision(policy, recorded.policy_entry, case, decide_tier(policy, case, at))
    pairs = (
        ("policy", recorded.policy, again.policy),
        ("case", recorded.case, again.case),
        ("subject", recorded.subject, again.subject),
        ("state", recorded.state, again.state),
        ("tier", recorded.tier, again.tier),
        ("treatment", recorded.treatment, again.treatment),
        ("due", recorded.due, again.due),
        ("reasons", recorded.reasons, again.reasons),
        ("review", recorded.review, again.review),
    )
    return tuple(f"{name}: recorded {a}, again {b}" for name, a, b in pairs if a != b)


def verify_replay(recorded: Decided, policy: Policy, case: Case, at: datetime) -> TierDecision:
    """The decision, proven to follow from its inputs.

    Raises VerificationError naming the fields that differ.
    """
    if differences := appraise_replay(recorded, policy, case, at):
        raise VerificationError("decision: " + "; ".join(differences)[:2_000])
    return decide_tier(policy, case, at)
