import contextlib
import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.vocabulary import Sha256
from openward.weights import xet_shard
from openward.weights.xet_hash import Chunk, XetHash, xet_text
from openward.weights.xet_shard import (
    END,
    FOOTER_SIZE,
    TAG,
    WITH_RANGE_HASHES,
    WITH_SHA256,
    Segment,
    Shard,
    ShardFile,
    ShardXorb,
    parse_shard,
)
from openward.weights.xet_xorb import MAX_CHUNK, MAX_CHUNKS

FILE, XORB, PROOF = XetHash(b"f" * 32), XetHash(b"x" * 32), XetHash(b"p" * 32)
DIGEST = hashlib.sha256(b"content").hexdigest()
FULL = MAX_CHUNK * 512  # as many bytes as a xorb holds


def shown(value: bytes | bool) -> str:
    """A test's name, short even where its bytes are many."""
    return str(value) if isinstance(value, bool) else f"{len(value)} bytes"


def record(xet_hash: bytes, *numbers: int) -> bytes:
    return xet_hash + struct.pack("<4I", *numbers)


def sha256_as_stored(text: str) -> bytes:
    raw = bytes.fromhex(text)
    return b"".join(raw[i : i + 8][::-1] for i in range(0, 32, 8))


def header(version: int = 2, footer_size: int = 0, tag: bytes = TAG) -> bytes:
    return tag + struct.pack("<QQ", version, footer_size)


def file(flags: int, *records: bytes, count: int | None = None) -> bytes:
    return record(FILE, flags, len(records) if count is None else count, 0, 0) + b"".join(records)


def segment(first: int = 0, end: int = 1, length: int = 10) -> bytes:
    return record(XORB, 0, length, first, end)


def xorb(*sizes: int, count: int | None = None, length: int | None = None, shift: int = 0) -> bytes:
    starts = [sum(sizes[:i]) + (shift if i else 0) for i in range(len(sizes))]
    chunks = (record(PROOF, start, size, 0, 0) for start, size in zip(starts, sizes, strict=True))
    stated = sum(sizes) if length is None else length
    return record(XORB, 0, len(sizes) if count is None else count, stated, 0) + b"".join(chunks)


def shard(*files: bytes, xorbs: bytes = b"", head: bytes = header(), tail: bytes = b"") -> bytes:
    end = record(END, 0, 0, 0, 0)
    return head + b"".join(files) + end + xorbs + end + tail


def footer(raw: bytes, tables: int = 0, **wrong: int) -> bytes:
    """Tables and a footer for a shard `raw` that has no files."""
    at = len(raw) + tables
    fields = {"version": 1, "files": 48, "xorbs": 96, "at": at} | wrong
    numbers = struct.pack("<3Q", fields["version"], fields["files"], fields["xorbs"])
    return bytes(tables) + numbers + bytes(FOOTER_SIZE - 32) + struct.pack("<Q", fields["at"])


WHOLE = file(
    WITH_RANGE_HASHES | WITH_SHA256,
    segment(0, 2, 20),
    segment(5, 6, 7),
    record(PROOF, 0, 0, 0, 0),
    record(FILE, 0, 0, 0, 0),
    record(sha256_as_stored(DIGEST), 0, 0, 0, 0),
    count=2,
)
SMALL = shard(WHOLE, file(0, segment()), xorbs=xorb(3, 4))


def test_every_field_is_read_from_its_place() -> None:
    assert parse_shard(SMALL) == Shard(
        files=(
            ShardFile(
                FILE,
                (Segment(XORB, 0, 2, 20, PROOF), Segment(XORB, 5, 6, 7, FILE)),
                Sha256(DIGEST),
            ),
            ShardFile(FILE, (Segment(XORB, 0, 1, 10, None),), None),
        ),
        xorbs=(ShardXorb(XORB, (Chunk(PROOF, 3), Chunk(PROOF, 4))),),
    )


def test_the_shards_of_the_real_client_describe_the_files_it_uploaded(
    sent_shards: list[bytes], uploaded: dict[str, bytes], client_hashes: dict[str, str]
) -> None:
    shards = [parse_shard(raw) for raw in sent_shards]
    described = {
        (xet_text(file.hash), file.sha256, file.size) for shard in shards for file in shard.files
    }
    assert described == {
        (client_hashes[name], hashlib.sha256(content).hexdigest(), len(content))
        for name, content in uploaded.items()
    }
    parts = [len(file.segments) for shard in shards for file in shard.files]
    assert max(parts) > 1  # what a file repeats is named again, not sent again


def test_a_shard_cut_short_anywhere_is_malformed() -> None:
    for end in range(len(SMALL)):
        with pytest.raises(Malformed):
            parse_shard(SMALL[:end])


@given(st.binary(max_size=200), st.integers(0, len(SMALL)), st.integers(0, len(SMALL)))
def test_any_bytes_are_malformed_and_nothing_worse(noise: bytes, start: int, end: int) -> None:
    for raw in (noise, header() + noise, SMALL[:start] + noise + SMALL[end:]):
        with contextlib.suppress(Malformed):
            parse_shard(raw)


numbers = st.one_of(
    st.integers(0, 9), st.sampled_from([2**32 - 1, 2**31, 2**30, 2**16, MAX_CHUNKS, MAX_CHUNK])
)


@given(st.lists(st.tuples(st.sampled_from([FILE, XORB, END]), *[numbers] * 4), max_size=12))
def test_any_records_are_malformed_and_nothing_worse(
    records: list[tuple[bytes, int, int, int, int]],
) -> None:
    raw = header() + b"".join(record(xet_hash, *rest) for xet_hash, *rest in records)
    with contextlib.suppress(Malformed):
        read = parse_shard(raw)
        assert all(part.first < part.end for file in read.files for part in file.segments)


@pytest.mark.parametrize(
    ("raw", "readable"),
    [
        (shard(), True),
        (shard(head=header(version=1)), False),
        (shard(head=header(version=3)), False),
        (shard(head=header(footer_size=1)), False),
        (shard(head=header(tag=TAG[:-1] + b"\x00")), False),
        (shard(tail=b"\x00"), False),
        (shard() + footer(shard()), False),  # a footer that the header does not state
        (shard(file(0)), True),  # an empty file
        (shard(file(1 << 29, segment())), False),
        (shard(file(1, segment())), False),
        (shard(file(0, segment(0, 0))), False),
        (shard(file(0, segment(1, 1))), False),
        (shard(file(0, segment(1, 1, 0))), False),
        (shard(file(0, segment(2, 1))), False),
        (shard(file(0, segment(MAX_CHUNKS - 1, MAX_CHUNKS))), True),
        (shard(file(0, segment(MAX_CHUNKS, MAX_CHUNKS + 1))), False),
        (shard(file(0, segment(0, 1, 0))), False),
        (shard(file(0, segment(0, 1, 1))), True),
        (shard(file(0, segment(0, 2, 1))), False),
        (shard(file(0, segment(0, 1, MAX_CHUNK))), True),
        (shard(file(0, segment(0, 1, MAX_CHUNK + 1))), False),
        (shard(file(0, segment(0, 600, FULL))), True),
        (shard(file(0, segment(0, 600, FULL + 1))), False),
        (shard(file(0, segment(), count=2**32 - 1)), False),
        (shard(xorbs=xorb()), False),
        (shard(xorbs=xorb(0)), False),
        (shard(xorbs=xorb(1)), True),
        (shard(xorbs=xorb(MAX_CHUNK)), True),
        (shard(xorbs=xorb(MAX_CHUNK + 1)), False),
        (shard(xorbs=xorb(3, 4, length=8)), False),
        (shard(xorbs=xorb(3, 4, shift=1)), False),
        (shard(xorbs=xorb(1, count=2**32 - 1)), False),
        (shard(xorbs=xorb(*[1] * MAX_CHUNKS)), True),
        (shard(xorbs=xorb(*[1] * (MAX_CHUNKS + 1))), False),
        (shard(xorbs=xorb(*[MAX_CHUNK] * 512)), True),
        (shard(xorbs=xorb(*[MAX_CHUNK] * 512, 1)), False),
    ],
    ids=shown,
)
def test_the_limits_of_a_shard(raw: bytes, readable: bool) -> None:
    with contextlib.nullcontext() if readable else pytest.raises(Malformed):
        parse_shard(raw)


def test_a_count_that_cannot_fit_is_refused_before_a_record_is_read() -> None:
    raw = shard(file(0, segment(), count=4))
    with pytest.raises(Malformed, match="do not fit"):
        parse_shard(raw)


def test_a_body_over_the_limit_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    assert xet_shard.MAX_SHARD == 67_108_864
    monkeypatch.setattr(xet_shard, "MAX_SHARD", len(SMALL))
    parse_shard(SMALL)
    monkeypatch.setattr(xet_shard, "MAX_SHARD", len(SMALL) - 1)
    with pytest.raises(Malformed, match="at most"):
        parse_shard(SMALL)


FOOTED = shard(head=header(footer_size=FOOTER_SIZE))


def test_a_footer_that_begins_within_the_records_is_refused() -> None:
    # The unused end of the last record would serve as the first 16 bytes of a footer.
    head = header(footer_size=FOOTER_SIZE) + record(END, 0, 0, 0, 0)
    last = END + struct.pack("<QQ", 1, 48)
    tail = struct.pack("<Q", 96) + bytes(FOOTER_SIZE - 32) + struct.pack("<Q", 128)
    with pytest.raises(Malformed, match="no footer"):
        parse_shard(head + last + tail)


@pytest.mark.parametrize(
    ("tail", "readable"),
    [
        (footer(FOOTED), True),
        (footer(FOOTED, tables=48), True),
        (b"", True),  # hf-xet 1.1.10 to 1.2.0 state one and strip it
        (footer(FOOTED)[1:], False),
        (footer(FOOTED, version=2), False),
        (footer(FOOTED, files=96), False),
        (footer(FOOTED, xorbs=48), False),
        (footer(FOOTED, at=0), False),
        (footer(FOOTED) + b"\x00", False),
    ],
    ids=shown,
)
def test_a_footer_says_where_the_parts_are(tail: bytes, readable: bool) -> None:
    with contextlib.nullcontext() if readable else pytest.raises(Malformed):
        assert parse_shard(FOOTED + tail) == Shard((), ())
