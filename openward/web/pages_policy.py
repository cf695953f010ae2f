"""The policy in force and the rulebook, for people.

GET /policy      thresholds by domain with their sources, the clause in words, the terms of use
GET /rulebook    every rule: its id (the anchor that reasons link to), its sentence, its sources
"""

from dataclasses import dataclass
from itertools import groupby

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from openward.policy.document import DomainRule, Evaluation, Policy, parse_policy
from openward.policy.rulebook import RULES
from openward.statements.strict_json import parse_json
from openward.store import reads
from openward.vocabulary import Rule
from openward.web.pages_frame import page, reader
from openward.web.pages_words import domain_words
from openward.web.plot import plot_lines
from openward.web.sessions import acting, office_of
from openward.web.standing import API

_CHAPTERS = {
    "tier": "Tiers by evidence",
    "evidence": "What is missing",
    "policy": "The time of a policy",
    "presumed": "The proportionality clause",
    "unassessed": "Without a tier",
    "review": "Reviews",
    "access": "Access: who may have the weights",
    "grant": "Grants: who is given a lease",
    "adoption": "What may be in force",
}


@dataclass(frozen=True, slots=True)
class ThresholdRow:
    """One required evaluation with its lines."""

    domain: str
    catastrophic: bool
    evaluation: Evaluation
    picture: str


@dataclass(frozen=True, slots=True)
class Chapter:
    """Rules whose ids begin alike."""

    id: str
    title: str
    rules: tuple[Rule, ...]


def routes() -> list[BaseRoute]:
    return [Route("/policy", serve_policy), Route("/rulebook", serve_rulebook)]


def serve_policy(request: Request) -> Response:
    office = office_of(request)
    with office.database.reading() as connection:
        party = acting(connection, request)
        row = reads.policy_in_force(connection, office.clock())
    policy = None if row is None else parse_policy(parse_json(row.document))
    members = {
        "policy": policy,
        "row": row,
        "rows": () if policy is None else _rows(policy),
        "confidence": "" if policy is None else f"{100 * (1 - policy.alpha):g} %",
        "in_time": policy is not None and policy.valid_from <= office.clock() < policy.valid_until,
        "api": API,
    }
    return page(office, "policy.html", "The policy", reader(party), members)


def _rows(policy: Policy) -> tuple[ThresholdRow, ...]:
    return tuple(_row(rule, evaluation) for rule, evaluation in policy.required)


def _row(rule: DomainRule, evaluation: Evaluation) -> ThresholdRow:
    name = domain_words(rule.domain)
    picture = plot_lines(name, evaluation.thresholds)
    return ThresholdRow(name, rule.catastrophic, evaluation, picture)


def serve_rulebook(request: Request) -> Response:
    office = office_of(request)
    with office.database.reading() as connection:
        party = acting(connection, request)
    return page(office, "rulebook.html", "The rulebook", reader(party), {"chapters": chapters()})


def chapters() -> tuple[Chapter, ...]:
    """The rules in their order, one chapter for each beginning of an id."""
    return tuple(
        Chapter(head, _CHAPTERS.get(head, head.capitalize()), tuple(rules))
        for head, rules in groupby(RULES, key=lambda rule: rule.id.partition(".")[0])
    )
