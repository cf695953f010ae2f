"""What is in a revision, and the names revisions have, through the real client."""

import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RevisionNotFoundError,
)
from huggingface_hub.hf_api import RepoFile, RepoFolder

from tests.journeys.hub_under_test import RunningHub, Signed

FILES = {
    "README.md": b"---\nlicense: mit\n---\n# A lens\n",
    "config.json": b"{}\n",
    "sub/a.txt": b"a\n",
    "sub/deep/b.txt": b"b\n",
    "sub.d/c.txt": b"c\n",
    "weights.bin": bytes(range(256)) * 8,
}


@pytest.fixture(scope="module")
def owner(hub: RunningHub) -> Signed:
    return hub.sign_up("treeowner")


@pytest.fixture(scope="module")
def tree_api(hub: RunningHub, owner: Signed) -> HfApi:
    return HfApi(endpoint=hub.endpoint, token=owner.token)


@pytest.fixture(scope="module")
def repo(tree_api: HfApi) -> str:
    repo = tree_api.create_repo("tree").repo_id
    adds = [CommitOperationAdd(path, raw) for path, raw in FILES.items()]
    tree_api.create_commit(repo, adds, commit_message="All of it\n\nWith a reason.")
    return repo


def test_a_folder_lists_its_own_entries(tree_api: HfApi, repo: str) -> None:
    entries = {entry.path: entry for entry in tree_api.list_repo_tree(repo)}
    assert set(entries) == {
        ".gitattributes", "README.md", "config.json", "sub", "sub.d", "weights.bin",
    }  # fmt: skip
    assert isinstance(entries["sub"], RepoFolder)
    inside = [entry.path for entry in tree_api.list_repo_tree(repo, "sub")]
    assert inside == ["sub/a.txt", "sub/deep"]


def test_everything_below_is_listed_with_its_folders(tree_api: HfApi, repo: str) -> None:
    below = [entry.path for entry in tree_api.list_repo_tree(repo, "sub", recursive=True)]
    assert below == ["sub/a.txt", "sub/deep", "sub/deep/b.txt"]


def test_sizes_and_git_names_are_those_of_git(tree_api: HfApi, repo: str, tmp_path: Path) -> None:
    entries = {entry.path: entry for entry in tree_api.list_repo_tree(repo, recursive=True)}
    weights = entries["weights.bin"]
    assert isinstance(weights, RepoFile) and weights.lfs is not None
    assert weights.size == len(FILES["weights.bin"])
    assert weights.xet_hash is None
    for path, raw in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(raw)
    pointer = (
        f"version https://git-lfs.github.com/spec/v1\noid sha256:{weights.lfs.sha256}\n"
        f"size {weights.size}\n"
    )
    assert weights.lfs.pointer_size == len(pointer)
    (tmp_path / "weights.bin").write_text(pointer)
    oids = git_names(tmp_path)
    for path in ("README.md", "sub", "sub/deep", "sub.d", "sub/a.txt", "weights.bin"):
        entry = entries[path]
        assert (entry.tree_id if isinstance(entry, RepoFolder) else entry.blob_id) == oids[path]


def git_names(folder: Path) -> dict[str, str]:
    """What git itself calls the files and folders."""
    for command in (["init", "-q"], ["add", "."]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    run = {"cwd": folder, "check": True, "capture_output": True, "text": True}
    tree = subprocess.run(["git", "write-tree"], **run).stdout.strip()  # type: ignore[call-overload]
    listing = subprocess.run(["git", "ls-tree", "-rt", tree], **run).stdout  # type: ignore[call-overload]
    return {path: fields.split()[2] for fields, path in re.findall(r"(.*)\t(.*)", listing)}


def test_the_last_commit_is_told_when_asked_for(tree_api: HfApi, repo: str) -> None:
    tip = tree_api.model_info(repo).sha
    plain = next(iter(tree_api.list_repo_tree(repo, "sub")))
    assert plain.last_commit is None
    for entry in tree_api.list_repo_tree(repo, "sub", expand=True):
        assert entry.last_commit is not None
        assert entry.last_commit.oid == tip
        assert entry.last_commit.title == "All of it"
    first = next(
        e for e in tree_api.list_repo_tree(repo, expand=True) if e.path == ".gitattributes"
    )
    assert first.last_commit is not None and first.last_commit.title == "initial commit"


@pytest.mark.parametrize("path", ["nowhere", "sub/nowhere", "README.md", "su"])
def test_a_path_that_is_no_folder_is_no_entry(tree_api: HfApi, repo: str, path: str) -> None:
    with pytest.raises(EntryNotFoundError):
        list(tree_api.list_repo_tree(repo, path))


def test_an_unknown_revision_is_told_apart(tree_api: HfApi, repo: str) -> None:
    for ask in (
        lambda: list(tree_api.list_repo_tree(repo, revision="nowhere")),
        lambda: tree_api.model_info(repo, revision="dev/nowhere"),
        lambda: tree_api.list_repo_commits(repo, revision="nowhere"),
        lambda: tree_api.get_paths_info(repo, ["README.md"], revision="nowhere"),
    ):
        with pytest.raises(RevisionNotFoundError):
            ask()


def test_paths_are_described_and_missing_ones_left_out(tree_api: HfApi, repo: str) -> None:
    found = tree_api.get_paths_info(repo, ["sub", "README.md", "nowhere", "sub/deep/b.txt"])
    assert [(type(each), each.path) for each in found] == [
        (RepoFolder, "sub"),
        (RepoFile, "README.md"),
        (RepoFile, "sub/deep/b.txt"),
    ]
    expanded = tree_api.get_paths_info(repo, "README.md", expand=True)
    assert expanded[0].last_commit is not None
    assert tree_api.file_exists(repo, "sub/a.txt")
    assert not tree_api.file_exists(repo, "sub/b.txt")


def test_a_long_listing_comes_in_pages(
    hub: RunningHub, tree_api: HfApi, repo: str, owner: Signed
) -> None:
    headers = {"Authorization": f"Bearer {owner.token}"}
    address = f"{hub.endpoint}/api/models/{repo}/tree/main?recursive=true&limit=2"
    paths: list[str] = []
    pages = 0
    while address:
        answer = httpx2.get(address, headers=headers)
        page: list[dict[str, Any]] = answer.json()
        assert 0 < len(page) <= 2
        paths += [entry["path"] for entry in page]
        address = answer.links.get("next", {}).get("url", "")
        assert address.count("cursor=") <= 1
        pages += 1
    expected = [entry.path for entry in tree_api.list_repo_tree(repo, recursive=True)]
    assert paths == expected
    assert pages == -(-len(expected) // 2)


@pytest.mark.parametrize(
    "query", ["cursor=-1", "cursor=a", "limit=1e3", "cursor=٣", "cursor=9999999999"]
)
def test_a_page_that_is_no_number_is_refused(hub: RunningHub, repo: str, query: str) -> None:
    answer = httpx2.get(f"{hub.endpoint}/api/models/{repo}/tree/main?{query}")
    assert answer.status_code == 400


def test_commits_come_newest_first_in_pages(
    hub: RunningHub, tree_api: HfApi, owner: Signed
) -> None:
    repo = tree_api.create_repo("many").repo_id
    for number in range(52):
        add = CommitOperationAdd("n.txt", f"{number}\n".encode())
        tree_api.create_commit(repo, [add], commit_message=f"commit {number}")
    commits = tree_api.list_repo_commits(repo)
    titles = [commit.title for commit in commits]
    assert titles == [f"commit {number}" for number in range(51, -1, -1)] + ["initial commit"]
    assert commits[0].authors == [owner.name]
    assert commits[0].commit_id == tree_api.model_info(repo).sha
    older = tree_api.list_repo_commits(repo, revision=commits[50].commit_id, formatted=True)
    assert [commit.title for commit in older] == titles[50:]
    assert older[0].formatted_title == "commit 1"


def test_a_message_keeps_its_title_apart(tree_api: HfApi, repo: str) -> None:
    commit = tree_api.list_repo_commits(repo)[0]
    assert (commit.title, commit.message) == ("All of it", "With a reason.")


def test_a_branch_with_a_slash_is_one_revision(tree_api: HfApi, repo: str) -> None:
    tree_api.create_branch(repo, branch="dev/x")
    tree_api.upload_file(
        path_or_fileobj=b"x\n", path_in_repo="sub/x.txt", repo_id=repo, revision="dev/x"
    )
    on_branch = [e.path for e in tree_api.list_repo_tree(repo, "sub", revision="dev/x")]
    assert on_branch == ["sub/a.txt", "sub/deep", "sub/x.txt"]
    assert "sub/x.txt" not in tree_api.list_repo_files(repo)
    refs = {ref.name: ref for ref in tree_api.list_repo_refs(repo).branches}
    assert refs["dev/x"].ref == "refs/heads/dev/x"
    assert tree_api.model_info(repo, revision="dev/x").sha == refs["dev/x"].target_commit
    tree_api.delete_branch(repo, branch="dev/x")
    with pytest.raises(RevisionNotFoundError):
        tree_api.model_info(repo, revision="dev/x")


def test_a_branch_starts_where_it_is_told_and_only_once(tree_api: HfApi, repo: str) -> None:
    first = tree_api.list_repo_commits(repo)[-1].commit_id
    tree_api.create_branch(repo, branch="old", revision=first)
    assert tree_api.list_repo_files(repo, revision="old") == [".gitattributes"]
    with pytest.raises(HfHubHTTPError, match="Reference refs/heads/old already exists") as e:
        tree_api.create_branch(repo, branch="old")
    assert e.value.response.status_code == 409
    tree_api.create_branch(repo, branch="old", exist_ok=True)
    with pytest.raises(RevisionNotFoundError):
        tree_api.create_branch(repo, branch="new", revision="nowhere")


def test_a_branch_is_moved_when_that_is_asked_for(
    hub: RunningHub, tree_api: HfApi, repo: str, owner: Signed
) -> None:
    commits = tree_api.list_repo_commits(repo)
    tree_api.create_branch(repo, branch="moved")
    answer = httpx2.post(
        f"{hub.endpoint}/api/models/{repo}/branch/moved",
        json={"startingPoint": commits[-1].commit_id, "overwrite": True},
        headers={"Authorization": f"Bearer {owner.token}"},
    )
    assert answer.status_code == 200
    assert tree_api.model_info(repo, revision="moved").sha == commits[-1].commit_id
    tree_api.delete_branch(repo, branch="moved")


def test_main_cannot_be_deleted(tree_api: HfApi, repo: str) -> None:
    with pytest.raises(HfHubHTTPError, match="Cannot delete refs/heads/main"):
        tree_api.delete_branch(repo, branch="main")
    with pytest.raises(HfHubHTTPError):
        tree_api.delete_branch(repo, branch="nowhere")


@pytest.mark.parametrize(
    "name", ["a b", "a..b", ".a", "a/.b", "a.lock", "a~1", "refs/heads/x", "a//b", "-" * 300, "@"]
)
def test_a_branch_git_would_refuse_is_refused(
    hub: RunningHub, repo: str, owner: Signed, name: str
) -> None:
    answer = httpx2.post(
        f"{hub.endpoint}/api/models/{repo}/branch/{quote(name, safe='')}",
        headers={"Authorization": f"Bearer {owner.token}"},
    )
    assert answer.status_code == 400


def test_a_tag_names_a_revision_and_only_once(tree_api: HfApi, repo: str) -> None:
    tip = tree_api.model_info(repo).sha
    tree_api.create_tag(repo, tag="v1.0", tag_message="the first")
    tags = tree_api.list_repo_refs(repo).tags
    assert [(tag.name, tag.ref, tag.target_commit) for tag in tags] == [
        ("v1.0", "refs/tags/v1.0", tip)
    ]
    with pytest.raises(HfHubHTTPError) as e:
        tree_api.create_tag(repo, tag="v1.0")
    assert e.value.response.status_code == 409
    tree_api.create_tag(repo, tag="v1.0", exist_ok=True)
    with pytest.raises(RevisionNotFoundError):
        tree_api.create_tag(repo, tag="v2", revision="nowhere")
    assert tree_api.model_info(repo, revision="v1.0").sha == tip
    tree_api.delete_tag(repo, tag="v1.0")
    with pytest.raises(RevisionNotFoundError):
        tree_api.delete_tag(repo, tag="v1.0")


def test_a_squashed_branch_keeps_its_files_and_one_commit(tree_api: HfApi) -> None:
    repo = tree_api.create_repo("squashed").repo_id
    for number in range(3):
        tree_api.upload_file(
            path_or_fileobj=f"{number}\n".encode(), path_in_repo=f"{number}.txt", repo_id=repo
        )
    before = tree_api.list_repo_files(repo)
    old = tree_api.model_info(repo).sha
    tree_api.super_squash_history(repo, commit_message="All in one")
    commits = tree_api.list_repo_commits(repo)
    assert [commit.title for commit in commits] == ["All in one"]
    assert tree_api.list_repo_files(repo) == before
    assert tree_api.model_info(repo, revision=old).sha == old
    with pytest.raises(RevisionNotFoundError):
        tree_api.super_squash_history(repo, branch="nowhere")


def test_lfs_files_are_listed_to_those_who_may_write(
    tree_api: HfApi, repo: str, other_api: HfApi
) -> None:
    files = list(tree_api.list_lfs_files(repo))
    assert [(f.filename, f.size) for f in files] == [("weights.bin", 2048)]
    with pytest.raises(HfHubHTTPError) as e:
        list(other_api.list_lfs_files(repo))
    assert e.value.response.status_code == 403
    with pytest.raises(HfHubHTTPError, match="does not rewrite history"):
        tree_api.permanently_delete_lfs_files(repo, files)
