"""The sequencer under faults: whatever breaks between two steps, no entry and no root changes."""

import errno
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import delete

from openward.app import open_hub
from openward.errors import Conflict, Unavailable, VerificationError
from openward.registrar.sequencer import BATCH, Sequencer
from openward.statements.entry import Ended
from openward.statements.keys import Signer
from openward.store import reads, records, schema
from openward.store.custody import open_key
from openward.store.tiles import PublishedLog
from openward.tlog.checkpoint import Checkpoint, verify_checkpoint
from openward.tlog.integration import Edge, hash_reader, integrate
from openward.tlog.merkle import inclusion_proof, leaf_hash, verify_inclusion
from openward.tlog.tile import TilePath, parse_bundle, width_in
from tests.world import World, begin, copied


class Broken(Exception):
    """The fault that is injected; no code of the house knows it."""


@dataclass
class Fault:
    """Breaks one step, once: before its effect or just after it."""

    step: str
    persists: bool
    broke: bool = False

    def around(self, step: str, effect: Callable[[], None]) -> None:
        if self.broke or step != self.step:
            effect()
            return
        self.broke = True
        if self.persists:
            effect()
        raise Broken(step)


class FaultyTiles:
    def __init__(self, log: PublishedLog, fault: Fault) -> None:
        self.inner, self.fault = log.tiles, fault

    def write(self, tiles: Mapping[str, bytes]) -> None:
        self.fault.around("tiles", lambda: self.inner.write(tiles))

    def read(self, path: str) -> bytes | None:
        return self.inner.read(path)


class FaultyLock:
    def __init__(self, log: PublishedLog, fault: Fault, kept: list[bytes]) -> None:
        self.inner, self.fault, self.kept = log.lock, fault, kept

    def latest(self, origin: str) -> bytes | None:
        return self.inner.latest(origin)

    def replace(self, origin: str, old: bytes | None, new: bytes) -> None:
        def effect() -> None:
            self.inner.replace(origin, old, new)
            self.kept.append(new)

        self.fault.around("lock", effect)


class FaultyLog(PublishedLog):
    """The published log with one fault in it; `kept` are the checkpoints that ever counted."""

    def __init__(self, world: World, fault: Fault) -> None:
        super().__init__(world.office.log.folder, world.office.database)
        self.fault, self.kept = fault, list[bytes]()
        self.tiles = FaultyTiles(self, fault)  # type: ignore[assignment]
        self.lock = FaultyLock(self, fault, self.kept)  # type: ignore[assignment]

    def publish(self, note: bytes) -> None:
        self.fault.around("publish", lambda: PublishedLog.publish(self, note))


class FaultySigner:
    def __init__(self, inner: Signer, fault: Fault) -> None:
        self.inner, self.fault = inner, fault

    @property
    def public(self) -> object:
        return self.inner.public

    def sign(self, message: bytes) -> bytes:
        signature = list[bytes]()
        self.fault.around("sign", lambda: signature.append(self.inner.sign(message)))
        return signature[0]


def signer_of(world: World) -> Signer:
    return open_key(world.folder / world.office.config.keys.log)


def sequencer(world: World, log: PublishedLog, signer: Signer | None = None) -> Sequencer:
    office = world.office
    return Sequencer(office.config.origin, office.database, log, signer or signer_of(world))


def add(world: World, entries: int) -> None:
    with world.office.database.writing() as connection:
        for n in range(entries):
            records.enter(connection, Ended(0, f"entry {n}"), world.clock())


def durable(world: World) -> list[bytes]:
    with world.office.database.reading() as connection:
        return reads.entries(connection, 0, reads.log_size(connection))


def root_of(entries: list[bytes]) -> bytes:
    return integrate(Edge(), entries).root


def published(world: World) -> Checkpoint:
    """The published checkpoint, with every tile and entry it needs read and proven."""
    log = PublishedLog(world.office.log.folder, world.office.database)
    note = log.checkpoint()
    assert note is not None
    assert note == log.lock.latest(world.office.config.origin)
    checkpoint = verify_checkpoint(note, world.office.log_key)
    entries = durable(world)[: checkpoint.size]
    assert checkpoint.root == root_of(entries)
    read = hash_reader(log.tiles, checkpoint.size)
    for index in {0, checkpoint.size // 2, checkpoint.size - 1}:
        path = inclusion_proof(index, checkpoint.size, read)
        leaf = leaf_hash(entries[index])
        verify_inclusion(leaf, index, checkpoint.size, path, checkpoint.root)
    for bundle in range(-(-checkpoint.size // 256)):
        width = width_in(0, bundle, checkpoint.size)
        raw = log.tiles.read(TilePath(None, bundle, width).text())
        assert raw is not None
        assert list(parse_bundle(raw, width)) == entries[bundle * 256 : bundle * 256 + width]
    return checkpoint


@pytest.mark.parametrize("restart", [True, False], ids=["restarted", "going on"])
@pytest.mark.parametrize("persists", [True, False], ids=["after its effect", "before it"])
@pytest.mark.parametrize("step", ["tiles", "sign", "lock", "publish"])
def test_a_crash_at_any_step_loses_nothing_and_forks_nothing(
    lawless: World, step: str, persists: bool, restart: bool
) -> None:
    add(lawless, 254)
    lawless.office.sequencer.publish()
    fault = Fault(step, persists)
    log = FaultyLog(lawless, fault)
    broken = sequencer(lawless, log, FaultySigner(signer_of(lawless), fault))  # type: ignore[arg-type]
    add(lawless, 3)  # across the edge of a tile
    with pytest.raises(Broken):
        broken.publish()
    before = published_size(lawless)
    add(lawless, 2)
    again = sequencer(lawless, log) if restart else broken
    assert again.publish() == 260
    assert published(lawless).size == 260 > before
    entries = durable(lawless)
    for note in log.kept:
        each = verify_checkpoint(note, lawless.office.log_key)
        assert each.root == root_of(entries[: each.size])


def published_size(world: World) -> int:
    note = world.office.log.checkpoint()
    assert note is not None
    return verify_checkpoint(note, world.office.log_key).size


def test_a_crash_before_the_first_checkpoint_is_made_up_for(founded: Path, tmp_path: Path) -> None:
    hub = open_hub(copied(founded, tmp_path / "hub"))
    assert hub.office.log.checkpoint() is None
    hub.close()
    world = begin(tmp_path / "hub" / "openward.toml", ruled=False)
    assert published(world).size == 1
    world.end()


def test_a_lost_checkpoint_file_is_written_again(lawless: World) -> None:
    (lawless.office.log.folder / "checkpoint").unlink()
    assert lawless.office.sequencer.publish() == 1
    assert published(lawless).size == 1


def test_two_sequencers_on_one_log_take_turns(lawless: World) -> None:
    log = PublishedLog(lawless.office.log.folder, lawless.office.database)
    one, other = sequencer(lawless, log), sequencer(lawless, log)
    for turn, each in enumerate((one, other, other, one, one, other), start=1):
        add(lawless, 100)
        assert each.publish() == 1 + 100 * turn
        assert published(lawless).size == 1 + 100 * turn


def test_who_publishes_late_does_not_hide_a_newer_checkpoint(
    lawless: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other sequencer publishes between this one's look at the entries and at the file."""
    log = PublishedLog(lawless.office.log.folder, lawless.office.database)
    late, early = sequencer(lawless, log), sequencer(lawless, log)
    late.publish()
    checkpoint, looked = log.checkpoint, list[bytes | None]()

    def overtaken() -> bytes | None:
        if not looked:
            looked.append(None)
            add(lawless, 5)
            early.publish()
        return checkpoint()

    monkeypatch.setattr(log, "checkpoint", overtaken)
    assert late.publish() == 6
    assert published(lawless).size == 6


def test_a_sequencer_that_always_loses_says_so(lawless: World) -> None:
    class Lost(FaultyLock):
        def replace(self, origin: str, old: bytes | None, new: bytes) -> None:
            raise Conflict("log: another sequencer published first")

    log = PublishedLog(lawless.office.log.folder, lawless.office.database)
    log.lock = Lost(log, Fault("none", False), [])  # type: ignore[assignment]
    add(lawless, 1)
    with pytest.raises(Conflict):
        sequencer(lawless, log).publish()
    assert published(lawless).size == 1


def test_a_tile_with_other_bytes_stops_the_log(lawless: World) -> None:
    lawless.office.log.tiles.write({TilePath(0, 0, 3).text(): b"x" * 96})
    add(lawless, 2)
    with pytest.raises(Conflict, match="other bytes"):
        lawless.office.sequencer.publish()
    assert published(lawless).size == 1


def test_a_damaged_tile_is_named_when_the_hub_starts(lawless: World) -> None:
    place = lawless.office.log.folder / TilePath(0, 0, 1).text()
    place.write_bytes(bytes([place.read_bytes()[0] ^ 1]) + place.read_bytes()[1:])
    add(lawless, 1)
    with pytest.raises(VerificationError, match="root"):
        sequencer(lawless, lawless.office.log).publish()


def test_lost_tiles_are_made_again_from_the_entries(lawless: World) -> None:
    add(lawless, 600)
    lawless.office.sequencer.publish()
    for path in sorted((lawless.office.log.folder / "tile").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    assert sequencer(lawless, lawless.office.log).publish() == 601
    assert published(lawless).size == 601


def test_entries_other_than_the_signed_ones_make_no_tiles(lawless: World) -> None:
    """A database restored from before the last checkpoint must not grow a second history."""
    from sqlalchemy import delete, update

    from openward.store.schema import entry

    add(lawless, 3)
    lawless.office.sequencer.publish()
    for path in sorted((lawless.office.log.folder / "tile").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()
    with lawless.office.database.writing() as connection:
        connection.execute(update(entry).where(entry.c.number == 2).values(bytes=b"other"))
    with pytest.raises(VerificationError, match="not those of the checkpoint"):
        sequencer(lawless, lawless.office.log).publish()
    with lawless.office.database.writing() as connection:
        connection.execute(delete(entry).where(entry.c.number > 1))
    with pytest.raises(VerificationError, match="4 entries were signed, 2 stand"):
        sequencer(lawless, lawless.office.log).publish()


def test_a_long_log_is_published_in_batches(
    lawless: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert BATCH % 256 == 0
    monkeypatch.setattr("openward.registrar.sequencer.BATCH", 256)
    add(lawless, 700)
    log = FaultyLog(lawless, Fault("none", False))
    assert sequencer(lawless, log).publish() == 701
    sizes = [verify_checkpoint(note, lawless.office.log_key).size for note in log.kept]
    assert sizes == [257, 513, 701]
    assert published(lawless).size == 701


def test_a_full_disk_is_unavailable_and_passes(
    lawless: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    add(lawless, 1)
    with monkeypatch.context() as broken:
        broken.setattr("os.fsync", full)
        with pytest.raises(Unavailable, match="No space left"):
            lawless.office.sequencer.publish()
    assert lawless.office.sequencer.publish() == 2
    assert published(lawless).size == 2


def test_a_database_older_than_what_was_published_signs_nothing(world: World) -> None:
    office, folder = world.office, world.folder
    office.sequencer.publish()
    with office.database.writing() as connection:
        connection.execute(delete(schema.checkpoint))
    signer = open_key(folder / office.config.keys.log)
    again = Sequencer(office.config.origin, office.database, office.log, signer)
    with pytest.raises(VerificationError, match="restored from an older copy"):
        again.publish()
