"""Commits by the real client: what went in comes out, and nothing else changes."""

import base64
import json
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, CommitOperationDelete, HfApi
from huggingface_hub.errors import BadRequestError, EntryNotFoundError, HfHubHTTPError

from tests.journeys.hub_under_test import RunningHub, Signed
from tests.journeys.policies_in_force import EVERYTHING, adopt_policy

STALE = "The branch was updated since you opened this page. Please refresh and try again."


def lines(*operations: tuple[str, dict[str, Any]], summary: str = "by hand") -> bytes:
    header = ("header", {"summary": summary, "description": ""})
    return b"".join(
        json.dumps({"key": key, "value": value}).encode() + b"\n"
        for key, value in (header, *operations)
    )


def small(path: str, content: bytes = b"hello\n") -> tuple[str, dict[str, Any]]:
    text = base64.b64encode(content).decode()
    return ("file", {"path": path, "content": text, "encoding": "base64"})


def commit(
    hub: RunningHub, who: Signed, repo: str, body: bytes, rev: str = "main"
) -> httpx2.Response:
    return httpx2.post(
        f"{hub.endpoint}/api/models/{repo}/commit/{rev}",
        content=body,
        headers={"Authorization": f"Bearer {who.token}", "Content-Type": "application/x-ndjson"},
        timeout=60,
    )


@pytest.fixture(scope="module", autouse=True)
def _open_policy(hub: RunningHub) -> None:
    adopt_policy(hub, EVERYTHING)


@pytest.fixture
def repo(api: HfApi, ada: Signed) -> str:
    return api.create_repo(f"{ada.name}/lens").repo_id


def test_a_text_file_comes_back_as_it_went_in(api: HfApi, repo: str, tmp_path: Path) -> None:
    before = api.model_info(repo).sha
    info = api.upload_file(path_or_fileobj=b"hello\n", path_in_repo="notes/a b.txt", repo_id=repo)
    assert info.oid != before
    assert api.model_info(repo).sha == info.oid
    path = api.hf_hub_download(repo, "notes/a b.txt", cache_dir=tmp_path)
    assert Path(path).read_bytes() == b"hello\n"


def test_a_commit_adds_copies_and_deletes_at_once(api: HfApi, repo: str, tmp_path: Path) -> None:
    weights = os.urandom(200_000)
    api.create_commit(
        repo,
        [
            CommitOperationAdd("old.txt", b"old\n"),
            CommitOperationAdd("dir/a.txt", b"a\n"),
            CommitOperationAdd("dir/b.txt", b"b\n"),
            CommitOperationAdd("model.safetensors", weights),
        ],
        commit_message="first",
    )
    api.create_commit(
        repo,
        [
            CommitOperationDelete("old.txt"),
            CommitOperationDelete("dir/"),
            CommitOperationCopy("model.safetensors", "copy.safetensors"),
            CommitOperationAdd("new.txt", b"new\n"),
        ],
        commit_message="second",
    )
    assert sorted(api.list_repo_files(repo)) == [
        ".gitattributes",
        "copy.safetensors",
        "model.safetensors",
        "new.txt",
    ]
    path = api.hf_hub_download(repo, "copy.safetensors", cache_dir=tmp_path)
    assert Path(path).read_bytes() == weights


def test_a_folder_arrives_whole_without_what_it_ignores(
    api: HfApi, repo: str, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    (folder / "sub").mkdir(parents=True)
    (folder / ".gitignore").write_text("*.tmp\n")
    (folder / "a.json").write_text("{}")
    (folder / "scratch.tmp").write_text("x")
    (folder / "sub" / "w.bin").write_bytes(os.urandom(3_000_000))
    api.upload_folder(repo_id=repo, folder_path=folder)
    assert sorted(api.list_repo_files(repo)) == [
        ".gitattributes",
        ".gitignore",
        "a.json",
        "sub/w.bin",
    ]
    back = Path(api.snapshot_download(repo, cache_dir=tmp_path / "cache"))
    assert (back / "sub" / "w.bin").read_bytes() == (folder / "sub" / "w.bin").read_bytes()


def test_uploading_the_same_again_makes_no_commit(api: HfApi, repo: str) -> None:
    weights = os.urandom(100_000)
    for name, content in (("a.txt", b"same\n"), ("w.bin", weights)):
        first = api.upload_file(path_or_fileobj=content, path_in_repo=name, repo_id=repo)
        second = api.upload_file(path_or_fileobj=content, path_in_repo=name, repo_id=repo)
        assert first.oid == second.oid


def test_a_commit_on_a_stale_parent_is_refused_and_changes_nothing(api: HfApi, repo: str) -> None:
    parent = api.model_info(repo).sha
    first = api.create_commit(
        repo, [CommitOperationAdd("a.txt", b"1\n")], commit_message="1", parent_commit=parent
    )
    with pytest.raises(HfHubHTTPError) as refused:
        api.create_commit(
            repo, [CommitOperationAdd("a.txt", b"2\n")], commit_message="2", parent_commit=parent
        )
    assert refused.value.response.status_code == 412
    assert STALE in str(refused.value)
    assert api.model_info(repo).sha == first.oid


def test_of_two_commits_on_one_parent_one_lands(
    hub: RunningHub, api: HfApi, ada: Signed, repo: str
) -> None:
    parent = api.model_info(repo).sha
    header = {"summary": "race", "description": "", "parentCommit": parent}
    first = json.dumps({"key": "header", "value": header}).encode() + b"\n"
    bodies = [
        first + json.dumps({"key": key, "value": value}).encode() + b"\n"
        for key, value in (small(f"{n}.txt") for n in range(8))
    ]
    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(lambda body: commit(hub, ada, repo, body).status_code, bodies))
    assert codes == [200] + [412] * 7
    assert len(api.list_repo_files(repo)) == 2


def test_commits_without_a_parent_all_land(
    hub: RunningHub, api: HfApi, ada: Signed, repo: str
) -> None:
    bodies = [lines(small(f"{n}.txt")) for n in range(8)]
    with ThreadPoolExecutor(8) as pool:
        codes = list(pool.map(lambda body: commit(hub, ada, repo, body).status_code, bodies))
    assert codes == [200] * 8
    assert len(api.list_repo_files(repo)) == 9
    assert len(api.list_repo_commits(repo)) == 9


def test_a_pull_request_leaves_the_branch_alone(
    hub: RunningHub, api: HfApi, other_api: HfApi, repo: str, tmp_path: Path
) -> None:
    before = api.model_info(repo).sha
    info = other_api.create_commit(
        repo, [CommitOperationAdd("idea.txt", b"idea\n")], commit_message="idea", create_pr=True
    )
    assert info.pr_revision == "refs/pr/1"
    assert api.model_info(repo).sha == before
    path = api.hf_hub_download(repo, "idea.txt", revision="refs/pr/1", cache_dir=tmp_path)
    assert Path(path).read_bytes() == b"idea\n"
    more = other_api.create_commit(
        repo, [CommitOperationAdd("more.txt", b"m\n")], commit_message="more", revision="refs/pr/1"
    )
    assert api.list_repo_files(repo, revision="refs/pr/1") == [
        ".gitattributes",
        "idea.txt",
        "more.txt",
    ]
    assert more.oid != info.oid


def test_a_stranger_may_not_commit_to_a_branch(other_api: HfApi, repo: str) -> None:
    with pytest.raises(HfHubHTTPError) as refused:
        other_api.create_commit(
            repo, [CommitOperationAdd("a.txt", b"x\n")], commit_message="mine now"
        )
    assert refused.value.response.status_code == 403


def test_deleting_what_is_not_there_is_an_error_the_client_explains(api: HfApi, repo: str) -> None:
    with pytest.raises(EntryNotFoundError, match="A file with this name doesn't exist"):
        api.delete_file("nowhere.txt", repo)


def test_committing_to_a_revision_that_is_no_branch_is_refused(
    hub: RunningHub, api: HfApi, ada: Signed, repo: str
) -> None:
    assert commit(hub, ada, repo, lines(small("a.txt")), "nowhere").headers["x-error-code"] == (
        "RevisionNotFound"
    )
    oid = api.model_info(repo).sha
    assert oid is not None
    assert commit(hub, ada, repo, lines(small("a.txt")), oid).status_code == 409


@pytest.mark.parametrize(
    "path",
    [
        "", "/etc/passwd", "../x", "a/../b", "a//b", ".", "./a", "a/.", ".git/config", "a/.GIT/x",
        "a\\b", "a\u0000b", "a\nb", "a\u0085b", "x" * 256, "/".join(["abcdefg"] * 129), "\ud800",
    ],
)  # fmt: skip
def test_a_path_that_leaves_the_repository_is_refused(
    hub: RunningHub, ada: Signed, repo: str, path: str
) -> None:
    answer = commit(hub, ada, repo, lines(small(path)))
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]


def test_a_path_is_a_file_or_a_folder_never_both(hub: RunningHub, ada: Signed, repo: str) -> None:
    assert commit(hub, ada, repo, lines(small("a/b"))).status_code == 200
    for path in ("a", "a/b/c"):
        answer = commit(hub, ada, repo, lines(small(path)))
        assert answer.status_code == 400
        assert "file and the folder" in answer.json()["error"]
    swap = lines(("deletedFolder", {"path": "a/"}), small("a"))
    assert commit(hub, ada, repo, swap).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json\n",
        b"[]\n",
        b'{"key":"header"}\n',
        b'{"key":"file","value":{"path":"a","content":""}}\n',
        lines() + lines(),
        lines(("file", {"path": "a", "content": "%%%", "encoding": "base64"})),
        lines(("file", {"path": "a", "content": "eA==", "encoding": "rot13"})),
        lines(("lfsFile", {"path": "a", "oid": "zz", "size": 1})),
        lines(("lfsFile", {"path": "a", "oid": "0" * 64, "size": -1})),
        lines(("lfsFile", {"path": "a", "algo": "md5", "oid": "0" * 64, "size": 1})),
        lines(("explode", {"path": "a"})),
    ],
)
def test_a_commit_that_is_not_one_is_refused(
    hub: RunningHub, ada: Signed, api: HfApi, repo: str, body: bytes
) -> None:
    before = api.model_info(repo).sha
    answer = commit(hub, ada, repo, body)
    assert answer.status_code == 400, answer.text
    assert api.model_info(repo).sha == before


def test_a_file_named_by_digest_alone_hands_nothing_over(
    hub: RunningHub, api: HfApi, ada: Signed, ben: Signed, other_api: HfApi, repo: str
) -> None:
    private = api.create_repo(f"{ada.name}/secret", private=True).repo_id
    weights = os.urandom(50_000)
    api.upload_file(path_or_fileobj=weights, path_in_repo="w.bin", repo_id=private)
    oid = next(
        s.lfs.sha256 for s in api.model_info(private, files_metadata=True).siblings or [] if s.lfs
    )
    mine = other_api.create_repo(f"{ben.name}/mine").repo_id
    answers = [
        commit(hub, ben, mine, lines(("lfsFile", {"path": "w.bin", "algo": "sha256", **named})))
        for named in (
            {"oid": oid, "size": 50_000},
            {"oid": oid},
            {"oid": "0" * 64, "size": 50_000},
            {"oid": "0" * 64},
        )
    ]
    assert [answer.status_code for answer in answers] == [403] * 4
    told = {answer.json()["error"].replace(oid, "X").replace("0" * 64, "X") for answer in answers}
    assert len(told) == 1
    assert other_api.list_repo_files(mine) == [".gitattributes"]


def test_what_one_can_read_one_may_commit_elsewhere(
    hub: RunningHub, api: HfApi, other_api: HfApi, ben: Signed, repo: str
) -> None:
    weights = os.urandom(50_000)
    api.upload_file(path_or_fileobj=weights, path_in_repo="w.bin", repo_id=repo)
    oid = next(
        s.lfs.sha256 for s in api.model_info(repo, files_metadata=True).siblings or [] if s.lfs
    )
    mine = other_api.create_repo(f"{ben.name}/copy").repo_id
    named = {"path": "w.bin", "algo": "sha256", "oid": oid}
    assert commit(hub, ben, mine, lines(("lfsFile", named))).status_code == 200
    wrong = {**named, "size": 49_999}
    assert commit(hub, ben, mine, lines(("lfsFile", wrong))).status_code == 400
    asked = {
        "target": {"type": "model", "name": mine},
        "files": [{"sha256": oid, "filename": "w"}, {"sha256": "1" * 64}],
    }
    answer = httpx2.post(
        f"{hub.endpoint}/api/models/{repo}/lfs-files/duplicate",
        json=asked,
        headers={"Authorization": f"Bearer {ben.token}"},
    )
    assert [each["sha256"] for each in answer.json()["failed"]] == ["1" * 64]


def test_a_commit_over_the_limit_is_refused_before_it_is_read(
    hub: RunningHub, ada: Signed, repo: str
) -> None:
    request = (
        f"POST /api/models/{repo}/commit/main HTTP/1.1\r\nHost: hub\r\n"
        f"Authorization: Bearer {ada.token}\r\nContent-Length: {(64 << 20) + 1}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", int(hub.endpoint.rpartition(":")[2])), 30) as wire:
        wire.sendall(request.encode())
        answer = wire.recv(65536)
    assert answer.startswith(b"HTTP/1.1 413")


def test_a_file_too_large_for_a_commit_is_told_to_travel_apart(
    hub: RunningHub, ada: Signed, repo: str
) -> None:
    fits = commit(hub, ada, repo, lines(small("fits.txt", b"x" * 10_000_000)))
    assert fits.status_code == 200, fits.text
    answer = commit(hub, ada, repo, lines(small("large.txt", b"x" * 20_000_000)))
    assert answer.status_code == 413
    assert "A line is larger than" in answer.json()["error"]


def test_an_upload_needs_a_token_that_may_write(hub: RunningHub, ada: Signed, repo: str) -> None:
    reader = hub.sign_up(f"reader-{ada.name}", role="read")
    for kind in ("commit/main", "preupload/main"):
        answer = httpx2.post(f"{hub.endpoint}/api/models/{repo}/{kind}", json={"files": []})
        assert answer.status_code == 401
    assert commit(hub, reader, repo, lines(small("a.txt"))).status_code == 403


def test_a_bad_request_reaches_the_client_as_one(api: HfApi, repo: str) -> None:
    operation = CommitOperationAdd("ok.txt", b"x")
    operation.path_in_repo = "a//b"
    with pytest.raises(BadRequestError, match="segment"):
        api.create_commit(repo, [operation], commit_message="no")
