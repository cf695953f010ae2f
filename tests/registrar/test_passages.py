"""The gate: what is open asks nobody, what is not tells apart who asks, and every lease ends."""

from dataclasses import replace
from datetime import timedelta
from typing import NoReturn

import pytest

from openward.access.grant import PublisherGate
from openward.access.passage import Allowed
from openward.access.refusal import Denied, Refused
from openward.errors import Conflict, Malformed
from openward.policy.document import Policy, Treatment
from openward.policy.duties import Gate
from openward.registrar.accesses import record_access
from openward.registrar.accounts import join
from openward.registrar.admissions import (
    Answer,
    Leased,
    Pending,
    Promise,
    demand_on,
    end_lease,
    lend_for_evaluation,
    request_access,
)
from openward.registrar.passages import decide_passage
from openward.registrar.repositories import Settings
from openward.statements.entry import Committed
from openward.store.accounts import find_account
from openward.store.requests import answer_request, audit_of, find_request
from openward.store.revisions import tree_of
from tests.world import DAY, Person, Published, World, card, readable

WEIGHTS = "model.safetensors"
BIG = 20_000


@pytest.fixture
def ada(world: World) -> Person:
    return world.person("ada")


@pytest.fixture
def ben(world: World) -> Person:
    return world.person("ben")


def small(world: World, name: str = "small", who: str = "ada") -> Published:
    return world.publish(who, name, {WEIGHTS: readable(name), "README.md": card(license="mit")})


def gated(world: World, tier: int | None = 2, who: str = "ada") -> Published:
    """A model in that tier; unassessed without one."""
    files = {WEIGHTS: readable("gated", BIG), "README.md": card(), "config.json": b"{}\n"}
    model = world.publish(who, "gated", files)
    if tier is not None:
        world.measure(model.subject, tier)
    return model


def ask(world: World, who: Person, model: Published, *, promise: bool = True) -> Answer:
    office = world.office
    with office.database.reading() as connection:
        demand = demand_on(office, connection, model.repo, model.revision, world.clock())
    promised = Promise(demand.terms, "to look at it") if promise else None
    return request_access(office, who.account, model.repo, model.revision, promised)


def rule(world: World, model: Published, path: str, who: Person | None) -> str:
    """The rule the gate answers by."""
    outcome = world.gate(model, path, who).outcome
    return outcome.basis.rule.id if isinstance(outcome, Allowed) else outcome.reasons[0].rule.id


# --- Tier 1 -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [WEIGHTS, "README.md", None])
def test_tier_1_asks_nobody_who_is_asking(world: World, path: str | None) -> None:
    model = small(world)
    with world.office.database.reading() as connection:
        files = tree_of(connection, model.revision.tree, path=path) if path else [None]
        passage = decide_passage(
            world.office, connection, model.repo, model.revision, files[0], nobody, world.clock()
        )
    assert isinstance(passage.outcome, Allowed)
    assert passage.open_to_all
    assert (passage.party, passage.lease, passage.audited) == (None, None, False)
    assert passage.entry == world.decisions(model.subject)[-1].index


def nobody() -> NoReturn:
    raise AssertionError("the caller was asked for")


def test_a_readme_is_shown_before_any_gate_and_the_rest_is_not(world: World) -> None:
    model = gated(world, 4)
    assert world.opens(model, "README.md")
    assert not world.opens(model, "config.json")
    assert not world.opens(model, WEIGHTS)


def test_a_readme_that_counts_as_weights_is_behind_the_gate(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Past the allowance for companions, text counts with the weights, whatever it is called."""
    monkeypatch.setattr("openward.weights.recognition.ALLOWANCE", 10_000)
    text = b"It was a dark and stormy night.\n" * 1000
    model = world.publish("ada", "m", {"README.md": text, WEIGHTS: readable("m")})
    world.measure(model.subject, 4)
    assert not world.opens(model, "README.md")


# --- who gets through -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "expected"),
    [
        (None, "access.identity-wanted"),
        (2, "access.identity-wanted"),
        (3, "access.restricted"),
        (4, "access.closed"),
    ],
)
def test_a_visitor_is_refused_above_tier_1(world: World, tier: int | None, expected: str) -> None:
    model = gated(world, tier)
    passage = world.gate(model, WEIGHTS)
    assert isinstance(passage.outcome, Refused)
    assert passage.party is None
    assert passage.outcome.reasons[0].rule.id == expected or tier in (3, 4)
    assert passage.demand.gate is {None: Gate.IDENTITY, 2: Gate.IDENTITY, 3: Gate.VETTED}.get(
        tier, Gate.CLOSED
    )


def test_a_verified_person_who_promised_passes_until_the_lease_ends(
    world: World, ben: Person
) -> None:
    model = gated(world)
    assert not world.opens(model, WEIGHTS, ben)
    answer = ask(world, ben, model)
    assert isinstance(answer, Leased)
    assert answer.until == world.clock() + 30 * DAY
    passage = world.gate(model, WEIGHTS, ben)
    assert isinstance(passage.outcome, Allowed)
    assert (passage.lease, passage.audited) == (answer.entry, False)
    assert not world.opens(model, WEIGHTS, world.person("carl"))
    world.clock.move(30 * DAY - timedelta(seconds=1))
    assert world.opens(model, WEIGHTS, ben)
    world.clock.move(timedelta(seconds=1))
    assert not world.opens(model, WEIGHTS, ben)


def test_a_lease_is_for_the_weights_it_was_given_on(world: World, ada: Person, ben: Person) -> None:
    model = gated(world)
    assert isinstance(ask(world, ben, model), Leased)
    newer = world.commit(ada, model.repo, {WEIGHTS: readable("newer", BIG)})
    assert not world.opens(newer, WEIGHTS, ben)
    assert world.opens(model, WEIGHTS, ben)


@pytest.mark.parametrize(("verified", "promise"), [(False, True), (True, False), (False, False)])
def test_what_is_lacking_is_refused_and_enters_nothing(
    world: World, verified: bool, promise: bool
) -> None:
    model = gated(world)
    dan = world.person("dan", verified=verified)
    before = len(world.record())
    answer = ask(world, dan, model, promise=promise)
    assert isinstance(answer, Denied)
    assert len(answer.reasons) == (not verified) + (not promise)
    assert len(world.record()) == before
    with world.office.database.reading() as connection:
        assert find_request(connection, model.repo.id, dan.account.id) is None


def test_a_promise_on_other_terms_gives_no_lease(world: World, ben: Person) -> None:
    model = gated(world)
    other = Promise(model.subject, "to look at it")
    answer = request_access(world.office, ben.account, model.repo, model.revision, other)
    assert isinstance(answer, Denied)


@pytest.mark.parametrize("purpose", ["", "\0"])
def test_a_promise_without_a_purpose_is_none(world: World, ben: Person, purpose: str) -> None:
    model = gated(world)
    with world.office.database.reading() as connection:
        demand = demand_on(world.office, connection, model.repo, model.revision, world.clock())
    with pytest.raises(Malformed):
        promise = Promise(demand.terms, purpose)
        request_access(world.office, ben.account, model.repo, model.revision, promise)


def test_a_lease_that_the_record_ended_is_over(world: World, ben: Person) -> None:
    model = gated(world)
    first, second = ask(world, ben, model), ask(world, ben, model)
    assert isinstance(first, Leased)
    assert isinstance(second, Leased)
    assert first.entry is not None
    assert second.entry is not None
    assert world.gate(model, WEIGHTS, ben).lease == second.entry
    world.clock.move(DAY)
    end_lease(world.office, second.entry, "asked for twice")
    passage = world.gate(model, WEIGHTS, ben)
    assert isinstance(passage.outcome, Allowed)
    assert passage.lease == first.entry
    end_lease(world.office, first.entry, "taken back")
    assert not world.opens(model, WEIGHTS, ben)


def test_only_a_running_lease_can_be_ended(world: World, ben: Person) -> None:
    model = gated(world)
    leased = ask(world, ben, model)
    assert isinstance(leased, Leased)
    assert leased.entry is not None
    before = len(world.record())
    for entry in (0, 10_000, leased.entry - 1):
        with pytest.raises(Conflict):
            end_lease(world.office, entry, "no lease")
    assert len(world.record()) == before
    end_lease(world.office, leased.entry, "taken back")
    with pytest.raises(Conflict):
        end_lease(world.office, leased.entry, "once more")


def test_a_lease_does_not_outlive_the_tier_it_was_given_in(world: World, ben: Person) -> None:
    model = gated(world)
    assert isinstance(ask(world, ben, model), Leased)
    world.measure(model.subject, 4)
    assert not world.opens(model, WEIGHTS, ben)


# --- own bytes --------------------------------------------------------------------------------


@pytest.mark.parametrize(("tier", "audited"), [(2, False), (3, True), (4, True)])
def test_who_uploaded_the_bytes_reaches_them_in_every_tier(
    world: World, ada: Person, tier: int, audited: bool
) -> None:
    model = gated(world, tier)
    assert rule(world, model, WEIGHTS, ada) == "access.own-bytes"
    assert world.gate(model, WEIGHTS, ada).audited is audited


def test_a_later_member_of_the_namespace_needs_a_grant(world: World, ada: Person) -> None:
    world.organisation("lab", ada)
    model = world.publish(ada, "m", {WEIGHTS: readable("m", BIG)}, namespace="lab")
    world.measure(model.subject, 2)
    member = world.person("mia")
    with world.office.database.reading() as connection:
        lab = find_account(connection, "lab")
    assert lab is not None
    join(world.office, lab, member.account, "admin")
    assert world.opens(model, WEIGHTS, ada)
    assert not world.opens(model, WEIGHTS, member)
    assert isinstance(ask(world, member, model), Leased)
    assert world.opens(model, WEIGHTS, member)


# --- evaluators -------------------------------------------------------------------------------


def test_an_evaluator_borrows_what_is_undecided_and_the_loan_is_logged(world: World) -> None:
    world.adopt(_evaluators_only)
    model = gated(world, None)
    evaluator = world.evaluator()
    assert world.gate(model).demand.gate is Gate.EVALUATORS
    assert not world.opens(model, WEIGHTS, evaluator)
    lent = lend_for_evaluation(world.office, evaluator.party, model.repo, model.revision)
    assert isinstance(lent, Leased)
    assert lent.entry is not None
    body = world.record()[lent.entry].body
    assert isinstance(body, Committed)
    assert body.what == "evaluation-lease"
    passage = world.gate(model, WEIGHTS, evaluator)
    assert isinstance(passage.outcome, Allowed)
    assert (passage.audited, passage.lease) == (True, lent.entry)
    world.clock.move(20 * DAY)
    assert not world.opens(model, WEIGHTS, evaluator)


def _evaluators_only(policy: Policy) -> Policy:
    return replace(policy, when_unassessed=Treatment.EVALUATORS_ONLY)


def test_what_no_decision_speaks_of_can_be_borrowed_too(lawless: World) -> None:
    lawless.accredit()
    model = lawless.publish("ada", "m", {WEIGHTS: readable("m")})
    assert lawless.standing(model) is None
    evaluator = lawless.evaluator()
    lent = lend_for_evaluation(lawless.office, evaluator.party, model.repo, model.revision)
    assert isinstance(lent, Leased)
    assert lawless.opens(model, WEIGHTS, evaluator)
    assert lawless.gate(model, WEIGHTS, evaluator).audited


def test_nobody_else_borrows(world: World, ben: Person) -> None:
    model = gated(world, 4)
    before = len(world.record())
    lent = lend_for_evaluation(world.office, ben.party, model.repo, model.revision)
    assert isinstance(lent, Denied)
    assert len(world.record()) == before


def test_a_lapsed_accreditation_neither_borrows_nor_reads(world: World) -> None:
    model, evaluator = gated(world, 4), world.evaluator()
    lent = lend_for_evaluation(world.office, evaluator.party, model.repo, model.revision)
    assert isinstance(lent, Leased)
    assert world.opens(model, WEIGHTS, evaluator)
    world.clock.move(300 * DAY)
    again = lend_for_evaluation(world.office, evaluator.party, model.repo, model.revision)
    assert isinstance(again, Denied)


def test_a_loan_ends_with_the_accreditation(lawless: World) -> None:
    lawless.adopt()
    lawless.accredit(until=5 * DAY)
    model, evaluator = gated(lawless, 4), lawless.evaluator()
    lent = lend_for_evaluation(lawless.office, evaluator.party, model.repo, model.revision)
    assert isinstance(lent, Leased)
    assert lawless.opens(model, WEIGHTS, evaluator)
    lawless.clock.move(5 * DAY)
    assert lawless.clock() < lent.until
    assert not lawless.opens(model, WEIGHTS, evaluator)


def test_an_access_above_tier_2_leaves_its_row(world: World) -> None:
    model, evaluator = gated(world, 4), world.evaluator()
    lend_for_evaluation(world.office, evaluator.party, model.repo, model.revision)
    record_access(world.office, evaluator.party, model.subject, WEIGHTS, "access.evaluation-lease")
    with world.office.database.reading() as connection:
        rows = audit_of(connection, model.subject)
    assert rows == [(world.clock(), evaluator.account.id, WEIGHTS, "access.evaluation-lease")]


# --- the publisher's own gate -----------------------------------------------------------------


@pytest.mark.parametrize("gate", ["auto", "manual"])
@pytest.mark.parametrize("tier", [1, 2, 3, 4])
def test_the_publishers_gate_never_widens(
    world: World, ada: Person, ben: Person, gate: str, tier: int
) -> None:
    model = gated(world, tier)
    before = {who: world.opens(model, WEIGHTS, who) for who in (None, ben)}
    narrowed = world.set(ada, model, Settings(gate=gate))
    for who, opened in before.items():
        assert not world.opens(narrowed, WEIGHTS, who) or opened
    assert not world.opens(narrowed, WEIGHTS)
    answer = ask(world, ben, narrowed)
    assert world.opens(narrowed, WEIGHTS, ben) is isinstance(answer, Leased)
    if tier > 2:
        assert isinstance(answer, Denied)
    elif gate == "manual":
        assert isinstance(answer, Pending)
    else:
        assert isinstance(answer, Leased)


def test_an_automatic_gate_on_an_open_model_wants_an_account(
    world: World, ada: Person, ben: Person
) -> None:
    model = world.set(ada, small(world), Settings(gate="auto"))
    passage = world.gate(model, WEIGHTS)
    assert isinstance(passage.outcome, Refused)
    assert not passage.open_to_all
    assert passage.publisher is PublisherGate.AUTO
    before = len(world.record())
    assert isinstance(ask(world, ben, model, promise=False), Leased)
    assert len(world.record()) == before  # the publisher's own gate is not the record's business
    assert world.opens(model, WEIGHTS, ben)
    world.clock.move(30 * DAY)
    assert not world.opens(model, WEIGHTS, ben)


@pytest.mark.parametrize("gate", ["auto", "manual"])
def test_whom_the_publisher_rejected_is_not_let_in_by_asking_again(
    world: World, ada: Person, ben: Person, gate: str
) -> None:
    model = world.set(ada, small(world), Settings(gate=gate))
    ask(world, ben, model)
    rejected(world, model, ben)
    assert not world.opens(model, WEIGHTS, ben)
    assert isinstance(ask(world, ben, model), Denied)
    assert not world.opens(model, WEIGHTS, ben)


def rejected(world: World, model: Published, who: Person) -> None:
    with world.office.database.writing() as connection:
        request = find_request(connection, model.repo.id, who.account.id)
        assert request is not None
        answer_request(connection, request.id, state="rejected", by="ada", at=world.clock())


def test_a_request_that_waits_keeps_its_deadline(world: World, ada: Person, ben: Person) -> None:
    model = world.set(ada, small(world), Settings(gate="manual"))
    first = ask(world, ben, model)
    assert first == Pending(world.clock() + 30 * DAY)
    world.clock.move(DAY)
    assert ask(world, ben, model) == first


# --- private repositories ---------------------------------------------------------------------


def test_inside_a_private_repository_a_hidden_decision_is_in_effect(
    world: World, ada: Person
) -> None:
    world.organisation("lab", ada)
    files = {WEIGHTS: readable("m")}
    model = world.publish(ada, "m", files, private=True, namespace="lab")
    passage = world.gate(model, WEIGHTS, world.person("mia"))
    assert isinstance(passage.outcome, Allowed)
    assert passage.entry == world.decisions(model.subject)[-1].index


def test_the_evaluation_of_a_private_model_names_nobody(world: World) -> None:
    model = world.publish("wilhelmina", "concealed", {WEIGHTS: readable("m", BIG)}, private=True)
    evaluator = world.evaluator()
    lend_for_evaluation(world.office, evaluator.party, model.repo, model.revision)
    assert world.opens(model, WEIGHTS, evaluator)
    raw = b"\n".join(entry.to_bytes() for entry in world.record())
    for hidden in ("concealed", "eva-lund", "wilhelmina", model.subject):
        assert hidden.encode() not in raw
