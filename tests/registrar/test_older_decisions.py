"""A decision is made again by the policy it was made under, though a newer one is in force."""

from dataclasses import replace

from openward.policy.document import Policy
from openward.registrar.standing import load_standing
from tests.world import World, noise


def wide_open(policy: Policy) -> Policy:
    """The same policy, with allowances that hold any model of these tests."""
    clause = replace(policy.proportionality, presumed_open_bytes=10**9, unreadable_bytes=10**9)
    return replace(policy, proportionality=clause)


def test_a_newer_policy_does_not_open_what_an_older_decision_closed(world: World) -> None:
    model = world.publish("ada", "m", {"w.bin": noise("w", 20_000)})
    [older] = world.decisions(model.subject)
    world.adopt(wide_open)
    newer = world.decisions(model.subject)[-1]
    assert (older.tier, newer.tier) == (0, 1)
    with world.office.database.reading() as connection:
        standing = load_standing(world.office, connection, older, world.clock())
    assert standing.decision.tier is None
