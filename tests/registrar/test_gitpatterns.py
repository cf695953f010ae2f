"""Patterns of git: the same verdicts as git's own documentation gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.registrar.gitpatterns import (
    LONGEST_PATTERN,
    MOST_PATTERNS,
    ignored,
    large,
    parse_ignoring,
    parse_large,
)


@pytest.mark.parametrize(
    ("pattern", "path", "matches"),
    [
        ("*.log", "a.log", True),
        ("*.log", "d/e/a.log", True),
        ("*.log", "a.log.txt", False),
        ("/build", "build/x", True),
        ("/build", "sub/build/x", False),
        ("build/", "sub/build/x", True),
        ("build/", "build", False),
        ("a/b", "a/b", True),
        ("a/b", "x/a/b", False),
        ("**/b", "b", True),
        ("**/b", "x/y/b", True),
        ("a/**", "a/x/y", True),
        ("a/**", "a", False),
        ("a/**/b", "a/b", True),
        ("a/**/b", "a/x/y/b", True),
        ("a/**/b", "a/x/y/c", False),
        ("**/a/**/a", "a/a", True),
        ("**", "a", True),
        ("\\a", "a", True),
        ("a*/b", "axe/b", True),
        ("a*/b", "a/x/b", False),
        ("?.txt", "a.txt", True),
        ("?.txt", "ab.txt", False),
        ("[ab].txt", "b.txt", True),
        ("[a-c].txt", "b.txt", True),
        ("[!a-c].txt", "b.txt", False),
        ("[!a-c].txt", "d.txt", True),
        ("[a", "[a", True),
        ("\\*.txt", "*.txt", True),
        ("\\*.txt", "a.txt", False),
        ("# comment", "# comment", False),
        ("x  ", "x", True),
        ("", "x", False),
        ("*a*b*c", "xaybzc", True),
        ("*a*b*c", "xaybz", False),
    ],
)
def test_one_pattern_matches_as_git_says(pattern: str, path: str, matches: bool) -> None:
    assert ignored(parse_ignoring(pattern), path) is matches


def test_the_last_pattern_counts_unless_the_folder_is_gone() -> None:
    patterns = parse_ignoring("*.log\n!keep.log\r\nold/\n!old/keep.log\n")
    assert ignored(patterns, "a.log")
    assert not ignored(patterns, "keep.log")
    assert ignored(patterns, "old/keep.log")
    assert ignored(parse_ignoring("!a\na"), "a")


def test_attributes_say_what_is_large_and_the_last_word_counts() -> None:
    text = (
        "# x\n*.bin filter=lfs diff=lfs -text\ns.bin -filter\n*.txt text\nd/** filter=lfs\n!x y\n"
    )
    text += "q/ filter=lfs\n"
    patterns = parse_large(text)
    verdicts = {
        path: large(patterns, path) for path in ("a.bin", "x/a.bin", "s.bin", "a.txt", "d/q")
    }
    assert verdicts == {"a.bin": True, "x/a.bin": True, "s.bin": False, "a.txt": False, "d/q": True}
    assert not large(patterns, "q")
    assert not large((), "a.bin")


def test_patterns_are_bounded() -> None:
    parse_ignoring("x\n" * MOST_PATTERNS + "y" * LONGEST_PATTERN * 0)
    for text in ("x\n" * (MOST_PATTERNS + 1), "x" * (LONGEST_PATTERN + 1)):
        with pytest.raises(Malformed):
            parse_ignoring(text)
    with pytest.raises(Malformed):
        parse_large("x filter=lfs\n" * (MOST_PATTERNS + 1))
    assert ignored(parse_ignoring("x" * LONGEST_PATTERN), "x" * LONGEST_PATTERN)


@given(st.text("ab*?[]!\\-/", max_size=30), st.text("ab/*", min_size=1, max_size=30))
def test_any_pattern_gives_a_verdict(pattern: str, path: str) -> None:
    assert ignored(parse_ignoring(pattern), path) in (True, False)


def test_a_hostile_pattern_is_answered_soon() -> None:
    stars = "*a" * 100 + "b"
    assert not ignored(parse_ignoring(stars), "a" * 1000)
    assert not ignored(parse_ignoring("**/" * 60 + "b"), "/".join("a" * 200))
