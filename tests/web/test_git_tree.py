"""Folders have the names git gives them."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.web.git_tree import folder_names

NAMES = st.sampled_from(["a", "b", "a.b", "a-b", "a0", "B", "\u00e9"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
EMPTY_BLOB = "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def consistent(paths: set[str]) -> set[str]:
    """Without the paths that would have to be a file and a folder."""
    return {p for p in paths if not any(other.startswith(f"{p}/") for other in paths)}


@given(st.sets(PATHS, max_size=12))
def test_every_folder_has_a_name_and_nothing_else_has(paths: set[str]) -> None:
    files = consistent(paths)
    above = {f[:i] for f in files for i, c in enumerate(f) if c == "/"}
    assert set(folder_names(dict.fromkeys(files, EMPTY_BLOB))) == {""} | above


def test_the_empty_tree_has_gits_name_for_it() -> None:
    assert folder_names({}) == {"": "4b825dc642cb6eb9a060e54bf8d69288fbee4904"}


@pytest.mark.parametrize(
    "paths",
    [
        {"a", "b"},
        {"a.b", "a/b", "a0", "a-b"},
        {"x/y/z", "x/y.z", "x.y/z", "x"[:0] + "x0"},
        {"\u00e9/a", "e", "z"},
    ],
)
def test_names_are_those_of_git(paths: set[str], tmp_path: Path) -> None:
    for path in paths:
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch()
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    tree = subprocess.run(
        ["git", "write-tree"], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.strip()
    assert folder_names(dict.fromkeys(paths, EMPTY_BLOB))[""] == tree
