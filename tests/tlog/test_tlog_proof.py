"""Inclusion proofs that can be kept in a file, https://c2sp.org/tlog-proof."""

import base64
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed, VerificationError
from openward.statements.keys import Ed25519Signer
from openward.tlog.checkpoint import Checkpoint, sign_checkpoint
from openward.tlog.integration import Edge, hash_reader, integrate
from openward.tlog.merkle import inclusion_proof, leaf_hash
from openward.tlog.note import NOTE_LIMIT, NoteKey, NoteSigner
from openward.tlog.proof import MOST_HASHES, Proof, parse_proof, verify_proof
from tests.ports.memory_log import MemoryTiles

ORIGIN = "proofs.example/log"
SIGNER = NoteSigner(ORIGIN, Ed25519Signer(bytes(32)))
OTHER = NoteSigner(ORIGIN, Ed25519Signer(bytes([1] * 32)))
ENTRIES = [b"entry %d" % n for n in range(300)]


def proof_of(index: int, size: int, signer: NoteSigner = SIGNER) -> Proof:
    """The proof of one entry in the log of the first `size`."""
    tiles = MemoryTiles()
    grown = integrate(Edge(), ENTRIES[:size])
    tiles.write(grown.tiles)
    path = inclusion_proof(index, size, hash_reader(tiles, size))
    return Proof(index, tuple(path), sign_checkpoint(Checkpoint(ORIGIN, size, grown.root), signer))


HASH = b"h" * 32
LINE = base64.b64encode(HASH).decode()
WRITTEN = f"c2sp.org/tlog-proof@v1\nindex 7\n{LINE}\n\ncheckpoint\n"


def test_a_proof_looks_like_this() -> None:
    assert Proof(7, (HASH,), b"checkpoint\n").text() == WRITTEN.encode()
    assert parse_proof(WRITTEN.encode()) == Proof(7, (HASH,), b"checkpoint\n")


@given(
    st.integers(0, 2**63 - 1),
    st.lists(st.binary(min_size=32, max_size=32), max_size=MOST_HASHES).map(tuple),
    st.binary(max_size=200),
)
def test_what_is_written_is_read_back(index: int, path: tuple[bytes, ...], note: bytes) -> None:
    proof = Proof(index, path, note)
    assert parse_proof(proof.text()) == proof


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda b: WRITTEN.encode()[:30] + b))
def test_bytes_of_any_kind_are_read_in_one_spelling_or_malformed(raw: bytes) -> None:
    try:
        proof = parse_proof(raw)
    except Malformed:
        return
    assert proof.text() == raw


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("@v1", "@v2"),
        ("c2sp", " c2sp"),
        ("index 7\n", ""),
        ("index 7", "index 07"),
        ("index 7", "index +7"),
        ("index 7", "index -7"),
        ("index 7", "index 1_0"),
        ("index 7", "index \N{ARABIC-INDIC DIGIT SEVEN}"),
        ("index 7", "index  7"),
        ("index 7", "index 7 "),
        ("index 7", "index 7\r"),
        ("index 7", "index 9223372036854775808"),
        ("index 7", "index 99999999999999999999"),
        ("index 7", "extra AA==\nindex 7"),
        (LINE, LINE[:-1]),
        (LINE, LINE[:-2] + "h="),
        (LINE, LINE + "\n" + base64.b64encode(b"h" * 31).decode()),
        (LINE, LINE + "\n" + base64.b64encode(b"h" * 33).decode()),
        (LINE, f" {LINE}"),
        (LINE, f"{LINE}\n" * 64 + LINE),
        ("\n\n", "\n"),
    ],
)
def test_another_spelling_is_malformed(old: str, new: str) -> None:
    changed = WRITTEN.replace(old, new, 1)
    assert changed != WRITTEN
    with pytest.raises(Malformed):
        parse_proof(changed.encode())


@pytest.mark.parametrize(("index", "hashes"), [(2**63 - 1, 0), (0, MOST_HASHES)])
def test_the_largest_proof_is_read(index: int, hashes: int) -> None:
    proof = Proof(index, (HASH,) * hashes, b"checkpoint\n")
    assert parse_proof(proof.text()) == proof


@pytest.mark.parametrize("over", [0, 1])
def test_no_more_is_read_than_a_note_may_have(over: int) -> None:
    proof = Proof(7, (), b"")
    room = NOTE_LIMIT - len(proof.text())
    large = replace(proof, checkpoint=b"x" * (room + over)).text()
    if over:
        with pytest.raises(Malformed, match="at most"):
            parse_proof(large)
    else:
        assert len(parse_proof(large).checkpoint) == room


@pytest.mark.parametrize(
    ("index", "size"),
    [(0, 1), (0, 2), (1, 2), (2, 3), (255, 256), (256, 257), (0, 300), (299, 300)],
)
def test_an_entry_of_the_log_is_proven(index: int, size: int) -> None:
    proof = proof_of(index, size)
    checkpoint = verify_proof(parse_proof(proof.text()), ENTRIES[index], SIGNER.key)
    assert (checkpoint.origin, checkpoint.size) == (ORIGIN, size)


def test_nothing_else_is_proven() -> None:
    proof = proof_of(7, 300)
    key = SIGNER.key
    verify_proof(proof, ENTRIES[7], key)
    wrong: list[tuple[Proof, bytes, NoteKey]] = [
        (proof, ENTRIES[8], key),
        (proof, ENTRIES[7] + b" ", key),
        (proof, leaf_hash(ENTRIES[7]), key),
        (replace(proof, index=8), ENTRIES[7], key),
        (replace(proof, index=8), ENTRIES[8], key),
        (replace(proof, index=300), ENTRIES[7], key),
        (replace(proof, path=proof.path[:-1]), ENTRIES[7], key),
        (replace(proof, path=(*proof.path, HASH)), ENTRIES[7], key),
        (replace(proof, path=proof.path[::-1]), ENTRIES[7], key),
        (replace(proof, checkpoint=proof_of(7, 299).checkpoint), ENTRIES[7], key),
        (proof, ENTRIES[7], OTHER.key),
        (proof_of(7, 300, OTHER), ENTRIES[7], key),
    ]
    for each, entry, with_key in wrong:
        with pytest.raises(VerificationError):
            verify_proof(each, entry, with_key)
