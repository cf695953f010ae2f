"""Builders of evaluation logs and of the archives they come in, whole or broken on purpose."""

import copy
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import zstandard
from hypothesis import strategies as st

STORED, DEFLATED, ZSTANDARD = 0, 8, 93
METHODS = (STORED, DEFLATED, ZSTANDARD)


@dataclass
class Part:
    """One member of an archive; what is None is worked out from the content."""

    name: str
    content: bytes
    method: int = DEFLATED
    packed: bytes | None = None
    stated_packed: int | None = None
    crc: int | None = None
    size: int | None = None
    flags: int = 0
    offset: int | None = None
    local_name: str | None = None
    local_method: int | None = None
    local_mark: bytes = b"PK\3\4"
    entry_mark: bytes = b"PK\1\2"
    extra: bytes = b""


def pack(content: bytes, method: int) -> bytes:
    if method == DEFLATED:
        deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
        return deflater.compress(content) + deflater.flush()
    return zstandard.ZstdCompressor().compress(content) if method == ZSTANDARD else content


def archive(parts: Sequence[Part], *, zip64: bool = False, **end: Any) -> bytes:
    """A zip archive; `end` overrides members of its end record."""
    raw, directory = BytesIO(), BytesIO()
    for part in parts:
        packed = pack(part.content, part.method) if part.packed is None else part.packed
        offset = raw.tell() if part.offset is None else part.offset
        length = len(packed) if part.stated_packed is None else part.stated_packed
        crc = zlib.crc32(part.content) if part.crc is None else part.crc
        size = len(part.content) if part.size is None else part.size
        local, name = (part.local_name or part.name).encode(), part.name.encode()
        method = part.method if part.local_method is None else part.local_method
        raw.write(part.local_mark)
        raw.write(struct.pack("<5H3L2H", 20, part.flags, method, 0, 0, crc, 0, 0, len(local), 0))
        raw.write(local + packed)
        sizes, extra = (length, size, offset), part.extra
        if zip64:
            extra += struct.pack("<2H3Q", 1, 24, size, length, offset)
            sizes = (0xFFFFFFFF,) * 3
        fixed = (20, 20, part.flags, part.method, 0, 0, crc, sizes[0], sizes[1])
        rest = (len(name), len(extra), 0, 0, 0, 0, sizes[2])
        directory.write(part.entry_mark + struct.pack("<6H3L5H2L", *fixed, *rest) + name + extra)
    return raw.getvalue() + _ended(raw.tell(), directory.getvalue(), len(parts), zip64, end)


def _ended(offset: int, directory: bytes, parts: int, zip64: bool, end: Mapping[str, Any]) -> bytes:
    length = end.get("length", len(directory))
    count, here = end.get("count", parts), end.get("here", end.get("count", parts))
    offset = end.get("offset", offset)
    disk, first = end.get("disk", 0), end.get("first", 0)
    tail = b""
    if zip64:
        at = offset + len(directory)
        mark = end.get("mark64", b"PK\6\6")
        tail += mark + struct.pack("<Q2H2L4Q", 44, 45, 45, disk, first, here, count, length, offset)
        tail += end.get("locator", b"PK\6\7") + struct.pack(
            "<LQL", 0, end.get("at", at), end.get("disks", 1)
        )
        here, count, length, offset = 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF
        disk = first = 0
    comment: bytes = end.get("comment", b"")
    ending: bytes = end.get("mark", b"PK\5\6")
    record = struct.pack("<4H2LH", disk, first, here, count, length, offset, len(comment))
    return directory + tail + ending + record + comment


@dataclass
class BuiltLog:
    """A log of Inspect AI, complete and consistent until a test breaks it."""

    header: dict[str, Any]
    samples: list[dict[str, Any]] = field(default_factory=list)

    def json(self) -> bytes:
        return json.dumps({**self.header, "samples": self.samples}).encode()

    def parts(self, method: int = DEFLATED) -> list[Part]:
        named = [
            Part(f"samples/{s['id']}_epoch_{s['epoch']}_{n}.json", json.dumps(s).encode(), method)
            for n, s in enumerate(self.samples)
        ]
        start = {"version": self.header["version"], "eval": self.header["eval"], "plan": {}}
        return [
            Part("_journal/start.json", json.dumps(start).encode(), method),
            *named,
            Part("summaries.json", b"not looked at", method),
            Part("header.json", json.dumps(self.header).encode(), method),
        ]

    def archive(self, method: int = DEFLATED) -> bytes:
        return archive(self.parts(method))

    @property
    def metrics(self) -> dict[str, Any]:
        metrics: dict[str, Any] = self.header["results"]["scores"][0]["metrics"]
        return metrics


def inspect_log(scores: Sequence[Sequence[object]], accuracy: float, **metrics: float) -> BuiltLog:
    """A log of one item for each row of `scores`, with one epoch for each value in it."""
    epochs = len(scores[0]) if scores else 1
    samples = [
        {
            "id": f"s{n}",
            "epoch": epoch,
            "input": f"question {n}",
            "target": "yes",
            "scores": {"match": {"value": value}},
            "metadata": {"topic": n // 2},
            "error": None,
            "limit": None,
        }
        for n, row in enumerate(scores)
        for epoch, value in enumerate(row, start=1)
    ]
    stated = {"accuracy": accuracy, **metrics}
    return BuiltLog(
        {
            "version": 2,
            "status": "success",
            "eval": {
                "task": "demo",
                "model": "mock/model",
                "created": "2026-10-01T02:00:00+02:00",
                "dataset": {"name": "demo", "samples": len(scores)},
                "config": {"epochs": epochs, "limit": None},
                "packages": {"inspect_ai": "0.3.285"},
            },
            "results": {
                "total_samples": len(samples),
                "scores": [
                    {
                        "name": "match",
                        "scorer": "match",
                        "reducer": None,
                        "metrics": {
                            name: {"name": name, "value": value, "params": {}}
                            for name, value in stated.items()
                        },
                    }
                ],
            },
            "invalidated": False,
        },
        samples,
    )


def spoil(whole: Any, data: st.DataObject) -> None:
    """Put something odd in one to three places of a JSON value, wherever they are."""
    for _ in range(data.draw(st.integers(1, 3))):
        inner, path = whole, data.draw(st.sampled_from(_paths(whole)))
        for step in path[:-1]:
            inner = inner[step]
        # A copy: a list shared by two places could come to hold itself.
        inner[path[-1]] = copy.deepcopy(data.draw(_ODD))


def _paths(value: object, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [path] if path else []
    if isinstance(value, dict):
        return found + [p for k, v in value.items() for p in _paths(v, (*path, k))]
    if isinstance(value, list):
        return found + [p for k, v in enumerate(value) for p in _paths(v, (*path, k))]
    return found


_ODD: st.SearchStrategy[object] = st.sampled_from(
    [None, True, -1, 0, 2, 10**30, 10**400, 0.5, 1e300, "", "x", [], {}, [[]], [{}]]
)
