from collections.abc import Iterator
from dataclasses import replace
from itertools import chain, combinations, product

import pytest

from openward.access.grant import PublisherGate
from openward.access.identity import Applicant, Party, Possession
from openward.access.lease import Lease, LeaseKind
from openward.access.passage import Allowed, decide_access
from openward.access.refusal import Refused
from openward.policy.duties import Gate
from tests.access.access_builders import (
    DAY,
    EVALUATOR,
    NOW,
    OTHER,
    SECOND,
    STRANGER,
    VERIFIED,
    demand,
    lease,
)

NONE, AUTO, MANUAL = PublisherGate.NONE, PublisherGate.AUTO, PublisherGate.MANUAL
USE, EVALUATION = lease(), lease(LeaseKind.EVALUATION)
PARTIES = tuple(
    Party(applicant, possession)
    for applicant in (None, STRANGER, VERIFIED, EVALUATOR, replace(EVALUATOR, verified_at=NOW))
    for possession in Possession
)
HOLDINGS = tuple(
    chain.from_iterable(
        combinations((USE, EVALUATION, replace(USE, until=NOW)), count) for count in range(3)
    )
)


def ruled(
    gate: Gate,
    publisher: PublisherGate,
    party: Party,
    *leases: Lease,
) -> tuple[bool, str]:
    answer = decide_access(demand(gate), publisher, party, leases, NOW)
    if isinstance(answer, Allowed):
        return True, answer.basis.rule.id
    return False, answer.reasons[0].rule.id


@pytest.mark.parametrize(
    ("gate", "publisher", "applicant", "leases", "allowed", "rule"),
    [
        (Gate.OPEN, NONE, None, (), True, "access.open"),
        (Gate.OPEN, AUTO, None, (), False, "access.request-wanted"),
        (Gate.OPEN, AUTO, STRANGER, (), False, "access.request-wanted"),
        (Gate.OPEN, AUTO, STRANGER, (USE,), True, "access.publisher-lease"),
        (Gate.OPEN, MANUAL, VERIFIED, (), False, "access.approval-wanted"),
        (Gate.OPEN, MANUAL, STRANGER, (USE,), True, "access.publisher-lease"),
        (Gate.IDENTITY, NONE, None, (), False, "access.identity-wanted"),
        (Gate.IDENTITY, NONE, None, (USE,), False, "access.identity-wanted"),
        (Gate.IDENTITY, NONE, STRANGER, (), False, "access.identity-wanted"),
        (Gate.IDENTITY, NONE, STRANGER, (USE,), False, "access.identity-wanted"),
        (Gate.IDENTITY, NONE, VERIFIED, (), False, "access.lease-wanted"),
        (Gate.IDENTITY, AUTO, VERIFIED, (), False, "access.lease-wanted"),
        (Gate.IDENTITY, MANUAL, VERIFIED, (), False, "access.approval-wanted"),
        (Gate.IDENTITY, MANUAL, VERIFIED, (USE,), True, "access.lease"),
        (Gate.IDENTITY, NONE, VERIFIED, (USE,), True, "access.lease"),
        (Gate.IDENTITY, NONE, VERIFIED, (EVALUATION,), False, "access.lease-wanted"),
        (Gate.IDENTITY, NONE, EVALUATOR, (EVALUATION,), True, "access.evaluation-lease"),
        (Gate.VETTED, NONE, VERIFIED, (USE,), False, "access.restricted"),
        (Gate.EVALUATORS, NONE, VERIFIED, (USE,), False, "access.unassessed"),
        (Gate.CLOSED, NONE, VERIFIED, (USE,), False, "access.closed"),
        (Gate.CLOSED, MANUAL, EVALUATOR, (USE,), False, "access.closed"),
        (Gate.CLOSED, MANUAL, EVALUATOR, (EVALUATION,), True, "access.evaluation-lease"),
        (Gate.VETTED, NONE, VERIFIED, (EVALUATION,), False, "access.restricted"),
    ],
)
def test_the_table_of_passages(
    gate: Gate,
    publisher: PublisherGate,
    applicant: Applicant | None,
    leases: tuple[Lease, ...],
    allowed: bool,
    rule: str,
) -> None:
    assert ruled(gate, publisher, Party(applicant), *leases) == (allowed, rule)


@pytest.mark.parametrize(
    "unfit",
    [
        replace(USE, holder="bob"),
        replace(USE, subject=OTHER),
        replace(USE, until=NOW),
        replace(USE, starts=NOW + SECOND, until=NOW + DAY),
        replace(USE, ended_at=NOW),
    ],
)
def test_a_lease_that_does_not_fit_opens_nothing(unfit: Lease) -> None:
    assert not ruled(Gate.IDENTITY, NONE, Party(VERIFIED), unfit)[0]
    evaluation = replace(unfit, kind=LeaseKind.EVALUATION)
    assert not ruled(Gate.CLOSED, NONE, Party(EVALUATOR), evaluation)[0]


@pytest.mark.parametrize("gate", [g for g in Gate if g is not Gate.OPEN])
def test_who_proved_possession_has_the_bytes_back_in_any_tier(gate: Gate) -> None:
    for applicant in (None, STRANGER):
        party = Party(applicant, Possession.PROVED)
        assert ruled(gate, MANUAL, party) == (True, "access.own-bytes")


def test_what_is_open_does_not_look_at_who_asks() -> None:
    answers = {
        repr(decide_access(demand(Gate.OPEN), NONE, party, held, NOW))
        for party, held in product(PARTIES, HOLDINGS)
    }
    assert len(answers) == 1


def every() -> Iterator[tuple[Gate, PublisherGate, Party, tuple[Lease, ...]]]:
    yield from product(Gate, PublisherGate, PARTIES, HOLDINGS)


def test_a_narrower_gate_never_lets_more_people_in() -> None:
    for gate, publisher, party, held in every():
        for narrower in Gate:
            if narrower >= gate and not ruled(gate, publisher, party, *held)[0]:
                assert not ruled(narrower, publisher, party, *held)[0]


def test_a_publisher_only_ever_narrows() -> None:
    for gate, publisher, party, held in every():
        if ruled(gate, publisher, party, *held)[0]:
            assert ruled(gate, NONE, party, *held)[0]


def test_fewer_leases_never_let_anybody_in() -> None:
    for gate, publisher, party, held in every():
        if not ruled(gate, publisher, party, *held)[0]:
            assert all(not ruled(gate, publisher, party, *held[:n])[0] for n in range(len(held)))


def test_every_refusal_names_rule_evidence_change_alternative_and_appeal() -> None:
    for gate, publisher, party, held in every():
        answer = decide_access(demand(gate), publisher, party, held, NOW)
        if isinstance(answer, Refused):
            asked = demand(gate)
            assert all(reason.rule.cites and reason.found for reason in answer.reasons)
            assert answer.evidence == asked.evidence
            assert len(answer.changes) == 2
            assert answer.changes[-1:] == asked.changes
            assert (answer.alternative, answer.appeal) == (asked.alternative, asked.appeal)


def test_the_nearest_change_fits_who_asks() -> None:
    def nearest(applicant: Applicant | None, publisher: PublisherGate = NONE) -> str:
        asked = demand(Gate.IDENTITY)
        answer = decide_access(asked, publisher, Party(applicant), (), NOW)
        assert isinstance(answer, Refused)
        return answer.changes[0]

    assert nearest(None).startswith("Sign in, have your identity verified")
    assert nearest(STRANGER).startswith("Have your identity verified")
    assert nearest(VERIFIED).startswith("Accept the terms")
    assert nearest(VERIFIED, MANUAL).endswith("the publisher answers.")
