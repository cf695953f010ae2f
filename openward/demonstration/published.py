"""What others have published of well-known open models, held against the example policy.

These figures are nobody's signed evidence: no hub would decide by them. They show what the policy
would say if they were, and how much it would still not know.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from openward.demonstration.weights import ROOT
from openward.evidence.statistics import clopper_pearson
from openward.policy.document import DomainRule, Evaluation, Policy, parse_policy
from openward.policy.threshold import decide_reached
from openward.statements.strict_json import Fields, parse_json
from openward.vocabulary import Tier

SCORES = ROOT / "examples" / "published" / "models.json"
EXAMPLE = ROOT / "examples" / "policies" / "example.json"
# Which published evaluation is the one that a task of the example policy names.
_TASKS = {
    "Virology Capabilities Test, multiple-response, questions without images": "vct",
    "Cybench, unguided": "cybench",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One published score that the policy asks for, with its one-sided upper bound."""

    evaluation: str
    score: float
    n: int
    upper: float
    reached: Tier
    source: str


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of one model: its figures, and how many of the policy's questions are open."""

    model: str
    figures: tuple[Figure, ...]
    missing: int

    @property
    def at_least(self) -> Tier | None:
        """The most open tier that the known figures would still allow; None without any."""
        return max((figure.reached for figure in self.figures), default=None)


def published_outlooks() -> tuple[Policy, tuple[Outlook, ...]]:
    """The example policy, and what it would make of each model's published scores."""
    policy = parse_policy(parse_json(EXAMPLE.read_bytes()))
    fields = Fields.of(parse_json(SCORES.read_bytes(), limit=1 << 22), "published")
    scores = fields.listing("scores")
    names = [each.text("model") for each in fields.listing("models")]
    return policy, tuple(_outlook(policy, name, scores) for name in names)


def _outlook(policy: Policy, model: str, scores: Sequence[Fields]) -> Outlook:
    own = [each for each in scores if each.text("model") == model]
    figures = tuple(
        figure
        for rule, evaluation in policy.required
        for figure in _figures(policy, rule, evaluation, own)
    )
    known = {figure.evaluation for figure in figures}
    return Outlook(model, figures, len(policy.required) - len(known))


def _figures(
    policy: Policy, rule: DomainRule, evaluation: Evaluation, scores: Iterable[Fields]
) -> Iterable[Figure]:
    for each in scores:
        if _TASKS.get(each.text("evaluation")) != evaluation.task or each.value("n") is None:
            continue
        score, n = each.number("score"), each.integer("n", minimum=1)
        upper = clopper_pearson(round(score * n), n, policy.alpha).upper
        yield Figure(
            evaluation=f"{rule.domain.value}/{evaluation.task}",
            score=score,
            n=n,
            upper=upper,
            reached=decide_reached(upper, evaluation.thresholds),
            source=each.fields("source").text("title"),
        )
