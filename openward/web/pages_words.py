"""What the pages call things: tiers, domains, findings, kinds of entry, sizes and dates, in words.

One place, so that a tier has one name on every page. Pure.
"""

from dataclasses import dataclass
from datetime import datetime

from openward.access.grant import PublisherGate
from openward.evidence.measurement import FindingCode
from openward.policy.decision import State, TierDecision
from openward.policy.duties import Gate
from openward.vocabulary import RiskDomain, Rule, Tier

_UNITS = ("bytes", "KB", "MB", "GB", "TB")


@dataclass(frozen=True, slots=True)
class Badge:
    """A standing's short name. `key` chooses the colour and is what the catalogue filters by."""

    key: str
    label: str
    how: str


@dataclass(frozen=True, slots=True)
class Explained:
    """One line of the legend."""

    badge: Badge
    says: str


TIERS = {
    Tier.UNRESTRICTED: "Tier 1 · open",
    Tier.GATED: "Tier 2 · gated",
    Tier.RESTRICTED: "Tier 3 · restricted",
    Tier.CLOSED: "Tier 4 · closed",
}
UNASSESSED = "Unassessed"
LEGEND = (
    Explained(
        Badge("1", TIERS[Tier.UNRESTRICTED], ""),
        "Shown by evaluations to lie below every low threshold, or small enough to be presumed"
        " so. Anyone may download it, without an account.",
    ),
    Explained(
        Badge("2", TIERS[Tier.GATED], ""),
        "A score at or above a low threshold is not ruled out. For verified people who promise"
        " how they will use it.",
    ),
    Explained(
        Badge("3", TIERS[Tier.RESTRICTED], ""),
        "A score at or above a high threshold is not ruled out. For vetted recipients only; this"
        " hub releases none yet.",
    ),
    Explained(
        Badge("4", TIERS[Tier.CLOSED], ""),
        "A score above the critical threshold of a catastrophic domain is not ruled out. Not"
        " released.",
    ),
    Explained(
        Badge("unassessed", UNASSESSED, ""),
        "Required evaluations are missing: a state with a deadline, not a tier. Until then it is"
        " handed out with care.",
    ),
)
KEYS = tuple(each.badge.key for each in LEGEND)

FINDINGS = {
    FindingCode.NOT_SUCCESS: "the run did not finish successfully",
    FindingCode.INVALIDATED: "the evaluator itself marked the log as invalid",
    FindingCode.UNSUPPORTED_VERSION: "the log has a version that is not read here",
    FindingCode.CORRUPT_MEMBER: "the log is damaged",
    FindingCode.LIMITED: "only some of the samples were asked for",
    FindingCode.INCOMPLETE: "samples are missing",
    FindingCode.SURPLUS: "there are more samples than were planned",
    FindingCode.DUPLICATE_SAMPLE: "a sample stands there twice",
    FindingCode.SAMPLE_ERROR: "a sample ended in an error",
    FindingCode.LIMIT_REACHED: "a sample reached its limit of time or length",
    FindingCode.NO_SAMPLES: "the log holds no samples",
    FindingCode.NO_SCORES: "the log holds no scores",
    FindingCode.NOT_RECOMPUTABLE: "the scores cannot be computed again from the log",
    FindingCode.MISSING_SCORE: "a sample has no score",
    FindingCode.UNREADABLE_SCORE: "a score cannot be read",
    FindingCode.NON_FINITE_SCORE: "a score is not a number",
    FindingCode.OUT_OF_RANGE_SCORE: "a score lies outside 0 to 1",
    FindingCode.CLUSTER_MISSING: "it is unknown which samples belong together",
    FindingCode.HEADER_SILENT: "the log does not state its own result",
    FindingCode.HEADER_DISAGREES: "the stated result is not what the samples give",
    FindingCode.SPREAD_DISAGREES: "the stated uncertainty is not what the samples give",
    FindingCode.SEVERAL_TASKS: "the log mixes several tasks",
    FindingCode.OTHER_WEIGHTS: "it is about other weights",
    FindingCode.NOT_ACCREDITED: "the evaluator is not accredited for this domain",
    FindingCode.OUT_OF_ACCREDITATION_PERIOD: "the evaluator was not accredited at that time",
    FindingCode.SELF_ASSESSED: "the evaluator is not independent of the publisher",
    FindingCode.WRONG_LOG: "the log is not the one that was signed for",
    FindingCode.WRONG_DOMAIN: "it is about another domain",
    FindingCode.WRONG_TASK: "it is another task than the policy asks for",
    FindingCode.WRONG_DATASET: "the questions are not those the policy names",
    FindingCode.NO_MEASUREMENT: "it holds no result for what the policy scores",
    FindingCode.TOO_FEW_SAMPLES: "too few samples for the policy",
    FindingCode.STALE: "it ended before it was looked at",
    FindingCode.FUTURE: "it is dated after the day it was filed",
}

_GATES = {
    Gate.OPEN: "Anyone may download it, without an account and without a question.",
    Gate.IDENTITY: "You need a verified identity and a signed promise of use; the answer comes at"
    " once.",
    Gate.VETTED: "It goes to vetted recipients only, and this hub releases none yet.",
    Gate.EVALUATORS: "Until the missing evidence is there it goes to accredited evaluators only.",
    Gate.CLOSED: "Its weights are not released to anybody.",
}
_PUBLISHERS = {
    PublisherGate.AUTO: "The publisher asks that you sign in and request it; the answer comes at"
    " once.",
    PublisherGate.MANUAL: "The publisher answers each request by hand, within 30 days.",
}


def badge_of(decision: TierDecision | None) -> Badge:
    """The badge of a standing; None is one that is not in effect yet."""
    if decision is None:
        return Badge("unassessed", UNASSESSED, "no decision yet")
    if decision.tier is None:
        return Badge("unassessed", UNASSESSED, "evaluations are missing")
    hows = {State.ASSESSED: "decided by evaluations", State.PRESUMED: "presumed, not evaluated"}
    return Badge(str(int(decision.tier)), TIERS[decision.tier], hows.get(decision.state, ""))


def access_words(gate: Gate, publisher: PublisherGate) -> str:
    """What a visitor has to do for the weights."""
    if gate > Gate.IDENTITY or publisher is PublisherGate.NONE:
        return _GATES[gate]
    if gate is Gate.OPEN:
        return _PUBLISHERS[publisher]
    if publisher is PublisherGate.AUTO:
        return _GATES[gate]
    return (
        "You need a verified identity, a signed promise of use and the publisher's approval,"
        " which is due within 30 days."
    )


def domain_words(domain: RiskDomain) -> str:
    return domain.value.replace("-", " ").capitalize()


def finding_words(code: str) -> str:
    """A finding in words; a code from a later version is shown as it stands."""
    try:
        return FINDINGS[FindingCode(code)]
    except ValueError:
        return code


def size_words(size: int) -> str:
    """Bytes as people read them: 16.1 GB, in steps of a thousand."""
    value, unit = float(size), 0
    while value >= 999.95 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    if unit == 0:
        return f"{size} byte" if size == 1 else f"{size} bytes"
    return f"{value:.1f} {_UNITS[unit]}"


def date_words(moment: datetime) -> str:
    return f"{moment.day} {moment:%B %Y}"


def joined(words: list[str]) -> str:
    """One, two and three, as a sentence lists them."""
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def counted(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: 1 evaluation, 3 evaluations."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def plain_rule(rule: Rule) -> str:
    """A rule's sentence without the tier's name in front, where the badge says that already."""
    head, found, rest = rule.says.partition(": ")
    return rest[:1].upper() + rest[1:] if found and head.startswith("Tier ") else rule.says
