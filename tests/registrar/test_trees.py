"""The tree after a commit: what was asked for, and nothing else."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.registrar.operations import DeleteFile, DeleteFolder
from openward.registrar.refusals import Ground, Refusal
from openward.registrar.trees import MOST_FOLDERS, Change, PutFile, decide_tree
from openward.store.contents import BlobRow
from openward.store.revisions import TreeFile
from openward.vocabulary import Sha256

NOW = datetime(2026, 11, 1, tzinfo=UTC)


def blob(number: int) -> BlobRow:
    digest = Sha256(f"{number:064x}")
    return BlobRow(digest, number, "0" * 40, "text", "unreadable", False, None, NOW)


def tree(*paths: str) -> dict[str, TreeFile]:
    return {path: TreeFile(path, blob(1), False, "old") for path in paths}


def put(path: str, number: int = 2, lfs: bool = False) -> PutFile:
    return PutFile(path, blob(number), lfs)


@pytest.mark.parametrize(
    ("before", "changes", "after"),
    [
        ([], [put("a")], {"a": "new"}),
        (["a"], [put("a")], {"a": "new"}),
        (["a"], [put("a", 1)], {"a": "old"}),
        (["a"], [put("a", 1, True)], {"a": "new"}),
        (["a", "b"], [DeleteFile("a")], {"b": "old"}),
        (["d/a", "d/b/c", "dd/a"], [DeleteFolder("d")], {"dd/a": "old"}),
        (["a"], [DeleteFile("a"), put("a", 1)], {"a": "old"}),
        (["a"], [put("b"), DeleteFile("b")], {"a": "old"}),
        (["a"], [DeleteFile("a"), put("a/b")], {"a/b": "new"}),
        (["d/a"], [DeleteFolder("d"), put("d")], {"d": "new"}),
        (["a"], [put("a", 3), put("a", 1)], {"a": "old"}),
    ],
)
def test_changes_apply_in_order(
    before: list[str], changes: list[Change], after: dict[str, str]
) -> None:
    found = decide_tree(tree(*before), changes, "new")
    assert isinstance(found, dict)
    assert {path: file.since for path, file in found.items()} == after


@pytest.mark.parametrize(
    ("before", "changes"),
    [
        ([], [DeleteFile("a")]),
        (["d/a"], [DeleteFile("d")]),
        (["a"], [DeleteFolder("a")]),
        (["da"], [DeleteFolder("d")]),
        (["a"], [DeleteFile("a"), DeleteFile("a")]),
    ],
)
def test_deleting_what_is_not_there_is_refused(before: list[str], changes: list[Change]) -> None:
    found = decide_tree(tree(*before), changes, "new")
    assert isinstance(found, Refusal)
    assert found.ground is Ground.NO_ENTRY


@pytest.mark.parametrize("path", ["a", "a/b/c", "a/b/c/d"])
def test_a_path_is_never_a_file_and_a_folder(path: str) -> None:
    with pytest.raises(Malformed):
        decide_tree(tree("a/b", "z"), [put(path)], "new")


def test_only_so_many_folders_go_at_once() -> None:
    many = tree(*(f"{n}/a" for n in range(MOST_FOLDERS + 1)))
    all_but_one: list[Change] = [DeleteFolder(str(n)) for n in range(MOST_FOLDERS)]
    assert len(decide_tree(many, all_but_one, "new")) == 1  # type: ignore[arg-type]
    with pytest.raises(Malformed):
        decide_tree(many, [*all_but_one, DeleteFolder(str(MOST_FOLDERS))], "new")


paths = st.lists(st.sampled_from("abc"), min_size=1, max_size=3).map("/".join)
changes = st.lists(
    st.one_of(
        st.builds(put, paths, st.integers(1, 3), st.booleans()),
        st.builds(DeleteFile, paths),
        st.builds(DeleteFolder, paths),
    ),
    max_size=6,
)


@given(st.sets(paths, max_size=5), changes)
def test_nothing_changes_but_what_was_named(before: set[str], asked: list[Change]) -> None:
    old = tree(*before)
    try:
        found = decide_tree(old, asked, "new")
    except Malformed:
        return
    if isinstance(found, Refusal):
        return
    for path in old.keys() | found.keys():
        named = any(path == c.path or path.startswith(f"{c.path}/") for c in asked)
        assert named or old.get(path) == found.get(path)
    for path in found:
        assert not any(other.startswith(f"{path}/") for other in found)
