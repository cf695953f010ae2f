"""Tiles of the log, as specified by https://c2sp.org/tlog-tiles.

    tile/<L>/<N>[.p/<W>]        hash tile: up to 256 hashes of 32 bytes, 8 * L levels up
    tile/entries/<N>[.p/<W>]    entry bundle: up to 256 entries, each after its length (uint16)

    N = 1234067 is written x001/x234/067; .p/<W> is there only where fewer than 256 are

A path is read in the one spelling it is written in, and only where the tree it belongs to can
have no more than 2^63 - 1 entries.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from openward.errors import Malformed
from openward.tlog.merkle import HASH_SIZE

TILE_WIDTH = 256
TILE_HEIGHT = 8  # levels of the tree in one tile
MOST_LEVELS = 8  # of tiles: 2^63 - 1 entries
ENTRY_LIMIT = 0xFFFF  # bytes; the length is a uint16
LARGEST_SIZE = 2**63 - 1
_PATH = re.compile(
    r"tile/(?P<kind>entries|[0-7])/(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?",
    re.ASCII,
)


@dataclass(frozen=True, slots=True)
class TilePath:
    """Which tile: `level` None names an entry bundle, which stands beside the tile of level 0."""

    level: int | None
    index: int
    width: int = TILE_WIDTH

    def text(self) -> str:
        kind = "entries" if self.level is None else str(self.level)
        partial = "" if self.width == TILE_WIDTH else f".p/{self.width}"
        return f"tile/{kind}/{_format_index(self.index)}{partial}"


def _format_index(index: int) -> str:
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    return "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])


def parse_tile_path(text: str) -> TilePath:
    """Read the path of a hash tile or entry bundle. Raises Malformed."""
    if not (match := _PATH.fullmatch(text)):
        raise Malformed(f"tile: {text[:80]!r} is not the path of one")
    kind, index, width = match["kind"], match["index"], match["width"]
    path = TilePath(
        None if kind == "entries" else int(kind),
        int(index.replace("/", "").replace("x", "")),
        TILE_WIDTH if width is None else int(width),
    )
    if path.width > TILE_WIDTH or path.text() != text:  # .p/256, or x000/ before the index
        raise Malformed(f"tile: {text!r} is not how its path is spelt")
    hashes = path.index * TILE_WIDTH + path.width
    if hashes > LARGEST_SIZE >> TILE_HEIGHT * (path.level or 0):
        raise Malformed(f"tile: {text!r} lies beyond the largest tree")
    return path


def paths_of(size: int) -> Iterator[TilePath]:
    """Every bundle and hash tile that a tree of `size` entries consists of, bundles first."""
    for level in (None, *range(MOST_LEVELS)):
        full, width = divmod(size >> TILE_HEIGHT * (level or 0), TILE_WIDTH)
        yield from (TilePath(level, index) for index in range(full))
        if width:
            yield TilePath(level, full, width)


def width_in(level: int, index: int, size: int) -> int:
    """How many hashes the tile has in a tree of `size`: 0 to 256; at level 0 also of entries."""
    return max(0, min(TILE_WIDTH, (size >> TILE_HEIGHT * level) - index * TILE_WIDTH))


def parse_tile(raw: bytes, width: int) -> tuple[bytes, ...]:
    """Read a hash tile of exactly `width` hashes. Raises Malformed."""
    if len(raw) != width * HASH_SIZE:
        raise Malformed(f"tile: {len(raw)} bytes, expected {width} hashes")
    return tuple(raw[at : at + HASH_SIZE] for at in range(0, len(raw), HASH_SIZE))


def format_bundle(entries: Sequence[bytes]) -> bytes:
    """An entry bundle. ValueError for an entry of more than 65,535 bytes."""
    if any(len(entry) > ENTRY_LIMIT for entry in entries):
        raise ValueError(f"an entry takes at most {ENTRY_LIMIT} bytes")
    return b"".join(len(entry).to_bytes(2, "big") + entry for entry in entries)


def parse_bundle(raw: bytes, width: int) -> tuple[bytes, ...]:
    """Read an entry bundle of exactly `width` entries. Raises Malformed."""
    entries, at = [], 0
    for _ in range(width):
        start = at + 2
        at = start + int.from_bytes(raw[at:start], "big")
        if at > len(raw):
            raise Malformed(f"bundle: cut short, expected {width} entries")
        entries.append(raw[start:at])
    if at != len(raw):
        raise Malformed(f"bundle: {len(raw) - at} bytes after {width} entries")
    return tuple(entries)
