import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.tlog.tile import (
    ENTRY_LIMIT,
    TilePath,
    format_bundle,
    parse_bundle,
    parse_tile,
    parse_tile_path,
    width_in,
)


@st.composite
def paths(draw: st.DrawFn) -> TilePath:
    level = draw(st.none() | st.integers(0, 7))
    most = (2**63 - 1) >> 8 * (level or 0)
    last = draw(st.integers(0, most - 1) | st.integers(0, min(most - 1, 10**6)))
    index = last // 256
    return TilePath(level, index, draw(st.integers(1, min(256, most - index * 256))))


@given(paths())
def test_what_is_written_is_read_back(path: TilePath) -> None:
    assert parse_tile_path(path.text()) == path


@given(st.text() | st.text(st.sampled_from("tile/entries/0123456789x.p")))
def test_any_text_is_a_path_or_malformed(text: str) -> None:
    with contextlib.suppress(Malformed):
        assert parse_tile_path(text).text() == text


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (TilePath(0, 0), "tile/0/000"),
        (TilePath(0, 999), "tile/0/999"),
        (TilePath(0, 1000), "tile/0/x001/000"),
        (TilePath(1, 1234067), "tile/1/x001/x234/067"),
        (TilePath(0, 273, 112), "tile/0/273.p/112"),
        (TilePath(1, 1, 17), "tile/1/001.p/17"),
        (TilePath(2, 0, 1), "tile/2/000.p/1"),
        (TilePath(None, 1234067, 255), "tile/entries/x001/x234/067.p/255"),
        (TilePath(None, 36028797018963967, 255), "tile/entries/x036/x028/x797/x018/x963/967.p/255"),
        (TilePath(7, 0, 127), "tile/7/000.p/127"),
    ],
)
def test_paths_are_spelt_as_specified(path: TilePath, text: str) -> None:
    assert path.text() == text
    assert parse_tile_path(text) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/tile/0/000",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/0/0000",
        "tile/00/000",
        "tile/-1/000",
        "tile/8/000",
        "tile/63/000",
        "tile/x/000",
        "tile/entry/000",
        "tile/0/000/",
        "tile/0/000\n",
        "tile/0/../0/000",
        "tile/0/x000/000",
        "tile/0/x000/x001/000",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/X001/000",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/999",
        "tile/0/000.p/1000",
        "tile/0/000.p/+1",
        "tile/0/00\u0660",
        "tile/\u0660/000",
        "tile/0/000.p/\uff11",
        "tile/0/x036/x028/x797/x018/x963/967",
        "tile/0/x036/x028/x797/x018/x963/968.p/1",
        "tile/0/x999/x999/x999/x999/x999/999",
        "tile/0/x001/x000/x000/x000/x000/x000/000",
        "tile/7/000.p/128",
        "tile/7/000",
        "tile/7/001.p/1",
        "tile/0/" + "x001/" * 10_000 + "000",
    ],
)
def test_only_one_spelling_of_a_path(text: str) -> None:
    with pytest.raises(Malformed):
        parse_tile_path(text)


@pytest.mark.parametrize(
    ("level", "index", "size", "width"),
    [
        (0, 0, 0, 0),
        (0, 0, 1, 1),
        (0, 0, 255, 255),
        (0, 0, 256, 256),
        (0, 0, 70_000, 256),
        (0, 272, 70_000, 256),
        (0, 273, 70_000, 112),
        (0, 274, 70_000, 0),
        (1, 0, 70_000, 256),
        (1, 1, 70_000, 17),
        (2, 0, 70_000, 1),
        (3, 0, 70_000, 0),
        (1, 0, 255, 0),
        (1, 0, 256, 1),
    ],
)
def test_how_wide_a_tile_is_in_a_tree(level: int, index: int, size: int, width: int) -> None:
    assert width_in(level, index, size) == width


def test_a_tile_is_exactly_as_long_as_its_hashes() -> None:
    raw = bytes(range(64))
    assert parse_tile(raw, 2) == (raw[:32], raw[32:])
    assert parse_tile(b"", 0) == ()
    assert len(parse_tile(bytes(8192), 256)) == 256
    for wrong in (b"", raw[:-1], raw[:32], raw + b"\0", raw + raw):
        with pytest.raises(Malformed, match="expected 2 hashes"):
            parse_tile(wrong, 2)


@given(st.lists(st.binary(max_size=300), max_size=256))
def test_a_bundle_is_read_back(entries: list[bytes]) -> None:
    assert parse_bundle(format_bundle(entries), len(entries)) == tuple(entries)


@given(st.binary(), st.integers(0, 256))
def test_any_bytes_are_a_bundle_or_malformed(raw: bytes, width: int) -> None:
    with contextlib.suppress(Malformed):
        assert format_bundle(parse_bundle(raw, width)) == raw


def test_lengths_are_big_endian() -> None:
    assert format_bundle([b"", b"a" * 258]) == b"\0\0\1\2" + b"a" * 258


def test_an_entry_takes_at_most_65535_bytes() -> None:
    longest = bytes(ENTRY_LIMIT)
    assert ENTRY_LIMIT == 65_535
    assert parse_bundle(format_bundle([longest, b"x"]), 2) == (longest, b"x")
    with pytest.raises(ValueError, match="65535"):
        format_bundle([b"x", longest + b"\0"])


@pytest.mark.parametrize(
    "raw",
    [b"", b"\0", b"\0\1", b"\0\1a", b"\0\1a\0", b"\0\1a\0\2b", b"\0\1a\0\1bc", b"\0\1a\0\0\0\0"],
)
def test_a_bundle_holds_exactly_its_entries(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse_bundle(raw, 2)
