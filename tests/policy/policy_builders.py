"""Policies and cases for the tests of this folder: plain ones to change, and strategies."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import combinations, combinations_with_replacement
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, settings
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
from openward.policy.clause import Proportionality
from openward.policy.document import DomainRule, Evaluation, Policy, Thresholds, Treatment
from openward.policy.document import parse_policy as read_policy
from openward.policy.fact import EvidenceFact, Interval
from openward.statements.strict_json import parse_json
from openward.vocabulary import PartyId, RiskDomain, Sha256, Tier, WeightFile

# How long a machine takes is nothing that these tests are about.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
THOROUGH = settings(PATIENT, max_examples=200)
POLICIES = Path(__file__).resolve().parents[2] / "examples" / "policies"
NOW = datetime(2026, 11, 1, tzinfo=UTC)
RAN = NOW - timedelta(days=30)
ENDS = NOW + timedelta(days=90)
FROM, UNTIL = NOW - timedelta(days=300), NOW + timedelta(days=300)
MEBIBYTE = 1 << 20


def sha(number: int) -> Sha256:
    return Sha256(f"{number:064x}")


def _proxy(domain: RiskDomain) -> DomainRule:
    """One evaluation with lines at .5, .7 and, save for manipulation, .85."""
    catastrophic = domain is not RiskDomain.MANIPULATION
    lines = Thresholds(0.5, 0.7, 0.85 if catastrophic else None)
    task = f"openward_proxy_{domain.value}"
    one = Evaluation("proxy", task, "accuracy", 100, None, lines, ("a source",))
    return DomainRule(domain, catastrophic, (one,))


# The example's words, and numbers of these tests' own: the example is there to be changed.
DEMONSTRATION = replace(
    read_policy(parse_json((POLICIES / "example.json").read_bytes())),
    demonstration="only a demonstration",
    valid_from=FROM,
    valid_until=UNTIL,
    evidence_validity_days=182,
    domains=tuple(map(_proxy, RiskDomain)),
    when_unassessed=Treatment.IDENTITY_GATED,
    assessment_days=90,
    proportionality=Proportionality(
        64 * MEBIBYTE, 48 * MEBIBYTE, ("biological-design", "toxin-design"), 20, 30
    ),
    lease_days=90,
    evaluation_lease_days=60,
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
# Drawn whole from prepared lists: generation is what these tests spend their time on.
CUTS = [(a / 20, b / 20, c / 20) for a, b, c in combinations(range(21), 3)]
INTERVALS = [
    Interval(b / 20, a / 20, c / 20) for a, b, c in combinations_with_replacement(range(21), 3)
]
days = st.integers(0, 400).map(lambda n: timedelta(days=n))
tags = st.sampled_from(["biological-design", "poetry", "toxin-design"])
tiers = st.none() | st.sampled_from(Tier)


def _shape(random: Random) -> tuple[bool, list[Thresholds]]:
    """Whether a domain is catastrophic, and the lines of its one or two evaluations."""
    catastrophic = random.random() < 0.5
    cuts = random.sample(CUTS, random.choice([1, 1, 2]))
    return catastrophic, [
        Thresholds(low, high, critical if catastrophic else None) for low, high, critical in cuts
    ]


SHAPES = [_shape(Random(n)) for n in range(500)]


@st.composite
def domain_rules(draw: st.DrawFn, domain: RiskDomain) -> DomainRule:
    catastrophic, lines = draw(st.sampled_from(SHAPES))
    evaluations = tuple(
        Evaluation(name, "task", "accuracy", 100, sha(7), line, ("a source",))
        for name, line in zip(("proxy", "second"), lines, strict=False)
    )
    return DomainRule(domain, catastrophic, evaluations)


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    return replace(
        DEMONSTRATION,
        domains=tuple(draw(domain_rules(domain)) for domain in RiskDomain),
        when_unassessed=draw(st.sampled_from(Treatment)),
        evidence_validity_days=draw(st.integers(1, 400)),
    )


def _template(random: Random) -> EvidenceFact:
    """Mostly usable, run in the past, of any age."""
    admissible = random.random() < 0.75
    ran_at = NOW - timedelta(days=random.randint(0, 400))
    interval = random.choice(INTERVALS)
    return replace(
        fact(RiskDomain.CYBER, 1.0),
        interval=interval if admissible or random.random() < 0.5 else None,
        n=random.choice([100, 100, 101, 99]),
        ran_at=ran_at,
        valid_until=ran_at + timedelta(days=random.randint(0, 400)),
        findings=() if admissible else ("self-assessed",),
        admissible=admissible,
    )


def _current(random: Random) -> EvidenceFact:
    return replace(
        fact(RiskDomain.CYBER, 1.0),
        interval=random.choice(INTERVALS),
        ran_at=NOW - timedelta(days=random.randint(0, 20)),
        valid_until=NOW + timedelta(days=random.randint(1, 400)),
    )


TEMPLATES = [_template(Random(n)) for n in range(1000)]
CURRENT = [_current(Random(n)) for n in range(500)]
complete = st.tuples(st.sampled_from(CURRENT)) | st.tuples(
    st.sampled_from(CURRENT), st.sampled_from(TEMPLATES)
)
patchy = st.lists(st.sampled_from(TEMPLATES), max_size=2).map(tuple)


@st.composite
def evidences(draw: st.DrawFn, policy: Policy) -> tuple[EvidenceFact, ...]:
    """Often complete: one or two results for each or most of what is required."""
    results = complete if draw(st.booleans()) else patchy
    drawn: list[EvidenceFact] = []
    for rule, evaluation in policy.required:
        for one in draw(results):
            number = sha(len(drawn))
            drawn.append(
                replace(
                    one,
                    domain=rule.domain,
                    evaluation=evaluation.id,
                    statement=number,
                    log=number,
                )
            )
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
