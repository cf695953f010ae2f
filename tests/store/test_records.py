"""The record: one transaction an entry, times that never decrease, tables that follow from it."""

from datetime import datetime, timedelta
from itertools import pairwise
from random import Random

import pytest
from sqlalchemy import func, select

from openward.errors import Conflict, Malformed, Unavailable
from openward.registrar.admissions import (
    Leased,
    Promise,
    demand_on,
    end_lease,
    lend_for_evaluation,
    request_access,
)
from openward.registrar.releases import decide_due
from openward.registrar.repositories import Settings
from openward.statements.dsse import parse_envelope
from openward.statements.entry import (
    MAX_ENTRY_SIZE,
    Committed,
    Decided,
    Ended,
    EvidenceFiled,
    Opened,
    PolicyAdopted,
    verify_opening,
)
from openward.statements.strict_json import JsonValue, canonical_json
from openward.store import reads, records
from openward.store import schema as t
from openward.store.records import ROLLBACK_TOLERANCE, Hidden, enter, enter_hidden, open_hidden
from openward.vocabulary import RiskDomain, Sha256
from tests.world import BEGAN, DAY, Published, World, noise, readable

SECOND = timedelta(seconds=1)
PROJECTION = (t.policy, t.accreditation, t.evidence, t.decision, t.lease, t.hidden)


def snapshot(world: World) -> dict[str, list[tuple[object, ...]]]:
    """Every row of the record's tables."""
    with world.office.database.reading() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table).order_by("number"))]
            for table in PROJECTION
        }


def size(world: World) -> int:
    with world.office.database.reading() as connection:
        return reads.log_size(connection)


# --- times ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("behind", "expected"),
    [
        (-SECOND, BEGAN + SECOND),
        (timedelta(0), BEGAN),
        (SECOND, BEGAN),
        (ROLLBACK_TOLERANCE, BEGAN),
        (ROLLBACK_TOLERANCE + SECOND, None),
        (DAY, None),
    ],
)
def test_an_entry_has_the_later_of_clock_and_last_entry_unless_the_clock_moved_back(
    lawless: World, behind: timedelta, expected: datetime | None
) -> None:
    now = BEGAN - behind
    with lawless.office.database.writing() as connection:
        if expected is None:
            with pytest.raises(Unavailable, match="the clock says"):
                enter(connection, Ended(0, "a reason"), now)
        else:
            enter(connection, Ended(0, "a reason"), now)
    entries = lawless.record()
    assert [entry.at for entry in entries] == [BEGAN, *([expected] if expected else [])]


def test_the_first_entry_has_the_time_of_the_clock(lawless: World) -> None:
    with lawless.office.database.writing() as connection:
        connection.execute(t.entry.delete())
        assert records.time_of_entry(connection, BEGAN - 900 * DAY) == BEGAN - 900 * DAY


def test_a_clock_that_moved_back_stops_a_commit_and_leaves_nothing(world: World) -> None:
    ada = world.person("ada")
    model = world.publish(ada, "m", {"a.safetensors": readable("a")})
    before = snapshot(world), size(world)
    world.clock.move(-timedelta(hours=1))
    with pytest.raises(Unavailable, match="the clock says"):
        world.commit(ada, model.repo, {"b.safetensors": readable("b")})
    assert (snapshot(world), size(world)) == before
    assert world.head(model.repo).revision == model.revision


def test_a_clock_that_lags_a_little_goes_on(world: World) -> None:
    world.clock.move(-timedelta(minutes=2))
    model = world.publish("ada", "m", {"a.safetensors": readable("a")})
    assert world.decisions(model.subject)[-1].at == BEGAN


# --- one transaction --------------------------------------------------------------------------


def test_a_fault_between_entry_and_projection_leaves_neither(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = world.person("ada")
    model = world.publish(ada, "m", {"a.safetensors": readable("a")})
    before = snapshot(world), size(world)

    def broken(*_: object) -> None:
        raise RuntimeError("between the two")

    monkeypatch.setattr(records, "project", broken)
    with pytest.raises(RuntimeError, match="between the two"):
        world.commit(ada, model.repo, {"b.safetensors": readable("b")})
    assert (snapshot(world), size(world)) == before
    assert world.head(model.repo).revision == model.revision


@pytest.mark.parametrize(
    "body",
    [
        PolicyAdopted({"payload": "AA=="}),
        PolicyAdopted(None),
        EvidenceFiled(Sha256("0" * 64), {"payloadType": "x", "payload": "", "signatures": []}),
    ],
)
def test_an_entry_without_a_readable_projection_is_not_written(
    world: World, body: PolicyAdopted | EvidenceFiled
) -> None:
    before = size(world)
    with pytest.raises(Malformed), world.office.database.writing() as connection:
        enter(connection, body, world.clock())
    assert size(world) == before


@pytest.mark.parametrize("over", [0, 1])
def test_an_entry_has_at_most_65535_bytes(lawless: World, over: int) -> None:
    with lawless.office.database.writing() as connection:
        enter(connection, Ended(0, "r"), BEGAN)
    short = len(lawless.record()[-1].to_bytes())
    longest = Ended(0, "r" * (MAX_ENTRY_SIZE - short + 1 + over))
    with lawless.office.database.writing() as connection:
        if over:
            with pytest.raises(Malformed, match="65536 bytes"):
                enter(connection, longest, BEGAN)
        else:
            enter(connection, longest, BEGAN)
    assert size(lawless) == 2 + (1 - over)


# --- commitments ------------------------------------------------------------------------------


def hide(world: World, text: str) -> Hidden:
    body: dict[str, JsonValue] = {
        "account": 1,
        "subject": text,
        "until": "2027-01-01T00:00:00Z",
        "terms": "0" * 64,
    }
    return Hidden("grant", world.office.entropy(32), body)


def test_a_commitment_hides_its_text_until_it_is_opened(lawless: World) -> None:
    lawless.person("ada")
    with lawless.office.database.writing() as connection:
        index = enter_hidden(connection, hide(lawless, "s" * 64), BEGAN)
    committed = lawless.record()[index]
    assert isinstance(committed.body, Committed)
    assert b"ssss" not in committed.to_bytes()
    with lawless.office.database.writing() as connection:
        opened = open_hidden(connection, index, BEGAN)
        assert open_hidden(connection, index, BEGAN) == opened
    opening = lawless.record()[opened].body
    assert isinstance(opening, Opened)
    assert b"ssss" in canonical_json(verify_opening(committed.body, opening))


def test_what_was_never_hidden_cannot_be_opened(lawless: World) -> None:
    with lawless.office.database.writing() as connection, pytest.raises(Conflict, match="entry 0"):
        open_hidden(connection, 0, BEGAN)


@pytest.mark.parametrize("over", [0, 1])
def test_what_could_not_be_opened_is_not_hidden(lawless: World, over: int) -> None:
    """An opening holds the text and more: its limit is met before the commitment is made."""
    lawless.person("ada")
    with lawless.office.database.writing() as connection:
        index = enter_hidden(connection, hide(lawless, "s"), BEGAN)
        opened = open_hidden(connection, index, BEGAN)
    room = MAX_ENTRY_SIZE - len(lawless.record()[opened].to_bytes()) - (16 - 1)
    with lawless.office.database.writing() as connection:
        longest = hide(lawless, "s" * (room + 1 + over))
        if over:
            with pytest.raises(Malformed, match="65536 bytes"):
                enter_hidden(connection, longest, BEGAN)
        else:
            open_hidden(connection, enter_hidden(connection, longest, BEGAN), BEGAN)


# --- tables that follow from the log ----------------------------------------------------------


class History:
    """A world in which something happens at random, over and over."""

    def __init__(self, world: World, seed: int) -> None:
        self.world, self.dice = world, Random(seed)
        self.models: list[Published] = []
        self.leases: list[int] = []
        self.private: list[tuple[str, Sha256]] = []

    def run(self, steps: int) -> None:
        acts = (
            self.publish, self.publish, self.hide, self.hide, self.show, self.show, self.measure,
            self.measure, self.adopt, self.ask, self.ask, self.lend, self.end, self.wait,
        )  # fmt: skip
        self.publish()
        self.hide()
        for _ in range(steps):
            self.world.clock.move(timedelta(minutes=self.dice.randrange(600)))
            self.dice.choice(acts)()
        self.hide()

    def publish(self, *, private: bool = False) -> None:
        n = len(self.models)
        size = self.dice.choice([500, 500, 20_000])
        make = self.dice.choice([readable, noise])
        files = {"weights.bin": make(f"{n}", size)}
        name = f"concealed-{n}" if private else f"shown-{n}"
        made = self.world.publish(f"author{n % 3}", name, files, private=private)
        self.models.append(made)
        if private:
            self.private.append((name, made.subject))

    def hide(self) -> None:
        self.publish(private=True)

    def show(self) -> None:
        hidden = [n for n, model in enumerate(self.models) if model.repo.private]
        if hidden:
            n = self.dice.choice(hidden)
            author = self.world.person(f"author{n % 3}")
            self.models[n] = self.world.set(author, self.models[n], Settings(private=False))
            self.private = [each for each in self.private if each[1] != self.models[n].subject]

    def measure(self) -> None:
        subject = self.dice.choice(self.models).subject
        tier = self.dice.randrange(1, 5)
        self.world.measure(subject, tier, (self.dice.choice(tuple(RiskDomain)),))

    def adopt(self) -> None:
        self.world.adopt()

    def ask(self) -> None:
        model, office = self.dice.choice(self.models), self.world.office
        with office.database.reading() as connection:
            now = self.world.clock()
            terms = demand_on(office, connection, model.repo, model.revision, now).terms
        reader = self.world.person("reader").account
        answer = request_access(
            office, reader, model.repo, model.revision, Promise(terms, "to look at it")
        )
        if isinstance(answer, Leased) and answer.entry is not None:
            self.leases.append(answer.entry)

    def lend(self) -> None:
        model = self.dice.choice(self.models)
        evaluator = self.world.evaluator().party
        answer = lend_for_evaluation(self.world.office, evaluator, model.repo, model.revision)
        assert isinstance(answer, Leased)
        assert answer.entry is not None
        self.leases.append(answer.entry)

    def end(self) -> None:
        if self.leases:
            lease = self.leases.pop(self.dice.randrange(len(self.leases)))
            end_lease(self.world.office, lease, "taken back")

    def wait(self) -> None:
        self.world.clock.move(self.dice.randrange(40) * DAY)
        decide_due(self.world.office)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_tables_rebuilt_from_the_log_are_the_tables(world: World, seed: int) -> None:
    history = History(world, seed)
    history.run(35)
    before = snapshot(world)
    assert all(before[table.name] for table in PROJECTION)
    with world.office.database.writing() as connection:
        assert records.rebuild(connection) == size(world)
    assert snapshot(world) == before
    entries = world.record()
    assert all(one.at <= next_.at for one, next_ in pairwise(entries))
    nobody_is_named(world, history)


def test_a_damaged_projection_is_made_whole_again(world: World) -> None:
    ada = world.person("ada")
    model = world.publish(ada, "m", {"a.bin": readable("a", 20_000)}, private=True)
    world.measure(model.subject, 2, (RiskDomain.CYBER,))
    lend_for_evaluation(world.office, world.evaluator().party, model.repo, model.revision)
    before = snapshot(world)
    with world.office.database.writing() as connection:
        connection.execute(t.hidden.update().values(opened_by=1))
        connection.execute(t.decision.update().values(tier=1))
        connection.execute(t.lease.update().values(ended_by=1))
        connection.execute(t.evidence.delete())
        connection.execute(t.accreditation.update().values(evaluator="somebody"))
        connection.execute(t.policy.update().values(valid_from=BEGAN + 900 * DAY))
    assert all(snapshot(world)[each.name] != before[each.name] for each in PROJECTION)
    with world.office.database.writing() as connection:
        records.rebuild(connection)
    assert snapshot(world) == before


def nobody_is_named(world: World, history: History) -> None:
    """No entry names a person, or a repository that is still private, or its weights."""
    raw = b"\n".join(entry.to_bytes() for entry in world.record())
    for entry in world.record():
        if isinstance(entry.body, EvidenceFiled | PolicyAdopted):
            raw += parse_envelope(canonical_json(entry.body.envelope)).payload
    names = [*world.people, *(f"{name}@people.example" for name in world.people), "concealed"]
    for name in names:
        assert name.encode() not in raw
    assert history.private
    for _, subject in history.private:
        assert subject.encode() not in raw
        assert bytes.fromhex(subject) not in raw


def test_what_was_hidden_is_opened_to_what_the_tables_hold(world: World) -> None:
    ada = world.person("ada")
    model = world.publish(ada, "m", {"a.bin": readable("a", 20_000)}, private=True)
    world.measure(model.subject, 2, (RiskDomain.CYBER,))
    hidden = [row.index for row in world.decisions(model.subject)]
    with world.office.database.reading() as connection:
        hidden += reads.hidden_evidence(connection, model.subject)
    assert len(hidden) == 3
    world.set(ada, model, Settings(private=False))
    entries = world.record()
    openings = {
        e.body.entry: (n, e.body) for n, e in enumerate(entries) if isinstance(e.body, Opened)
    }
    for index in hidden:
        committed, (_, opened) = entries[index].body, openings[index]
        assert isinstance(committed, Committed)
        assert model.subject.encode() in canonical_json(verify_opening(committed, opened)) or (
            committed.what == "evidence"
        )
    for row in world.decisions(model.subject):
        assert row.public_from == openings[row.index][0]
    with world.office.database.reading() as connection:
        assert reads.hidden_evidence(connection, model.subject) == []


def test_erasing_what_a_commitment_hid_leaves_the_rest_of_the_record(world: World) -> None:
    """The salt goes, and with it the lease; every other table is as it was (CL-19)."""
    model = world.publish("ada", "m", {"a.bin": readable("a", 20_000)})
    evaluator = world.evaluator().party
    lent = lend_for_evaluation(world.office, evaluator, model.repo, model.revision)
    assert isinstance(lent, Leased)
    before = snapshot(world)
    with world.office.database.writing() as connection:
        connection.execute(t.hidden.delete().where(t.hidden.c.number == lent.entry))
        records.rebuild(connection)
    after = snapshot(world)
    assert after["lease"] == []
    for table in ("policy", "accreditation", "evidence", "decision"):
        assert after[table] == before[table]


def test_the_entry_is_the_fact(world: World) -> None:
    """What stands in a decision's row is what its entry says, byte for byte."""
    model = world.publish("ada", "m", {"a.bin": readable("a")})
    (row,) = world.decisions(model.subject)
    body = world.record()[row.index].body
    assert isinstance(body, Decided)
    assert (body.subject, body.case, body.policy_entry) == (row.subject, row.case, row.policy_entry)
    assert (body.state, body.tier, body.reasons) == (row.state, row.tier, row.reasons)
    with world.office.database.reading() as connection:
        assert reads.time_of(connection, row.index) == row.at
        count = connection.execute(select(func.count()).select_from(t.entry)).scalar()
    assert count == len(world.record())
