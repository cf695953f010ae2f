"""Where weights stand: openings wait, tightenings do not, lapses count, bytes carry floors."""

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.policy.decision import State
from openward.policy.document import Policy, Treatment
from openward.registrar.releases import decide_due
from openward.registrar.repositories import Settings
from openward.registrar.standing import Closedness, closedness, floor_of, row_in_effect
from openward.statements.entry import Committed, Opened
from openward.store.reads import DecisionRow
from openward.vocabulary import RiskDomain, Sha256, Tier
from tests.world import BEGAN, DAY, VALIDITY, Published, World, card, noise, readable

BIG = 20_000  # bytes; more than is presumed open
PROXY = RiskDomain.CYBER


def row(
    index: int,
    tier: int,
    treatment: str | None = None,
    *,
    state: str = "assessed",
    public_from: int | None = -1,
) -> DecisionRow:
    """A decision; `public_from` -1 stands for its own entry."""
    shown = index if public_from == -1 else public_from
    subject = Sha256("0" * 64)
    return DecisionRow(
        index=index,
        subject=subject,
        case=subject,
        policy_entry=1,
        state=state if tier else "unassessed",
        tier=tier,
        treatment=treatment,
        due=None,
        reasons=(),
        at=BEGAN,
        public_from=shown,
    )


GATED, HELD = "identity-gated", "evaluators-only"


# --- which decision is in effect --------------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "published", "inside", "effective"),
    [
        # Nothing is in effect before a checkpoint covers the first.
        ([], 9, False, None),
        ([row(3, 1)], 3, False, None),
        ([row(3, 1)], 4, False, 3),
        ([row(3, 4)], 3, False, None),
        # An opening waits for its checkpoint; a tightening does not.
        ([row(3, 2), row(5, 1)], 5, False, 3),
        ([row(3, 2), row(5, 1)], 6, False, 5),
        ([row(3, 1), row(5, 2)], 5, False, 5),
        ([row(3, 1), row(5, 2), row(6, 1)], 5, False, 5),
        ([row(3, 1), row(5, 2), row(6, 1)], 6, False, 5),
        ([row(3, 1), row(5, 2), row(6, 1)], 7, False, 6),
        ([row(3, 2), row(5, 4), row(6, 3)], 4, False, 5),
        ([row(3, 3), row(5, 2), row(6, 4), row(7, 3)], 4, False, 6),
        # The same closedness is no tightening: what stands is what is published.
        ([row(3, 2), row(5, 2)], 5, False, 3),
        ([row(3, 2), row(5, 2)], 6, False, 5),
        ([row(3, 2), row(5, 0, GATED)], 5, False, 3),
        ([row(3, 2), row(5, 0, HELD)], 5, False, 5),
        ([row(3, 0, HELD), row(5, 3)], 5, False, 3),
        ([row(3, 0, HELD), row(5, 4)], 5, False, 5),
        ([row(3, 1), row(5, 0, GATED)], 5, False, 5),
        # A commitment counts in public once its opening is published, within from its own entry.
        ([row(3, 1, public_from=None)], 9, False, None),
        ([row(3, 1, public_from=None)], 4, True, 3),
        ([row(3, 1, public_from=None)], 3, True, None),
        ([row(3, 1, public_from=7)], 7, False, None),
        ([row(3, 1, public_from=7)], 8, False, 3),
        ([row(3, 1), row(5, 2, public_from=None)], 4, False, 5),
    ],
)
def test_the_decision_in_effect(
    rows: list[DecisionRow], published: int, inside: bool, effective: int | None
) -> None:
    found = row_in_effect(rows, published, inside=inside)
    assert (None if found is None else found.index) == effective


standings = st.sampled_from([(1, None), (2, None), (3, None), (4, None), (0, GATED), (0, HELD)])
histories = st.lists(standings, min_size=1, max_size=8).map(
    lambda each: [row(n, tier, treatment) for n, (tier, treatment) in enumerate(each)]
)


def closed(found: DecisionRow) -> Closedness:
    return closedness(found.state, found.tier, found.treatment)


@given(histories, st.integers(0, 8))
def test_publishing_more_is_all_that_ever_opens(rows: list[DecisionRow], published: int) -> None:
    """A decision that no checkpoint covers never makes anything more open than it was."""
    without = row_in_effect(rows[:-1], published)
    with_it = row_in_effect(rows, published)
    if without is not None and published <= rows[-1].index:
        assert with_it is not None
        assert closed(with_it) >= closed(without)


@given(histories)
def test_once_all_is_published_the_last_decision_stands(rows: list[DecisionRow]) -> None:
    assert row_in_effect(rows, len(rows)) == rows[-1]


@given(histories, st.integers(1, 8))
def test_what_is_not_published_and_no_tightening_is_not_in_effect(
    rows: list[DecisionRow], published: int
) -> None:
    found = row_in_effect(rows, published)
    assert found is not None
    if found.index >= published:
        assert closed(found) > min(map(closed, rows[: found.index]))


@pytest.mark.parametrize(
    ("state", "tier", "treatment", "expected"),
    [
        ("assessed", 1, None, Closedness.OPEN),
        ("presumed", 1, None, Closedness.OPEN),
        ("assessed", 2, None, Closedness.GATED),
        ("assessed", 3, None, Closedness.RESTRICTED),
        ("assessed", 4, None, Closedness.CLOSED),
        ("unassessed", 0, GATED, Closedness.GATED),
        ("unassessed", 0, HELD, Closedness.RESTRICTED),
        ("unassessed", 0, None, Closedness.RESTRICTED),
        ("no such state", 0, GATED, Closedness.RESTRICTED),
    ],
)
def test_how_closed_a_standing_is(
    state: str, tier: int, treatment: str | None, expected: Closedness
) -> None:
    assert closedness(state, tier, treatment) is expected


# --- over a real record -----------------------------------------------------------------------


def big(world: World, name: str = "m", who: str = "ada", tier: int | None = None) -> Published:
    """A model too large to be presumed open; measured where a tier is given."""
    model = world.publish(who, name, {"model.safetensors": readable(name, BIG)})
    if tier is not None:
        world.measure(model.subject, tier)
    return model


@pytest.mark.parametrize("tier", [1, 2, 3, 4])
def test_a_model_stands_where_its_measurements_put_it(world: World, tier: int) -> None:
    model = big(world, tier=tier)
    standing = world.standing(model)
    assert standing is not None
    assert (standing.decision.state, standing.decision.tier) == (State.ASSESSED, Tier(tier))


def test_a_new_model_is_open_only_once_its_decision_is_published(world: World) -> None:
    ada = world.person("ada")
    with world.unpublished():
        model = world.publish(ada, "m", {"a.safetensors": readable("a")})
        assert world.standing(model) is None
        assert not world.opens(model, "a.safetensors")
    world.office.sequencer.publish()
    assert world.opens(model, "a.safetensors")


def test_an_opening_waits_for_the_published_checkpoint(world: World) -> None:
    model = big(world, tier=3)
    world.clock.move(DAY)
    with world.unpublished():
        log_again(world, model, 1)
        assert world.decisions(model.subject)[-1].tier == 1
        standing = world.standing(model)
        assert standing is not None
        assert standing.row.tier == Tier.RESTRICTED
        assert not world.opens(model, "model.safetensors")
    world.office.sequencer.publish()
    assert world.opens(model, "model.safetensors")


def log_again(world: World, model: Published, tier: int) -> None:
    """Measure again, with what was measured before no longer valid."""
    world.clock.move(VALIDITY * DAY)
    world.measure(model.subject, tier)


def test_a_tightening_closes_the_gate_at_commit(world: World) -> None:
    model = big(world, tier=1)
    assert world.opens(model, "model.safetensors")
    with world.unpublished():
        world.measure(model.subject, 4, (PROXY,))
        assert world.tier(model) is Tier.CLOSED
        assert not world.opens(model, "model.safetensors")


def test_evidence_that_lapses_makes_the_model_unassessed_at_once(world: World) -> None:
    model = big(world, tier=1)
    before = len(world.record())
    world.clock.move(VALIDITY * DAY - timedelta(seconds=1))
    assert world.tier(model) is Tier.UNRESTRICTED
    world.clock.move(timedelta(seconds=1))
    standing = world.standing(model)
    assert standing is not None
    assert standing.decision.state is State.UNASSESSED
    assert not world.opens(model, "model.safetensors")
    assert len(world.record()) == before
    assert decide_due(world.office) == 1
    assert len(world.record()) == before + 1
    assert world.decisions(model.subject)[-1].state == "unassessed"
    assert decide_due(world.office) == 0


@pytest.mark.parametrize("tier", [2, 3])
def test_a_lapse_shows_at_once_also_where_the_gate_stays_as_it_was(world: World, tier: int) -> None:
    model = big(world, tier=tier)
    gate = world.gate(model).demand.gate
    world.clock.move(VALIDITY * DAY)
    standing = world.standing(model)
    assert standing is not None
    assert standing.decision.state is State.UNASSESSED
    assert world.gate(model).demand.gate >= gate


def test_a_lapse_never_opens_what_was_closed(world: World) -> None:
    model = big(world, tier=4)
    world.clock.move(VALIDITY * DAY)
    assert decide_due(world.office) == 1
    standing = world.standing(model)
    assert standing is not None
    assert standing.decision.treatment is Treatment.EVALUATORS_ONLY
    assert not world.opens(model, "model.safetensors", world.person("ben"))


def test_a_policy_counts_from_its_own_date(world: World) -> None:
    model = world.publish("ada", "m", {"a.safetensors": readable("a")})
    world.adopt(lambda p: replace(stricter(p), valid_from=BEGAN + 10 * DAY))
    assert world.tier(model) is Tier.UNRESTRICTED
    world.clock.move(10 * DAY - timedelta(seconds=1))
    assert decide_due(world.office) == 0
    assert world.opens(model, "a.safetensors")
    world.clock.move(timedelta(seconds=1))
    # Before anybody has come round to decide again, the stricter policy holds already.
    assert not world.opens(model, "a.safetensors")
    assert decide_due(world.office) >= 1
    assert not world.opens(model, "a.safetensors")
    assert decide_due(world.office) == 0


def stricter(policy: Policy) -> Policy:
    return replace(policy, proportionality=replace(policy.proportionality, presumed_open_bytes=10))


def test_a_more_open_policy_opens_once_decided_and_published(world: World) -> None:
    model = big(world)
    clause = small_allowance(world)
    assert clause < BIG
    world.adopt(
        lambda p: replace(
            p,
            valid_from=BEGAN + 10 * DAY,
            proportionality=replace(p.proportionality, presumed_open_bytes=BIG),
        )
    )
    world.clock.move(10 * DAY)
    assert not world.opens(model, "model.safetensors")
    decide_due(world.office)
    assert world.opens(model, "model.safetensors")


def small_allowance(world: World) -> int:
    standing = world.standing(big(world, "another", "zoe"))
    assert standing is not None
    return standing.policy.proportionality.presumed_open_bytes


def test_what_waited_for_the_first_policy_is_decided_when_that_begins(lawless: World) -> None:
    lawless.adopt(lambda p: replace(p, valid_from=BEGAN + 10 * DAY))
    model = lawless.publish("ada", "m", {"a.safetensors": readable("a")})
    assert not lawless.opens(model, "a.safetensors")
    lawless.clock.move(10 * DAY)
    assert decide_due(lawless.office) >= 1
    assert lawless.opens(model, "a.safetensors")
    assert decide_due(lawless.office) == 0


def test_without_a_policy_nothing_opens_until_there_is_one(lawless: World) -> None:
    model = lawless.publish("ada", "m", {"a.safetensors": readable("a")})
    assert lawless.standing(model) is None
    assert not lawless.opens(model, "a.safetensors")
    lawless.adopt()
    assert lawless.opens(model, "a.safetensors")


def test_a_policy_that_ended_leaves_nothing_presumed(world: World) -> None:
    model = world.publish("ada", "m", {"a.safetensors": readable("a")})
    world.clock.move(300 * DAY)
    assert not world.opens(model, "a.safetensors")


# --- floors -----------------------------------------------------------------------------------


def floor(world: World, content: bytes) -> Tier:
    digest = Sha256(hashlib.sha256(content).hexdigest())
    with world.office.database.reading() as connection:
        return floor_of(connection, world.office.config.origin, digest)


PUBLIC, BAD = readable("public", 1000), readable("bad", BIG)


def test_bytes_nobody_knows_have_no_floor(world: World) -> None:
    assert floor(world, PUBLIC) is Tier.UNRESTRICTED


def test_a_presumption_gives_no_floor_and_an_undecided_set_none(world: World) -> None:
    world.publish("ada", "small", {"a.safetensors": PUBLIC})
    world.publish("ben", "large", {"b.safetensors": BAD})
    assert (floor(world, PUBLIC), floor(world, BAD)) == (Tier.UNRESTRICTED, Tier.UNRESTRICTED)


@pytest.mark.parametrize("tier", [1, 2, 3, 4])
def test_a_set_decided_on_evidence_gives_its_files_their_floor(world: World, tier: int) -> None:
    model = world.publish("ada", "m", {"b.safetensors": BAD})
    world.measure(model.subject, tier)
    assert floor(world, BAD) is Tier(tier)


def test_public_bytes_added_to_a_bad_set_stay_public(world: World) -> None:
    before = world.publish("ada", "small", {"a.safetensors": PUBLIC})
    bad = world.publish("mallory", "bad", {"a.safetensors": PUBLIC, "b.safetensors": BAD})
    world.measure(bad.subject, 4)
    assert floor(world, PUBLIC) is Tier.UNRESTRICTED
    assert floor(world, BAD) is Tier.CLOSED
    assert world.opens(before, "a.safetensors")
    assert not world.opens(bad, "a.safetensors")


def test_public_bytes_stay_public_when_everything_is_decided_again(world: World) -> None:
    before = world.publish("ada", "small", {"a.safetensors": PUBLIC})
    bad = world.publish("mallory", "bad", {"a.safetensors": PUBLIC, "b.safetensors": BAD})
    world.measure(bad.subject, 4)
    for _ in range(3):
        world.adopt()
        assert floor(world, PUBLIC) is Tier.UNRESTRICTED
        assert world.opens(before, "a.safetensors")
        assert floor(world, BAD) is Tier.CLOSED


def test_who_comes_after_the_bad_set_does_not_free_its_bytes(world: World) -> None:
    bad = world.publish("mallory", "bad", {"a.safetensors": PUBLIC, "b.safetensors": BAD})
    world.measure(bad.subject, 4)
    later = world.publish("ada", "later", {"b.safetensors": BAD, "c.safetensors": readable("c")})
    assert floor(world, BAD) is Tier.CLOSED
    assert not world.opens(later, "b.safetensors", world.person("ben"))


def test_a_bad_blob_packed_again_stays_shut_though_the_new_set_measures_well(world: World) -> None:
    bad = world.publish("mallory", "bad", {"b.safetensors": BAD})
    world.measure(bad.subject, 4)
    harmless = readable("harmless", BIG)
    packed = world.publish("mallory", "again", {"b.safetensors": BAD, "c.safetensors": harmless})
    world.measure(packed.subject, 1)
    assert world.tier(packed) is Tier.UNRESTRICTED
    assert floor(world, BAD) is Tier.CLOSED
    assert not world.opens(packed, "b.safetensors")
    assert world.opens(packed, "c.safetensors")
    for _ in range(2):
        world.adopt()
        assert floor(world, BAD) is Tier.CLOSED


def test_the_floor_of_a_set_is_lifted_by_its_own_better_measurement(world: World) -> None:
    bad = world.publish("mallory", "bad", {"b.safetensors": BAD})
    world.measure(bad.subject, 4)
    log_again(world, bad, 1)
    assert world.tier(bad) is Tier.UNRESTRICTED
    assert floor(world, BAD) is Tier.UNRESTRICTED


def test_a_lapse_keeps_the_floor(world: World) -> None:
    bad = world.publish("mallory", "bad", {"b.safetensors": BAD})
    world.measure(bad.subject, 4)
    world.clock.move(VALIDITY * DAY)
    assert floor(world, BAD) is Tier.CLOSED
    decide_due(world.office)
    assert floor(world, BAD) is Tier.CLOSED


def test_the_last_measurement_gives_the_floor_that_a_lapse_keeps(world: World) -> None:
    model = world.publish("ada", "m", {"b.safetensors": BAD})
    world.measure(model.subject, 2)
    log_again(world, model, 3)
    world.clock.move(VALIDITY * DAY)
    decide_due(world.office)
    assert floor(world, BAD) is Tier.RESTRICTED


def test_a_measurement_that_no_checkpoint_covers_frees_nothing(world: World) -> None:
    good = world.publish("ada", "good", {"b.safetensors": BAD})
    other = readable("other", BIG)
    bad = world.publish("mallory", "bad", {"b.safetensors": BAD, "c.safetensors": other})
    with world.unpublished():
        world.measure(good.subject, 1)
        world.measure(bad.subject, 4)
        assert floor(world, BAD) is Tier.CLOSED
    world.office.sequencer.publish()
    assert floor(world, BAD) is Tier.UNRESTRICTED
    assert floor(world, other) is Tier.CLOSED


def test_a_set_shown_after_the_bad_one_did_not_stand_before_it(world: World) -> None:
    small = readable("small", 2000)
    ada = world.person("ada")
    hidden = world.publish(ada, "hidden", {"s.safetensors": small}, private=True)
    bad = world.publish("mallory", "bad", {"s.safetensors": small, "b.safetensors": BAD})
    world.measure(bad.subject, 4)
    shown = world.set(ada, hidden, Settings(private=False))
    assert floor(world, small) is Tier.CLOSED
    assert not world.opens(shown, "s.safetensors", world.person("ben"))


def test_bytes_of_a_lapsed_bad_set_are_not_presumed_harmless(world: World) -> None:
    """Small and bad, measured so once: packed with more bytes when that lapsed, it stays shut."""
    small = readable("small and bad", 2000)
    bad = world.publish("mallory", "bad", {"b.safetensors": small})
    world.measure(bad.subject, 4)
    world.clock.move(VALIDITY * DAY)
    decide_due(world.office)
    packed = world.publish("eve", "packed", {"b.safetensors": small, "c.bin": readable("c", 3000)})
    assert world.tier(packed) is None
    assert not world.opens(packed, "b.safetensors", world.person("ben"))


def test_a_private_set_gives_no_floor(world: World) -> None:
    bad = world.publish("mallory", "bad", {"b.safetensors": BAD}, private=True)
    world.measure(bad.subject, 4)
    assert floor(world, BAD) is Tier.UNRESTRICTED
    world.set(world.person("mallory"), bad, Settings(private=False))
    assert floor(world, BAD) is Tier.CLOSED


def test_a_better_floor_waits_for_its_checkpoint(world: World) -> None:
    model = world.publish("ada", "m", {"b.safetensors": BAD})
    world.measure(model.subject, 3)
    with world.unpublished():
        log_again(world, model, 2)
        assert floor(world, BAD) is Tier.RESTRICTED
    world.office.sequencer.publish()
    assert floor(world, BAD) is Tier.GATED


# --- embargo ----------------------------------------------------------------------------------


def test_a_private_model_is_decided_in_hiding_and_opened_before_it_is_served(world: World) -> None:
    ada = world.person("ada")
    model = world.publish(ada, "concealed", {"a.safetensors": readable("a")}, private=True)
    committed = [n for n, e in enumerate(world.record()) if isinstance(e.body, Committed)]
    (decided,) = world.decisions(model.subject)
    assert decided.index in committed
    assert decided.public_from is None
    assert world.opens(model, "a.safetensors", ada)
    with world.unpublished():
        shown = world.set(ada, model, Settings(private=False))
        assert not world.opens(shown, "a.safetensors")
    world.office.sequencer.publish()
    (decided,) = world.decisions(model.subject)
    assert decided.public_from is not None
    opened = world.record()[decided.public_from].body
    assert isinstance(opened, Opened)
    assert opened.entry == decided.index
    assert world.opens(shown, "a.safetensors")


def test_no_entry_names_a_private_model_or_its_weights(world: World) -> None:
    author = world.person("wilhelmina")
    content = card(base_model="wilhelmina/secret-base", tags=["toxin-design"])
    files = {"a.safetensors": readable("a", BIG), "README.md": content}
    model = world.publish(author, "concealed", files, private=True)
    world.measure(model.subject, 2, (PROXY,))
    raw = b"\n".join(entry.to_bytes() for entry in world.record())
    for hidden in ("concealed", "secret-base", "wilhelmina", model.subject, "toxin"):
        assert hidden.encode() not in raw.replace(POLICY_TEXT, b"")


POLICY_TEXT = b'"toxin-design"'


@pytest.mark.parametrize("type", ["dataset", "space"])
def test_weights_are_decided_in_every_kind_of_repository(world: World, type: str) -> None:
    small = world.publish("ada", "small", {"a.safetensors": readable("a")}, type=type)
    large = world.publish("ada", "large", {"b.bin": noise("b", BIG)}, type=type)
    assert world.opens(small, "a.safetensors")
    assert not world.opens(large, "b.bin")
