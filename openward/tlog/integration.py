"""New entries and the right edge of the tree become tiles to write and the next root.

    level 2   [h]                      the edge: of every level the hashes of its last tile,
    level 1   [h h h .]                and the entries of the last bundle; a tile that fills up
    level 0   [h h h h h h h .]        is written, hashed, and joins the level above
    entries   [e e e e e e e .]

Upheld: the bytes under a path are a function of the entries alone, so a late or repeated write
can never replace a tile by another; nothing is read but the edge, whatever the size of the log.

`TileStorage` and `CheckpointLock` are the ports: what they promise is said there, and every
implementation is held to it by one suite.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import ne
from typing import Protocol

from openward.errors import Unavailable, VerificationError
from openward.tlog.merkle import EMPTY_ROOT, HashReader, fold, leaf_hash
from openward.tlog.tile import (
    TILE_HEIGHT,
    TILE_WIDTH,
    TilePath,
    format_bundle,
    parse_bundle,
    parse_tile,
    width_in,
)


class TileStorage(Protocol):
    """Keeps tiles by path.

    `write` returns once every tile is durable; where it raises Unavailable, any of them may have
    been kept and none is half written, to any reader. Writing the same bytes again is harmless.
    Raises Conflict, and leaves what is there, where other bytes stand under a path.

    `read` gives what was written, for as long as the log exists, or None where nothing was. Raises
    Unavailable.
    """

    def write(self, tiles: Mapping[str, bytes]) -> None: ...

    def read(self, path: str) -> bytes | None: ...


class CheckpointLock(Protocol):
    """Keeps the last signed checkpoint of each origin, apart from the tiles.

    `replace` puts `new` in the place of exactly `old` (None: where there is none), or raises
    Conflict and changes nothing; of two callers at once, also in two processes, one wins. It
    returns once `new` is durable. Where it raises Unavailable, `new` may or may not have been
    kept: ask `latest`, which gives the last one kept, or None. `latest` raises Unavailable.
    """

    def latest(self, origin: str) -> bytes | None: ...

    def replace(self, origin: str, old: bytes | None, new: bytes) -> None: ...


@dataclass(frozen=True, slots=True)
class Edge:
    """What the tree needs to grow: `size` entries, of which only the right edge is held.

    `hashes[level]` are those of the last, partial tile of that level (0 to 255); `entries` those
    of the last bundle, as many as `hashes[0]`.
    """

    size: int = 0
    hashes: tuple[tuple[bytes, ...], ...] = ()
    entries: tuple[bytes, ...] = ()

    @property
    def root(self) -> bytes:
        """The root over all entries (RFC 6962 section 2.1)."""
        right: tuple[bytes, ...] = ()
        for level in self.hashes:
            if together := (*level, *right):
                right = (fold(together),)
        return right[0] if right else EMPTY_ROOT


@dataclass(frozen=True, slots=True)
class Integrated:
    """`tiles` by path, to be written before a checkpoint of `size` and `root` is published.

    `edge` is where the next entries go.
    """

    tiles: Mapping[str, bytes]
    size: int
    root: bytes
    edge: Edge


def integrate(edge: Edge, new_entries: Sequence[bytes]) -> Integrated:
    """Append entries. Pure; the work is that of the new entries and of one tile a level.

    ValueError for an entry of more than 65,535 bytes.
    """
    if not new_entries:
        return Integrated({}, edge.size, edge.root, edge)
    entries = (*edge.entries, *new_entries)
    tiles = {path.text(): format_bundle(part) for path, part in _split(None, edge.size, entries)}
    hashes: list[tuple[bytes, ...]] = []
    added = [leaf_hash(entry) for entry in new_entries]
    while added:
        level = len(hashes)
        row = (*(edge.hashes[level] if level < len(edge.hashes) else ()), *added)
        added = []
        for path, part in _split(level, edge.size >> TILE_HEIGHT * level, row):
            tiles[path.text()] = b"".join(part)
            if path.width == TILE_WIDTH:
                added.append(fold(part))
        hashes.append(_last_partial(row))
    size = edge.size + len(new_entries)
    grown = Edge(size, (*hashes, *edge.hashes[len(hashes) :]), _last_partial(entries))
    return Integrated(tiles, size, grown.root, grown)


def _split(
    level: int | None, before: int, row: Sequence[bytes]
) -> Iterator[tuple[TilePath, Sequence[bytes]]]:
    """Cut a row into tiles; it begins with the tile that holds number `before` of its level."""
    first = before // TILE_WIDTH
    for n, at in enumerate(range(0, len(row), TILE_WIDTH)):
        part = row[at : at + TILE_WIDTH]
        yield TilePath(level, first + n, len(part)), part


def _last_partial(row: tuple[bytes, ...]) -> tuple[bytes, ...]:
    return row[len(row) - len(row) % TILE_WIDTH :]


def read_edge(storage: TileStorage, size: int, root: bytes) -> Edge:
    """The edge of the tree of `size` entries, proven to lead to `root`, to go on from.

    Raises VerificationError where tiles and root disagree, Malformed where a tile is no tile,
    Unavailable where one is missing.
    """
    hashes: list[tuple[bytes, ...]] = []
    while count := size >> TILE_HEIGHT * len(hashes):
        level, (index, width) = len(hashes), divmod(count, TILE_WIDTH)
        path = TilePath(level, index, width)
        hashes.append(parse_tile(_read(storage, path), width) if width else ())
    index, width = divmod(size, TILE_WIDTH)
    bundle = _read(storage, TilePath(None, index, width)) if width else b""
    edge = Edge(size, tuple(hashes), parse_bundle(bundle, width))
    if edge.root != root:
        raise VerificationError(f"tiles: their root is not that of the checkpoint of {size}")
    if any(map(ne, map(leaf_hash, edge.entries), hashes[0] if hashes else ())):
        raise VerificationError(f"tiles: the last entries before {size} are not those hashed")
    return edge


def hash_reader(storage: TileStorage, size: int) -> HashReader:
    """Hashes of the tree of `size` entries, from its tiles; each tile is read once.

    The reader raises ValueError for a subtree that is not full, Malformed or Unavailable as
    `read_edge` does. Nothing is proven by reading: a proof made of it is checked by who gets it.
    """
    tiles: dict[TilePath, tuple[bytes, ...]] = {}

    def read(level: int, index: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        tile_index, start = divmod(index << height, TILE_WIDTH)
        end = start + (1 << height)
        path = TilePath(tile_level, tile_index, width_in(tile_level, tile_index, size))
        if end > path.width:
            raise ValueError(f"subtree {level},{index} is not full in a tree of {size}")
        if path not in tiles:
            tiles[path] = parse_tile(_read(storage, path), path.width)
        return fold(tiles[path][start:end])

    return read


def _read(storage: TileStorage, path: TilePath) -> bytes:
    if (raw := storage.read(path.text())) is None:
        raise Unavailable(f"{path.text()} is not in storage")
    return raw
