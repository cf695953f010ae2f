"""Branches and tags are called what git would call them."""

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.registrar.repositories import gitattributes, parse_ref_name

PIECES = st.sampled_from(
    ["a", "b", ".", "..", "/", "//", "-", "~", "^", ":", "?", "*", "[", "\\", "@", "@{", " ",
     ".lock", "\x7f", "\t", "dev", "\u00e9", "{", "}"]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, min_size=1, max_size=5).map("".join))
def test_a_name_taken_here_is_taken_by_git(text: str) -> None:
    by_git = subprocess.run(
        ["git", "check-ref-format", f"refs/heads/{text}"], capture_output=True
    ).returncode
    try:
        parse_ref_name(text)
    except Malformed:
        # A lone @ means HEAD; git refuses it as a branch, though not as a path.
        assert by_git != 0 or text == "@"
    else:
        assert by_git == 0


def test_a_name_has_up_to_200_characters_and_is_no_path_of_a_ref() -> None:
    assert parse_ref_name("a" * 200)
    for text in ("", "a" * 201, "refs/heads/a"):
        with pytest.raises(Malformed):
            parse_ref_name(text)


def test_a_new_repository_tells_git_lfs_of_weights() -> None:
    lines = gitattributes().decode().splitlines()
    assert "*.safetensors filter=lfs diff=lfs merge=lfs -text" in lines
    assert "*.gguf filter=lfs diff=lfs merge=lfs -text" in lines
    assert not any(line.startswith(("*.json", "*.md", "*.txt")) for line in lines)
