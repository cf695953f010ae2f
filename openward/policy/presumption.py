"""The proportionality clause: which weights are presumed to stand in Tier 1 unmeasured.

Weights of at most `presumed_open_bytes`, counted over all linked releases, of which at most
`unreadable_bytes` cannot be read, are presumed open (equality is within). Everything that keeps
the presumption away is listed, not the first alone: who was refused learns the whole of it.

Upheld: the presumption never applies above either allowance; it is ended by a measurement that
shows a low line reached, and does not come back when complete evidence lapses above Tier 1.
"""

from collections.abc import Iterator, Sequence

from openward.policy import rulebook as rules
from openward.policy.case import Case, Parent
from openward.policy.clause import Proportionality
from openward.policy.document import Policy
from openward.policy.record import Measured
from openward.policy.threshold import decide_rebuts
from openward.vocabulary import Reason, Tier


def decide_barriers(policy: Policy, case: Case, measured: Sequence[Measured]) -> tuple[Reason, ...]:
    """Why the clause does not apply; empty where it does."""
    return (
        *_by_size(policy.proportionality, case),
        *_by_kinship(case),
        *_by_declaration(policy.proportionality, case),
        *_by_evidence(measured),
    )


def _by_size(clause: Proportionality, case: Case) -> Iterator[Reason]:
    linked = case.linked
    if linked.size > clause.presumed_open_bytes:
        found = f"{linked.size} bytes, allowance {clause.presumed_open_bytes}"
        yield Reason(rules.TOO_LARGE, found)
    if linked.unreadable > clause.unreadable_bytes:
        found = f"{linked.unreadable} unreadable bytes, allowance {clause.unreadable_bytes}"
        yield Reason(rules.UNREADABLE, found)


def _by_kinship(case: Case) -> Iterator[Reason]:
    adapters = [part.file.sha256 for part in case.files if part.adapter]
    if adapters:
        yield Reason(rules.ADAPTER, f"file {adapters[0]}")
    for parent in case.parents:
        if _holds_back(parent, case.subject.size):
            yield Reason(rules.DERIVATIVE, f"{parent.kind.value} of {parent.name[:120]}")
            break
    for other in case.overlaps:
        larger = other.tier is None and other.size > case.subject.size
        if larger or _higher(other.tier):
            yield Reason(rules.SHARED_BYTES, f"shared with {other.subject}")
            break


def _holds_back(parent: Parent, size: int) -> bool:
    if parent.tier is None:
        # A parent nobody here has seen may be of any size.
        return parent.size is None or parent.size > size
    return _higher(parent.tier)


def _higher(tier: Tier | None) -> bool:
    return tier is not None and tier > Tier.UNRESTRICTED


def _by_declaration(clause: Proportionality, case: Case) -> Iterator[Reason]:
    for tag in case.declared_domains:
        if tag in clause.listed_domains:
            yield Reason(rules.LISTED_DOMAIN, tag)


def _by_evidence(measured: Sequence[Measured]) -> Iterator[Reason]:
    for each in measured:
        for counted in each.counted:
            if decide_rebuts(counted.interval, each.evaluation.thresholds):
                found = f"{each.at}: lower bound {counted.interval.lower}"
                yield Reason(rules.REBUTTED, found)
                break
    reached = [each.reached for each in measured]
    if all(reached) and any(each is not None and _higher(each.tier) for each in reached):
        yield Reason(rules.DECIDED_BEFORE, "every required evaluation was measured once")
