import contextlib
import struct
import tracemalloc

import lz4.frame
import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed, VerificationError
from openward.weights import xet_xorb
from openward.weights.xet_hash import NOTHING, chunk_of, parse_xet_hash, xorb_hash
from openward.weights.xet_xorb import (
    FOOTER_MAGIC,
    MAX_CHUNK,
    MAX_CHUNKS,
    MAX_STORED_CHUNK,
    MAX_XORB,
    Scheme,
    parse_xorb,
    read_chunks,
    verify_xorb,
)

PROSE = b"an office, a wall, a lane, a book. " * 40
contents = st.lists(
    st.tuples(st.binary(min_size=1, max_size=300), st.sampled_from(Scheme)), min_size=1, max_size=8
)


def shown(value: bytes | bool) -> str:
    """A test's name, short even where its bytes are many."""
    return str(value) if isinstance(value, bool) else f"{len(value)}-{value[:12].hex()}"


def u24(number: int) -> bytes:
    return number.to_bytes(3, "little")


def framed(payload: bytes, scheme: int, length: int, version: int = 0) -> bytes:
    """A chunk as it is stored, with whatever header the test wants."""
    return bytes([version]) + u24(len(payload)) + bytes([scheme]) + u24(length) + payload


def stored(content: bytes, scheme: Scheme = Scheme.PLAIN) -> bytes:
    """A chunk as an honest writer stores it."""
    payload = content
    if scheme is Scheme.GROUPED_LZ4:
        payload = b"".join(content[position::4] for position in range(4))
    if scheme is not Scheme.PLAIN:
        payload = lz4.frame.compress(payload)
    return framed(payload, scheme, len(content))


def footer(stated: int | None = None, body: bytes = bytes(50)) -> bytes:
    front = FOOTER_MAGIC + b"\x01" + body
    return front + struct.pack("<I", len(front) if stated is None else stated)


SMALL = stored(PROSE, Scheme.LZ4) + stored(b"plain") + stored(PROSE[:101], Scheme.GROUPED_LZ4)
SMALL_HASH = xorb_hash(map(chunk_of, (PROSE, b"plain", PROSE[:101])))


def test_what_the_real_client_sends_is_what_it_is_called(
    sent_xorbs: dict[str, bytes], uploaded: dict[str, bytes]
) -> None:
    proven = [verify_xorb(raw, parse_xet_hash(name)) for name, raw in sent_xorbs.items()]
    assert len(proven) > 1
    assert {part.scheme for xorb in proven for part in xorb.stored} == set(Scheme)
    assert max(xorb.length for xorb in proven) > 60 * 1024 * 1024
    assert sum(xorb.length for xorb in proven) < sum(map(len, uploaded.values()))


def test_a_changed_byte_in_any_chunk_of_a_real_xorb_is_noticed(
    sent_xorbs: dict[str, bytes],
) -> None:
    name, raw = min(sent_xorbs.items(), key=lambda sent: len(sent[1]))
    for part in parse_xorb(raw)[::10]:
        changed = bytearray(raw)
        changed[part.offset + part.size // 2] ^= 1
        with pytest.raises((Malformed, VerificationError)):
            verify_xorb(bytes(changed), parse_xet_hash(name))


@given(contents)
def test_what_was_stored_is_read_back(pieces: list[tuple[bytes, Scheme]]) -> None:
    raw = b"".join(stored(content, scheme) for content, scheme in pieces)
    assert list(read_chunks(raw, parse_xorb(raw))) == [content for content, _ in pieces]
    xorb = verify_xorb(memoryview(raw), xorb_hash(chunk_of(content) for content, _ in pieces))
    assert xorb.chunks == tuple(chunk_of(content) for content, _ in pieces)
    assert xorb.length == sum(len(content) for content, _ in pieces)


def test_a_xorb_by_another_name_is_refused() -> None:
    assert verify_xorb(SMALL, SMALL_HASH).hash == SMALL_HASH
    with pytest.raises(VerificationError):
        verify_xorb(SMALL, chunk_of(PROSE).hash)
    with pytest.raises(VerificationError):
        verify_xorb(stored(b"plain") + stored(PROSE), xorb_hash(map(chunk_of, (PROSE, b"plain"))))


def test_a_xorb_cut_short_anywhere_is_refused() -> None:
    for end in range(len(SMALL)):
        with pytest.raises((Malformed, VerificationError)):
            verify_xorb(SMALL[:end], SMALL_HASH)


@given(st.binary(max_size=200), st.integers(0, len(SMALL)), st.integers(0, len(SMALL)))
def test_any_bytes_are_malformed_and_nothing_worse(noise: bytes, start: int, end: int) -> None:
    for raw in (noise, SMALL[:start] + noise + SMALL[end:]):
        with contextlib.suppress(Malformed):
            list(read_chunks(raw, parse_xorb(raw)))


@given(
    st.integers(0, 2),
    st.one_of(
        st.binary(max_size=64),
        st.binary(max_size=64).map(lz4.frame.compress),
        st.binary(max_size=64).map(lambda tail: b"\x04\x22\x4d\x18" + tail),
    ),
    st.integers(0, 70),
)
def test_any_payload_is_malformed_and_nothing_worse(
    scheme: int, payload: bytes, length: int
) -> None:
    raw = framed(payload, scheme, length)
    with contextlib.suppress(Malformed):
        (content,) = read_chunks(raw, parse_xorb(raw))
        assert len(content) == length


def test_nothing_is_no_xorb() -> None:
    with pytest.raises(Malformed):
        verify_xorb(b"", NOTHING)
    with pytest.raises(Malformed):
        verify_xorb(footer(), NOTHING)


@pytest.mark.parametrize(
    ("raw", "readable"),
    [
        (framed(b"a", 0, 1), True),
        (framed(b"", 0, 0), False),
        (framed(b"a", 0, 1, version=1), False),
        (framed(b"a", 3, 1), False),
        (framed(b"a", 99, 1), False),
        (framed(b"a", 0, MAX_CHUNK), True),  # the header is read; the content is not yet
        (framed(b"a", 0, MAX_CHUNK + 1), False),
        (framed(bytes(MAX_STORED_CHUNK), 1, 1), True),
        (framed(bytes(MAX_STORED_CHUNK + 1), 1, 1), False),
        (framed(b"ab", 0, 2)[:-1], False),
        (stored(b"a") * MAX_CHUNKS, True),
        (stored(b"a") * (MAX_CHUNKS + 1), False),
        (framed(b"", 0, MAX_CHUNK) * 512, True),  # 64 MiB, as stated
        (framed(b"", 0, MAX_CHUNK) * 512 + stored(b"a"), False),
    ],
    ids=shown,
)
def test_the_limits_of_a_header(raw: bytes, readable: bool) -> None:
    with contextlib.nullcontext() if readable else pytest.raises(Malformed):
        assert parse_xorb(raw)


def test_the_limits_are_those_of_the_format() -> None:
    assert (MAX_CHUNK, MAX_CHUNKS, xet_xorb.MAX_CONTENT) == (131_072, 8_192, 67_108_864)
    assert MAX_STORED_CHUNK == 262_144
    # A full xorb of chunks that do not compress is larger than its content; it must still fit.
    assert 67_108_864 + 8 * 8_192 + 44 + 40 * 8_192 <= MAX_XORB < 66 * 1024 * 1024


def test_a_body_over_the_limit_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xet_xorb, "MAX_XORB", len(SMALL))
    assert parse_xorb(SMALL)
    monkeypatch.setattr(xet_xorb, "MAX_XORB", len(SMALL) - 1)
    with pytest.raises(Malformed, match="at most"):
        parse_xorb(SMALL)


@pytest.mark.parametrize("scheme", Scheme)
@pytest.mark.parametrize("difference", [-1, 1])
def test_a_length_that_lies_is_refused(scheme: Scheme, difference: int) -> None:
    raw = bytearray(stored(PROSE, scheme))
    raw[5:8] = u24(len(PROSE) + difference)
    with pytest.raises(Malformed):
        list(read_chunks(bytes(raw), parse_xorb(bytes(raw))))


def test_a_chunk_that_would_expand_without_end_is_stopped_at_its_stated_length() -> None:
    bomb = lz4.frame.compress(bytes(50_000_000), store_size=False)
    assert len(bomb) < MAX_STORED_CHUNK
    raw = framed(bomb, 1, MAX_CHUNK)
    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            list(read_chunks(raw, parse_xorb(raw)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


def test_a_frame_that_announces_a_vast_content_allocates_none_of_it() -> None:
    frame = bytearray(lz4.frame.compress(bytes(50_000_000), store_size=True))
    raw = framed(bytes(frame), 1, MAX_CHUNK)
    tracemalloc.start()
    try:
        with pytest.raises(Malformed):
            list(read_chunks(raw, parse_xorb(raw)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_000_000


@pytest.mark.parametrize(
    "payload",
    [
        lz4.frame.compress(PROSE) + b"\x00",
        lz4.frame.compress(PROSE) + lz4.frame.compress(b"more"),
        lz4.frame.compress(b"more") + lz4.frame.compress(PROSE),
        lz4.frame.compress(PROSE)[:-1],
        lz4.frame.compress(PROSE)[:-4],
        lz4.frame.compress(PROSE + b"!"),
        PROSE,
        b"",
    ],
)
def test_a_compressed_chunk_is_exactly_one_frame(payload: bytes) -> None:
    raw = framed(payload, Scheme.LZ4, len(PROSE))
    with pytest.raises(Malformed):
        list(read_chunks(raw, parse_xorb(raw)))


@pytest.mark.parametrize(
    ("tail", "readable"),
    [
        (footer(), True),
        (footer(body=bytes(32)), True),
        (footer(body=bytes(31)), False),
        (footer(stated=57), False),
        (footer() + b"\x00", False),
        (footer(body=bytes(xet_xorb._FOOTER_MOST - 12)), True),
        (footer(body=bytes(xet_xorb._FOOTER_MOST - 11)), False),
        (FOOTER_MAGIC, False),
        (footer() + stored(b"hidden"), False),
    ],
    ids=shown,
)
def test_a_footer_is_framed_and_not_believed(tail: bytes, readable: bool) -> None:
    with contextlib.nullcontext() if readable else pytest.raises(Malformed):
        assert verify_xorb(SMALL + tail, SMALL_HASH).hash == SMALL_HASH
