from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from openward.access.grant import (
    Approval,
    Granted,
    PublisherGate,
    decide_evaluation_grant,
    decide_grant,
)
from openward.access.identity import Applicant
from openward.access.lease import Lease, LeaseKind
from openward.access.refusal import Denied
from openward.access.usage import UsageAttestation
from openward.policy.duties import Gate
from tests.access.access_builders import (
    DAY,
    EVALUATOR,
    NOW,
    OTHER,
    PROMISE,
    SECOND,
    STRANGER,
    SUBJECT,
    TERMS,
    VERIFIED,
    demand,
)

NONE, AUTO, MANUAL = PublisherGate.NONE, PublisherGate.AUTO, PublisherGate.MANUAL
PENDING, GIVEN, DECLINED = Approval.PENDING, Approval.GIVEN, Approval.DECLINED
IDENTITY = demand(Gate.IDENTITY)


def lacking(answer: Granted | Denied) -> list[str]:
    if isinstance(answer, Granted):
        return []
    assert answer.reasons
    return [f"{reason.rule.id}: {reason.found}" for reason in answer.reasons]


def test_a_verified_person_who_promised_is_given_a_lease_at_once() -> None:
    answer = decide_grant(IDENTITY, NONE, VERIFIED, PROMISE, PENDING, NOW)
    assert isinstance(answer, Granted)
    assert answer.lease == Lease(
        LeaseKind.USE, "ada", SUBJECT, TERMS, NOW, NOW + timedelta(days=90)
    )
    assert [(r.rule.id, r.found) for r in answer.reasons] == [("grant.given", "until 2027-01-30")]


def test_a_lease_does_not_outlast_the_promise() -> None:
    for days, until in ((89, 89), (90, 90), (91, 90)):
        promise = replace(PROMISE, expires_at=NOW + days * DAY)
        answer = decide_grant(IDENTITY, NONE, VERIFIED, promise, PENDING, NOW)
        assert isinstance(answer, Granted)
        assert answer.lease.until == NOW + until * DAY


@pytest.mark.parametrize(
    ("applicant", "promise", "said"),
    [
        (STRANGER, PROMISE, ["access.identity-wanted: identity not verified"]),
        (
            replace(VERIFIED, verified_at=NOW + SECOND),
            PROMISE,
            ["access.identity-wanted: identity not verified"],
        ),
        (replace(VERIFIED, verified_at=NOW), PROMISE, []),
        (VERIFIED, None, ["grant.promise-wanted: no attestation"]),
        (
            VERIFIED,
            replace(PROMISE, applicant=OTHER),
            ["grant.promise-wanted: made by somebody else"],
        ),
        (
            VERIFIED,
            replace(PROMISE, subject=OTHER),
            ["grant.promise-wanted: made for other weights"],
        ),
        (VERIFIED, replace(PROMISE, terms=OTHER), ["grant.promise-wanted: made on other terms"]),
        (
            VERIFIED,
            replace(PROMISE, accepted_at=NOW + SECOND, expires_at=NOW + DAY),
            ["grant.promise-not-running: ends 2026-11-02"],
        ),
        (VERIFIED, replace(PROMISE, accepted_at=NOW), []),
        (
            VERIFIED,
            replace(PROMISE, expires_at=NOW),
            ["grant.promise-not-running: ends 2026-11-01"],
        ),
        (VERIFIED, replace(PROMISE, expires_at=NOW + SECOND), []),
        (
            STRANGER,
            None,
            [
                "access.identity-wanted: identity not verified",
                "grant.promise-wanted: no attestation",
            ],
        ),
    ],
)
def test_the_table_of_what_is_lacking(
    applicant: Applicant, promise: UsageAttestation | None, said: list[str]
) -> None:
    answer = decide_grant(IDENTITY, NONE, applicant, promise, PENDING, NOW)
    assert lacking(answer) == said


@pytest.mark.parametrize(
    ("publisher", "approval", "said"),
    [
        (NONE, DECLINED, []),
        (AUTO, DECLINED, []),
        (MANUAL, GIVEN, []),
        (MANUAL, PENDING, ["access.approval-wanted: not answered yet"]),
        (MANUAL, DECLINED, ["grant.publisher-declined: declined"]),
    ],
)
def test_the_table_of_publishers(
    publisher: PublisherGate, approval: Approval, said: list[str]
) -> None:
    assert lacking(decide_grant(IDENTITY, publisher, VERIFIED, PROMISE, approval, NOW)) == said
    if publisher is not NONE:
        answer = decide_grant(demand(Gate.OPEN), publisher, STRANGER, None, approval, NOW)
        assert lacking(answer) == said


def test_where_only_the_publisher_asks_no_promise_is_wanted_and_none_shortens_the_lease() -> None:
    for promise in (None, replace(PROMISE, expires_at=NOW + DAY)):
        answer = decide_grant(demand(Gate.OPEN), AUTO, STRANGER, promise, PENDING, NOW)
        assert isinstance(answer, Granted)
        assert answer.lease.until == NOW + 90 * DAY


def test_nobody_needs_a_lease_for_what_is_open() -> None:
    answer = decide_grant(demand(Gate.OPEN), NONE, VERIFIED, PROMISE, GIVEN, NOW)
    assert lacking(answer) == ["grant.not-needed: open to everyone"]


@pytest.mark.parametrize(
    ("gate", "rule"),
    [
        (Gate.VETTED, "access.restricted"),
        (Gate.EVALUATORS, "access.unassessed"),
        (Gate.CLOSED, "access.closed"),
    ],
)
def test_no_lease_of_use_passes_a_narrower_gate(gate: Gate, rule: str) -> None:
    for publisher in PublisherGate:
        answer = decide_grant(demand(gate), publisher, VERIFIED, PROMISE, GIVEN, NOW)
        assert isinstance(answer, Denied)
        assert [reason.rule.id for reason in answer.reasons] == [rule]


@pytest.mark.parametrize("gate", Gate)
def test_an_accredited_evaluator_is_given_a_lease_to_evaluate_at_any_gate(gate: Gate) -> None:
    answer = decide_evaluation_grant(demand(gate), EVALUATOR, NOW)
    assert isinstance(answer, Granted)
    assert answer.lease == Lease(LeaseKind.EVALUATION, "ada", SUBJECT, TERMS, NOW, NOW + 60 * DAY)
    denied = decide_evaluation_grant(demand(gate), VERIFIED, NOW)
    assert lacking(denied) == ["grant.accreditation-wanted: no running accreditation"]


def test_every_denial_says_what_would_change_it_what_else_and_how_to_contest() -> None:
    for gate, publisher, applicant, approval in product(
        Gate, PublisherGate, (STRANGER, VERIFIED), Approval
    ):
        answer = decide_grant(demand(gate), publisher, applicant, None, approval, NOW)
        if isinstance(answer, Denied):
            assert answer.changes
            assert answer.evidence == IDENTITY.evidence
            assert (answer.alternative, answer.appeal) == (IDENTITY.alternative, IDENTITY.appeal)


def test_a_denial_names_one_step_for_each_thing_lacking() -> None:
    answer = decide_grant(IDENTITY, MANUAL, STRANGER, None, PENDING, NOW)
    assert isinstance(answer, Denied)
    assert answer.changes == (
        "Have your identity verified.",
        "Accept the terms in force and state your purpose.",
        "The publisher's approval.",
        *IDENTITY.changes,
    )
