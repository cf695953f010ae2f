import pytest
from blake3 import blake3
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.weights.xet_hash import (
    NOTHING,
    Chunk,
    Tree,
    XetHash,
    chunk_of,
    file_hash,
    file_hash_of_root,
    parse_xet_hash,
    range_hash,
    xet_text,
    xorb_hash,
)
from openward.weights.xet_shard import parse_shard
from openward.weights.xet_xorb import verify_xorb

hashes = st.binary(min_size=32, max_size=32).map(XetHash)
chunks = st.builds(Chunk, hashes, st.integers(1, 2**17))


def slow_root(nodes: list[Chunk]) -> XetHash:
    """The tree as its description reads, whole levels at a time."""
    if not nodes:
        return NOTHING
    while len(nodes) > 1:
        above = []
        while nodes:
            size = min(9, len(nodes))
            for place in range(2, size):
                if int.from_bytes(nodes[place].hash[24:], "little") % 4 == 0:
                    size = place + 1
                    break
            group, nodes = nodes[:size], nodes[size:]
            lines = "".join(f"{xet_text(node.hash)} : {node.length}\n" for node in group)
            key = bytes.fromhex("017ec5c7a5472996fd946666b48a02e65ddd536f37c76dd2f86352e64a53713f")
            digest = XetHash(blake3(lines.encode(), key=key).digest())
            above.append(Chunk(digest, sum(node.length for node in group)))
        nodes = above
    return nodes[0].hash


def numbered(count: int, last: int) -> list[Chunk]:
    """Chunks whose hash ends in the number `last`, so that the test chooses where groups end."""
    return [
        Chunk(XetHash(bytes([i % 256] * 24) + last.to_bytes(8, "little")), i + 1)
        for i in range(count)
    ]


def test_the_text_of_a_hash_reverses_each_group_of_eight_bytes() -> None:
    groups = ("0001020304050607", "08090a0b0c0d0e0f", "1011121314151617", "18191a1b1c1d1e1f")
    stored = XetHash(b"".join(bytes.fromhex(group)[::-1] for group in groups))
    assert xet_text(stored) == "".join(groups)
    assert parse_xet_hash("".join(groups)) == stored


@given(hashes)
def test_a_hash_is_read_back_from_its_text(xet_hash: XetHash) -> None:
    assert parse_xet_hash(xet_text(xet_hash)) == xet_hash


@pytest.mark.parametrize(
    "text", ["", "0" * 63, "0" * 65, "A" * 64, "0" * 63 + "g", " " + "0" * 63, "0" * 64 + "\n"]
)
def test_a_hash_has_one_spelling(text: str) -> None:
    with pytest.raises(Malformed):
        parse_xet_hash(text)


@given(st.lists(chunks, max_size=120))
def test_the_streamed_tree_is_the_tree_built_level_by_level(given_chunks: list[Chunk]) -> None:
    assert xorb_hash(given_chunks) == slow_root(given_chunks)


@pytest.mark.parametrize("last", [0, 1, 4, 5])
@pytest.mark.parametrize("count", [0, 1, 2, 3, 4, 8, 9, 10, 11, 18, 19, 27, 81, 82, 90, 730, 8192])
def test_the_streamed_tree_at_every_boundary_of_a_group(count: int, last: int) -> None:
    assert xorb_hash(numbered(count, last)) == slow_root(numbered(count, last))


def test_what_has_no_chunks_has_the_hash_of_zeros() -> None:
    assert Tree().root() == NOTHING == xorb_hash([])
    assert file_hash([]) == NOTHING == file_hash_of_root(NOTHING)


def test_a_lone_chunk_is_its_own_root_and_a_file_of_it_is_another_hash() -> None:
    chunk = chunk_of(b"x")
    assert xorb_hash([chunk]) == chunk.hash
    assert file_hash([chunk]) not in (chunk.hash, NOTHING)


def test_order_and_length_are_part_of_the_hash() -> None:
    one, two = chunk_of(b"one"), chunk_of(b"two")
    assert xorb_hash([one, two]) != xorb_hash([two, one])
    assert xorb_hash([one, two]) != xorb_hash([one, Chunk(two.hash, 4)])
    assert range_hash([one.hash, two.hash]) != range_hash([two.hash, one.hash])


def test_every_hash_is_the_one_the_real_client_computes(
    sent_xorbs: dict[str, bytes], sent_shards: list[bytes], client_hashes: dict[str, str]
) -> None:
    chunks_of = {
        claimed: verify_xorb(raw, parse_xet_hash(claimed)).chunks
        for claimed, raw in sent_xorbs.items()
    }
    found = set()
    for shard in map(parse_shard, sent_shards):
        for file in shard.files:
            pieces: list[Chunk] = []
            for part in file.segments:
                piece = chunks_of[xet_text(part.xorb)][part.first : part.end]
                assert part.range_hash == range_hash(chunk.hash for chunk in piece)
                pieces += piece
            assert file_hash(pieces) == file.hash
            found.add(xet_text(file.hash))
    assert found == set(client_hashes.values())
    assert max(map(len, chunks_of.values())) > 9**2  # more than two levels of groups
