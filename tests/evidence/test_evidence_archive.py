import contextlib
import struct
import tracemalloc
import zipfile
import zlib
from io import BytesIO
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.evidence import archive as archive_module
from openward.evidence.archive import Archive, parse_archive
from tests.evidence.built_logs import DEFLATED, METHODS, STORED, ZSTANDARD, Part, archive, pack

CONTENT = b"what the harness wrote " * 20
LIMIT = 1 << 20


def parsed(raw: bytes) -> Archive:
    return parse_archive(BytesIO(raw), len(raw))


@given(
    st.dictionaries(
        st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
        st.tuples(st.binary(max_size=200), st.sampled_from(METHODS)),
        max_size=6,
    ),
    st.booleans(),
)
def test_what_is_packed_is_read_back(members: dict[str, tuple[bytes, int]], zip64: bool) -> None:
    parts = [Part(name, content, method) for name, (content, method) in members.items()]
    found = parsed(archive(parts, zip64=zip64))
    assert list(found.members) == list(members)
    for name, (content, _) in members.items():
        assert found.read(name, LIMIT) == content


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_archives_of_the_standard_library_are_read(method: int) -> None:
    raw = BytesIO()
    with zipfile.ZipFile(raw, "w", method) as written:
        written.writestr("a", CONTENT)
        with written.open("b", "w", force_zip64=True) as streamed:
            streamed.write(CONTENT[::-1])
    found = parsed(raw.getvalue())
    assert found.read("a", LIMIT) == CONTENT
    assert found.read("b", LIMIT) == CONTENT[::-1]


def test_an_archive_without_members_is_read() -> None:
    assert not parsed(archive([])).members


@pytest.mark.parametrize(
    ("end", "complaint"),
    [
        ({"comment": b"x"}, "end with its directory"),
        ({"mark": b"PK\5\7"}, "end with its directory"),
        ({"disk": 1}, "not where"),
        ({"first": 1}, "not where"),
        ({"here": 0}, "not where"),
        ({"offset": 3}, "not where"),
        ({"length": 3}, "not where"),
        ({"count": 0}, "longer than its members"),
        ({"count": 2}, "cut short"),
    ],
)
@pytest.mark.parametrize("zip64", [False, True])
def test_an_end_record_that_misleads_is_refused(
    end: dict[str, Any], complaint: str, zip64: bool
) -> None:
    with pytest.raises(Malformed, match=f"{complaint}|no zip64"):
        parsed(archive([Part("a", CONTENT)], zip64=zip64, **end))


@pytest.mark.parametrize(
    "end", [{"mark64": b"PK\6\5"}, {"locator": b"PK\6\6"}, {"at": 0}, {"disks": 2}]
)
def test_a_zip64_record_that_misleads_is_refused(end: dict[str, Any]) -> None:
    with pytest.raises(Malformed, match="no zip64 directory"):
        parsed(archive([Part("a", CONTENT)], zip64=True, **end))


def test_a_comment_cannot_hide_a_second_end() -> None:
    inner = archive([Part("a", CONTENT)])
    with pytest.raises(Malformed):
        parsed(archive([Part("a", CONTENT[::-1])], comment=inner[-22:]))


def test_bytes_before_the_archive_are_refused() -> None:
    with pytest.raises(Malformed, match="not where"):
        parsed(b"#!/bin/sh\n" + archive([Part("a", CONTENT)]))


def test_a_name_given_twice_is_refused() -> None:
    with pytest.raises(Malformed, match='"a" is given twice'):
        parsed(archive([Part("a", CONTENT), Part("a", CONTENT)]))


@pytest.mark.parametrize("flags", [1, 1 << 6, 1 << 13])
def test_encryption_is_refused(flags: int) -> None:
    with pytest.raises(Malformed, match="encrypted"):
        parsed(archive([Part("a", CONTENT, flags=flags)]))


def test_a_streamed_member_and_a_name_in_utf8_are_read() -> None:
    raw = archive([Part("ä", CONTENT, flags=1 << 3 | 1 << 11)])
    assert parsed(raw).read("ä", LIMIT) == CONTENT


@pytest.mark.parametrize("method", [9, 12, 14, 95])
def test_other_methods_are_refused(method: int) -> None:
    with pytest.raises(Malformed, match=f"method {method}"):
        parsed(archive([Part("a", CONTENT, method, packed=CONTENT)]))


def test_a_name_that_is_long_or_no_text_is_refused() -> None:
    assert "n" * 1024 in parsed(archive([Part("n" * 1024, b"")])).members
    with pytest.raises(Malformed, match="entry is broken"):
        parsed(archive([Part("n" * 1025, b"")]))
    raw = archive([Part("nnn", b"")]).replace(b"nnn", b"n\xffn")
    with pytest.raises(Malformed, match="not UTF-8"):
        parsed(raw)


def test_an_entry_without_its_mark_is_refused() -> None:
    with pytest.raises(Malformed, match="entry is broken"):
        parsed(archive([Part("a", b"", entry_mark=b"PK\1\3")]))


def test_an_entry_that_runs_past_the_directory_is_refused() -> None:
    raw = bytearray(archive([Part("a", b"")]))
    entry = raw.index(b"PK\1\2")
    raw[entry + 28 : entry + 30] = struct.pack("<H", 2)
    with pytest.raises(Malformed, match="entry is broken"):
        parsed(bytes(raw))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("change", [{"crc": 1}, {"size": 3}, {"size": len(CONTENT) + 1}])
def test_content_that_is_not_as_stated_is_refused(method: int, change: dict[str, Any]) -> None:
    found = parsed(archive([Part("a", CONTENT, method, **change)]))
    with pytest.raises(Malformed, match="not what its size and CRC say"):
        found.read("a", LIMIT)


@pytest.mark.parametrize(
    "change", [{"local_name": "b"}, {"local_method": 0}, {"local_mark": b"PK\3\5"}, {"offset": 1}]
)
def test_a_local_header_that_says_otherwise_is_refused(change: dict[str, Any]) -> None:
    found = parsed(archive([Part("a", CONTENT, **change)]))
    with pytest.raises(Malformed, match="not where the directory says"):
        found.read("a", LIMIT)


def test_a_member_may_not_lie_beyond_the_directory() -> None:
    with pytest.raises(Malformed, match="beyond the directory"):
        parsed(archive([Part("a", CONTENT, stated_packed=2**31)]))
    with pytest.raises(Malformed, match="beyond the directory"):
        parsed(archive([Part("a", CONTENT, offset=2**62)], zip64=True))
    start = archive([Part("a", CONTENT, STORED)]).index(CONTENT)
    assert parsed(archive([Part("a", CONTENT, STORED, offset=start)])).members
    with pytest.raises(Malformed, match="beyond the directory"):
        parsed(archive([Part("a", CONTENT, STORED, offset=start + 1)]))


@pytest.mark.parametrize("packed", [b"", b"\xff" * 40, pack(CONTENT, DEFLATED)[:-9]])
@pytest.mark.parametrize("method", [DEFLATED, ZSTANDARD])
def test_what_does_not_inflate_is_refused(method: int, packed: bytes) -> None:
    found = parsed(archive([Part("a", CONTENT, method, packed=packed)]))
    with pytest.raises(Malformed, match=r"does not inflate|not what its size"):
        found.read("a", LIMIT)


def test_a_member_is_read_up_to_the_limit_and_not_beyond() -> None:
    found = parsed(archive([Part("a", b"x" * 100)]))
    assert found.read("a", 100) == b"x" * 100
    with pytest.raises(Malformed, match="at most 99"):
        found.read("a", 99)


def test_packed_bytes_count_against_the_limit_as_well() -> None:
    found = parsed(archive([Part("a", b"", DEFLATED, packed=b"x" * 101)]))
    with pytest.raises(Malformed, match="at most 100"):
        found.read("a", 100)


@pytest.mark.parametrize("zip64", [False, True])
def test_a_stated_size_of_gigabytes_is_refused_before_anything_is_inflated(zip64: bool) -> None:
    with pytest.raises(Malformed, match="inflates to 2147483648 bytes"):
        parsed(archive([Part("a", CONTENT, size=2**31)], zip64=zip64))


def test_all_members_together_stay_below_the_limit() -> None:
    half = archive_module.INFLATED_LIMIT // 2
    parts = [Part("a", b"", size=half), Part("b", b"", size=half)]
    assert len(parsed(archive(parts)).members) == 2
    with pytest.raises(Malformed, match="inflates to"):
        parsed(archive([*parts, Part("c", b"", size=1)]))


@pytest.mark.parametrize("method", [DEFLATED, ZSTANDARD])
def test_a_bomb_goes_off_small(method: int) -> None:
    bomb = pack(bytes(256 << 20), method)
    found = parsed(archive([Part("a", b"tiny", method, packed=bomb)]))
    tracemalloc.start()
    with pytest.raises(Malformed):
        found.read("a", LIMIT)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20


def test_a_window_of_gigabytes_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=27)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packer.compress(b"tiny") + packer.flush()
    found = parsed(archive([Part("a", b"tiny", ZSTANDARD, packed=packed)]))
    with pytest.raises(Malformed, match="does not inflate"):
        found.read("a", LIMIT)


def test_members_are_counted_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive_module, "MEMBER_LIMIT", 2)
    parts = [Part(name, b"") for name in "abc"]
    assert len(parsed(archive(parts[:2])).members) == 2
    with pytest.raises(Malformed, match="3 members"):
        parsed(archive(parts))


def test_a_directory_is_bounded_before_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    raw = archive([Part("a", b"")])
    monkeypatch.setattr(archive_module, "DIRECTORY_LIMIT", 47)
    assert parsed(raw).members
    monkeypatch.setattr(archive_module, "DIRECTORY_LIMIT", 46)
    with pytest.raises(Malformed, match="1 members"):
        parsed(raw)


def test_a_zip64_size_is_found_among_other_extra_fields() -> None:
    other = struct.pack("<2H", 0x5455, 5) + bytes(5)
    raw = archive([Part("a", CONTENT, extra=other)], zip64=True)
    assert parsed(raw).read("a", LIMIT) == CONTENT


def test_a_zip64_size_that_is_promised_and_missing_is_refused() -> None:
    raw = archive([Part("a", CONTENT, size=0xFFFFFFFF)])
    with pytest.raises(Malformed, match="zip64 size is missing"):
        parsed(raw)
    for extra in (b"\1\0", struct.pack("<2H", 1, 8), struct.pack("<2HL", 1, 4, 9)):
        with pytest.raises(Malformed, match="zip64 size is missing"):
            parsed(archive([Part("a", CONTENT, size=0xFFFFFFFF, extra=extra)]))


def test_only_what_did_not_fit_stands_in_the_zip64_field() -> None:
    wide = struct.pack("<2HQ", 1, 8, len(CONTENT))
    found = parsed(archive([Part("a", CONTENT, size=0xFFFFFFFF, extra=wide)]))
    assert found.read("a", LIMIT) == CONTENT


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("zip64", [False, True])
def test_every_truncation_is_refused(method: int, zip64: bool) -> None:
    raw = archive([Part("a", b"some content", method)], zip64=zip64)
    for length in range(len(raw)):
        with pytest.raises(Malformed):
            parsed(raw[:length])


def test_a_size_that_is_not_that_of_the_bytes_is_refused() -> None:
    raw = archive([Part("a", CONTENT)])
    with pytest.raises(Malformed, match="cut short"):
        parse_archive(BytesIO(raw), len(raw) + 1)


@given(st.data())
def test_a_broken_archive_is_malformed_and_nothing_worse(data: st.DataObject) -> None:
    zip64 = data.draw(st.booleans())
    parts = [Part(f"m{method}", CONTENT, method) for method in METHODS]
    raw = bytearray(archive(parts, zip64=zip64))
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(0, len(raw) - 1))] = data.draw(st.integers(0, 255))
    with contextlib.suppress(Malformed):
        found = parsed(bytes(raw))
        for name, member in found.members.items():
            content = found.read(name, LIMIT)
            assert zlib.crc32(content) == member.crc


@given(st.binary(max_size=300))
def test_random_bytes_are_malformed_and_nothing_worse(raw: bytes) -> None:
    with contextlib.suppress(Malformed):
        parsed(b"PK\3\4" + raw + archive([])[-22:])
