"""A copy of the public record, checked entry by entry against a signed checkpoint.

checkpoint      signed by the log's key
entries/…       every bundle; their hashes lead to the checkpoint's root
tile/L/N        every hash tile is what the entries make it
entries         each in its one spelling, times never decreasing
"""

from collections.abc import Mapping
from dataclasses import dataclass

from openward.client.hub import HubReader, Tell
from openward.errors import Malformed, VerificationError
from openward.statements.entry import Entry, parse_entry
from openward.tlog.checkpoint import Checkpoint, verify_checkpoint
from openward.tlog.integration import Edge, integrate
from openward.tlog.note import NoteKey, parse_vkey
from openward.tlog.tile import TILE_WIDTH, TilePath, parse_bundle, paths_of

MOST_ENTRIES = 5_000_000
_VKEY_LIMIT = 4_096


@dataclass(frozen=True, slots=True)
class Record:
    """The record as far as the checkpoint covers it, proven."""

    key: NoteKey
    checkpoint: Checkpoint
    entries: tuple[Entry, ...]
    raw: tuple[bytes, ...]


def read_key(hub: HubReader) -> NoteKey:
    """The key the hub itself names: trusted on first use, which is not proof."""
    return parse_vkey(hub.read("/log/vkey", limit=_VKEY_LIMIT).decode("utf-8", "replace").strip())


def verify_record(hub: HubReader, key: NoteKey, tell: Tell) -> Record:
    """Fetch the whole record and prove it. Raises VerificationError naming the tile or entry."""
    note = hub.read("/log/checkpoint", limit=1 << 20)
    try:
        checkpoint = verify_checkpoint(note, key)
    except Malformed as e:
        raise VerificationError(f"/log/checkpoint: {e}") from e
    if checkpoint.size > MOST_ENTRIES:
        raise VerificationError(f"the record has {checkpoint.size} entries; use a monitor")
    paths = list(paths_of(checkpoint.size))
    raw: list[bytes] = []
    served: dict[str, bytes] = {}
    for done, path in enumerate(paths):
        tell("record", done, len(paths))
        content = hub.read(f"/log/{path.text()}", limit=TILE_WIDTH * 65_537)
        if path.level is None:
            raw += _bundle(path, content)
        else:
            served[path.text()] = content
    tell("record", len(paths), len(paths))
    grown = integrate(Edge(), raw)
    _same_tiles(grown.tiles, served)
    if grown.root != checkpoint.root:
        raise VerificationError(
            "log: the entries served do not lead to the root of the signed checkpoint"
        )
    return Record(key, checkpoint, _entries(raw), tuple(raw))


def _bundle(path: TilePath, content: bytes) -> tuple[bytes, ...]:
    try:
        return parse_bundle(content, path.width)
    except Malformed as e:
        raise VerificationError(f"/log/{path.text()}: {e}") from e


def _same_tiles(made: Mapping[str, bytes], served: Mapping[str, bytes]) -> None:
    """Every hash tile is what the entries make it; a tile that differs is named."""
    for path, content in served.items():
        if made.get(path) != content:
            raise VerificationError(f"/log/{path}: not the hashes that the entries served have")


def _entries(raw: list[bytes]) -> tuple[Entry, ...]:
    entries: list[Entry] = []
    for index, line in enumerate(raw):
        try:
            entry = parse_entry(line)
        except Malformed as e:
            raise VerificationError(f"entry {index}: {e}") from e
        if entries and entry.at < entries[-1].at:
            raise VerificationError(f"entry {index}: its time is before that of the one before")
        entries.append(entry)
    return tuple(entries)
