"""The project's documents as tests read them: pages, fenced blocks, tables, command lines."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^\1```$", re.MULTILINE | re.DOTALL)
_INDENTED = re.compile(r"^(?: {4,}|\t)(\S.*)$")


@dataclass(frozen=True, slots=True)
class Block:
    """One fenced block: its language and what stands in it."""

    language: str
    text: str


def pages() -> list[Path]:
    """Every document for people: those at the root, and all of docs/."""
    return [*sorted(ROOT.glob("*.md")), *sorted(DOCS.rglob("*.md"))]


def read(name: str) -> str:
    """A page of docs/, by its path there."""
    return (DOCS / name).read_text(encoding="utf-8")


def blocks(text: str, language: str) -> list[str]:
    """What stands in the fenced blocks of that language, in order."""
    return [m[3] for m in _FENCE.finditer(text) if m[2] == language]


def without_blocks(text: str) -> str:
    """The page without its fenced blocks."""
    return _FENCE.sub("", text)


def code_lines(text: str) -> Iterator[str]:
    """Lines of code, fenced or indented, with continued lines joined."""
    code = [m[3] for m in _FENCE.finditer(text)]
    outside = without_blocks(text).split("\n")
    code.append("\n".join(m[1] if (m := _INDENTED.match(line)) else "" for line in outside))
    for part in code:
        yield from re.sub(r" *\\\n *", " ", part).split("\n")


def rows(text: str, *heading: str) -> list[tuple[str, ...]]:
    """The rows of the table under that heading, cell by cell."""
    line = "| " + " | ".join(heading) + " |"
    after = text.split(line + "\n")[1].split("\n")[1:]
    found = []
    for row in after:
        if not row.startswith("|"):
            break
        found.append(tuple(cell.strip() for cell in row.strip("|").split("|")))
    return found
