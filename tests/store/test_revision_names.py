"""What a name stands for: a branch before a tag, a tag before a commit, and nothing by guessing."""

import pytest
from sqlalchemy import insert

from openward.store import schema as t
from openward.store.revisions import RevisionRow, find_revision, set_ref
from tests.world import BEGAN, Published, World, card


@pytest.fixture
def model(world: World) -> Published:
    return world.publish("ada", "m", {"README.md": card()})


def first(world: World, model: Published) -> str:
    """The commit that the repository began with."""
    assert model.revision.parent is not None
    return model.revision.parent


def name(world: World, model: Published, kind: str, ref: str, oid: str) -> None:
    with world.office.database.writing() as connection:
        set_ref(connection, model.repo.id, kind, ref, oid)


def found(world: World, model: Published, asked: str) -> str | None:
    with world.office.database.reading() as connection:
        revision = find_revision(connection, model.repo.id, asked)
    return None if revision is None else revision.oid


def test_a_branch_is_asked_before_a_tag_and_a_tag_before_a_pull_request(
    world: World, model: Published
) -> None:
    old, new = first(world, model), model.revision.oid
    for kind, oid in (("pull", old), ("tag", new)):
        name(world, model, kind, "1" if kind == "pull" else "refs/pr/1", oid)
    assert found(world, model, "refs/pr/1") == new
    name(world, model, "branch", "refs/pr/1", old)
    assert found(world, model, "refs/pr/1") == old


@pytest.mark.parametrize("kind", ["branch", "tag"])
def test_the_whole_path_names_one_kind_only(world: World, model: Published, kind: str) -> None:
    old, new = first(world, model), model.revision.oid
    name(world, model, "branch", "x", old)
    name(world, model, "tag", "x", new)
    assert found(world, model, "x") == old
    assert found(world, model, "refs/heads/x") == old
    assert found(world, model, "refs/tags/x") == new


def test_a_pull_request_is_named_by_its_whole_path_only(world: World, model: Published) -> None:
    name(world, model, "pull", "7", model.revision.oid)
    assert found(world, model, "refs/pr/7") == model.revision.oid
    assert found(world, model, "7") is None


def test_seven_digits_are_enough_for_a_commit_and_six_are_not(
    world: World, model: Published
) -> None:
    oid = model.revision.oid
    assert found(world, model, oid) == found(world, model, oid[:7]) == oid
    assert found(world, model, oid[:6]) is None


@pytest.mark.parametrize("guess", ["_______", "%%%%%%%", "______%", ""])
def test_no_wildcard_finds_a_commit(world: World, model: Published, guess: str) -> None:
    with world.office.database.writing() as connection:
        connection.execute(t.revision.delete().where(t.revision.c.oid == first(world, model)))
    assert found(world, model, guess) is None


def test_a_beginning_that_two_commits_share_names_neither(world: World, model: Published) -> None:
    oid = model.revision.oid
    values = {field: getattr(model.revision, field) for field in RevisionRow.__dataclass_fields__}
    twin = oid[:-1] + ("0" if oid[-1] != "0" else "1")
    with world.office.database.writing() as connection:
        connection.execute(insert(t.revision).values({**values, "oid": twin, "at": BEGAN}))
    assert found(world, model, oid[:39]) is None
    assert found(world, model, oid) == oid
