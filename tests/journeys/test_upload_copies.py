"""Copies from one repository to another, by the real client: nothing is uploaded again."""

import os
from pathlib import Path

import pytest
from huggingface_hub import CommitOperationAdd, CommitOperationCopy, HfApi
from huggingface_hub.errors import FileDuplicationError, HfHubHTTPError

from tests.journeys.hub_under_test import RunningHub, Signed


def _published(api: HfApi, name: str, weights: bytes) -> str:
    repo = api.create_repo(name).repo_id
    api.create_commit(
        repo,
        [CommitOperationAdd("model.bin", weights), CommitOperationAdd("notes.txt", b"a\n")],
        commit_message="Two files",
    )
    return repo


def test_files_are_copied_between_repositories(api: HfApi, ada: Signed, tmp_path: Path) -> None:
    weights = os.urandom(300_000)
    source = _published(api, f"{ada.name}/source", weights)
    target = api.create_repo(f"{ada.name}/target").repo_id
    api.create_commit(
        target,
        [
            CommitOperationCopy(
                "model.bin", "copied/model.bin", src_repo_id=source, src_repo_type="model"
            ),
            CommitOperationCopy(
                "notes.txt", "copied/notes.txt", src_repo_id=source, src_repo_type="model"
            ),
        ],
        commit_message="Copies",
    )
    got = {
        path: Path(api.hf_hub_download(target, f"copied/{path}", cache_dir=tmp_path)).read_bytes()
        for path in ("model.bin", "notes.txt")
    }
    assert got == {"model.bin": weights, "notes.txt": b"a\n"}


def test_what_cannot_be_read_cannot_be_copied(
    hub: RunningHub, api: HfApi, ada: Signed, other_api: HfApi, ben: Signed
) -> None:
    source = _published(api, f"{ada.name}/gated", os.urandom(300_000))
    api.update_repo_settings(source, gated="manual")
    target = other_api.create_repo(f"{ben.name}/target").repo_id
    with pytest.raises((FileDuplicationError, HfHubHTTPError)):
        other_api.create_commit(
            target,
            [
                CommitOperationCopy(
                    "model.bin", "model.bin", src_repo_id=source, src_repo_type="model"
                )
            ],
            commit_message="A copy",
        )
    assert "model.bin" not in other_api.list_repo_files(target)
