"""What was measured, row by row, and what will change if nobody acts: figures made readable.

A row is one required evaluation: the result that decides it (the largest upper bound) as a
picture, or what is missing. Evidence that does not count is listed apart, with why. Pure.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime

from openward.policy import rulebook as rules
from openward.policy.calendar import Change
from openward.policy.case import Case
from openward.policy.decision import Missing
from openward.policy.fact import EvidenceFact
from openward.policy.record import Counted, Measured
from openward.vocabulary import Reason, Rule, Tier
from openward.web.pages_words import counted, domain_words, finding_words, joined
from openward.web.plot import numbers, plot, plot_lines, shown

_SINCE = {
    rules.LAPSED.id: "the last result has ended",
    rules.INADMISSIBLE.id: "what was filed does not count",
}


@dataclass(frozen=True, slots=True)
class MeasuredRow:
    """One required evaluation. `fact` and `ends` are None where nothing counts for it."""

    name: str
    task: str
    picture: str
    words: str
    shows: str
    decisive: bool
    fact: EvidenceFact | None
    ends: datetime | None
    current: bool
    others: int


@dataclass(frozen=True, slots=True)
class Inadmissible:
    """A result that was filed and does not count, and why."""

    name: str
    fact: EvidenceFact
    why: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """One required evaluation without a result that counts; `why` is empty where none was filed."""

    name: str
    task: str
    samples: int
    why: str


@dataclass(frozen=True, slots=True)
class Ground:
    """One rule that was applied, with everything it was applied to."""

    rule: str
    says: str
    found: str


@dataclass(frozen=True, slots=True)
class Coming:
    """What happens on a day, unless somebody acts before."""

    day: date
    says: str
    rule: str


def measured_rows(measured: tuple[Measured, ...], tier: Tier | None) -> tuple[MeasuredRow, ...]:
    """A row for every required evaluation; `tier` tells which ones decided."""
    return tuple(_row(each, tier, _named(each, measured)) for each in measured)


def _named(each: Measured, measured: tuple[Measured, ...]) -> str:
    """The domain, with the evaluation where the domain has several."""
    several = sum(other.rule.domain is each.rule.domain for other in measured) > 1
    name = domain_words(each.rule.domain)
    return f"{name}: {each.evaluation.id}" if several else name


def _row(each: Measured, tier: Tier | None, name: str) -> MeasuredRow:
    lines = each.evaluation.thresholds
    decides = max(each.counted, key=_upper, default=None)
    if decides is None:
        picture = plot_lines(name, lines)
        return MeasuredRow(
            name, each.evaluation.task, picture, "not measured", "", False, None, None, False, 0
        )
    reached = each.reached
    return MeasuredRow(
        name=name,
        task=each.evaluation.task,
        picture=plot(name, decides.interval, lines),
        words=numbers(decides.interval, lines),
        shows=shown(decides.interval, lines),
        decisive=reached is not None and reached.tier is tier and tier > Tier.UNRESTRICTED,
        fact=decides.fact,
        ends=max(other.ends for other in each.counted),
        current=each.current_until is not None,
        others=len(each.counted) - 1,
    )


def _upper(result: Counted) -> float:
    return result.interval.upper


def inadmissible(case: Case) -> tuple[Inadmissible, ...]:
    """The results that were filed and do not count, with every finding in words."""
    return tuple(
        Inadmissible(domain_words(fact.domain), fact, "; ".join(map(finding_words, fact.findings)))
        for fact in case.evidence
        if not fact.admissible
    )


def wanted(missing: tuple[Missing, ...]) -> tuple[Wanted, ...]:
    """What a tier by evidence still wants."""
    return tuple(
        Wanted(
            domain_words(each.domain),
            each.task,
            each.samples,
            _SINCE.get(each.why.rule.id, ""),
        )
        for each in missing
    )


def grounds(reasons: tuple[Reason, ...]) -> tuple[Ground, ...]:
    """The reasons, each rule once, in the order in which they were given."""
    found: dict[Rule, list[str]] = defaultdict(list)
    for reason in reasons:
        found[reason.rule].append(reason.found)
    return tuple(Ground(rule.id, rule.says, "; ".join(each)) for rule, each in found.items())


def coming(changes: tuple[Change, ...]) -> tuple[Coming, ...]:
    """The changes, those of one day and one rule in one sentence."""
    days: dict[tuple[date, str], list[Change]] = defaultdict(list)
    for change in changes:
        days[change.at.date(), change.what.rule.id].append(change)
    return tuple(
        Coming(day, _says(rule, [change.what.found for change in same]), rule)
        for (day, rule), same in days.items()
    )


def _says(rule: str, founds: list[str]) -> str:
    match rule:
        case rules.LAPSED.id:
            return _lapse(founds)
        case rules.POLICY_EXPIRED.id:
            return "The policy ends. Unless it is renewed, no model has a tier under it."
        case rules.POLICY_NOT_YET.id:
            return "The policy takes effect."
        case _:
            return "The missing evidence is due."


def _lapse(founds: list[str]) -> str:
    names = list(dict.fromkeys(_domains(founds)))
    if len(names) > 3:
        what = f"{counted(len(names), 'measurement')} end"
    else:
        what = f"The measurement of {joined(names).lower()} ends"
    return f"{what}. Without a new one it opens nothing any more, and goes on closing."


def _domains(founds: list[str]) -> Iterator[str]:
    for found in founds:
        yield found.partition("/")[0].replace("-", " ").capitalize()
