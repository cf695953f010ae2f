"""Accounts and repositories through the real client, over real HTTP."""

import httpx2
import pytest
from hub_under_test import RunningHub, Signed
from huggingface_hub import HfApi
from huggingface_hub.errors import HfHubHTTPError, RepositoryNotFoundError


def test_a_token_says_whose_it_is(api: HfApi, ada: Signed) -> None:
    said = api.whoami()
    assert (said["type"], said["name"]) == ("user", ada.name)
    assert said["auth"]["accessToken"]["role"] == "write"


def test_a_new_repository_starts_with_gitattributes_alone(api: HfApi, ada: Signed) -> None:
    url = api.create_repo("lens")
    assert url.repo_id == f"{ada.name}/lens"
    assert api.list_repo_files(url.repo_id) == [".gitattributes"]


def test_a_bad_token_is_told_apart_from_a_missing_repository(hub: RunningHub) -> None:
    with pytest.raises(HfHubHTTPError, match="Invalid credentials in Authorization header") as e:
        HfApi(endpoint=hub.endpoint, token="ow_wrong").model_info("ada/lens")
    assert not isinstance(e.value, RepositoryNotFoundError)


def test_a_private_repository_is_answered_as_one_that_does_not_exist(
    hub: RunningHub, api: HfApi, ben: Signed
) -> None:
    hidden = api.create_repo("hidden", private=True).repo_id
    missing = hidden.replace("hidden", "absent")
    with httpx2.Client(headers={"Authorization": f"Bearer {ben.token}"}) as client:
        answers = [client.get(f"{hub.endpoint}/api/models/{name}") for name in (hidden, missing)]
    for answer in answers:
        assert answer.status_code == 404
        assert answer.headers["X-Error-Code"] == "RepoNotFound"
    plain = [{**a.headers, "x-request-id": "", "date": ""} for a in answers]
    assert plain[0] == plain[1]
    assert answers[0].content == answers[1].content
    assert api.model_info(hidden).private is True
