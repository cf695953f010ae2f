"""Xet uploads: by the real client, and by clients that lie."""

import hashlib
import json
import os
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from huggingface_hub import HfApi

from openward.store.contents import find_blob, possesses
from openward.vocabulary import Sha256
from openward.weights.xet_hash import Chunk, XetHash, chunk_of, file_hash, xet_text, xorb_hash
from openward.weights.xet_shard import END, TAG, WITH_SHA256
from tests.journeys.hub_under_test import RunningHub, Signed
from tests.journeys.policies_in_force import EVERYTHING, adopt_policy

UPLOAD = """
import sys
from huggingface_hub import HfApi
endpoint, token, repo, *paths = sys.argv[1:]
api = HfApi(endpoint=endpoint, token=token)
for path in paths:
    api.upload_file(repo_id=repo, path_or_fileobj=path, path_in_repo=path.rpartition("/")[2])
"""
PIECES = [os.urandom(9_000), os.urandom(20_000), os.urandom(5_000)]


@pytest.fixture(scope="module", autouse=True)
def _open_policy(hub: RunningHub) -> None:
    adopt_policy(hub, EVERYTHING)


@pytest.fixture
def repo(api: HfApi, ada: Signed) -> str:
    return api.create_repo(f"{ada.name}/lens").repo_id


# --- the real client --------------------------------------------------------------------------


def upload(hub: RunningHub, who: Signed, repo: str, home: Path, *paths: Path) -> str:
    """Upload in a process of its own; returns what it said when it failed."""
    environment = {**os.environ, "HF_HOME": str(home), "HF_HUB_DISABLE_TELEMETRY": "1"}
    command = [sys.executable, "-c", UPLOAD, hub.endpoint, who.token, repo, *map(str, paths)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    return ran.stderr if ran.returncode else ""


def left_over(hub: RunningHub) -> list[Path]:
    return [path for path in (hub.folder / "staging").rglob("*") if path.is_file()]


def fetch(hub: RunningHub, repo: str, path: str) -> bytes:
    return httpx2.get(f"{hub.endpoint}/{repo}/resolve/main/{path}", timeout=60).content


def test_a_file_is_kept_plain_and_its_xorbs_are_dropped(
    hub: RunningHub, ada: Signed, repo: str, tmp_path: Path
) -> None:
    content = os.urandom(3_000_000) + bytes(4_000_000) + struct.pack("<500000f", *range(500_000))
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    assert upload(hub, ada, repo, tmp_path / "home", path) == ""
    assert fetch(hub, repo, "model.safetensors") == content
    digest = Sha256(hashlib.sha256(content).hexdigest())
    with hub.office.database.reading() as connection:
        blob = find_blob(connection, digest)
        assert blob is not None
        assert possesses(connection, digest, ada.account.id)
    assert left_over(hub) == []


def test_a_changed_file_builds_on_what_was_sent_before(
    hub: RunningHub, ada: Signed, repo: str, tmp_path: Path
) -> None:
    first = os.urandom(6_000_000)
    second = first[:3_000_000] + os.urandom(1_000_000) + first[3_000_000:]
    for number, content in enumerate((first, second)):
        path = tmp_path / f"{number}.bin"
        path.write_bytes(content)
        assert upload(hub, ada, repo, tmp_path / "home", path) == ""
        assert fetch(hub, repo, f"{number}.bin") == content
    assert left_over(hub) == []


def test_two_accounts_on_one_machine_upload_the_same_file(
    hub: RunningHub, ada: Signed, ben: Signed, api: HfApi, other_api: HfApi, tmp_path: Path
) -> None:
    path = tmp_path / "w.bin"
    path.write_bytes(os.urandom(2_000_000))
    for who, by in ((ada, api), (ben, other_api)):
        repo = by.create_repo(f"{who.name}/same").repo_id
        assert upload(hub, who, repo, tmp_path / "home", path) == ""
        assert fetch(hub, repo, "w.bin") == path.read_bytes()


def test_a_folder_of_many_files_arrives_whole(
    hub: RunningHub, api: HfApi, repo: str, tmp_path: Path
) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    contents = {f"{n}.bin": os.urandom(40_000 + n) for n in range(40)}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    api.upload_folder(repo_id=repo, folder_path=folder)
    back = Path(api.snapshot_download(repo, cache_dir=tmp_path / "cache"))
    assert {name: (back / name).read_bytes() for name in contents} == contents


def test_a_pull_request_uploads_by_xet_too(hub: RunningHub, other_api: HfApi, repo: str) -> None:
    content = os.urandom(100_000)
    info = other_api.upload_file(
        path_or_fileobj=content, path_in_repo="w.bin", repo_id=repo, create_pr=True
    )
    assert info.pr_num == 1
    answer = httpx2.get(f"{hub.endpoint}/{repo}/resolve/refs%2Fpr%2F1/w.bin")
    assert answer.content == content


# --- by hand ----------------------------------------------------------------------------------


class Store:
    """The content-addressed store as one account sees it."""

    def __init__(self, hub: RunningHub, who: Signed, repo: str) -> None:
        answer = httpx2.get(
            f"{hub.endpoint}/api/models/{repo}/xet-write-token/main",
            headers={"Authorization": f"Bearer {who.token}"},
        )
        answer.raise_for_status()
        token = answer.json()
        assert answer.headers["x-xet-cas-url"] == token["casUrl"]
        assert answer.headers["x-xet-access-token"] == token["accessToken"]
        assert answer.headers["x-xet-token-expiration"] == str(token["exp"])
        self.address = token["casUrl"]
        self.headers = {"Authorization": f"Bearer {token['accessToken']}"}

    def xorb(self, raw: bytes, name: str) -> httpx2.Response:
        address = f"{self.address}/v1/xorbs/default/{name}"
        return httpx2.post(address, content=raw, headers=self.headers, timeout=60)

    def shard(self, raw: bytes) -> httpx2.Response:
        address = f"{self.address}/v1/shards"
        return httpx2.post(address, content=raw, headers=self.headers, timeout=60)


def xorb_of(pieces: list[bytes]) -> bytes:
    return b"".join(
        bytes([0]) + len(p).to_bytes(3, "little") + bytes([0]) + len(p).to_bytes(3, "little") + p
        for p in pieces
    )


def chunks_of(pieces: list[bytes]) -> list[Chunk]:
    return [chunk_of(piece) for piece in pieces]


def name_of(pieces: list[bytes]) -> str:
    return xet_text(xorb_hash(chunks_of(pieces)))


def reversed_groups(raw: bytes) -> bytes:
    return b"".join(raw[i : i + 8][::-1] for i in range(0, 32, 8))


def record(hash: bytes, *numbers: int) -> bytes:
    return hash + struct.pack("<4I", *numbers, *([0] * (4 - len(numbers))))


def shard_of(segments: list[tuple[XetHash, int, int, int]], named: XetHash, sha256: str) -> bytes:
    """A shard of one file and no xorbs, without a footer."""
    header = TAG + struct.pack("<QQ", 2, 0)
    file = record(named, WITH_SHA256, len(segments))
    parts = b"".join(record(xorb, 0, length, first, end) for xorb, first, end, length in segments)
    proof = record(reversed_groups(bytes.fromhex(sha256)))
    return header + file + parts + proof + record(END) + record(END)


def whole_shard(pieces: list[bytes], **changed: Any) -> bytes:
    content = b"".join(pieces)
    chunks = chunks_of(pieces)
    segment = (xorb_hash(chunks), 0, len(pieces), len(content))
    digest = hashlib.sha256(content).hexdigest()
    return shard_of(
        changed.get("segments", [segment]),
        changed.get("named", file_hash(chunks)),
        changed.get("sha256", digest),
    )


def test_a_xorb_and_a_shard_make_a_file(hub: RunningHub, ada: Signed, repo: str) -> None:
    store = Store(hub, ada, repo)
    sent = store.xorb(xorb_of(PIECES), name_of(PIECES))
    assert sent.json() == {"was_inserted": True}, sent.text
    assert store.xorb(xorb_of(PIECES), name_of(PIECES)).json() == {"was_inserted": False}
    assert len(left_over(hub)) == 1
    for _ in range(2):
        made = store.shard(whole_shard(PIECES))
        assert made.json() == {"result": 1}, made.text
    assert left_over(hub) == []
    digest = Sha256(hashlib.sha256(b"".join(PIECES)).hexdigest())
    with hub.office.database.reading() as connection:
        assert possesses(connection, digest, ada.account.id)
    # The xorb's bytes are gone; a new file still builds on its chunks, in another order.
    turned = [PIECES[2], PIECES[0], PIECES[1]]
    xorb = xorb_hash(chunks_of(PIECES))
    segments = [(xorb, 2, 3, 5_000), (xorb, 0, 2, 29_000)]
    made = store.shard(whole_shard(turned, segments=segments))
    assert made.status_code == 200, made.text
    digest = Sha256(hashlib.sha256(b"".join(turned)).hexdigest())
    assert b"".join(hub.office.blobs.chunks(digest, 0, 34_000)) == b"".join(turned)


def test_a_file_is_made_of_placed_and_fresh_chunks_alike(
    hub: RunningHub, ada: Signed, repo: str
) -> None:
    store = Store(hub, ada, repo)
    fresh = [os.urandom(7_000), os.urandom(8_000), os.urandom(9_000)]
    store.xorb(xorb_of(fresh), name_of(fresh)).raise_for_status()
    xorb = xorb_hash(chunks_of(fresh))
    part = whole_shard([fresh[1]], segments=[(xorb, 1, 2, 8_000)])
    assert store.shard(part).status_code == 200
    assert len(left_over(hub)) == 1
    assert store.shard(whole_shard(fresh)).status_code == 200
    digest = Sha256(hashlib.sha256(b"".join(fresh)).hexdigest())
    assert b"".join(hub.office.blobs.chunks(digest, 0, 24_000)) == b"".join(fresh)
    assert left_over(hub) == []


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        (b"", 400),
        (xorb_of(PIECES)[:-1], 400),
        (xorb_of(PIECES)[:5], 400),
        (xorb_of(PIECES) + b"x", 400),
        (xorb_of(PIECES[:2]), 422),
        (xorb_of([PIECES[1], PIECES[0], PIECES[2]]), 422),
        (os.urandom(10_000), 400),
    ],
)
def test_a_xorb_that_is_not_what_its_name_says_is_refused(
    hub: RunningHub, ben: Signed, other_api: HfApi, raw: bytes, code: int
) -> None:
    repo = other_api.create_repo(f"{ben.name}/x").repo_id
    before = left_over(hub)
    answer = Store(hub, ben, repo).xorb(raw, name_of(PIECES))
    assert answer.status_code == code, answer.text
    assert answer.json()["error"]
    assert left_over(hub) == before


def test_a_shard_reaches_no_xorb_of_another_account(
    hub: RunningHub, ada: Signed, ben: Signed, other_api: HfApi, repo: str
) -> None:
    pieces = [os.urandom(10_000)]
    Store(hub, ada, repo).xorb(xorb_of(pieces), name_of(pieces)).raise_for_status()
    Store(hub, ada, repo).shard(whole_shard(pieces)).raise_for_status()
    mine = other_api.create_repo(f"{ben.name}/x").repo_id
    unknown = [os.urandom(10_000)]
    theirs = Store(hub, ben, mine).shard(whole_shard(pieces))
    nobodys = Store(hub, ben, mine).shard(whole_shard(unknown))
    assert (theirs.status_code, nobodys.status_code) == (422, 422)
    said = theirs.json()["error"].replace(name_of(pieces), "X")
    assert said == nobodys.json()["error"].replace(name_of(unknown), "X")
    assert "was not uploaded by this account" in said
    digest = Sha256(hashlib.sha256(pieces[0]).hexdigest())
    with hub.office.database.reading() as connection:
        assert not possesses(connection, digest, ben.account.id)


@pytest.mark.parametrize(
    "changed",
    [
        {"sha256": "0" * 64},
        {"named": XetHash(bytes(31) + b"\1")},
        {"segments": [(xorb_hash(chunks_of(PIECES)), 0, 2, 34_000)]},
        {"segments": [(xorb_hash(chunks_of(PIECES)), 0, 4, 34_000)]},
        {"segments": [(xorb_hash(chunks_of(PIECES)), 0, 3, 33_999)]},
        {"segments": [(xorb_hash(chunks_of(PIECES)), 0, 3, 34_001)]},
        {"segments": [(xorb_hash(chunks_of(PIECES)), 0, 3, 34_000)] * 2},
    ],
)
def test_a_shard_that_lies_makes_no_file(
    hub: RunningHub, ben: Signed, other_api: HfApi, changed: dict[str, Any]
) -> None:
    repo = other_api.create_repo(f"{ben.name}/x").repo_id
    store = Store(hub, ben, repo)
    store.xorb(xorb_of(PIECES), name_of(PIECES)).raise_for_status()
    before = sorted(left_over(hub))
    answer = store.shard(whole_shard(PIECES, **changed))
    assert answer.status_code in (400, 422), answer.text
    digest = Sha256(hashlib.sha256(b"".join(PIECES)).hexdigest())
    with hub.office.database.reading() as connection:
        assert not possesses(connection, digest, ben.account.id)
    assert sorted(left_over(hub)) == before
    assert store.shard(whole_shard(PIECES)).status_code == 200


@pytest.mark.parametrize("raw", [b"", b"x" * 48, TAG + struct.pack("<QQ", 2, 0)])
def test_a_shard_that_is_none_is_refused(
    hub: RunningHub, ada: Signed, repo: str, raw: bytes
) -> None:
    assert Store(hub, ada, repo).shard(raw).status_code == 400


def test_the_store_opens_to_its_own_token_only(
    hub: RunningHub, ada: Signed, ben: Signed, api: HfApi, other_api: HfApi, repo: str
) -> None:
    store = Store(hub, ada, repo)
    mine = Store(hub, ben, other_api.create_repo(f"{ben.name}/x").repo_id)
    read = httpx2.get(f"{hub.endpoint}/api/models/{repo}/xet-read-token/main").json()
    name = name_of(PIECES)
    for headers in (
        {},
        {"Authorization": f"Bearer {ada.token}"},
        {"Authorization": "Bearer x.y"},
        {"Authorization": f"Bearer {read['accessToken']}"},
        mine.headers,
    ):
        for path, raw in ((f"/v1/xorbs/default/{name}", xorb_of(PIECES)), ("/v1/shards", b"")):
            answer = httpx2.post(store.address + path, content=raw, headers=headers)
            assert answer.status_code == 401
    for path in (
        f"/v1/chunks/default/{name}",
        f"/v1/xorbs/default/{name}",
        "/v1/reconstructions/x",
    ):
        assert httpx2.get(store.address + path, headers=store.headers).status_code == 404
    for path in (f"/v1/xorb-grants/default/{name}", "/v2/shards"):
        assert httpx2.post(store.address + path, headers=store.headers).status_code == 404
    assert store.xorb(xorb_of(PIECES), "zz").status_code == 400


def test_a_write_token_is_for_who_may_write(
    hub: RunningHub, ada: Signed, ben: Signed, api: HfApi, repo: str
) -> None:
    hidden = api.create_repo(f"{ada.name}/hidden", private=True).repo_id
    for name, query, code in (
        (repo, "", 403),
        (repo, "?create_pr=1", 200),
        (hidden, "", 404),
        (hidden, "?create_pr=1", 404),
        (f"{ada.name}/missing", "", 404),
    ):
        answer = httpx2.get(
            f"{hub.endpoint}/api/models/{name}/xet-write-token/main{query}",
            headers={"Authorization": f"Bearer {ben.token}"},
        )
        assert answer.status_code == code, (name, query)
    assert httpx2.get(f"{hub.endpoint}/api/models/{repo}/xet-write-token/main").status_code == 401


def test_a_xet_answer_names_nothing_to_download_by(hub: RunningHub, api: HfApi, repo: str) -> None:
    api.upload_file(path_or_fileobj=os.urandom(50_000), path_in_repo="w.bin", repo_id=repo)
    answer = httpx2.head(f"{hub.endpoint}/{repo}/resolve/main/w.bin")
    assert not [name for name in answer.headers if name.startswith("x-xet")]
    tree = httpx2.get(f"{hub.endpoint}/api/models/{repo}/tree/main").text
    assert "xetHash" not in json.loads(tree)[-1]
