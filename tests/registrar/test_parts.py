"""Files that come in parts, and what is swept when they do not."""

import hashlib
import os
from datetime import timedelta

import pytest

from openward.errors import Malformed
from openward.registrar import uploads
from openward.registrar.office import Office
from openward.registrar.uploads import (
    Incoming,
    part_size,
    part_sizes,
    record_part,
    record_parts,
    staged_file,
    sweep_parts,
)
from openward.store.contents import possesses
from openward.vocabulary import Sha256
from tests.registrar.hub_in_a_folder import an_account, an_office

CONTENT = os.urandom(10_000)
DIGEST = Sha256(hashlib.sha256(CONTENT).hexdigest())
EACH = 4096


@pytest.fixture
def office(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.setattr(uploads, "PART_SIZE", EACH)
    return an_office(tmp_path_factory.mktemp("hub"))


def send(office: Office, account: int, number: int, content: bytes) -> None:
    with staged_file(office) as staged:
        staged.write(content)
        tag = record_part(office, staged, account, DIGEST, number)
    assert tag == hashlib.sha256(content).hexdigest()


def part(number: int) -> bytes:
    return CONTENT[(number - 1) * EACH : number * EACH]


def test_parts_sent_in_any_order_make_the_file(office: Office) -> None:
    account = an_account(office, "ada")
    for number in (3, 1, 2):
        send(office, account, number, part(number))
    blob = record_parts(office, account, DIGEST, len(CONTENT))
    assert b"".join(office.blobs.chunks(blob.sha256, 0, blob.size)) == CONTENT
    with office.database.reading() as connection:
        assert possesses(connection, DIGEST, account)


@pytest.mark.parametrize("sent", [{}, {1: 1, 2: 2}, {1: 1, 2: 2, 3: 1}])
def test_a_missing_or_wrong_part_makes_no_file(office: Office, sent: dict[int, int]) -> None:
    account = an_account(office, "ada")
    for number, content in sent.items():
        send(office, account, number, part(content))
    with pytest.raises(Malformed):
        record_parts(office, account, DIGEST, len(CONTENT))
    assert office.blobs.size(DIGEST) is None


def test_swapped_parts_make_no_file(office: Office) -> None:
    account = an_account(office, "ada")
    for number, content in ((1, 2), (2, 1), (3, 3)):
        send(office, account, number, part(content))
    with pytest.raises(Malformed, match="SHA-256"):
        record_parts(office, account, DIGEST, len(CONTENT))
    assert office.blobs.size(DIGEST) is None


def test_one_account_cannot_use_the_parts_of_another(office: Office) -> None:
    ada, ben = an_account(office, "ada"), an_account(office, "ben")
    for number in (1, 2, 3):
        send(office, ada, number, part(number))
    with pytest.raises(Malformed, match="part 1"):
        record_parts(office, ben, DIGEST, len(CONTENT))


def test_no_more_is_written_than_was_promised(office: Office) -> None:
    with Incoming(office, 3) as incoming:
        incoming.write(b"ab")
        with pytest.raises(Malformed, match="goes on past"):
            incoming.write(b"cd")
        assert incoming.staged.size == 2
        with pytest.raises(Malformed, match="ended after 2 of 3"):
            incoming.finish()
    with pytest.raises(Malformed, match="at most"):
        Incoming(office, office.config.limits.file_bytes + 1)
    assert not incoming.staged.path.exists()


def test_parts_are_kept_for_a_day_and_then_swept(office: Office) -> None:
    account = an_account(office, "ada")
    for number in (1, 2):
        send(office, account, number, part(number))
    soon = office.clock() + uploads.ABANDONED_AFTER
    assert sweep_parts(office, soon - timedelta(minutes=1)) == 0
    assert sweep_parts(office, soon + timedelta(minutes=1)) == 2


@pytest.mark.parametrize(
    "size", [1, EACH - 1, EACH, EACH + 1, 10_000, EACH * 1000, EACH * 1000 + 1]
)
def test_parts_are_equal_but_the_last_and_never_over_a_thousand(office: Office, size: int) -> None:
    sizes = part_sizes(size)
    assert sum(sizes) == size
    assert set(sizes[:-1]) <= {part_size(size)}
    assert 0 < sizes[-1] <= part_size(size)
    assert len(sizes) <= uploads.MOST_PARTS
