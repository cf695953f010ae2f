from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Conflict, Malformed, Unavailable, VerificationError
from openward.tlog.integration import Edge, Integrated, hash_reader, integrate, read_edge
from openward.tlog.merkle import (
    EMPTY_ROOT,
    consistency_proof,
    fold,
    inclusion_proof,
    leaf_hash,
    tree_root,
    verify_consistency,
    verify_inclusion,
)
from openward.tlog.tile import TilePath, format_bundle, parse_tile_path
from tests.ports.memory_log import MemoryTiles

MANY = [b"entry %d" % n for n in range(66_000)]
LEAVES = [leaf_hash(entry) for entry in MANY]


def expected_tiles(size: int) -> Iterator[tuple[str, bytes]]:
    """Every tile of a tree of `size`, straight from the specification."""
    for start in range(0, size, 256):
        entries = MANY[start : min(start + 256, size)]
        yield TilePath(None, start // 256, len(entries)).text(), format_bundle(entries)
    for level in range(3):
        span = 256**level
        count = size // span
        for start in range(0, count, 256):
            numbers = range(start, min(start + 256, count))
            content = b"".join(fold(LEAVES[n * span : (n + 1) * span]) for n in numbers)
            yield TilePath(level, start // 256, len(numbers)).text(), content


def grown(*sizes: int) -> tuple[Integrated, MemoryTiles]:
    storage, last = MemoryTiles(), integrate(Edge(), [])
    for size in sizes:
        last = integrate(last.edge, MANY[last.size : size])
        storage.write(last.tiles)
    return last, storage


@pytest.mark.parametrize("size", [1, 2, 255, 256, 257, 511, 512, 513, 70 * 256 + 3])
def test_the_tiles_are_those_of_the_specification(size: int) -> None:
    last, storage = grown(size)
    assert storage.tiles == dict(expected_tiles(size))
    assert last.size == last.edge.size == size
    assert last.root == fold(LEAVES[:size])


@pytest.mark.parametrize("size", [65_535, 65_536, 65_537, 65_793])
def test_the_third_level_is_reached(size: int) -> None:
    last, storage = grown(size - 300, size)
    assert dict(expected_tiles(size)).items() <= storage.tiles.items()
    assert last.root == fold(LEAVES[:size])


def test_the_example_of_the_specification_has_its_tiles() -> None:
    entries = [b""] * 70_000
    tiles = [parse_tile_path(path) for path in integrate(Edge(), entries).tiles]
    by_level = {level: [p for p in tiles if p.level == level] for level in (0, 1, 2, None)}
    assert [len(by_level[level]) for level in (0, 1, 2, None)] == [274, 2, 1, 274]
    assert [by_level[level][-1].width for level in (0, 1, 2, None)] == [112, 17, 1, 112]


STEPS = st.lists(st.integers(0, 700), min_size=1, max_size=8)


@given(STEPS)
def test_however_the_entries_come_the_tree_is_the_same(steps: list[int]) -> None:
    sizes = [sum(steps[: n + 1]) for n in range(len(steps))]
    last, storage = grown(*sizes)
    whole = integrate(Edge(), MANY[: last.size])
    assert (last.root, last.edge) == (whole.root, whole.edge)
    # Beside those of the whole there are the partial tiles of the sizes in between, and only they.
    between = {tile for size in sizes for tile in expected_tiles(size)}
    assert storage.tiles.items() == between
    assert whole.tiles.items() <= between


@given(STEPS)
def test_the_edge_is_read_back_from_the_tiles(steps: list[int]) -> None:
    last, storage = grown(*[sum(steps[: n + 1]) for n in range(len(steps))])
    assert read_edge(storage, last.size, last.root) == last.edge


@given(STEPS)
def test_only_tiles_that_change_are_written(steps: list[int]) -> None:
    edge = Edge()
    for step in steps:
        grown_by = integrate(edge, MANY[edge.size : edge.size + step])
        new = dict(expected_tiles(grown_by.size)).items() - dict(expected_tiles(edge.size)).items()
        assert grown_by.tiles.items() == new
        edge = grown_by.edge


def test_no_entries_change_nothing() -> None:
    assert integrate(Edge(), []) == Integrated({}, 0, EMPTY_ROOT, Edge())
    last, _ = grown(300)
    assert integrate(last.edge, []) == Integrated({}, 300, last.root, last.edge)


def test_a_late_write_of_an_older_batch_changes_nothing() -> None:
    older, _ = grown(300)
    newer, storage = grown(300, 600)
    storage.write(older.tiles)
    assert read_edge(storage, newer.size, newer.root) == newer.edge


def test_a_forked_history_cannot_be_written_over_the_first() -> None:
    first, storage = grown(300)
    fork = integrate(first.edge, [b"another entry"])
    storage.write(integrate(first.edge, MANY[300:301]).tiles)
    with pytest.raises(Conflict):
        storage.write(fork.tiles)


def test_entries_of_65535_bytes_are_taken_and_longer_ones_refused() -> None:
    longest = bytes(65_535)
    assert integrate(Edge(), [longest]).root == leaf_hash(longest)
    with pytest.raises(ValueError, match="at most"):
        integrate(Edge(), [longest + b"\0"])


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 600, 65_537])
def test_a_missing_tile_is_named(size: int) -> None:
    last, storage = grown(size)
    for path in list(storage.tiles):
        if ".p/" in path:
            kept = storage.tiles.pop(path)
            with pytest.raises(Unavailable, match=path):
                read_edge(storage, size, last.root)
            storage.tiles[path] = kept
    assert read_edge(storage, size, last.root) == last.edge


@pytest.mark.parametrize("path", ["tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/002.p/88"])
@pytest.mark.parametrize("at", [0, 5, -1])
def test_a_flipped_bit_is_noticed(path: str, at: int) -> None:
    last, storage = grown(600)
    content = bytearray(storage.tiles[path])
    content[at] ^= 4
    storage.tiles[path] = bytes(content)
    with pytest.raises((VerificationError, Malformed)):
        read_edge(storage, 600, last.root)


@pytest.mark.parametrize("path", ["tile/0/002.p/88", "tile/1/000.p/2", "tile/entries/002.p/88"])
def test_a_tile_too_long_or_too_short_is_malformed(path: str) -> None:
    last, storage = grown(600)
    whole = storage.tiles[path]
    for content in (whole[:-1], whole + b"\0", whole[:-32], whole + bytes(32), b""):
        storage.tiles[path] = content
        with pytest.raises(Malformed):
            read_edge(storage, 600, last.root)


def test_an_edge_is_not_taken_for_another_root() -> None:
    last, storage = grown(600)
    with pytest.raises(VerificationError, match="root"):
        read_edge(storage, 600, EMPTY_ROOT)
    with pytest.raises(VerificationError, match="root"):
        read_edge(MemoryTiles(), 0, last.root)
    assert read_edge(MemoryTiles(), 0, EMPTY_ROOT) == Edge()


@given(st.sampled_from([1, 2, 255, 256, 257, 600, 65_535, 65_536, 65_537]), st.data())
def test_proofs_made_from_tiles_verify(size: int, data: st.DataObject) -> None:
    last, storage = TREES[size]
    reader = hash_reader(storage, size)
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(0, size))
    inclusion = inclusion_proof(index, size, reader)
    verify_inclusion(LEAVES[index], index, size, inclusion, last.root)
    old_root = fold(LEAVES[:old]) if old else EMPTY_ROOT
    verify_consistency(old, old_root, size, last.root, consistency_proof(old, size, reader))
    assert tree_root(size, reader) == last.root


TREES = {size: grown(size) for size in (1, 2, 255, 256, 257, 600, 65_535, 65_536, 65_537)}


@pytest.mark.parametrize(
    ("level", "index"), [(0, 600), (1, 300), (3, 75), (8, 2), (9, 1), (10, 0), (16, 0), (60, 0)]
)
def test_a_subtree_that_is_not_full_is_not_read(level: int, index: int) -> None:
    with pytest.raises(ValueError, match="not full"):
        hash_reader(TREES[600][1], 600)(level, index)


@pytest.mark.parametrize(("level", "index"), [(0, 599), (1, 299), (3, 74), (8, 1), (9, 0)])
def test_the_last_full_subtree_of_a_level_is_read(level: int, index: int) -> None:
    expected = fold(LEAVES[index << level : (index + 1) << level])
    assert hash_reader(TREES[600][1], 600)(level, index) == expected


def test_a_reader_says_what_is_missing_or_cut() -> None:
    storage = MemoryTiles()
    with pytest.raises(Unavailable, match="tile/0/000"):
        hash_reader(storage, 600)(0, 0)
    storage.tiles["tile/0/000"] = bytes(8191)
    with pytest.raises(Malformed, match="256 hashes"):
        hash_reader(storage, 600)(0, 0)


class CountedTiles(MemoryTiles):
    reads = 0

    def read(self, path: str) -> bytes | None:
        self.reads += 1
        return super().read(path)


def test_a_reader_reads_each_tile_once() -> None:
    storage = CountedTiles()
    storage.write(TREES[65_537][1].tiles)
    reader = hash_reader(storage, 65_537)
    for _ in range(2):
        inclusion_proof(30_000, 65_537, reader)
    assert storage.reads == 3  # of level 0 the tile of the entry and the last; of level 1 one


def test_an_older_size_is_read_from_the_partial_tiles_of_its_time() -> None:
    _, storage = grown(300, 600)
    assert tree_root(300, hash_reader(storage, 300)) == fold(LEAVES[:300])
