"""Pictures walked from the first byte to the last, without decoding a pixel.

    PNG    signature, chunks [length u32][type 4][bytes][CRC u32] from IHDR to IEND    W3C PNG 3
    JPEG   FFD8, segments [FF marker][length u16]..., scans, FFD9                      ITU-T T.81
    GIF    "GIF87a" | "GIF89a", screen, blocks of sub-blocks, 3B                       GIF89a
    WebP   "RIFF" [length u32] "WEBP", chunks [type 4][length u32][bytes][pad]         RFC 9649

Upheld: a picture ends where its own structure says it ends; anything appended, cut off or left
over makes it no picture. Reading never goes back, so the time is linear in the size.
"""

import re
import zlib
from collections.abc import Callable
from enum import Enum

from openward.errors import Malformed


class Picture(Enum):
    """The kinds of picture recognised."""

    PNG = "PNG"
    JPEG = "JPEG"
    GIF = "GIF"
    WEBP = "WebP"


MAGICS = (
    (Picture.PNG, b"\x89PNG\r\n\x1a\n"),
    (Picture.JPEG, b"\xff\xd8\xff"),
    (Picture.GIF, b"GIF87a"),
    (Picture.GIF, b"GIF89a"),
    (Picture.WEBP, b"RIFF"),
)
_JPEG_SCAN_END = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)
_SOS, _EOI = 0xDA, 0xD9


def parse_picture(raw: bytes) -> Picture:
    """Which kind of picture `raw` is, all of it. Raises Malformed."""
    for picture, magic in MAGICS:
        if raw.startswith(magic):
            _WALKS[picture](raw)
            return picture
    raise Malformed("picture: no known beginning")


def _walk_png(raw: bytes) -> None:
    offset, kinds = 8, list[bytes]()
    while offset < len(raw):
        length = int.from_bytes(raw[offset : offset + 4], "big")
        end = offset + 12 + length
        # A chunk cut short lacks its checksum too.
        if zlib.crc32(raw[offset + 4 : end - 4]) != int.from_bytes(raw[end - 4 : end], "big"):
            raise Malformed(f"PNG: chunk at byte {offset} has another checksum")
        kinds.append(raw[offset + 4 : offset + 8])
        offset = end
    if kinds[:1] != [b"IHDR"] or not {b"IDAT", b"IEND"} <= set(kinds):
        raise Malformed("PNG: no header, no pixels or no end")
    if kinds.index(b"IEND") != len(kinds) - 1:
        raise Malformed("PNG: goes on after its end")


def _walk_jpeg(raw: bytes) -> None:
    offset, scans = 2, 0
    while True:
        marker = raw[offset : offset + 2]
        if len(marker) < 2 or marker[0] != 0xFF:
            raise Malformed(f"JPEG: no marker at byte {offset}")
        if marker[1] == _EOI:
            break
        length = int.from_bytes(raw[offset + 2 : offset + 4], "big")
        if length < 2:
            raise Malformed(f"JPEG: segment at byte {offset} has no length")
        offset += 2 + length
        if marker[1] == _SOS:
            scans += 1
            found = _JPEG_SCAN_END.search(raw, offset)
            if not found:
                raise Malformed("JPEG: the scan does not end")
            offset = found.start()
    if offset + 2 != len(raw) or not scans:
        raise Malformed("JPEG: bytes after its end, or no scan")


def _walk_gif(raw: bytes) -> None:
    offset, frames = 13 + _colour_table(raw, 10), 0
    while (kind := raw[offset : offset + 1]) != b"\x3b":
        if kind == b"\x2c":
            frames += 1
            # Descriptor of 10 bytes, perhaps a colour table, then the LZW code size.
            offset += 10 + _colour_table(raw, offset + 9) + 1
        elif kind == b"\x21":
            offset += 2
        else:
            raise Malformed(f"GIF: no block at byte {offset}")
        while size := int.from_bytes(raw[offset : offset + 1], "big"):
            offset += 1 + size
        offset += 1
    if offset + 1 != len(raw) or not frames:
        raise Malformed("GIF: bytes after its end, or no frame")


def _colour_table(raw: bytes, flags_at: int) -> int:
    """Bytes of the colour table announced by the flags there."""
    flags = int.from_bytes(raw[flags_at : flags_at + 1], "big")
    return 3 << ((flags & 7) + 1) if flags & 0x80 else 0


def _walk_webp(raw: bytes) -> None:
    if raw[8:12] != b"WEBP" or int.from_bytes(raw[4:8], "little") != len(raw) - 8:
        raise Malformed("WebP: its length is not that of the file")
    offset, kinds = 12, list[bytes]()
    while offset < len(raw):
        kinds.append(raw[offset : offset + 4])
        length = int.from_bytes(raw[offset + 4 : offset + 8], "little")
        offset += 8 + length + length % 2
    if offset != len(raw) or not {b"VP8 ", b"VP8L", b"ANMF"} & set(kinds):
        raise Malformed("WebP: cut short, or no picture in it")


_WALKS: dict[Picture, Callable[[bytes], None]] = {
    Picture.PNG: _walk_png,
    Picture.JPEG: _walk_jpeg,
    Picture.GIF: _walk_gif,
    Picture.WEBP: _walk_webp,
}
