"""Releases that belong together count together; what a stranger does later closes nothing."""

import hashlib
from dataclasses import replace

import pytest

from openward.errors import Conflict, Malformed
from openward.policy.case import Case
from openward.policy.decision import State
from openward.registrar.casework import gather_case
from openward.registrar.filing import Filed, file_evidence
from openward.registrar.refusals import Refusal
from openward.registrar.repositories import Settings, delete_repo
from openward.store import reads
from openward.store.contents import subject_files
from openward.vocabulary import RiskDomain, Sha256, Tier, WeightFile, subject_of
from tests.world import DAY, EVALUATOR, RIGHT, Published, World, card, noise, quiz_log, readable

SOME, MOST = 4000, 7000  # bytes; each is presumed open alone, both together are not


def state(world: World, model: Published) -> tuple[str, int]:
    """What the last decision on the model says."""
    last = world.decisions(model.subject)[-1]
    return last.state, last.tier


OPEN, UNASSESSED = ("presumed", 1), ("unassessed", 0)


def rules(world: World, model: Published) -> set[str]:
    return {rule for rule, _ in world.decisions(model.subject)[-1].reasons}


def decide_all_again(world: World) -> None:
    world.clock.move(DAY)
    world.adopt()


# --- what adds up -----------------------------------------------------------------------------


@pytest.mark.parametrize("size", [9_999, 10_000, 10_001])
def test_the_allowance_is_met_to_the_byte(world: World, size: int) -> None:
    model = world.publish("ada", "m", {"a.safetensors": readable("a", size)})
    assert state(world, model) == (OPEN if size <= 10_000 else UNASSESSED)


@pytest.mark.parametrize("size", [3_999, 4_000, 4_001])
def test_what_cannot_be_read_has_an_allowance_of_its_own(world: World, size: int) -> None:
    model = world.publish("ada", "m", {"a.bin": noise("a", size)})
    assert state(world, model) == (OPEN if size <= 4_000 else UNASSESSED)


def test_a_release_that_shares_a_file_adds_up(world: World) -> None:
    shared = readable("shared", 1000)
    one = world.publish("ada", "one", {"s.safetensors": shared, "a.st": readable("a", 6000)})
    two = world.publish("ada", "two", {"s.safetensors": shared, "b.st": readable("b", 6000)})
    assert state(world, one) == OPEN
    assert state(world, two) == UNASSESSED
    assert "presumed.too-large" in rules(world, two)


def test_releases_of_one_index_add_up(world: World) -> None:
    index = b'{"weight_map": {}}\n'
    files = {"model.safetensors.index.json": index, "a.safetensors": readable("a", MOST)}
    world.publish("ada", "one", files)
    two = world.publish("ada", "two", {**files, "a.safetensors": readable("b", MOST)})
    alone = world.publish("ada", "three", {"a.safetensors": readable("c", MOST)})
    assert (state(world, two), state(world, alone)) == (UNASSESSED, OPEN)


def test_releases_of_one_declared_family_add_up(world: World) -> None:
    family = card(openward={"family": "kifaru"})
    world.publish("ada", "one", {"a.st": readable("a", MOST), "README.md": family})
    two = world.publish("ada", "two", {"a.st": readable("b", MOST), "README.md": family})
    other = card(openward={"family": "twiga"})
    three = world.publish("ada", "three", {"a.st": readable("c", MOST), "README.md": other})
    stranger = world.publish("ben", "four", {"a.st": readable("d", MOST), "README.md": family})
    assert (state(world, two), state(world, three)) == (UNASSESSED, OPEN)
    assert state(world, stranger) == OPEN


def test_a_declared_base_adds_up(world: World) -> None:
    world.publish("ben", "base", {"a.st": readable("a", MOST)})
    world.clock.move(DAY)
    declared = card(base_model="ben/base")
    child = world.publish("ada", "child", {"b.st": readable("b", MOST), "README.md": declared})
    free = world.publish("ada", "free", {"b.st": readable("c", MOST)})
    assert (state(world, child), state(world, free)) == (UNASSESSED, OPEN)


def test_links_are_followed_as_far_as_they_go(world: World) -> None:
    chain = [readable(f"link {n}", 500) for n in range(4)]
    for n in range(3):
        own = readable(f"own {n}", 2500)
        files = {"own.st": own, "l.st": chain[n], "r.st": chain[n + 1]}
        last = world.publish("ada", f"link-{n}", files)
    assert state(world, last) == OPEN
    end = world.publish("ada", "end", {"l.st": chain[3], "own.st": readable("end", 2500)})
    assert state(world, end) == UNASSESSED


def test_a_file_that_two_releases_share_is_counted_once(world: World) -> None:
    shared = readable("shared", MOST)
    world.publish("ada", "one", {"s.st": shared, "a.st": readable("a", 1000)})
    two = world.publish("ada", "two", {"s.st": shared, "b.st": readable("b", 1000)})
    assert state(world, two) == OPEN


# --- strangers --------------------------------------------------------------------------------


def test_a_strangers_later_upload_of_shared_bytes_closes_nothing(world: World) -> None:
    shared = readable("shared", 1000)
    mine = world.publish("ada", "mine", {"s.st": shared})
    world.clock.move(DAY)
    theirs = world.publish("mallory", "m", {"s.st": shared, "b.st": readable("b", 20_000)})
    decide_all_again(world)
    assert (state(world, mine), state(world, theirs)) == (OPEN, UNASSESSED)
    assert world.opens(mine, "s.st")


def test_a_strangers_copy_declares_nothing_for_the_first(world: World) -> None:
    files = {"s.st": readable("s", SOME)}
    mine = world.publish("ada", "mine", files)
    world.clock.move(DAY)
    bad = card(base_model="no/body", tags=["toxin-design"], openward={"family": "x"})
    world.publish("mallory", "copy", {**files, "README.md": bad, "adapter_config.json": b"{}\n"})
    decide_all_again(world)
    assert state(world, mine) == OPEN


def test_a_copy_under_the_evaluators_name_does_not_undo_its_evaluation(world: World) -> None:
    files = {"s.st": readable("s", 20_000)}
    mine = world.publish("ada", "mine", files)
    world.measure(mine.subject, 1)
    world.clock.move(DAY)
    world.publish(str(EVALUATOR), "copy", files)
    decide_all_again(world)
    assert state(world, mine) == ("assessed", 1)


def test_evidence_of_the_publisher_itself_opens_nothing(world: World) -> None:
    mine = world.publish(str(EVALUATOR), "mine", {"s.st": readable("s", 20_000)})
    world.measure(mine.subject, 1)
    assert state(world, mine) == UNASSESSED


def test_evidence_of_somebody_close_to_the_publisher_opens_nothing(world: World) -> None:
    mine = world.publish("ada", "mine", {"s.st": readable("s", 20_000)})
    world.accredit(affiliated_with=("Ada",))
    world.measure(mine.subject, 1)
    assert state(world, mine) == UNASSESSED


def test_evidence_signed_with_a_key_nobody_accredited_opens_nothing(world: World) -> None:
    mine = world.publish("ada", "mine", {"s.st": readable("s", 20_000)})
    world.evaluator_key = type(world.evaluator_key)(world.dice.randbytes(32))
    world.measure(mine.subject, 1)
    assert state(world, mine) == UNASSESSED
    world.accredit(name=EVALUATOR)
    assert state(world, mine) == ("assessed", 1)


# --- private repositories ---------------------------------------------------------------------


def case_of(world: World, model: Published) -> Case:
    with world.office.database.reading() as connection:
        policy = world.standing(model)
        assert policy is not None
        return gather_case(world.office, connection, model.subject, policy.policy, world.clock())


def test_a_public_case_says_nothing_of_a_private_copy(world: World) -> None:
    files = {"s.st": readable("s", SOME)}
    secret = card(base_model="mallory/secret-base", tags=["toxin-design"])
    world.publish("mallory", "private", {**files, "README.md": secret}, private=True)
    world.clock.move(DAY)
    mine = world.publish("ada", "mine", files)
    decide_all_again(world)
    case = case_of(world, mine)
    assert (case.parents, case.declared_domains) == ((), ())
    assert case.opened_at == mine.revision.at
    assert state(world, mine) == OPEN


def test_a_private_release_is_no_link_of_a_public_one(world: World) -> None:
    shared = readable("shared", 1000)
    hidden = world.publish("ada", "h", {"s.st": shared, "a.st": readable("a", MOST)}, private=True)
    shown = world.publish("ada", "shown", {"s.st": shared, "b.st": readable("b", MOST)})
    assert state(world, shown) == OPEN
    assert hidden.subject not in str(case_of(world, shown))


def test_what_was_decided_in_hiding_adds_up_once_it_is_shown(world: World) -> None:
    """Shards decided one by one in private repositories do not pass as small ones."""
    ada, shared = world.person("ada"), readable("shared", 1000)
    one, two = (
        world.publish(ada, name, {"s.st": shared, "w.st": readable(name, MOST)}, private=True)
        for name in ("one", "two")
    )
    assert (state(world, one), state(world, two)) == (OPEN, OPEN)
    one = world.set(ada, one, Settings(private=False))
    assert world.opens(one, "w.st")
    two = world.set(ada, two, Settings(private=False))
    assert state(world, two) == UNASSESSED
    assert not world.opens(two, "w.st")


def test_a_private_base_is_a_base_nobody_here_has_seen(world: World) -> None:
    world.publish("ada", "base", {"a.st": readable("a", 1000)}, private=True)
    declared = card(base_model="ada/base")
    child = world.publish("ada", "child", {"b.st": readable("b", SOME), "README.md": declared})
    (parent,) = case_of(world, child).parents
    assert (parent.tier, parent.size) == (None, None)
    assert state(world, child) == UNASSESSED


# --- adapters, derivatives, domains -----------------------------------------------------------


def test_an_adapter_is_not_presumed_harmless(world: World) -> None:
    files = {"a.st": readable("a", 1000), "adapter_config.json": b"{}\n"}
    by_file = world.publish("ada", "one", files)
    assert "presumed.adapter" in rules(world, by_file)
    assert state(world, by_file) == UNASSESSED


@pytest.mark.parametrize(
    ("relation", "tier", "expected"),
    [
        ("adapter", 2, UNASSESSED),
        ("quantized", 1, OPEN),
        ("quantized", 2, UNASSESSED),
        ("finetune", 4, UNASSESSED),
        ("nonsense", 2, UNASSESSED),
    ],
)
def test_what_derives_from_a_higher_tier_is_not_presumed_harmless(
    world: World, relation: str, tier: int, expected: tuple[str, int]
) -> None:
    base = world.publish("ben", "base", {"a.st": readable("a", 1000)})
    world.measure(base.subject, tier)
    declared = card(base_model="ben/base", base_model_relation=relation)
    child = world.publish("ada", "child", {"b.st": readable("b", 1000), "README.md": declared})
    assert state(world, child) == expected
    last = world.decisions(child.subject)[-1]
    assert (last.treatment == "evaluators-only") is (tier > 2)


def test_a_listed_domain_is_not_presumed_harmless(world: World) -> None:
    declared = card(tags=["Toxin-Design"])
    model = world.publish("ada", "m", {"a.st": readable("a"), "README.md": declared})
    assert state(world, model) == UNASSESSED
    poetry = world.publish("ada", "p", {"a.st": readable("b"), "README.md": card(tags=["poetry"])})
    assert state(world, poetry) == OPEN


def test_many_presumed_releases_open_a_review(world: World) -> None:
    for n in range(4):
        model = world.publish("ada", f"m{n}", {"a.st": readable(f"{n}")})
        standing = world.standing(model)
        assert standing is not None
        assert bool(standing.decision.review) is (n >= 3)
        assert standing.decision.state is State.PRESUMED
    world.clock.move(31 * DAY)
    later = world.standing(world.publish("ada", "later", {"a.st": readable("later")}))
    assert later is not None
    assert not later.decision.review


# --- what changes nothing ---------------------------------------------------------------------


def test_an_edited_readme_needs_no_new_decision(world: World) -> None:
    ada = world.person("ada")
    model = world.publish(ada, "m", {"a.st": readable("a"), "README.md": card(license="mit")})
    before = len(world.record())
    edited = world.commit(ada, model.repo, {"README.md": card(license="apache-2.0")})
    assert edited.subject == model.subject
    assert edited.revision.oid != model.revision.oid
    assert len(world.record()) == before


def test_a_renamed_weight_is_the_same_weight(world: World) -> None:
    ada, content = world.person("ada"), readable("a", 20_000)
    model = world.publish(ada, "m", {"a.st": content})
    world.measure(model.subject, 4)
    renamed = world.commit(ada, model.repo, {"readme.txt": content}, remove=("a.st",))
    assert renamed.subject == model.subject
    assert world.tier(renamed) is Tier.CLOSED
    assert not world.opens(renamed, "readme.txt")


def test_the_subject_is_what_was_published(world: World) -> None:
    model = world.publish("ada", "m", {"a.st": readable("a"), "b.st": readable("b")})
    with world.office.database.reading() as connection:
        assert subject_files(connection, model.subject).digest == model.subject


def file_all(world: World, subject: Sha256, tier: int) -> None:
    """File an evaluation of every domain, one after the other."""
    log, evaluator = quiz_log(RIGHT[tier], world.clock()), world.evaluator()
    for domain in RiskDomain:
        filed = world.file(evaluator, world.statement(subject, domain, log), log)
        assert isinstance(filed, Filed)


def test_evidence_on_weights_nobody_published_waits_for_them(world: World) -> None:
    """Filed ahead, it is on record in hiding, covered by a checkpoint, and counts on the day."""
    content = readable("a", 20_000)
    weights = WeightFile(Sha256(hashlib.sha256(content).hexdigest()), len(content))
    subject = subject_of([weights]).digest
    file_all(world, subject, 1)
    assert world.decisions(subject) == []
    with world.office.database.reading() as connection:
        size = reads.log_size(connection)
        assert reads.published(connection, world.office.config.origin)[0] == size
        assert len(reads.hidden_evidence(connection, subject)) == len(RiskDomain)
    model = world.publish("ada", "m", {"a.st": content})
    assert model.subject == subject
    assert state(world, model) == ("assessed", 1)
    assert world.opens(model, "a.st")


def test_evidence_counts_though_the_repository_was_away(world: World) -> None:
    ada, files = world.person("ada"), {"a.st": readable("a", 1000)}
    model = world.publish(ada, "m", files)
    assert state(world, model) == OPEN
    assert delete_repo(world.office, ada.party, "model", "ada/m") is None
    file_all(world, model.subject, 4)
    back = world.publish(ada, "m", files)
    assert back.subject == model.subject
    assert state(world, back) == ("assessed", 4)
    assert not world.opens(back, "a.st")


def test_what_comes_back_is_decided_by_the_policy_of_its_return(world: World) -> None:
    ada, files = world.person("ada"), {"a.st": readable("a", 1000)}
    model = world.publish(ada, "m", files)
    delete_repo(world.office, ada.party, "model", "ada/m")
    entry = world.adopt()
    back = world.publish(ada, "m", files)
    assert back.subject == model.subject
    assert world.decisions(back.subject)[-1].policy_entry == entry


def test_a_statement_is_filed_once_and_with_its_own_log(world: World) -> None:
    model = world.publish("ada", "m", {"a.st": readable("a", 20_000)})
    log = quiz_log(0, world.clock())
    envelope = world.statement(model.subject, RiskDomain.CYBER, log)
    with pytest.raises(Malformed, match="these bytes are"):
        world.file(world.evaluator(), envelope, log + b" ")
    assert isinstance(world.file(world.evaluator(), envelope, log), Filed)
    before = len(world.record())
    with pytest.raises(Conflict, match="filed before"):
        world.file(world.evaluator(), envelope, log)
    assert len(world.record()) == before


def test_a_stranger_files_no_evidence(world: World) -> None:
    model = world.publish("ada", "m", {"a.st": readable("a", 20_000)})
    log = quiz_log(0, world.clock())
    envelope = world.statement(model.subject, RiskDomain.CYBER, log)
    before = len(world.record())
    assert isinstance(world.file(world.person("mallory"), envelope, log), Refusal)
    assert len(world.record()) == before
    reading = replace(world.evaluator().party, writes=False)
    with world.office.staging.file() as staged:
        staged.write(log)
        staged.finish()
        assert isinstance(file_evidence(world.office, reading, envelope, staged), Refusal)
    assert len(world.record()) == before
    assert isinstance(world.file(world.person("ada"), envelope, log), Filed)
