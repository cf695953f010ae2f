"""The path patterns of git: which files are ignored, and which travel as large files.

    *.bin          any path whose last segment matches
    /a/*.txt       from the root; a slash before the end anchors
    logs/          folders of that name, and all within
    a/**/b         any number of segments
    !keep.bin      not ignored after all (gitignore), unless its folder is
    *.bin filter=lfs diff=lfs -text       attributes (gitattributes); the last word counts

Follows gitignore(5) and gitattributes(5). Upheld: matching takes time in the product of the two
lengths, whatever the pattern; there is no regular expression to blow up.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from openward.errors import Malformed

MOST_PATTERNS = 1000
LONGEST_PATTERN = 256  # characters


@dataclass(frozen=True, slots=True)
class Pattern:
    """One pattern by its segments; `folder` patterns match folders only."""

    segments: tuple[str, ...]
    negated: bool
    folder: bool

    def matches(self, path: tuple[str, ...], *, folder: bool) -> bool:
        return (folder or not self.folder) and _match_path(self.segments, path)


def parse_pattern(text: str) -> Pattern:
    """Read one pattern. Raises Malformed when it is longer than any that people write."""
    if len(text) > LONGEST_PATTERN:
        raise Malformed(f"pattern {text[:80]!a}: over {LONGEST_PATTERN} characters")
    negated = text.startswith("!")
    text = text[1:] if negated else text
    folder = text.endswith("/")
    text = text.removesuffix("/")
    anchored = "/" in text
    segments = tuple(text.removeprefix("/").split("/"))
    return Pattern(segments if anchored else ("**", *segments), negated, folder)


def parse_ignoring(text: str) -> tuple[Pattern, ...]:
    """Read a .gitignore. Raises Malformed."""
    lines = (line.rstrip("\r").rstrip(" ") for line in text.split("\n"))
    return _bounded(parse_pattern(line) for line in lines if line and not line.startswith("#"))


def ignored(patterns: tuple[Pattern, ...], path: str) -> bool:
    """Whether a file is left out: it or a folder above it matches, and nothing takes it back."""
    segments = tuple(path.split("/"))
    return any(
        _last_word(patterns, segments[:depth], folder=depth < len(segments))
        for depth in range(1, len(segments) + 1)
    )


def parse_large(text: str) -> tuple[tuple[Pattern, bool], ...]:
    """Read a .gitattributes: the patterns that say something on `filter`, and if it is `lfs`."""
    found: list[tuple[Pattern, bool]] = []
    for line in text.split("\n"):
        words = line.split()
        if not words or words[0].startswith(("#", "!", "[attr]")):
            continue
        filters = [w for w in words[1:] if w.lstrip("-!").partition("=")[0] == "filter"]
        if filters:
            found.append((parse_pattern(words[0]), filters[-1] == "filter=lfs"))
    _bounded(pattern for pattern, _ in found)
    return tuple(found)


def large(patterns: tuple[tuple[Pattern, bool], ...], path: str) -> bool:
    """Whether a file travels as a large one by its name."""
    segments = tuple(path.split("/"))
    verdicts = [lfs for pattern, lfs in patterns if pattern.matches(segments, folder=False)]
    return bool(verdicts) and verdicts[-1]


def _bounded(patterns: Iterable[Pattern]) -> tuple[Pattern, ...]:
    found: list[Pattern] = []
    for pattern in patterns:
        found.append(pattern)
        if len(found) > MOST_PATTERNS:
            raise Malformed(f"more than {MOST_PATTERNS} patterns")
    return tuple(found)


def _last_word(patterns: tuple[Pattern, ...], path: tuple[str, ...], *, folder: bool) -> bool:
    for pattern in reversed(patterns):
        if pattern.matches(path, folder=folder):
            return not pattern.negated
    return False


def _match_path(pattern: tuple[str, ...], path: tuple[str, ...]) -> bool:
    """Segment by segment; `reached` holds how many of the path's segments may be used up."""
    reached = {0}
    for at, segment in enumerate(pattern):
        if not reached:
            return False
        if segment == "**":
            # A trailing ** matches what is inside, not the folder itself.
            first = min(reached) + (at == len(pattern) - 1)
            reached = set(range(first, len(path) + 1))
        else:
            reached = {n + 1 for n in reached if n < len(path) and _match(segment, path[n])}
    return len(path) in reached


def _match(pattern: str, text: str) -> bool:
    """One segment: `*`, `?`, `[…]` and `\\` as in glob(7); going back only to the last `*`."""
    p = t = 0
    star, resume = -1, 0
    while t < len(text):
        if p < len(pattern) and pattern[p] == "*":
            star, resume = p, t
            p += 1
            continue
        width = _match_one(pattern, p, text[t]) if p < len(pattern) else 0
        if width:
            p, t = p + width, t + 1
        elif star >= 0:
            resume += 1
            p, t = star + 1, resume
        else:
            return False
    return pattern[p:].strip("*") == ""


def _match_one(pattern: str, at: int, char: str) -> int:
    """How many characters of the pattern stand for `char`; 0 where they do not."""
    head = pattern[at]
    if head == "?":
        return 1
    if head == "\\" and at + 1 < len(pattern):
        return 2 if pattern[at + 1] == char else 0
    end = pattern.find("]", at + 2) if head == "[" else -1
    if end < 0:
        return 1 if head == char else 0
    body = pattern[at + 1 : end]
    inverted = body[0] in "!^" and len(body) > 1
    return end + 1 - at if _in_class(body[inverted:], char) != inverted else 0


def _in_class(body: str, char: str) -> bool:
    at = 0
    while at < len(body):
        if at + 2 < len(body) and body[at + 1] == "-":
            if body[at] <= char <= body[at + 2]:
                return True
            at += 3
        elif body[at] == char:
            return True
        else:
            at += 1
    return False
