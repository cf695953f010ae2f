"""One interval held against one evaluation's lines.

        0 ......... low ......... high ......... critical ......... 1
          Tier 1    |    Tier 2    |    Tier 3    |     Tier 4        by the upper bound

A line is passed downward only by being *shown* below it: the upper bound decides. Equality is the
more closed side at low and at high, and is not above at critical (C-002). Where there is no
critical line the last step does not exist: only a catastrophic domain closes.
"""

from collections.abc import Mapping

from openward.policy.document import Thresholds
from openward.policy.fact import Interval
from openward.policy.rulebook import ABOVE_CRITICAL, BELOW_HIGH, BELOW_LOW, NOT_ABOVE_CRITICAL
from openward.vocabulary import Rule, Tier

RULE_OF: Mapping[Tier, Rule] = {
    Tier.UNRESTRICTED: BELOW_LOW,
    Tier.GATED: BELOW_HIGH,
    Tier.RESTRICTED: NOT_ABOVE_CRITICAL,
    Tier.CLOSED: ABOVE_CRITICAL,
}
"""The sentence by which each tier is reached."""


def decide_reached(upper: float, lines: Thresholds) -> Tier:
    """The most open tier that an upper bound allows."""
    if upper < lines.low:
        return Tier.UNRESTRICTED
    if upper < lines.high:
        return Tier.GATED
    if lines.critical is None or upper <= lines.critical:
        return Tier.RESTRICTED
    return Tier.CLOSED


def decide_rebuts(interval: Interval, lines: Thresholds) -> bool:
    """Whether the measurement shows the low line to be reached: its lower bound is not below."""
    return interval.lower >= lines.low
