"""Policies and cases for the tests of this folder: plain ones to change, and strategies."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, combinations_with_replacement
from pathlib import Path

from hypothesis import strategies as st

from openward.policy.case import (
    Case,
    CaseFile,
    Derivation,
    Link,
    Linked,
    LinkKind,
    Overlap,
    Parent,
    Reading,
)
from openward.policy.document import DomainRule, Evaluation, Policy, Thresholds, Treatment
from openward.policy.document import parse_policy as read_policy
from openward.policy.fact import EvidenceFact, Interval
from openward.statements.strict_json import parse_json
from openward.vocabulary import PartyId, RiskDomain, Sha256, Tier, WeightFile

POLICIES = Path(__file__).resolve().parents[2] / "examples" / "policies"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
RAN = NOW - timedelta(days=30)
ENDS = NOW + timedelta(days=90)
FROM, UNTIL = NOW - timedelta(days=300), NOW + timedelta(days=300)
MEBIBYTE = 1 << 20


def sha(number: int) -> Sha256:
    return Sha256(f"{number:064x}")


DEMONSTRATION = replace(
    read_policy(parse_json((POLICIES / "demonstration.json").read_bytes())),
    valid_from=FROM,
    valid_until=UNTIL,
)
LARGE = CaseFile(WeightFile(sha(1), 1 << 40), Reading.READABLE, False)
SMALL = CaseFile(WeightFile(sha(1), MEBIBYTE), Reading.READABLE, False)


def fact(
    domain: RiskDomain,
    upper: float,
    *,
    lower: float = 0.0,
    number: int = 0,
    evaluation: str = "proxy",
) -> EvidenceFact:
    return EvidenceFact(
        domain=domain,
        evaluation=evaluation,
        interval=Interval((lower + upper) / 2, lower, upper),
        n=100,
        ran_at=RAN,
        valid_until=ENDS,
        evaluator=PartyId("evaluator"),
        statement=sha(number),
        log=sha(number),
        findings=(),
        admissible=True,
    )


def all_at(upper: float) -> tuple[EvidenceFact, ...]:
    return tuple(fact(domain, upper) for domain in RiskDomain)


def case_of(*files: CaseFile, evidence: tuple[EvidenceFact, ...] = ()) -> Case:
    size = sum(f.file.size for f in files)
    unreadable = sum(f.file.size for f in files if f.reading is Reading.UNREADABLE)
    return Case(files, Linked(size, unreadable), NOW, evidence)


# --- strategies -------------------------------------------------------------------------------

bounds = st.integers(0, 20).map(lambda n: n / 20)  # coarse, so that lines are met exactly
# One draw each: generation is what these tests spend their time on.
CUTS = [(a / 20, b / 20, c / 20) for a, b, c in combinations(range(21), 3)]
intervals = st.sampled_from(
    [Interval(b / 20, a / 20, c / 20) for a, b, c in combinations_with_replacement(range(21), 3)]
)
days = st.integers(0, 400).map(lambda n: timedelta(days=n))
tags = st.sampled_from(["biological-design", "poetry", "toxin-design"])
tiers = st.none() | st.sampled_from(Tier)


@st.composite
def evaluations(draw: st.DrawFn, identifier: str, catastrophic: bool) -> Evaluation:
    cuts = draw(st.sampled_from(CUTS))
    lines = Thresholds(cuts[0], cuts[1], cuts[2] if catastrophic else None)
    return Evaluation(identifier, "task", "accuracy", 100, sha(7), lines, ("a source",))


@st.composite
def domain_rules(draw: st.DrawFn, domain: RiskDomain) -> DomainRule:
    catastrophic = draw(st.booleans())
    named = draw(st.sampled_from([["proxy"], ["proxy"], ["proxy", "second"]]))
    return DomainRule(
        domain, catastrophic, tuple(draw(evaluations(name, catastrophic)) for name in named)
    )


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    return replace(
        DEMONSTRATION,
        domains=tuple(draw(domain_rules(domain)) for domain in RiskDomain),
        when_unassessed=draw(st.sampled_from(Treatment)),
        evidence_validity_days=draw(st.integers(1, 400)),
        assessment_days=draw(st.integers(1, 400)),
    )


@st.composite
def facts(draw: st.DrawFn, domain: RiskDomain, evaluation: str, number: int) -> EvidenceFact:
    """Mostly usable, run in the past."""
    interval = draw(intervals)
    admissible = draw(st.sampled_from([True, True, True, False]))
    ran_at = NOW - draw(days)
    return EvidenceFact(
        domain=domain,
        evaluation=evaluation,
        interval=interval if admissible else draw(st.none() | st.just(interval)),
        n=draw(st.sampled_from([100, 100, 101, 99])),
        ran_at=ran_at,
        valid_until=ran_at + draw(days),
        evaluator=PartyId("evaluator"),
        statement=sha(number),
        log=sha(number),
        findings=() if admissible else ("stale",),
        admissible=admissible,
    )


@st.composite
def evidences(draw: st.DrawFn, policy: Policy) -> tuple[EvidenceFact, ...]:
    """Often complete: one or two results for most of what is required."""
    drawn: list[EvidenceFact] = []
    complete = draw(st.booleans())
    for rule, evaluation in policy.required:
        least = 1 if complete else 0
        for _ in range(draw(st.integers(least, 2))):
            one = draw(facts(rule.domain, evaluation.id, len(drawn)))
            if complete:
                one = replace(
                    one,
                    interval=one.interval or Interval(0.5, 0.0, 1.0),
                    admissible=True,
                    n=100,
                    ran_at=min(one.ran_at, NOW),
                    valid_until=max(one.valid_until, NOW + timedelta(days=1)),
                )
            drawn.append(one)
    return tuple(drawn)


case_files = st.builds(
    CaseFile,
    st.builds(WeightFile, st.integers(0, 8).map(sha), st.integers(0, 80 * MEBIBYTE)),
    st.sampled_from(Reading),
    st.sampled_from([False, False, False, True]),
)
parents = st.builds(
    Parent,
    st.sampled_from(["a/base", "b/base"]),
    st.sampled_from(Derivation),
    tiers,
    st.none() | st.integers(0, 1 << 40),
)
overlaps = st.builds(Overlap, st.integers(0, 3).map(sha), st.integers(0, 1 << 40), tiers)
links = st.builds(Link, st.sampled_from(LinkKind), st.sampled_from(["one", "two"]))


@st.composite
def cases(draw: st.DrawFn, policy: Policy) -> Case:
    files = draw(st.lists(case_files, max_size=3, unique_by=lambda f: f.file.sha256))
    size = sum(f.file.size for f in files)
    unreadable = sum(f.file.size for f in files if f.reading is Reading.UNREADABLE)
    extra = draw(st.sampled_from([0, 0, 0, 1 << 40]))
    return Case(
        files=tuple(files),
        linked=Linked(
            size + extra,
            unreadable + extra,
            tuple(draw(st.lists(links, max_size=2, unique=True))),
        ),
        opened_at=NOW - draw(days),
        evidence=draw(evidences(policy)),
        parents=tuple(
            draw(st.lists(parents, max_size=2, unique_by=lambda p: (p.name, p.kind.value)))
        ),
        overlaps=tuple(draw(st.lists(overlaps, max_size=2, unique_by=lambda o: o.subject))),
        declared_domains=tuple(draw(st.lists(tags, max_size=2, unique=True))),
        open_challenges=draw(st.integers(0, 2)),
        namespace_recent_presumed=draw(st.integers(0, 40)),
    )


@st.composite
def questions(draw: st.DrawFn) -> tuple[Policy, Case]:
    """A policy, and a case it may be asked about."""
    policy = draw(policies())
    return policy, draw(cases(policy))
