"""Accounts and repositories through the real client, over real HTTP."""

import httpx2
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import BadRequestError, HfHubHTTPError, RepositoryNotFoundError

from openward.registrar.accounts import issue_token, join, open_organisation
from openward.store.accounts import find_account, revoke_token
from tests.journeys.hub_under_test import RunningHub, Signed


def bearer(who: Signed) -> dict[str, str]:
    return {"Authorization": f"Bearer {who.token}"}


def test_a_token_says_whose_it_is(api: HfApi, ada: Signed) -> None:
    said = api.whoami()
    assert (said["type"], said["name"]) == ("user", ada.name)
    assert said["auth"]["accessToken"]["role"] == "write"
    assert said["auth"]["accessToken"]["displayName"] == "test"


def test_without_a_token_nobody_is_anybody(hub: RunningHub) -> None:
    answer = httpx2.get(f"{hub.endpoint}/api/whoami-v2")
    assert answer.status_code == 401
    assert answer.headers["X-Request-Id"]


def test_a_revoked_token_is_a_bad_token(hub: RunningHub, api: HfApi, ada: Signed) -> None:
    api.whoami()
    with hub.office.database.writing() as connection:
        revoke_token(connection, hub.office.clock(), secret=ada.token)
    with pytest.raises(HfHubHTTPError, match="Invalid user token"):
        api.whoami()


@pytest.mark.parametrize(
    "authorization", ["Bearer ow_wrong", "Bearer", "Basic eDp5", "Bearer " + "a" * 600]
)
def test_a_bad_credential_is_told_apart_from_a_missing_repository(
    hub: RunningHub, authorization: str
) -> None:
    address = f"{hub.endpoint}/api/models/ada/lens"
    answer = httpx2.get(address, headers={"Authorization": authorization})
    assert answer.status_code == 401
    assert answer.headers["X-Error-Message"] == "Invalid credentials in Authorization header"
    assert "X-Error-Code" not in answer.headers


def test_a_good_token_counts_as_a_bearer_token_only(hub: RunningHub, ada: Signed) -> None:
    address = f"{hub.endpoint}/api/whoami-v2"
    for scheme, http in (("Bearer", 200), ("bearer", 200), ("Basic", 401), ("Token", 401)):
        answer = httpx2.get(address, headers={"Authorization": f"{scheme} {ada.token}"})
        assert answer.status_code == http


def test_a_new_repository_starts_with_gitattributes_alone(api: HfApi, ada: Signed) -> None:
    url = api.create_repo("lens")
    assert url.repo_id == f"{ada.name}/lens"
    assert api.list_repo_files(url.repo_id) == [".gitattributes"]
    assert api.repo_exists(url.repo_id)


@pytest.mark.parametrize("type", ["model", "dataset", "space"])
def test_each_type_of_repository_has_its_own_names(api: HfApi, ada: Signed, type: str) -> None:
    sdk = "static" if type == "space" else None
    url = api.create_repo("same-name", repo_type=type, space_sdk=sdk)
    assert url.repo_type == type
    assert api.repo_info(url.repo_id, repo_type=type).id == f"{ada.name}/same-name"


def test_a_name_is_taken_whatever_its_case_and_the_refusal_says_where(
    hub: RunningHub, api: HfApi, ada: Signed
) -> None:
    api.create_repo("Lens")
    with pytest.raises(HfHubHTTPError, match=r"A model repository called .* already exists") as e:
        api.create_repo("lens")
    assert e.value.response.status_code == 409
    url = api.create_repo("lens", exist_ok=True)
    assert url.repo_id == f"{ada.name}/lens"
    assert api.model_info(f"{ada.name}/LENS").id == f"{ada.name}/Lens"


@pytest.mark.parametrize("name", ["a--b", "a..b", "-a", "a.git", "a" * 97, "a b", "ä", "a/b", ""])
def test_a_name_the_clients_would_refuse_is_refused(
    hub: RunningHub, ada: Signed, name: str
) -> None:
    answer = httpx2.post(
        f"{hub.endpoint}/api/repos/create", json={"name": name}, headers=bearer(ada)
    )
    assert answer.status_code == 400


def test_nobody_creates_in_the_namespace_of_another(other_api: HfApi, ada: Signed) -> None:
    with pytest.raises(HfHubHTTPError, match="rights to create") as e:
        other_api.create_repo(f"{ada.name}/mine-now")
    assert e.value.response.status_code == 403


def test_a_reading_token_changes_nothing(hub: RunningHub, api: HfApi, ada: Signed) -> None:
    repo = api.create_repo("kept").repo_id
    _, secret = issue_token(hub.office, ada.account, "reader", "read")
    reader = HfApi(endpoint=hub.endpoint, token=secret)
    assert reader.whoami()["name"] == ada.name
    for act in (
        lambda: reader.create_repo("other"),
        lambda: reader.delete_repo(repo),
        lambda: reader.update_repo_settings(repo, gated="auto"),
        lambda: reader.create_branch(repo, branch="b"),
        lambda: reader.create_discussion(repo, "title"),
    ):
        with pytest.raises(HfHubHTTPError) as e:
            act()
        assert e.value.response.status_code == 403


def test_a_private_repository_is_answered_as_one_that_does_not_exist(
    hub: RunningHub, api: HfApi, ben: Signed
) -> None:
    hidden = api.create_repo("hidden", private=True).repo_id
    missing = hidden.replace("hidden", "absent")
    with httpx2.Client(headers=bearer(ben)) as client:
        for rest in ("", "/tree/main", "/refs", "/commits/main", "/discussions", "/auth-check"):
            answers = [
                client.get(f"{hub.endpoint}/api/models/{name}{rest}") for name in (hidden, missing)
            ]
            for answer in answers:
                assert answer.status_code == 404
                assert answer.headers["X-Error-Code"] == "RepoNotFound"
            plain = [{**a.headers, "x-request-id": "", "date": ""} for a in answers]
            assert plain[0] == plain[1]
            assert answers[0].content == answers[1].content
    assert api.model_info(hidden).private is True


def test_acting_on_a_private_repository_tells_nothing_about_it(
    hub: RunningHub, api: HfApi, ada: Signed, ben: Signed
) -> None:
    hidden = api.create_repo("hidden-still", private=True).repo_id
    missing = hidden.replace("still", "never")

    def acts(repo: str) -> list[tuple[str, str, object]]:
        at, name = f"/api/models/{repo}", repo.split("/")[1]
        return [
            ("DELETE", "/api/repos/delete", {"name": name, "organization": ada.name}),
            ("POST", "/api/repos/move", {"fromRepo": repo, "toRepo": f"{ben.name}/mine"}),
            ("PUT", f"{at}/settings", {"gated": "auto"}),
            ("POST", f"{at}/branch/b", {}),
            ("POST", f"{at}/tag/main", {"tag": "t"}),
            ("DELETE", f"{at}/branch/b", {}),
            ("POST", f"{at}/super-squash/main", {}),
            ("POST", f"{at}/discussions", {"title": "title"}),
            ("POST", f"{at}/discussions/1/comment", {"comment": "text"}),
            ("POST", f"{at}/user-access-request/grant", {"user": ben.name}),
            ("POST", f"{at}/user-access-request/cancel", {}),
            ("POST", f"/{repo}/ask-access", {}),
        ]

    with httpx2.Client(base_url=hub.endpoint, headers=bearer(ben)) as client:
        for one, other in zip(acts(hidden), acts(missing), strict=True):
            answers = [client.request(verb, path, json=body) for verb, path, body in (one, other)]
            assert [answer.status_code for answer in answers] == [404, 404], one
            assert answers[0].content == answers[1].content
            assert answers[0].headers["X-Error-Code"] == "RepoNotFound"
    assert api.list_repo_refs(hidden).branches[0].name == "main"


def test_a_deleted_repository_is_gone_and_its_name_free(api: HfApi) -> None:
    repo = api.create_repo("short-lived").repo_id
    api.delete_repo(repo)
    with pytest.raises(RepositoryNotFoundError):
        api.model_info(repo)
    with pytest.raises(RepositoryNotFoundError):
        api.delete_repo(repo)
    api.delete_repo(repo, missing_ok=True)
    api.create_repo(repo)


def test_nobody_deletes_what_belongs_to_another(api: HfApi, other_api: HfApi) -> None:
    repo = api.create_repo("mine").repo_id
    with pytest.raises(HfHubHTTPError) as e:
        other_api.delete_repo(repo)
    assert e.value.response.status_code == 403
    assert api.repo_exists(repo)


def test_a_moved_repository_is_found_under_both_names(api: HfApi, ada: Signed) -> None:
    old = api.create_repo("before").repo_id
    new = f"{ada.name}/after"
    api.move_repo(old, new)
    assert api.model_info(old).id == new
    assert api.model_info(new).id == new
    api.create_repo("another")
    with pytest.raises(HfHubHTTPError, match="already exists"):
        api.move_repo(new, f"{ada.name}/another")


def test_nobody_moves_a_repository_into_anothers_namespace(
    api: HfApi, ben: Signed, other_api: HfApi
) -> None:
    repo = api.create_repo("stays").repo_id
    for mover, to in ((api, f"{ben.name}/stays"), (other_api, f"{ben.name}/stays")):
        with pytest.raises(HfHubHTTPError) as e:
            mover.move_repo(repo, to)
        assert e.value.response.status_code == 403


def test_visibility_and_gate_are_settings(api: HfApi, visitor_api: HfApi) -> None:
    repo = api.create_repo("settings").repo_id
    api.update_repo_settings(repo, private=True)
    with pytest.raises(RepositoryNotFoundError):
        visitor_api.model_info(repo)
    api.update_repo_settings(repo, visibility="public", gated="manual")
    assert visitor_api.model_info(repo).gated == "manual"
    api.update_repo_settings(repo, gated="auto")
    assert visitor_api.model_info(repo).gated == "auto"
    api.update_repo_settings(repo, gated=False)
    assert visitor_api.model_info(repo).gated is False


@pytest.mark.parametrize("body", [{"gated": "perhaps"}, {"gated": True}, {"visibility": "hidden"}])
def test_a_setting_the_hub_cannot_keep_is_refused(
    hub: RunningHub, api: HfApi, ada: Signed, body: dict[str, object]
) -> None:
    repo = api.create_repo("strict", exist_ok=True).repo_id
    answer = httpx2.put(
        f"{hub.endpoint}/api/models/{repo}/settings", json=body, headers=bearer(ada)
    )
    assert answer.status_code == 400


def test_an_organisation_is_a_namespace_with_roles(
    hub: RunningHub, api: HfApi, ada: Signed, other_api: HfApi, ben: Signed
) -> None:
    name = f"lab-of-{ada.name}"
    lab = open_organisation(hub.office, name, ada.account)
    assert [(org["name"], org["roleInOrg"]) for org in api.whoami()["orgs"]] == [(name, "admin")]
    repo = api.create_repo(f"{name}/shared", private=True).repo_id
    with pytest.raises(RepositoryNotFoundError):
        other_api.model_info(repo)
    join(hub.office, lab, ben.account, "read")
    assert other_api.model_info(repo).private
    with pytest.raises(HfHubHTTPError, match="may not write"):
        other_api.create_branch(repo, branch="b")
    with pytest.raises(HfHubHTTPError, match="rights to create"):
        other_api.create_repo(f"{name}/more")
    members = {member.username for member in api.list_organization_members(name)}
    assert members == {ada.name, ben.name}
    assert api.get_organization_overview(name).name == name


def test_people_have_an_overview(api: HfApi, ada: Signed) -> None:
    api.create_repo("counted")
    api.create_repo("unseen", private=True)
    assert api.get_user_overview(ada.name).num_models == 2
    visitor = HfApi(endpoint=api.endpoint, token=False)
    assert visitor.get_user_overview(ada.name).num_models == 1
    with pytest.raises(HfHubHTTPError):
        visitor.get_user_overview("nobody-of-this-name")


def test_authority_to_write_can_be_asked_for(api: HfApi, other_api: HfApi) -> None:
    repo = api.create_repo("asked").repo_id
    api.auth_check(repo, write=True)
    with pytest.raises(HfHubHTTPError) as e:
        other_api.auth_check(repo, write=True)
    assert e.value.response.status_code == 403
    other_api.auth_check(repo)


@pytest.mark.parametrize(
    ("path", "http"),
    [
        ("/api/models/{repo}/like", 501),
        ("/api/models/{repo}/duplicate", 501),
        ("/api/spaces/{repo}/runtime", 501),
        ("/api/settings/webhooks", 501),
        ("/api/jobs/anybody", 501),
        ("/api/papers/1", 501),
        ("/api/buckets/anybody", 501),
        ("/api/collections/anybody", 501),
        ("/api/agent-harnesses", 404),
        ("/api/models/gpt2", 404),
        ("/api/models/gpt2/revision/main", 404),
        ("/api/models/{repo}/nothing/here", 404),
        ("/api/nothing", 404),
    ],
)
def test_what_is_not_served_says_so(
    hub: RunningHub, api: HfApi, ada: Signed, path: str, http: int
) -> None:
    repo = api.create_repo("asked-of").repo_id
    answer = httpx2.get(hub.endpoint + path.replace("{repo}", repo), headers=bearer(ada))
    assert answer.status_code == http
    assert answer.json()["error"]
    if path.startswith("/api/models/") and http == 404:
        assert answer.headers["X-Error-Code"] == "RepoNotFound"


def test_what_is_not_kept_is_an_empty_list(api: HfApi, ada: Signed) -> None:
    repo = api.create_repo("unliked").repo_id
    assert list(api.list_repo_likers(repo)) == []
    assert list(api.list_user_followers(ada.name)) == []
    assert list(api.list_user_following(ada.name)) == []
    assert api.list_liked_repos(ada.name).total == 0


def test_a_body_that_is_too_large_or_no_json_is_refused(hub: RunningHub, ada: Signed) -> None:
    address = f"{hub.endpoint}/api/repos/create"
    large = httpx2.post(address, content=b" " * (1 << 20) + b"{}", headers=bearer(ada))
    assert large.status_code == 413
    for raw in (b"{", b"[]", b'{"name":1}', b'{"name":"a","name":"b"}'):
        answer = httpx2.post(address, content=raw, headers=bearer(ada))
        assert answer.status_code == 400


def test_the_names_of_pages_are_nobodys_name(hub: RunningHub) -> None:
    with hub.office.database.reading() as connection:
        assert find_account(connection, "api") is None
    with pytest.raises(Exception, match="stands for a page"):
        hub.sign_up("API")


def test_a_bad_request_reads_as_one(api: HfApi) -> None:
    with pytest.raises(BadRequestError, match="not a name for a branch"):
        api.create_branch(api.create_repo("refs").repo_id, branch="a..b")
