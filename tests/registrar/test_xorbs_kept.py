"""Xorbs between their arrival and their files: places, expiry, and what an account may leave."""

import secrets
from datetime import timedelta
from pathlib import Path

import pytest

from openward.config import LimitsConfig
from openward.errors import Malformed, VerificationError
from openward.registrar.office import Office
from openward.registrar.uploads import staged_file
from openward.registrar.xet import (
    ABANDONED_AFTER,
    record_shard,
    record_xorb,
    sweep_xorbs,
)
from openward.registrar.xorb_reader import XorbReader
from openward.store.xorbs import Places, find_xorb, pending_bytes
from openward.vocabulary import Sha256
from openward.weights.xet_hash import XetHash, chunk_of, file_hash, xet_text, xorb_hash
from openward.weights.xet_shard import Segment, Shard, ShardFile
from tests.registrar.hub_in_a_folder import an_account, an_office, at

PIECES = [secrets.token_bytes(1000 + n) for n in range(4)]
CHUNKS = [chunk_of(piece) for piece in PIECES]
XORB = xorb_hash(CHUNKS)


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return an_office(tmp_path)


def raw_xorb(pieces: list[bytes]) -> bytes:
    lengths = [len(p).to_bytes(3, "little") for p in pieces]
    return b"".join(b"\0" + n + b"\0" + n + p for n, p in zip(lengths, pieces, strict=True))


def send(office: Office, account: int, pieces: list[bytes] = PIECES) -> bool:
    with staged_file(office) as staged:
        staged.write(raw_xorb(pieces))
        return record_xorb(office, account, staged, xorb_hash([chunk_of(p) for p in pieces]))


def shard(*spans: tuple[int, int]) -> Shard:
    segments = tuple(Segment(XORB, a, b, sum(map(len, PIECES[a:b])), None) for a, b in spans)
    chunks = [chunk for a, b in spans for chunk in CHUNKS[a:b]]
    return Shard((ShardFile(file_hash(chunks), segments, None),), ())


def read(office: Office, account: int, first: int, end: int) -> list[bytes]:
    with staged_file(office) as probe:
        folder = probe.path.parent / "xorbs"
    return list(XorbReader(office, account, folder)(XORB, first, end))


def test_chunks_are_the_same_before_between_and_after_they_are_placed(office: Office) -> None:
    account = an_account(office, "ada")
    assert send(office, account)
    for made in (None, shard((1, 3)), shard((2, 4), (0, 1)), shard((0, 4))):
        if made is not None:
            record_shard(office, account, made)
        for first in range(4):
            for end in range(first + 1, 5):
                assert read(office, account, first, end) == PIECES[first:end]
    with office.database.reading() as connection:
        row = find_xorb(connection, xet_text(XORB), account)
        assert row is not None
        assert (row.size, row.places.placed) == (0, 4)
    assert not send(office, account)


def test_a_xorb_that_became_no_file_expires_after_a_day(office: Office) -> None:
    account = an_account(office, "ada")
    send(office, account)
    start = office.clock()
    assert sweep_xorbs(at(office, start + ABANDONED_AFTER)) == 0
    assert sweep_xorbs(at(office, start + ABANDONED_AFTER + timedelta(minutes=1))) == 1
    with office.database.reading() as connection:
        assert find_xorb(connection, xet_text(XORB), account) is None
    with pytest.raises(VerificationError, match="not uploaded by this account"):
        read(office, account, 0, 4)
    assert send(office, account)


def test_what_became_a_file_outlives_the_expiry_of_the_rest(office: Office) -> None:
    account = an_account(office, "ada")
    send(office, account)
    record_shard(office, account, shard((1, 3)))
    later = at(office, office.clock() + ABANDONED_AFTER + timedelta(minutes=1))
    assert sweep_xorbs(later) == 1
    assert sweep_xorbs(later) == 0
    assert read(office, account, 1, 3) == PIECES[1:3]
    with pytest.raises(VerificationError, match="expired"):
        read(office, account, 0, 4)
    assert send(office, account)
    assert read(office, account, 0, 4) == PIECES


def test_an_account_may_leave_only_so_much_waiting(tmp_path: Path) -> None:
    size = len(raw_xorb(PIECES))
    office = an_office(tmp_path, LimitsConfig(file_bytes=size))
    ada, ben = an_account(office, "ada"), an_account(office, "ben")
    assert send(office, ada)
    with pytest.raises(Malformed, match="wait to become files"):
        send(office, ada, PIECES[:1])
    assert send(office, ben)
    with office.database.reading() as connection:
        assert pending_bytes(connection, ada) == size
    record_shard(office, ada, shard((0, 4)))
    assert send(office, ada, PIECES[:1])


def test_a_shard_of_more_than_a_file_may_hold_is_refused_before_it_is_read(
    tmp_path: Path,
) -> None:
    office = an_office(tmp_path, LimitsConfig(file_bytes=sum(map(len, PIECES)) + 100))
    account = an_account(office, "ada")
    send(office, account)
    with pytest.raises(Malformed, match="its files have over"):
        record_shard(office, account, shard((0, 4), (0, 1)))
    assert record_shard(office, account, shard((0, 4)))


def test_a_xorb_is_nobody_elses(office: Office) -> None:
    ada, ben = an_account(office, "ada"), an_account(office, "ben")
    send(office, ada)
    with pytest.raises(VerificationError, match="not uploaded by this account"):
        read(office, ben, 0, 4)
    assert send(office, ben)
    record_shard(office, ada, shard((0, 4)))
    assert read(office, ben, 0, 4) == PIECES


def test_more_chunks_than_there_are_is_refused(office: Office) -> None:
    account = an_account(office, "ada")
    send(office, account)
    with pytest.raises(VerificationError, match="has 4 chunks"):
        read(office, account, 3, 5)


def test_a_reader_notices_that_bytes_moved_into_a_file_meanwhile(office: Office) -> None:
    account = an_account(office, "ada")
    send(office, account)
    with staged_file(office) as probe:
        reader = XorbReader(office, account, probe.path.parent / "xorbs")
    reader._row(XetHash(XORB))
    record_shard(office, account, shard((0, 4)))
    assert list(reader(XORB, 0, 4)) == PIECES


def test_places_are_kept_as_they_were_put() -> None:
    places = Places.of_lengths([5, 6, 7])
    places.put(1, Sha256("ab" * 32), 1 << 40)
    places.put(1, Sha256("cd" * 32), 3)
    again = Places(places.packed())
    assert (len(again), again.placed) == (3, 1)
    assert (again[1].blob, again[1].offset, again[1].length) == ("ab" * 32, 1 << 40, 6)
    assert (again[2].blob, again[2].offset, again[2].length) == (None, 0, 7)
