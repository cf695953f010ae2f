"""The lines of a commit: read in one way, or refused."""

import base64
import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.registrar.operations import (
    LONGEST_PATH,
    LONGEST_SEGMENT,
    LONGEST_TEXT,
    AddFile,
    AddLarge,
    DeleteFile,
    DeleteFolder,
    Header,
    parse_line,
    parse_path,
)

LIMIT = 1 << 20


def line(key: str, **value: object) -> bytes:
    return json.dumps({"key": key, "value": value}).encode()


@given(st.binary(max_size=300))
def test_bytes_make_an_operation_or_are_malformed(raw: bytes) -> None:
    with contextlib.suppress(Malformed):
        parse_line(raw, LIMIT)


@given(
    st.sampled_from(["header", "file", "lfsFile", "deletedFile", "deletedFolder", "x"]),
    st.dictionaries(
        st.sampled_from(
            ["path", "content", "encoding", "oid", "algo", "size", "summary", "parentCommit"]
        ),
        st.one_of(st.text(max_size=20), st.integers(), st.none(), st.lists(st.none(), max_size=2)),
    ),
)
def test_any_members_make_an_operation_or_are_malformed(key: str, value: dict[str, object]) -> None:
    with contextlib.suppress(Malformed):
        parse_line(line(key, **value), LIMIT)


@given(st.binary(max_size=200))
def test_content_comes_out_as_it_went_in(content: bytes) -> None:
    text = base64.b64encode(content).decode()
    found = parse_line(line("file", path="a", content=text, encoding="base64"), LIMIT)
    assert found == AddFile("a", content)


def test_each_kind_of_line_is_read() -> None:
    oid = "0" * 64
    for raw, expected in (
        (line("header", summary="s", description="d", parentCommit="p"), Header("s", "d", "p")),
        (line("header", summary="s", parentCommit=None), Header("s", "", None)),
        (line("header", summary="s", parentCommit=""), Header("s", "", None)),
        (line("file", path="a", content="ä"), AddFile("a", "ä".encode())),
        (line("lfsFile", path="a", algo="sha256", oid=oid, size=0), AddLarge("a", oid, 0)),  # type: ignore[arg-type]
        (line("lfsFile", path="a", oid=oid), AddLarge("a", oid, None)),  # type: ignore[arg-type]
        (line("deletedFile", path="a"), DeleteFile("a")),
        (line("deletedFolder", path="a/"), DeleteFolder("a")),
        (line("deletedFolder", path="a"), DeleteFolder("a")),
    ):
        assert parse_line(raw, LIMIT) == expected


@pytest.mark.parametrize(
    "raw",
    [
        line("explode", path="a"),
        line("file", path="a", content="eA=", encoding="base64"),
        line("file", path="a", content="eA==\n", encoding="base64"),
        line("file", path="a", content="eA==", encoding="utf-16"),
        line("file", path="a", content=3),
        line("lfsFile", path="a", algo="md5", oid="0" * 64),
        line("lfsFile", path="a", oid="0" * 63),
        line("lfsFile", path="a", oid="0" * 64, size=-1),
        line("lfsFile", path="a", oid="0" * 64, size=True),
        line("deletedFile", path="a/"),
        line("deletedFolder", path="a//"),
        line("header", summary=["s"]),
        line("header", summary="s", parentCommit=3),
        line("header", summary="a\0b"),
        line("header", summary="x" * (LONGEST_TEXT + 1)),
        b'{"key":"header","key":"file","value":{}}',
    ],
)
def test_a_line_that_is_almost_right_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse_line(raw, LIMIT)


def test_a_line_over_the_limit_is_refused_unread() -> None:
    raw = line("header", summary="s")
    assert parse_line(raw, len(raw)) == Header("s", "", None)
    with pytest.raises(Malformed):
        parse_line(raw, len(raw) - 1)


def test_the_longest_summary_fits() -> None:
    longest = "x" * LONGEST_TEXT
    assert parse_line(line("header", summary=longest), LIMIT) == Header(longest, "", None)


@pytest.mark.parametrize(
    "path",
    [
        "a", "a/b", "a b/ä.txt", "...", "a/..b", ".gitattributes", ".github/x", "a.git",
        "x" * LONGEST_SEGMENT, "/".join(["x" * 204] * 5),
    ],
)  # fmt: skip
def test_a_path_inside_the_repository_is_read(path: str) -> None:
    assert parse_path(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "", "/", "/a", "a/", "a//b", ".", "..", "a/./b", "a/../b", "a/..", ".git", ".GIT/x",
        "a/.git", "a\\b", "a\0", "a\x1f", "a\x7f", "a\x80", "\ud800", "x" * (LONGEST_SEGMENT + 1),
        "/".join(["x" * 204] * 5) + "y", "ä" * 128,
    ],
)  # fmt: skip
def test_a_path_that_may_leave_it_is_refused(path: str) -> None:
    with pytest.raises(Malformed):
        parse_path(path)


@given(st.text(max_size=40))
def test_a_path_that_is_read_stays_inside(text: str) -> None:
    try:
        path = parse_path(text)
    except Malformed:
        return
    assert path == text
    assert len(path.encode()) <= LONGEST_PATH
    assert not {"", ".", "..", ".git"} & set(path.split("/"))
