import contextlib
import importlib.util
import struct
import zlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.weights.images import Picture, parse_picture


def png_chunk(kind: bytes, content: bytes = b"") -> bytes:
    crc = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + crc


SIGNATURE = b"\x89PNG\r\n\x1a\n"
IHDR = png_chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
IDAT = png_chunk(b"IDAT", zlib.compress(b"\x00\x7f"))
IEND = png_chunk(b"IEND")
PNG = SIGNATURE + IHDR + IDAT + IEND


def jpeg_segment(marker: int, content: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(content) + 2) + content


SCAN = jpeg_segment(0xDA, b"\x01\x01\x00\x00?\x00") + b"\x12\xff\x00\x34\xff\xd3\x56\xff"
JPEG_HEAD = b"\xff\xd8" + jpeg_segment(0xE0, b"JFIF\x00" + bytes(9))
JPEG = JPEG_HEAD + SCAN + b"\xff\xd9"

GIF_FRAME = b"\x2c" + bytes(4) + b"\x01\x00\x01\x00\x00" + b"\x02\x02\x44\x01\x00"
GIF_SCREEN = b"GIF89a\x01\x00\x01\x00\x80\x00\x00" + b"\xff\xff\xff\x00\x00\x00"
GIF = GIF_SCREEN + b"\x21\xf9\x04\x01\x00\x00\x00\x00" + GIF_FRAME + b"\x3b"
GIF_LOCAL = b"GIF87a\x01\x00\x01\x00\x00\x00\x00" + (
    b"\x2c" + bytes(4) + b"\x01\x00\x01\x00\x81" + bytes(12) + b"\x02\x01\x44\x00" + b"\x3b"
)


def webp(*chunks: tuple[bytes, bytes]) -> bytes:
    body = b"".join(
        kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)
        for kind, content in chunks
    )
    return b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body


WEBP = webp((b"VP8X", bytes(10)), (b"VP8L", b"abc"), (b"EXIF", b"abcd"))
WHOLE = [
    (PNG, Picture.PNG),
    (JPEG, Picture.JPEG),
    (JPEG_HEAD + SCAN[:-1] + SCAN + b"\xff\xd9", Picture.JPEG),  # two scans, as in progressive
    (JPEG_HEAD + jpeg_segment(0xFE, b"") + SCAN + b"\xff\xd9", Picture.JPEG),
    (GIF, Picture.GIF),
    (GIF_LOCAL, Picture.GIF),
    (WEBP, Picture.WEBP),
    (webp((b"VP8 ", b"ab")), Picture.WEBP),
    (webp((b"VP8X", bytes(10)), (b"ANMF", bytes(16))), Picture.WEBP),
]


@pytest.mark.parametrize(("raw", "picture"), WHOLE)
def test_a_whole_picture_is_known(raw: bytes, picture: Picture) -> None:
    assert parse_picture(raw) is picture


def test_real_pictures_are_known() -> None:
    spec = importlib.util.find_spec("playwright")
    if spec is None or spec.origin is None:
        pytest.skip("playwright is not installed; its pictures are real ones")
    pictures = list(Path(spec.origin).parent.rglob("*.png"))
    assert pictures
    assert {parse_picture(path.read_bytes()) for path in pictures} == {Picture.PNG}


@pytest.mark.parametrize(("raw", "picture"), WHOLE)
def test_a_picture_cut_short_anywhere_is_none(raw: bytes, picture: Picture) -> None:
    for end in range(len(raw)):
        with pytest.raises(Malformed):
            parse_picture(raw[:end])


@given(st.sampled_from([raw for raw, _ in WHOLE]), st.binary(min_size=1, max_size=40))
def test_a_picture_with_something_after_it_is_none(raw: bytes, tail: bytes) -> None:
    with pytest.raises(Malformed):
        parse_picture(raw + tail)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"no picture",
        SIGNATURE + IHDR + IEND,
        SIGNATURE + IDAT + IEND,
        SIGNATURE + IDAT + IHDR + IEND,
        SIGNATURE + IHDR + IDAT,
        PNG + IEND,
        PNG + IDAT,
        SIGNATURE + IHDR + IDAT[:-1] + b"\x00" + IEND,
        JPEG_HEAD + b"\xff\xd9",
        JPEG_HEAD + b"\x00" + SCAN + b"\xff\xd9",
        JPEG_HEAD + b"\x00\xe1\x00\x04ab" + SCAN + b"\xff\xd9",
        JPEG_HEAD + b"\xff\xe1\x00\x01" + SCAN + b"\xff\xd9",
        JPEG_HEAD + b"\xff\xe1\x00\x00\xff\xe1\x00\x00" + SCAN + b"\xff\xd9",
        JPEG_HEAD + b"\xff\xda\x00\x00\x12\xff\xd9",
        JPEG_HEAD + b"\xff\xda\x00\x01\x12\xff\xd9",
        GIF_SCREEN + b"\x3b",
        GIF_SCREEN + b"\x00" + GIF_FRAME + b"\x3b",
        webp((b"VP8X", bytes(10))),
        webp((b"VP8L", b"abc"))[:8] + b"WAVE" + webp((b"VP8L", b"abc"))[12:],
        b"RIFF" + struct.pack("<I", 15) + b"WEBP" + b"VP8L" + struct.pack("<I", 4) + b"abc",
    ],
)
def test_what_lacks_a_part_is_no_picture(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse_picture(raw)


@given(
    st.sampled_from([raw for raw, _ in WHOLE]),
    st.binary(max_size=60),
    st.integers(0, 120),
    st.integers(0, 120),
)
def test_any_bytes_are_malformed_and_nothing_worse(
    raw: bytes, noise: bytes, start: int, end: int
) -> None:
    for bent in (raw[:8] + noise, raw[:start] + noise + raw[end:]):
        with contextlib.suppress(Malformed):
            parse_picture(bent)
