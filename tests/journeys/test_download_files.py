"""Downloads: what everybody gets alike, what some get, and what does not exist for others."""

import os
import re
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi, HfFileSystem
from huggingface_hub.errors import (
    EntryNotFoundError,
    GatedRepoError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from openward.store.repositories import find_repo
from openward.store.requests import audit_of
from openward.store.revisions import find_revision
from tests.journeys.hub_under_test import RunningHub, Signed
from tests.journeys.policies_in_force import EVERYTHING, adopt_policy

WEIGHTS = os.urandom(3_000_000)
README = "---\nlicense: mit\n---\n# Lens\n\nSieht gut. 見る\n".encode()
_PER_ANSWER = ("x-request-id", "date")


@pytest.fixture(scope="module", autouse=True)
def _open_policy(hub: RunningHub) -> None:
    adopt_policy(hub, EVERYTHING)


@pytest.fixture(scope="module")
def maker(hub: RunningHub) -> Signed:
    return hub.sign_up("maker")


@pytest.fixture(scope="module")
def repo(hub: RunningHub, maker: Signed, _open_policy: None) -> str:
    return filled(HfApi(endpoint=hub.endpoint, token=maker.token), f"{maker.name}/lens")


def filled(api: HfApi, name: str, *, private: bool = False) -> str:
    repo = api.create_repo(name, private=private).repo_id
    for path, content in (("README.md", README), ("w.bin", WEIGHTS), ("empty.txt", b"")):
        api.upload_file(path_or_fileobj=content, path_in_repo=path, repo_id=repo)
    return repo


def get(hub: RunningHub, path: str, method: str = "GET", **headers: str) -> httpx2.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.request(method, f"{hub.endpoint}/{path}", headers=named, timeout=60)


def shown(answer: httpx2.Response) -> tuple[int, dict[str, str], bytes]:
    headers = {name: value for name, value in answer.headers.items() if name not in _PER_ANSWER}
    return answer.status_code, headers, answer.content


def commit_of(hub: RunningHub, repo: str) -> str:
    with hub.office.database.reading() as connection:
        row = find_repo(connection, "model", repo)
        assert row is not None
        revision = find_revision(connection, row.id, "main")
        assert revision is not None
        return revision.oid


# --- what a client reads ----------------------------------------------------------------------


def test_a_head_says_what_a_get_will_bring(hub: RunningHub, repo: str) -> None:
    for path, content in (("w.bin", WEIGHTS), ("README.md", README), ("empty.txt", b"")):
        head = get(hub, f"{repo}/resolve/main/{path}", "HEAD")
        body = get(hub, f"{repo}/resolve/main/{path}")
        assert shown(head)[:2] == shown(body)[:2]
        assert (head.content, body.content) == (b"", content)
        assert head.headers["content-length"] == str(len(content))
        assert head.headers["x-repo-commit"] == commit_of(hub, repo)
        assert head.headers["accept-ranges"] == "bytes"


def test_a_large_file_is_tagged_by_sha256_and_a_small_one_by_git(
    hub: RunningHub, repo: str
) -> None:
    siblings = HfApi(endpoint=hub.endpoint, token=False).model_info(repo, files_metadata=True)
    found = {s.rfilename: s for s in siblings.siblings or []}
    large, small = found["w.bin"], found["README.md"]
    assert large.lfs is not None
    head = get(hub, f"{repo}/resolve/main/w.bin", "HEAD")
    assert head.headers["etag"] == head.headers["x-linked-etag"] == f'"{large.lfs.sha256}"'
    assert head.headers["x-linked-size"] == str(len(WEIGHTS))
    head = get(hub, f"{repo}/resolve/main/README.md", "HEAD")
    assert head.headers["etag"] == f'"{small.blob_id}"'
    assert "x-linked-size" not in head.headers


def test_what_is_served_is_inert(hub: RunningHub, api: HfApi, ada: Signed) -> None:
    page = b"<script>alert(1)</script>"
    mine = api.create_repo(f"{ada.name}/page").repo_id
    api.upload_file(path_or_fileobj=page, path_in_repo='a "b" ä.html', repo_id=mine)
    answer = get(hub, f"{mine}/resolve/main/a%20%22b%22%20%C3%A4.html")
    assert answer.content == page
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    disposition = answer.headers["content-disposition"]
    assert disposition == (
        "inline; filename*=UTF-8''a%20%22b%22%20%C3%A4.html; filename=\"a _b_ _.html\";"
    )


def test_a_branch_with_a_slash_is_one_revision(hub: RunningHub, maker: Signed, repo: str) -> None:
    api = HfApi(endpoint=hub.endpoint, token=maker.token)
    api.create_branch(repo, branch="dev/x", exist_ok=True)
    assert get(hub, f"{repo}/resolve/dev%2Fx/README.md").content == README
    assert get(hub, f"{repo}/resolve/dev/x/README.md").headers["x-error-code"] == "RevisionNotFound"


# --- parts of a file --------------------------------------------------------------------------

SIZE = len(WEIGHTS)


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=10-19", 10, 20),
        ("bytes=2999990-", SIZE - 10, SIZE),
        ("bytes=-7", SIZE - 7, SIZE),
        ("bytes=-99999999", 0, SIZE),
        (f"bytes=0-{SIZE - 1}", 0, SIZE),
        (f"bytes=5-{SIZE + 1000}", 5, SIZE),
        ("bytes=1000000-2200000", 1_000_000, 2_200_001),
    ],
)
def test_one_range_brings_those_bytes(
    hub: RunningHub, repo: str, asked: str, start: int, end: int
) -> None:
    answer = get(hub, f"{repo}/resolve/main/w.bin", range=asked)
    assert answer.status_code == 206
    assert answer.content == WEIGHTS[start:end]
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{SIZE}"
    assert answer.headers["content-length"] == str(end - start)


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", "bytes=99999999-100000000", "bytes=-0"])
def test_a_range_that_is_not_there_is_refused(hub: RunningHub, repo: str, asked: str) -> None:
    answer = get(hub, f"{repo}/resolve/main/w.bin", range=asked)
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{SIZE}"
    assert get(hub, f"{repo}/resolve/main/empty.txt", range="bytes=0-").status_code == 416


@pytest.mark.parametrize(
    "asked",
    ["bytes=0-1,5-6", "bytes=9-5", "bytes=-", "lines=1-2", "bytes=x-y", "bytes=٣-", "", "bytes"],
)
def test_what_is_no_single_range_brings_the_whole(hub: RunningHub, repo: str, asked: str) -> None:
    answer = httpx2.get(
        f"{hub.endpoint}/{repo}/resolve/main/README.md", headers={b"Range": asked.encode()}
    )
    assert (answer.status_code, answer.content) == (200, README)


def test_a_range_of_another_version_brings_the_whole(hub: RunningHub, repo: str) -> None:
    address = f"{repo}/resolve/main/README.md"
    tag = get(hub, address, "HEAD").headers["etag"]
    assert get(hub, address, range="bytes=0-1", if_range=tag).status_code == 206
    assert get(hub, address, range="bytes=0-1", if_range='"other"').status_code == 200


def test_what_a_client_holds_already_is_not_sent_again(hub: RunningHub, repo: str) -> None:
    address = f"{repo}/resolve/main/README.md"
    tag = get(hub, address, "HEAD").headers["etag"]
    for held in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = get(hub, address, if_none_match=held)
        assert (answer.status_code, answer.content) == (304, b"")
        assert answer.headers["etag"] == tag
    assert get(hub, address, if_none_match='"x"').status_code == 200


# --- clients ----------------------------------------------------------------------------------


def test_a_broken_off_download_goes_on_where_it_stopped(
    hub: RunningHub, repo: str, visitor_api: HfApi, tmp_path: Path
) -> None:
    etag = get(hub, f"{repo}/resolve/main/w.bin", "HEAD").headers["etag"].strip('"')
    blobs = tmp_path / f"models--{repo.replace('/', '--')}" / "blobs"
    blobs.mkdir(parents=True)
    (blobs / f"{etag}.incomplete").write_bytes(WEIGHTS[:1_000_000])
    path = visitor_api.hf_hub_download(repo, "w.bin", cache_dir=tmp_path)
    assert Path(path).read_bytes() == WEIGHTS


def test_the_file_system_reads_and_writes(hub: RunningHub, api: HfApi, ada: Signed) -> None:
    mine = api.create_repo(f"{ada.name}/disk").repo_id
    files = HfFileSystem(endpoint=hub.endpoint, token=ada.token, skip_instance_cache=True)
    with files.open(f"{mine}/data/w.bin", "wb") as file:
        file.write(WEIGHTS)
    files.invalidate_cache()
    with files.open(f"{mine}/data/w.bin", "rb") as file:
        file.seek(2_000_000)
        assert file.read(5) == WEIGHTS[2_000_000:2_000_005]
    assert files.cat_file(f"{mine}/data/w.bin") == WEIGHTS
    files.rm(f"{mine}/data/w.bin")
    assert "data/w.bin" not in api.list_repo_files(mine)


def test_what_is_missing_is_said_in_the_clients_own_words(
    hub: RunningHub, repo: str, visitor_api: HfApi, tmp_path: Path
) -> None:
    with pytest.raises(EntryNotFoundError):
        visitor_api.hf_hub_download(repo, "nowhere.txt", cache_dir=tmp_path)
    assert list(tmp_path.rglob(".no_exist/*/nowhere.txt"))
    with pytest.raises(RevisionNotFoundError):
        visitor_api.hf_hub_download(repo, "README.md", revision="nowhere", cache_dir=tmp_path)
    with pytest.raises(RepositoryNotFoundError):
        visitor_api.hf_hub_download("nobody/nothing", "README.md", cache_dir=tmp_path)


def test_raw_shows_what_git_would_hold(hub: RunningHub, repo: str) -> None:
    assert get(hub, f"{repo}/raw/main/README.md").content == README
    pointer = get(hub, f"{repo}/raw/main/w.bin").text
    assert re.fullmatch(
        r"version https://git-lfs\.github\.com/spec/v1\noid sha256:[0-9a-f]{64}\nsize 3000000\n",
        pointer,
    )
    head = get(hub, f"{repo}/raw/main/w.bin", "HEAD")
    assert (head.content, head.headers["content-length"]) == (b"", str(len(pointer)))


def test_datasets_and_spaces_have_their_own_shelves(
    hub: RunningHub, api: HfApi, ada: Signed
) -> None:
    for kind in ("dataset", "space"):
        sdk = "static" if kind == "space" else None
        name = api.create_repo(f"{ada.name}/{kind}-one", repo_type=kind, space_sdk=sdk).repo_id
        api.upload_file(
            path_or_fileobj=b"x\n", path_in_repo="a/x.txt", repo_id=name, repo_type=kind
        )
        assert get(hub, f"{kind}s/{name}/resolve/main/a/x.txt").content == b"x\n"
        assert get(hub, f"{name}/resolve/main/a/x.txt").status_code == 404


# --- who may have it --------------------------------------------------------------------------


def test_what_is_open_is_answered_the_same_to_everybody(
    hub: RunningHub, repo: str, ben: Signed
) -> None:
    for method in ("GET", "HEAD"):
        for path in ("w.bin", "README.md", "nowhere.txt"):
            address = f"{repo}/resolve/main/{path}"
            plain = shown(get(hub, address, method))
            for token in (f"Bearer {ben.token}", "Bearer wrong", "Basic x", "nonsense"):
                assert shown(get(hub, address, method, authorization=token)) == plain
            assert "vary" not in plain[1]
            assert "no-store" not in plain[1].get("cache-control", "")


def test_what_is_private_does_not_exist_for_others(
    hub: RunningHub, api: HfApi, ada: Signed, ben: Signed
) -> None:
    hidden = filled(api, f"{ada.name}/hidden", private=True)
    missing = f"{ada.name}/absent"
    for path in (
        "resolve/main/w.bin",
        "resolve/nowhere/w.bin",
        "resolve/main/no",
        "raw/main/w.bin",
    ):
        for headers in (
            {},
            {"authorization": f"Bearer {ben.token}"},
            {"authorization": "Bearer x"},
        ):
            theirs, nobodys = (
                shown(get(hub, f"{name}/{path}", **headers)) for name in (hidden, missing)
            )
            assert theirs == nobodys
            assert theirs[0] in (401, 404)
    answer = get(hub, f"{hidden}/resolve/main/w.bin", authorization=f"Bearer {ada.token}")
    assert answer.content == WEIGHTS
    assert "no-store" in answer.headers["cache-control"]


def test_a_gate_shows_the_card_and_nothing_else(
    hub: RunningHub, api: HfApi, other_api: HfApi, ada: Signed, ben: Signed, tmp_path: Path
) -> None:
    gated = filled(api, f"{ada.name}/gated")
    api.upload_file(path_or_fileobj=WEIGHTS[:1000], path_in_repo="x/README.md", repo_id=gated)
    api.update_repo_settings(gated, gated="manual")
    for path in ("README.md", ".gitattributes"):
        assert get(hub, f"{gated}/resolve/main/{path}").status_code == 200
    for path in ("w.bin", "nowhere.txt", "x/README.md", "empty.txt"):
        visitor = get(hub, f"{gated}/resolve/main/{path}")
        stranger = get(hub, f"{gated}/resolve/main/{path}", authorization=f"Bearer {ben.token}")
        for answer, code in ((visitor, 401), (stranger, 403)):
            assert (answer.status_code, answer.headers["x-error-code"]) == (code, "GatedRepo")
            assert answer.headers["x-error-message"].isascii()
    with pytest.raises(GatedRepoError):
        other_api.hf_hub_download(gated, "w.bin", cache_dir=tmp_path)
    own = get(hub, f"{gated}/resolve/main/w.bin", authorization=f"Bearer {ada.token}")
    assert own.content == WEIGHTS
    assert "no-store" in own.headers["cache-control"]


def test_weights_called_readme_stay_behind_the_gate(
    hub: RunningHub, api: HfApi, ada: Signed
) -> None:
    gated = api.create_repo(f"{ada.name}/sly").repo_id
    sly = b"---\nlicense: mit\n---\n" + bytes([1]) * 1000
    api.upload_file(path_or_fileobj=sly, path_in_repo="README.md", repo_id=gated)
    api.update_repo_settings(gated, gated="auto")
    answer = get(hub, f"{gated}/resolve/main/README.md")
    assert (answer.status_code, answer.headers["x-error-code"]) == (401, "GatedRepo")


def test_reading_what_only_evaluators_may_is_noted_and_others_are_told_why(
    hub: RunningHub, api: HfApi, ada: Signed, ben: Signed
) -> None:
    strong = filled(api, f"{ada.name}/strong")
    address, own = f"{strong}/resolve/main/w.bin", {"authorization": f"Bearer {ada.token}"}
    adopt_policy(hub, 0, "evaluators-only")
    try:
        assert get(hub, address, "HEAD", **own).status_code == 200
        part = get(hub, address, range="bytes=0-9", **own)
        refused = get(hub, address, authorization=f"Bearer {ben.token}")
        unknown = get(hub, f"{strong}/resolve/main/nowhere", authorization=f"Bearer {ben.token}")
    finally:
        adopt_policy(hub, EVERYTHING)
    assert (part.status_code, part.content) == (206, WEIGHTS[:10])
    assert "no-store" in part.headers["cache-control"]
    for answer in (refused, unknown):
        assert (answer.status_code, answer.headers["x-error-code"]) == (403, "GatedRepo")
    with hub.office.database.reading() as connection:
        row = find_repo(connection, "model", strong)
        assert row is not None
        revision = find_revision(connection, row.id, "main")
        assert revision is not None
        noted = audit_of(connection, revision.subject)
    assert [(account, path) for _, account, path, _ in noted] == [(ada.account.id, "w.bin")]
