import contextlib
import hashlib
import json
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import VerificationError
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

VECTORS = json.loads(
    (Path(__file__).parents[1] / "vectors" / "rfc6962" / "reference.json").read_text()
)
LEAVES = [bytes.fromhex(leaf) for leaf in VECTORS["leaves"]]
ROOTS = [bytes.fromhex(root) for root in VECTORS["roots"]]
SIZES = (*range(301), 65_535, 65_536, 65_537)


def entry(n: int) -> bytes:
    return b"entry %d" % n


@cache
def naive(low: int, high: int) -> bytes:
    """MTH of RFC 6962 section 2.1, word for word, over `entry`."""
    if low == high:
        return hashlib.sha256(b"").digest()
    if high - low == 1:
        return hashlib.sha256(b"\0" + entry(low)).digest()
    k = 1
    while k * 2 < high - low:
        k *= 2
    return hashlib.sha256(b"\1" + naive(low, low + k) + naive(low + k, high)).digest()


def naive_path(m: int, low: int, high: int) -> list[bytes]:
    """PATH of RFC 6962 section 2.1.1."""
    if high - low == 1:
        return []
    k = 1
    while k * 2 < high - low:
        k *= 2
    if m < k:
        return [*naive_path(m, low, low + k), naive(low + k, high)]
    return [*naive_path(m - k, low + k, high), naive(low, low + k)]


def naive_subproof(m: int, low: int, high: int, whole: bool) -> list[bytes]:
    """SUBPROOF of RFC 6962 section 2.1.2."""
    if m == high - low:
        return [] if whole else [naive(low, high)]
    k = 1
    while k * 2 < high - low:
        k *= 2
    if m <= k:
        return [*naive_subproof(m, low, low + k, whole), naive(low + k, high)]
    return [*naive_subproof(m - k, low + k, high, False), naive(low, low + k)]


def stored(size: int) -> Callable[[int, int], bytes]:
    """A reader that knows full subtrees only, and counts on nobody asking for more."""

    def read(level: int, index: int) -> bytes:
        low, high = index << level, (index + 1) << level
        assert high <= size, "only full subtrees are stored"
        return naive(low, high)

    return read


@pytest.mark.parametrize("size", SIZES)
def test_the_root_is_that_of_the_naive_recursion(size: int) -> None:
    assert tree_root(size, stored(size)) == naive(0, size)


@pytest.mark.parametrize("size", range(1, 301))
def test_folding_neighbours_is_the_naive_recursion(size: int) -> None:
    assert fold([leaf_hash(entry(n)) for n in range(size)]) == naive(0, size)


def some(size: int) -> Iterator[int]:
    """Every number below a small size; edges and powers of two below a large one."""
    if size <= 40:
        yield from range(size)
    else:
        picked = {0, 1, 2, size // 2, size - 2, size - 1}
        picked |= {1 << n for n in range(17)} | {(1 << n) - 1 for n in range(17)}
        yield from sorted(n for n in picked if n < size)


@pytest.mark.parametrize("size", SIZES)
def test_inclusion_proofs_are_those_of_the_rfc_and_verify(size: int) -> None:
    for index in some(size):
        proof = inclusion_proof(index, size, stored(size))
        assert list(proof) == naive_path(index, 0, size)
        verify_inclusion(leaf_hash(entry(index)), index, size, proof, naive(0, size))


@pytest.mark.parametrize("size", SIZES)
def test_consistency_proofs_are_those_of_the_rfc_and_verify(size: int) -> None:
    for old in (*some(size), size):
        proof = consistency_proof(old, size, stored(size))
        assert list(proof) == (naive_subproof(old, 0, size, True) if old else [])
        verify_consistency(old, naive(0, old), size, naive(0, size), proof)


def test_the_published_roots_are_reached() -> None:
    assert ROOTS[0] == EMPTY_ROOT
    for size in range(1, 9):
        assert fold([leaf_hash(leaf) for leaf in LEAVES[:size]]) == ROOTS[size]


def published(size: int) -> Callable[[int, int], bytes]:
    hashes = [leaf_hash(leaf) for leaf in LEAVES[:size]]
    return lambda level, index: fold(hashes[index << level : (index + 1) << level])


@pytest.mark.parametrize("case", VECTORS["inclusion"])
def test_the_published_inclusion_proofs_are_made_and_verify(
    case: dict[str, int | list[str]],
) -> None:
    index, size, hexes = case["index"], case["size"], case["proof"]
    assert isinstance(index, int)
    assert isinstance(size, int)
    assert isinstance(hexes, list)
    proof = tuple(map(bytes.fromhex, hexes))
    assert inclusion_proof(index, size, published(size)) == proof
    verify_inclusion(leaf_hash(LEAVES[index]), index, size, proof, ROOTS[size])


@pytest.mark.parametrize("case", VECTORS["consistency"])
def test_the_published_consistency_proofs_are_made_and_verify(
    case: dict[str, int | list[str]],
) -> None:
    old, new, hexes = case["old"], case["new"], case["proof"]
    assert isinstance(old, int)
    assert isinstance(new, int)
    assert isinstance(hexes, list)
    proof = tuple(map(bytes.fromhex, hexes))
    assert consistency_proof(old, new, published(new)) == proof
    verify_consistency(old, ROOTS[old], new, ROOTS[new], proof)


PAIR = st.tuples(st.integers(1, 70), st.integers(0, 69)).filter(lambda p: p[1] < p[0])
GROWTH = st.tuples(st.integers(0, 70), st.integers(0, 70)).filter(lambda p: p[0] <= p[1])


@given(PAIR, st.data())
def test_no_changed_inclusion_proof_verifies(pair: tuple[int, int], data: st.DataObject) -> None:
    size, index = pair
    proof = list(inclusion_proof(index, size, stored(size)))
    leaf, root = leaf_hash(entry(index)), naive(0, size)
    kind = data.draw(st.sampled_from(["longer", "shorter", "flip", "leaf", "root", "swap"]))
    if kind == "longer":
        proof.insert(
            data.draw(st.integers(0, len(proof))), data.draw(st.sampled_from([leaf, root]))
        )
    elif kind == "shorter" and proof:
        proof.pop(data.draw(st.integers(0, len(proof) - 1)))
    elif kind == "flip" and proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        proof[at] = bytes([proof[at][0] ^ 1]) + proof[at][1:]
    elif kind == "swap" and len(proof) > 1:
        proof.reverse()
    elif kind == "root":
        root = naive(0, size + 1)
    else:
        leaf = leaf_hash(entry(index + 1))
    with pytest.raises(VerificationError):
        verify_inclusion(leaf, index, size, proof, root)


@given(PAIR, st.integers(0, 80), st.integers(0, 80))
def test_a_proof_is_for_one_place_in_one_tree(
    pair: tuple[int, int], other_index: int, other_size: int
) -> None:
    size, index = pair
    proof = inclusion_proof(index, size, stored(size))
    leaf, root = leaf_hash(entry(index)), naive(0, size)
    if other_index != index:
        with pytest.raises(VerificationError):
            verify_inclusion(leaf, other_index, size, proof, root)
    # A path of the same shape in a tree of another size is the same path: only the root of that
    # size, which the checkpoint binds, tells them apart.
    if other_size != size:
        with pytest.raises(VerificationError):
            verify_inclusion(leaf, index, other_size, proof, naive(0, other_size))


@given(GROWTH, st.data())
def test_no_changed_consistency_proof_verifies(pair: tuple[int, int], data: st.DataObject) -> None:
    old, new = pair
    proof = list(consistency_proof(old, new, stored(new)))
    old_root, new_root = naive(0, old), naive(0, new)
    kind = data.draw(st.sampled_from(["longer", "shorter", "flip", "old", "new"]))
    if kind == "longer":
        proof.insert(data.draw(st.integers(0, len(proof))), new_root)
    elif kind == "shorter" and proof:
        proof.pop(data.draw(st.integers(0, len(proof) - 1)))
    elif kind == "flip" and proof:
        at = data.draw(st.integers(0, len(proof) - 1))
        proof[at] = bytes([proof[at][0] ^ 1]) + proof[at][1:]
    elif kind == "new" and old:
        new_root = naive(0, new + 1)
    else:
        old_root = naive(0, old + 1)
    with pytest.raises(VerificationError):
        verify_consistency(old, old_root, new, new_root, proof)


@given(
    st.integers(-2, 2**63),
    st.integers(-2, 2**63),
    st.lists(st.binary(max_size=40), max_size=70),
    st.binary(min_size=32, max_size=32),
)
def test_no_numbers_and_no_proof_do_worse_than_not_verify(
    one: int, two: int, proof: list[bytes], root: bytes
) -> None:
    with contextlib.suppress(VerificationError):
        verify_inclusion(root, one, two, proof, root)
    with contextlib.suppress(VerificationError):
        verify_consistency(one, root, two, root, proof)


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 3), (3, 3), (1, 0)])
def test_an_entry_outside_the_tree_is_neither_proven_nor_verified(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="not in a tree"):
        inclusion_proof(index, size, stored(9))
    with pytest.raises(VerificationError, match="not in a tree"):
        verify_inclusion(naive(0, 1), index, size, [], naive(0, 1))


@pytest.mark.parametrize(("old", "new"), [(4, 3), (-1, 3), (1, 0)])
def test_a_tree_does_not_shrink(old: int, new: int) -> None:
    with pytest.raises(ValueError, match="does not grow"):
        consistency_proof(old, new, stored(9))
    with pytest.raises(VerificationError, match="does not grow"):
        verify_consistency(old, naive(0, 3), new, naive(0, 3), [])


def test_from_the_empty_tree_only_the_empty_root_and_no_proof_are_taken() -> None:
    verify_consistency(0, EMPTY_ROOT, 5, naive(0, 5), [])
    for old_root, proof in ((naive(0, 1), []), (EMPTY_ROOT, [EMPTY_ROOT])):
        with pytest.raises(VerificationError):
            verify_consistency(0, old_root, 5, naive(0, 5), proof)
    with pytest.raises(VerificationError):
        verify_consistency(0, naive(0, 1), 0, naive(0, 1), [])


def test_equal_sizes_need_equal_roots_and_no_proof() -> None:
    verify_consistency(5, naive(0, 5), 5, naive(0, 5), [])
    for new_root, proof in ((naive(0, 6), []), (naive(0, 5), [naive(0, 5)])):
        with pytest.raises(VerificationError):
            verify_consistency(5, naive(0, 5), 5, new_root, proof)


def test_an_empty_proof_joins_nothing() -> None:
    for old in (3, 4):
        with pytest.raises(VerificationError):
            verify_consistency(old, naive(0, old), 7, naive(0, 7), [])


def test_a_proof_of_sixty_four_lines_does_not_verify() -> None:
    root = naive(0, 1)
    for _ in range(63):
        root = hashlib.sha256(b"\1" + root + ROOTS[1]).digest()
    verify_inclusion(naive(0, 1), 0, 2**63, [ROOTS[1]] * 63, root)
    with pytest.raises(VerificationError, match="too long"):
        verify_inclusion(naive(0, 1), 0, 2**63, [ROOTS[1]] * 64, root)


def test_a_proof_that_stops_below_the_root_does_not_verify() -> None:
    # Even where what it reaches is passed off as the root of a larger tree.
    leaf = naive(0, 1)
    with pytest.raises(VerificationError, match="does not lead"):
        verify_inclusion(leaf, 0, 2, [], leaf)
    with pytest.raises(VerificationError, match="does not join"):
        verify_consistency(1, leaf, 3, leaf, [])


def test_bytes_cannot_move_between_the_halves_of_a_node() -> None:
    left, right = naive(0, 1), naive(1, 2)
    verify_inclusion(left, 0, 2, [right], naive(0, 2))
    with pytest.raises(VerificationError, match="32 bytes"):
        verify_inclusion(left[:31], 0, 2, [left[31:] + right], naive(0, 2))
    third, root = naive(2, 3), naive(0, 3)
    verify_consistency(2, naive(0, 2), 3, root, [third])
    with pytest.raises(VerificationError, match="32 bytes"):
        verify_consistency(2, naive(0, 2)[:31], 3, root, [naive(0, 2)[31:] + third])


def test_leaves_and_nodes_are_hashed_apart() -> None:
    assert leaf_hash(b"") == hashlib.sha256(b"\0").digest()
    assert leaf_hash(b"\1" + naive(0, 1) + naive(1, 2)) != naive(0, 2)


def test_proofs_ask_for_few_hashes() -> None:
    size, asked = 2**40 + 12_345, 0

    def read(level: int, index: int) -> bytes:
        nonlocal asked
        asked += 1
        assert (index + 1) << level <= size
        return hashlib.sha256(b"%d %d" % (level, index)).digest()

    inclusion_proof(77, size, read)
    consistency_proof(2**39 + 99, size, read)
    tree_root(size, read)
    assert asked < 4 * 41
