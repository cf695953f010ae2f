"""Model info and listings, as the real client reads them."""

import json
import struct

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

from tests.journeys.hub_under_test import RunningHub, Signed

CARD = b"""---
license: apache-2.0
language: [en, sw]
tags: [chat, optics]
datasets: ada/rays
released: 2026-10-01
extra_gated_heading: Please ask
---
# A lens
"""


def tensors(**shapes: tuple[int, ...]) -> bytes:
    """A safetensors file of zeros in F32."""
    header: dict[str, object] = {}
    at = 0
    for name, shape in shapes.items():
        size = 4
        for side in shape:
            size *= side
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    raw = json.dumps(header).encode()
    return struct.pack("<Q", len(raw)) + raw + bytes(at)


@pytest.fixture(scope="module")
def owner(hub: RunningHub) -> Signed:
    return hub.sign_up("finder")


@pytest.fixture(scope="module")
def owner_api(hub: RunningHub, owner: Signed) -> HfApi:
    return HfApi(endpoint=hub.endpoint, token=owner.token)


@pytest.fixture(scope="module")
def repo(owner_api: HfApi) -> str:
    repo = owner_api.create_repo("lens").repo_id
    index = {
        "metadata": {"total_size": 72},
        "weight_map": {"a": "one.safetensors", "b": "two.safetensors"},
    }
    owner_api.create_commit(
        repo,
        [
            CommitOperationAdd("README.md", CARD),
            CommitOperationAdd(
                "config.json", b'{"architectures":["LensForCausalLM"],"model_type":"lens","x":1}'
            ),
            CommitOperationAdd("one.safetensors", tensors(a=(2, 3))),
            CommitOperationAdd("two.safetensors", tensors(b=(3, 4))),
            CommitOperationAdd("model.safetensors.index.json", json.dumps(index).encode()),
        ],
        commit_message="A lens",
    )
    return repo


def test_a_model_is_described_by_its_card_and_its_files(
    owner_api: HfApi, repo: str, owner: Signed
) -> None:
    info = owner_api.model_info(repo)
    assert (info.id, info.author, info.private) == (repo, owner.name, False)
    assert info.pipeline_tag == "text-generation"
    assert info.library_name == "transformers"
    assert info.config == {"architectures": ["LensForCausalLM"], "model_type": "lens"}
    assert info.safetensors is not None and info.safetensors.total == 18
    assert info.safetensors.parameters == {"F32": 18}
    assert info.card_data is not None and info.card_data.license == "apache-2.0"
    assert info.card_data["released"] == "2026-10-01"
    assert info.tags is not None
    assert {"chat", "optics", "transformers", "text-generation", "safetensors", "en", "sw"} <= set(
        info.tags
    )
    assert {"license:apache-2.0", "dataset:ada/rays"} <= set(info.tags)
    assert info.last_modified is not None and info.created_at is not None
    assert info.created_at <= info.last_modified


def test_what_the_hub_decided_stands_in_the_info(owner_api: HfApi, repo: str) -> None:
    said = owner_api.model_info(repo).openward  # type: ignore[attr-defined]
    assert said["state"]
    assert len(said["subject"]) == 64


def test_weights_that_wait_for_an_evaluation_read_as_gated(owner_api: HfApi) -> None:
    repo = owner_api.create_repo("derived").repo_id
    card = b"---\nbase_model: nobody/unknown\n---\n"
    adds = [
        CommitOperationAdd("README.md", card),
        CommitOperationAdd("model.safetensors", tensors(c=(5, 5))),
    ]
    owner_api.create_commit(repo, adds, commit_message="Derived")
    info = owner_api.model_info(repo)
    assert info.openward["tier"] is None  # type: ignore[attr-defined]
    assert info.gated == "manual"
    assert info.tags is not None and "base_model:nobody/unknown" in info.tags
    owner_api.delete_repo(repo)


def test_what_was_decided_in_private_is_shown_when_the_repository_opens(
    owner_api: HfApi, visitor_api: HfApi
) -> None:
    repo = owner_api.create_repo("opened-later", private=True).repo_id
    owner_api.upload_file(
        path_or_fileobj=tensors(d=(7, 7)), path_in_repo="model.safetensors", repo_id=repo
    )
    owner_api.update_repo_settings(repo, private=False)
    said = visitor_api.model_info(repo).openward  # type: ignore[attr-defined]
    assert said["state"] != "undecided"
    assert said["shown_by"] > said["entry"]
    visitor_api.auth_check(repo)
    owner_api.delete_repo(repo)


def test_sizes_and_digests_come_when_asked_for(owner_api: HfApi, repo: str) -> None:
    plain = {s.rfilename: s for s in owner_api.model_info(repo).siblings or []}
    assert plain["one.safetensors"].size is None
    sizes = {s.rfilename: s for s in owner_api.model_info(repo, files_metadata=True).siblings or []}
    weights = sizes["one.safetensors"]
    assert weights.lfs is not None and weights.lfs.size == weights.size
    assert len(weights.lfs.sha256) == 64
    assert sizes["README.md"].lfs is None
    assert sizes["README.md"].size == len(CARD)


def test_only_what_is_asked_for_is_said(owner_api: HfApi, repo: str) -> None:
    info = owner_api.model_info(repo, expand=["sha", "gated", "inferenceProviderMapping"])
    assert info.sha is not None
    assert info.gated is False
    assert info.tags is None and info.siblings is None


def test_an_earlier_revision_is_described_as_it_was(owner_api: HfApi, repo: str) -> None:
    first = owner_api.list_repo_commits(repo)[-1].commit_id
    info = owner_api.model_info(repo, revision=first)
    assert info.sha == first
    assert [s.rfilename for s in info.siblings or []] == [".gitattributes"]
    assert info.card_data is None


def test_datasets_and_spaces_are_described_too(owner_api: HfApi) -> None:
    data = owner_api.create_repo("rays", repo_type="dataset").repo_id
    space = owner_api.create_repo("demo", repo_type="space", space_sdk="static").repo_id
    assert owner_api.dataset_info(data).id == data
    assert owner_api.space_info(space).id == space
    with pytest.raises(RepositoryNotFoundError):
        owner_api.model_info(data)
    assert [d.id for d in owner_api.list_datasets(author=data.split("/")[0])] == [data]


def test_the_headers_of_all_shards_come_at_once(owner_api: HfApi, repo: str) -> None:
    found = owner_api.get_sharded_safetensors_metadata(repo)
    assert found.metadata == {"total_size": 72}
    assert found.parameter_count == {"F32": 18}
    assert found.weight_map == {"a": "one.safetensors", "b": "two.safetensors"}


def test_headers_pass_the_gate_as_their_files_do(
    owner_api: HfApi, visitor_api: HfApi, repo: str
) -> None:
    assert visitor_api.get_sharded_safetensors_metadata(repo).sharded
    owner_api.update_repo_settings(repo, gated="manual")
    with pytest.raises(GatedRepoError):
        visitor_api.get_sharded_safetensors_metadata(repo)
    owner_api.update_repo_settings(repo, gated=False)


def test_models_are_found_by_what_they_say(owner_api: HfApi, repo: str, owner: Signed) -> None:
    plain = owner_api.create_repo("another").repo_id

    def found(**asked: object) -> set[str]:
        return {m.id for m in owner_api.list_models(author=owner.name, **asked)}  # type: ignore[arg-type]

    assert found() == {repo, plain}
    assert found(search="LENS") == {repo}
    assert found(search="le_s") == set()
    assert found(filter="chat") == {repo}
    assert found(filter=["chat", "optics"]) == {repo}
    assert found(filter=["chat", "nothing"]) == set()
    assert found(filter="license:apache-2.0") == {repo}
    assert found(pipeline_tag="text-generation") == {repo}
    assert found(pipeline_tag="fill-mask") == set()
    assert found(gated=True) == set()
    owner_api.update_repo_settings(plain, gated="manual")
    assert found(gated=True) == {plain}
    assert found(gated=False) == {repo}
    owner_api.delete_repo(plain)


def test_a_listing_holds_as_much_as_is_asked_for(
    owner_api: HfApi, repo: str, owner: Signed
) -> None:
    (short,) = owner_api.list_models(author=owner.name, search="lens")
    assert short.sha is None and short.siblings is None and short.tags is not None
    (full,) = owner_api.list_models(author=owner.name, search="lens", full=True, cardData=True)
    assert full.sha is not None and full.card_data is not None
    assert full.openward["subject"]  # type: ignore[attr-defined]
    assert "config.json" in {s.rfilename for s in full.siblings or []}
    (named,) = owner_api.list_models(author=owner.name, search="lens", expand=["lastModified"])
    assert named.last_modified is not None and named.tags is None


def test_a_listing_has_pages_and_a_limit(hub: RunningHub, owner_api: HfApi, owner: Signed) -> None:
    made = {owner_api.create_repo(f"page-{n}").repo_id for n in range(5)}
    address = f"{hub.endpoint}/api/models?search=page-&author={owner.name}&limit=2"
    seen: list[str] = []
    while address:
        answer = httpx2.get(address)
        seen += [entry["id"] for entry in answer.json()]
        address = answer.links.get("next", {}).get("url", "")
    assert len(seen) == 5 and set(seen) == made
    assert len(list(owner_api.list_models(search="page-", limit=3))) == 3
    assert {m.id for m in owner_api.list_models(search="page-", limit=50)} >= made


def test_private_models_are_listed_to_those_who_may_see_them(
    owner_api: HfApi, visitor_api: HfApi, other_api: HfApi, owner: Signed
) -> None:
    hidden = owner_api.create_repo("unlisted", private=True).repo_id
    assert hidden in {m.id for m in owner_api.list_models(author=owner.name)}
    for api in (visitor_api, other_api):
        assert hidden not in {m.id for m in api.list_models(author=owner.name)}
    assert list(visitor_api.list_models(author="nobody-of-this-name")) == []


def test_metadata_that_means_nothing_is_refused_before_it_is_committed(
    owner_api: HfApi, repo: str
) -> None:
    for front in (b"license: [", b"tags: {a: b}", b"license: 5", b"a: &x [1]\nb: *x"):
        with pytest.raises(ValueError, match="Invalid metadata"):
            owner_api.upload_file(
                path_or_fileobj=b"---\n" + front + b"\n---\n",
                path_in_repo="README.md",
                repo_id=repo,
            )
    with pytest.warns(UserWarning, match="empty or missing yaml metadata"):
        owner_api.upload_file(
            path_or_fileobj=b"plain", path_in_repo="README.md", repo_id=repo, create_pr=True
        )


def test_a_card_that_cannot_be_read_hides_nothing_else(
    hub: RunningHub, owner_api: HfApi, owner: Signed
) -> None:
    repo = owner_api.create_repo("badcard").repo_id
    card = "LS0tCmE6IFsKLS0tCg=="  # front matter that is no YAML
    lines = [
        {"key": "header", "value": {"summary": "by hand"}},
        {"key": "file", "value": {"path": "README.md", "content": card, "encoding": "base64"}},
    ]
    answer = httpx2.post(
        f"{hub.endpoint}/api/models/{repo}/commit/main",
        content="\n".join(json.dumps(line) for line in lines),
        headers={"Authorization": f"Bearer {owner.token}"},
    )
    assert answer.status_code == 200
    info = owner_api.model_info(repo)
    assert info.card_data is None
    assert info.sha == answer.json()["commitOid"]
