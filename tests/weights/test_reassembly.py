import hashlib
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import VerificationError
from openward.vocabulary import Sha256, WeightFile
from openward.weights.reassembly import ChunkReader, reassemble
from openward.weights.xet_hash import (
    NOTHING,
    Chunk,
    XetHash,
    chunk_of,
    file_hash,
    parse_xet_hash,
    range_hash,
    xorb_hash,
)
from openward.weights.xet_shard import Segment, ShardFile, parse_shard
from openward.weights.xet_xorb import read_chunks, verify_xorb

ALPHA = (b"alpha", b"beta", b"gamma", b"delta")
OMEGA = (b"omega",)


class Cellar:
    """A chunk reader over xorbs in memory; those of others are not there."""

    def __init__(self, *xorbs: tuple[bytes, ...]) -> None:
        self._xorbs = {xorb_hash(map(chunk_of, chunks)): chunks for chunks in xorbs}

    def __call__(self, xorb: XetHash, first: int, end: int) -> Iterator[bytes]:
        if xorb not in self._xorbs:
            raise VerificationError("no such xorb")
        return iter(self._xorbs[xorb][first:end])


def segment(chunks: tuple[bytes, ...], first: int, end: int) -> Segment:
    chosen = chunks[first:end]
    proof = range_hash(chunk_of(content).hash for content in chosen)
    name = xorb_hash(map(chunk_of, chunks))
    return Segment(name, first, end, sum(map(len, chosen)), proof)


def file_of(content: tuple[bytes, ...], *segments: Segment) -> ShardFile:
    digest = Sha256(hashlib.sha256(b"".join(content)).hexdigest())
    return ShardFile(file_hash(map(chunk_of, content)), segments, digest)


HONEST = file_of(
    (b"beta", b"gamma", b"omega", b"alpha"),
    segment(ALPHA, 1, 3),
    segment(OMEGA, 0, 1),
    segment(ALPHA, 0, 1),
)


def drain(file: ShardFile, read: ChunkReader) -> tuple[bytes, WeightFile]:
    pieces, run = [], reassemble(file, read)
    while True:
        try:
            pieces.append(next(run))
        except StopIteration as ended:
            proven: WeightFile = ended.value
            return b"".join(pieces), proven


def test_a_file_is_its_segments_in_order() -> None:
    whole = b"betagammaomegaalpha"
    content, proven = drain(HONEST, Cellar(ALPHA, OMEGA))
    assert content == whole
    assert proven == WeightFile(Sha256(hashlib.sha256(whole).hexdigest()), len(whole))


def test_without_claims_of_digest_and_ranges_the_file_is_still_proven_by_its_hash() -> None:
    bare = replace(
        HONEST,
        sha256=None,
        segments=tuple(replace(part, range_hash=None) for part in HONEST.segments),
    )
    assert drain(bare, Cellar(ALPHA, OMEGA)) == drain(HONEST, Cellar(ALPHA, OMEGA))


def test_an_empty_file_is_proven_too() -> None:
    assert drain(file_of(()), Cellar()) == (b"", WeightFile(Sha256(EMPTY), 0))
    with pytest.raises(VerificationError):
        drain(replace(file_of(()), hash=XetHash(b"f" * 32)), Cellar())
    with pytest.raises(VerificationError):
        drain(replace(HONEST, hash=NOTHING), Cellar(ALPHA, OMEGA))


EMPTY = hashlib.sha256(b"").hexdigest()
FIRST, *REST = HONEST.segments


@pytest.mark.parametrize(
    "lying",
    [
        replace(HONEST, sha256=Sha256(EMPTY)),
        replace(HONEST, hash=chunk_of(b"other").hash),
        replace(HONEST, segments=tuple(REST)),
        replace(HONEST, segments=(REST[0], FIRST, REST[1])),
        replace(HONEST, segments=(replace(FIRST, length=FIRST.length - 1), *REST)),
        replace(HONEST, segments=(replace(FIRST, length=FIRST.length + 1), *REST)),
        replace(HONEST, segments=(replace(FIRST, end=4), *REST)),
        replace(HONEST, segments=(replace(FIRST, range_hash=REST[0].range_hash), *REST)),
        replace(HONEST, segments=(replace(FIRST, xorb=chunk_of(b"foreign").hash), *REST)),
    ],
)
def test_a_lie_anywhere_is_refused(lying: ShardFile) -> None:
    with pytest.raises(VerificationError):
        drain(lying, Cellar(ALPHA, OMEGA))


def test_a_range_hash_binds_a_segment_even_where_the_file_is_right() -> None:
    # The same bytes under the same file hash, but the segment's writer knew other chunks.
    wrong = replace(FIRST, range_hash=range_hash([chunk_of(b"beta").hash]))
    with pytest.raises(VerificationError, match="range hash"):
        drain(replace(HONEST, segments=(wrong, *REST)), Cellar(ALPHA, OMEGA))


def test_chunks_missing_from_a_segment_are_missed_although_the_bytes_fit() -> None:
    merged = (b"betagamma",)

    def read(xorb: XetHash, first: int, end: int) -> Iterator[bytes]:
        return iter(merged)

    claim = Segment(FIRST.xorb, 1, 3, 9, None)
    with pytest.raises(VerificationError, match="in as many chunks"):
        drain(file_of(merged, claim), read)


def test_a_reader_that_never_stops_is_cut_off_at_the_stated_length() -> None:
    asked = 0

    def read(xorb: XetHash, first: int, end: int) -> Iterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            yield b"chunk"

    yielded = []
    with pytest.raises(VerificationError):
        for piece in reassemble(
            ShardFile(NOTHING, (Segment(NOTHING, 0, 2, 10, None),), None), read
        ):
            yielded.append(piece)
    assert yielded == [b"chunk", b"chunk"]
    assert asked == 3


@given(
    st.lists(st.binary(min_size=1, max_size=20), min_size=1, max_size=12),
    st.data(),
)
def test_any_choice_of_segments_comes_back_as_those_chunks(
    chunks: list[bytes], data: st.DataObject
) -> None:
    xorb = tuple(chunks)
    bounds = st.integers(0, len(xorb) - 1).flatmap(
        lambda first: st.tuples(st.just(first), st.integers(first + 1, len(xorb)))
    )
    chosen = data.draw(st.lists(bounds, max_size=6))
    content = tuple(chunk for first, end in chosen for chunk in xorb[first:end])
    file = file_of(content, *(segment(xorb, first, end) for first, end in chosen))
    assert drain(file, Cellar(xorb))[0] == b"".join(content)
    assert file.size == len(b"".join(content))


def test_the_files_of_the_real_client_come_back_byte_for_byte(
    sent_xorbs: dict[str, bytes], sent_shards: list[bytes], uploaded: dict[str, bytes]
) -> None:
    proven = {
        parse_xet_hash(name): (raw, verify_xorb(raw, parse_xet_hash(name)))
        for name, raw in sent_xorbs.items()
    }

    def read(xorb: XetHash, first: int, end: int) -> Iterator[bytes]:
        raw, known = proven[xorb]
        return read_chunks(raw, known.stored[first:end])

    files = [file for raw in sent_shards for file in parse_shard(raw).files]
    assert {drain(file, read)[0] for file in files} == set(uploaded.values())
    listed = {x.hash: x.chunks for raw in sent_shards for x in parse_shard(raw).xorbs}
    told: dict[XetHash, tuple[Chunk, ...]] = {name: x.chunks for name, (_, x) in proven.items()}
    assert listed == told
