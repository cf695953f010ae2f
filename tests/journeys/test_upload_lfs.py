"""Large files by LFS: in one piece, in parts, by older clients and by hand."""

import hashlib
import os
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from huggingface_hub import HfApi

from openward.store.contents import find_blob, possesses
from openward.vocabulary import Sha256
from openward.web.addresses import Address, sign_address
from tests.journeys.hub_under_test import RunningHub, Signed
from tests.journeys.policies_in_force import EVERYTHING, adopt_policy

WEIGHTS = os.urandom(300_000)
OID = hashlib.sha256(WEIGHTS).hexdigest()

UPLOAD = """
import sys
from huggingface_hub import HfApi
endpoint, token, repo, folder = sys.argv[1:]
HfApi(endpoint=endpoint, token=token).upload_folder(repo_id=repo, folder_path=folder)
"""


@pytest.fixture(scope="module", autouse=True)
def _open_policy(hub: RunningHub) -> None:
    adopt_policy(hub, EVERYTHING)


@pytest.fixture
def repo(api: HfApi, ada: Signed) -> str:
    return api.create_repo(f"{ada.name}/lens").repo_id


def batch(
    hub: RunningHub, who: Signed, repo: str, oid: str = OID, size: int = len(WEIGHTS), **more: Any
) -> dict[str, Any]:
    answer = httpx2.post(
        f"{hub.endpoint}/{repo}.git/info/lfs/objects/batch",
        json={"operation": "upload", "objects": [{"oid": oid, "size": size}], **more},
        headers={"Authorization": f"Bearer {who.token}"},
    )
    assert answer.status_code == 200, answer.text
    [found] = answer.json()["objects"]
    assert isinstance(found, dict)
    return found


def href(found: dict[str, Any], action: str = "upload") -> str:
    address = found["actions"][action]["href"]
    assert isinstance(address, str)
    return address


def staged(hub: RunningHub) -> list[Path]:
    return [path for path in (hub.folder / "staging").rglob("*") if path.is_file()]


def held(hub: RunningHub, who: Signed, oid: str = OID) -> bool:
    with hub.office.database.reading() as connection:
        return possesses(connection, Sha256(oid), who.account.id)


def test_a_folder_goes_up_without_xet_and_comes_back(
    hub: RunningHub, api: HfApi, ada: Signed, repo: str, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    contents = {"a.bin": os.urandom(5_000_000), "b.safetensors": os.urandom(70_000), "c.txt": b"c"}
    for name, content in contents.items():
        (folder / name).write_bytes(content)
    environment = {**os.environ, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", UPLOAD, hub.endpoint, ada.token, repo, str(folder)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    back = Path(api.snapshot_download(repo, cache_dir=tmp_path / "cache"))
    assert {name: (back / name).read_bytes() for name in contents} == contents
    assert staged(hub) == []


def test_a_whole_file_is_kept_once_and_verified(hub: RunningHub, ada: Signed, repo: str) -> None:
    found = batch(hub, ada, repo)
    early = httpx2.post(href(found, "verify"), json={"oid": OID, "size": len(WEIGHTS)})
    assert early.status_code == 404
    sent = httpx2.put(href(found), content=WEIGHTS)
    assert sent.status_code == 200, sent.text
    assert sent.headers["etag"] == f'"{OID}"'
    assert httpx2.post(href(found, "verify"), json={"oid": OID}).status_code == 200
    assert "actions" not in batch(hub, ada, repo)
    assert held(hub, ada)
    with hub.office.database.reading() as connection:
        blob = find_blob(connection, Sha256(OID))
    assert blob is not None
    git = hashlib.sha1(b"blob %d\0" % len(WEIGHTS) + WEIGHTS).hexdigest()
    assert (blob.size, blob.git_oid, blob.recognition) == (len(WEIGHTS), git, "unrecognised")


def test_what_somebody_else_holds_is_asked_for_again(
    hub: RunningHub, api: HfApi, ada: Signed, ben: Signed, repo: str
) -> None:
    content = os.urandom(1000)
    oid = hashlib.sha256(content).hexdigest()
    httpx2.put(href(batch(hub, ada, repo, oid, 1000)), content=content).raise_for_status()
    theirs, fresh = batch(hub, ben, repo, oid, 1000), batch(hub, ben, repo, "1" * 64, 1000)
    assert "actions" not in batch(hub, ada, repo, oid, 1000)
    assert theirs.keys() == fresh.keys()
    assert theirs["actions"].keys() == fresh["actions"].keys()


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (WEIGHTS[:-1], "ended after"),
        (WEIGHTS[:-1] + b"x", "SHA-256"),
        (b"", "ended after"),
        (WEIGHTS + b"x", "larger than"),
    ],
)
def test_bytes_that_are_not_what_was_promised_leave_nothing(
    hub: RunningHub, ada: Signed, repo: str, content: bytes, says: str
) -> None:
    answer = httpx2.put(href(batch(hub, ada, repo)), content=content)
    assert answer.status_code in (400, 413)
    assert says in answer.json()["error"]
    assert not held(hub, ada)
    assert staged(hub) == []


def test_more_than_was_promised_is_refused_while_it_streams(
    hub: RunningHub, ada: Signed, repo: str
) -> None:
    def without_end() -> Any:
        for _ in range(100):
            yield WEIGHTS

    try:
        answer = httpx2.put(href(batch(hub, ada, repo)), content=without_end())
        assert answer.status_code in (400, 413)
    except httpx2.TransportError:
        pass  # the server may hang up on who goes on sending
    assert not held(hub, ada)
    assert staged(hub) == []


def test_an_upload_cut_off_half_way_leaves_nothing(hub: RunningHub, ada: Signed, repo: str) -> None:
    address = href(batch(hub, ada, repo)).removeprefix(hub.endpoint)
    port = int(hub.endpoint.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), 30) as wire:
        head = f"PUT {address} HTTP/1.1\r\nHost: hub\r\nContent-Length: {len(WEIGHTS)}\r\n\r\n"
        wire.sendall(head.encode() + WEIGHTS[:100_000])
        deadline = time.monotonic() + 20
        while not staged(hub) and time.monotonic() < deadline:
            time.sleep(0.02)
    deadline = time.monotonic() + 20
    while staged(hub) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert staged(hub) == []
    assert not held(hub, ada)


def test_an_address_is_good_for_one_thing_one_account_and_one_hour(
    hub: RunningHub, ada: Signed, repo: str
) -> None:
    found = batch(hub, ada, repo)
    upload, check = href(found), href(found, "verify").removesuffix("/verify")
    assert httpx2.put(check, content=WEIGHTS).status_code == 403
    assert httpx2.post(upload + "/verify", json={}).status_code == 403
    assert httpx2.put(upload[:-2] + "AA", content=WEIGHTS).status_code == 403
    assert httpx2.put(f"{hub.endpoint}/lfs/x.y", content=WEIGHTS).status_code == 403
    now = hub.office.clock()
    for address in (
        Address("lfs", ada.account.id, OID, len(WEIGHTS), now),
        Address("xet-write", ada.account.id, OID, len(WEIGHTS), now.replace(year=now.year + 1)),
    ):
        signed = sign_address(hub.office.address_secret, address, address.until)
        sent = httpx2.put(f"{hub.endpoint}/lfs/{signed}", content=WEIGHTS)
        assert sent.status_code == 403
    assert not held(hub, ada)


def test_a_batch_refuses_what_it_cannot_do(
    hub: RunningHub, api: HfApi, ada: Signed, repo: str
) -> None:
    too_large = batch(hub, ada, repo, size=(1 << 40) + 1)
    assert too_large["error"]["code"] == 422
    address = f"{hub.endpoint}/{repo}.git/info/lfs/objects/batch"
    signed = {"Authorization": f"Bearer {ada.token}"}
    one = [{"oid": OID, "size": 1}]
    for body, code in (
        ({"operation": "download", "objects": one}, 501),
        ({"operation": "upload", "objects": one, "hash_algo": "sha512"}, 409),
        ({"operation": "upload", "objects": one * 1001}, 400),
        ({"operation": "upload", "objects": [{"oid": "x", "size": 1}]}, 400),
        ({"operation": "upload", "objects": [{"oid": OID, "size": -1}]}, 400),
        ({}, 400),
    ):
        assert httpx2.post(address, json=body, headers=signed).status_code == code, body
    assert httpx2.post(address, json={}).status_code == 401
    reader = hub.sign_up(f"reader-{ada.name}", role="read")
    body = {"operation": "upload", "objects": one}
    refused = httpx2.post(address, json=body, headers={"Authorization": f"Bearer {reader.token}"})
    assert refused.status_code == 403
    api.create_repo(f"{ada.name}/hidden", private=True)
    for name in (f"{ada.name}/hidden", f"{ada.name}/missing"):
        other = f"{hub.endpoint}/{name}.git/info/lfs/objects/batch"
        ben = hub.sign_up(f"ben-{name.replace('/', '-')}")
        answer = httpx2.post(other, json=body, headers={"Authorization": f"Bearer {ben.token}"})
        assert (answer.status_code, answer.headers["x-error-code"]) == (404, "RepoNotFound")
