"""What needs another hub than the usual one: parts of a few KiB, a full disk, an object store."""

import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest
from huggingface_hub import HfApi

from openward.registrar import uploads
from openward.store.blobs import Blobs, StagedFile
from openward.vocabulary import Sha256
from tests.journeys.hub_in_this_process import hub_here
from tests.journeys.hub_under_test import RunningHub, Signed
from tests.journeys.test_upload_lfs import UPLOAD, batch, held, href, staged

EACH = 100_000
CONTENT = os.urandom(250_000)
OID = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(uploads, "MULTIPART_FROM", EACH)
        patch.setattr(uploads, "PART_SIZE", EACH)
        with hub_here(tmp_path_factory.mktemp("hub") / "hub", Redirecting) as running:
            yield running


class Redirecting:
    """Blobs in a folder that pretends to be an object store with addresses of its own."""

    def __init__(self, inner: Blobs) -> None:
        self._inner = inner
        self.keep, self.size, self.chunks = inner.keep, inner.size, inner.chunks

    def path(self, digest: Sha256) -> Path | None:
        return None

    def address(self, digest: Sha256, lasting: timedelta) -> str | None:
        return f"http://store.invalid/{digest}?for={int(lasting.total_seconds())}"


@pytest.fixture
def repo(api: HfApi, ada: Signed) -> str:
    return api.create_repo(f"{ada.name}/lens").repo_id


def parts(found: dict[str, object]) -> list[str]:
    actions = found["actions"]
    assert isinstance(actions, dict)
    header = actions["upload"]["header"]
    assert header["chunk_size"] == str(EACH)
    return [header[name] for name in sorted(header) if name.isdigit()]


def test_the_client_sends_a_large_file_in_parts(
    hub: RunningHub, ada: Signed, repo: str, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "w.bin").write_bytes(CONTENT)
    environment = {**os.environ, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", UPLOAD, hub.endpoint, ada.token, repo, str(folder)]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert ran.returncode == 0, ran.stderr
    assert held(hub, ada, OID)
    assert staged(hub) == []


def test_parts_are_exact_and_all_of_them_are_needed(
    hub: RunningHub, ada: Signed, repo: str
) -> None:
    found = batch(hub, ada, repo, OID, len(CONTENT), transfers=["basic", "multipart"])
    first, second, third = parts(found)
    assert httpx2.put(first, content=CONTENT[: EACH - 1]).status_code == 400
    assert httpx2.put(first, content=CONTENT[: EACH + 1]).status_code == 413
    assert httpx2.put(third, content=CONTENT[2 * EACH :]).status_code == 200
    assert httpx2.put(first, content=CONTENT[:EACH]).status_code == 200
    moved = second.rpartition("/")[0] + "/1"
    assert httpx2.put(moved, content=CONTENT[:EACH]).status_code == 403
    assert httpx2.put(second.rpartition("/")[0] + "/x", content=b"").status_code == 400
    early = httpx2.post(href(found), json={"oid": OID, "parts": []})
    assert early.status_code == 400
    assert "part 2" in early.json()["error"]
    sent = httpx2.put(second, content=CONTENT[EACH : 2 * EACH])
    assert sent.headers["etag"]
    for _ in range(2):
        assert httpx2.post(href(found), json={"oid": OID, "parts": []}).status_code == 200
    assert held(hub, ada, OID)
    assert staged(hub) == []


def test_a_client_that_knows_no_parts_is_asked_for_none(
    hub: RunningHub, ada: Signed, repo: str
) -> None:
    assert "header" not in batch(hub, ada, repo, OID, len(CONTENT))["actions"]["upload"]


def test_a_full_disk_is_said_and_leaves_nothing(
    hub: RunningHub, ada: Signed, repo: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = StagedFile.write

    def full_after_a_while(self: StagedFile, chunk: bytes) -> None:
        if self.size + len(chunk) > 50_000:
            # What the system says when the disk is full; raised where the real write raises it.
            self._file.close()
            self._file = Full()  # type: ignore[assignment]
        real(self, chunk)

    monkeypatch.setattr(StagedFile, "write", full_after_a_while)
    sent = httpx2.put(href(batch(hub, ada, repo, OID, len(CONTENT))), content=CONTENT)
    assert sent.status_code == 503
    assert "could not be written" in sent.json()["error"]
    assert not held(hub, ada, OID)
    assert staged(hub) == []


class Full:
    def write(self, chunk: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def close(self) -> None: ...


def test_large_files_leave_from_the_object_store(hub: RunningHub, api: HfApi, repo: str) -> None:
    api.upload_file(path_or_fileobj=CONTENT, path_in_repo="w.bin", repo_id=repo)
    for method in ("HEAD", "GET"):
        answer = httpx2.request(method, f"{hub.endpoint}/{repo}/resolve/main/w.bin")
        assert answer.status_code == 302
        assert answer.headers["location"] == f"http://store.invalid/{OID}?for=60"
        assert answer.headers["etag"] == answer.headers["x-linked-etag"] == f'"{OID}"'
        assert answer.headers["x-linked-size"] == str(len(CONTENT))
        assert len(answer.headers["x-repo-commit"]) == 40
        assert "no-store" in answer.headers["cache-control"]
    small = httpx2.get(f"{hub.endpoint}/{repo}/resolve/main/.gitattributes")
    assert small.status_code == 200
