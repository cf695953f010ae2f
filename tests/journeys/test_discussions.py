"""Discussions and pull requests through the real client."""

import httpx2
import pytest
from huggingface_hub import CommitOperationAdd, HfApi
from huggingface_hub.community import (
    DiscussionComment,
    DiscussionCommit,
    DiscussionStatusChange,
    DiscussionTitleChange,
)
from huggingface_hub.errors import HfHubHTTPError

from tests.journeys.hub_under_test import RunningHub, Signed


@pytest.fixture
def repo(api: HfApi) -> str:
    return api.create_repo("talk").repo_id


def refused(error: pytest.ExceptionInfo[HfHubHTTPError]) -> int:
    return error.value.response.status_code


def test_anybody_signed_in_opens_a_discussion_and_comments(
    api: HfApi, other_api: HfApi, repo: str, ben: Signed
) -> None:
    opened = other_api.create_discussion(repo, "A question", description="Which glass?")
    assert (opened.num, opened.status, opened.author) == (1, "open", ben.name)
    assert not opened.is_pull_request
    said = api.comment_discussion(repo, opened.num, "Flint.")
    assert said.content == "Flint."
    events = api.get_discussion_details(repo, opened.num).events
    assert [e.content for e in events if isinstance(e, DiscussionComment)] == [
        "Which glass?",
        "Flint.",
    ]
    assert api.create_discussion(repo, "Another").num == 2


def test_discussions_are_listed_by_what_they_are(api: HfApi, repo: str, ada: Signed) -> None:
    api.create_discussion(repo, "first")
    api.create_discussion(repo, "second")
    api.create_pull_request(repo, "third")
    api.change_discussion_status(repo, 1, "closed")

    def found(**asked: str) -> list[int]:
        return [d.num for d in api.get_repo_discussions(repo, **asked)]  # type: ignore[arg-type]

    assert found() == [3, 2, 1]
    assert found(discussion_type="pull_request") == [3]
    assert found(discussion_type="discussion") == [2, 1]
    assert found(discussion_status="open") == [3, 2]
    assert found(discussion_status="closed") == [1]
    assert found(author=ada.name) == [3, 2, 1]
    assert found(author="nobody") == []


def test_a_long_list_of_discussions_comes_in_pages(api: HfApi, repo: str) -> None:
    for number in range(52):
        api.create_discussion(repo, f"number {number}")
    assert [d.num for d in api.get_repo_discussions(repo)] == list(range(52, 0, -1))


def test_a_discussion_is_renamed_and_closed_and_opened(api: HfApi, repo: str) -> None:
    number = api.create_discussion(repo, "Old title").num
    renamed = api.rename_discussion(repo, number, "New title")
    assert (renamed.old_title, renamed.new_title) == ("Old title", "New title")
    closed = api.change_discussion_status(repo, number, "closed", comment="Done.")
    assert closed.new_status == "closed"
    with pytest.raises(HfHubHTTPError) as e:
        api.change_discussion_status(repo, number, "closed")
    assert refused(e) == 409
    api.change_discussion_status(repo, number, "open")
    details = api.get_discussion_details(repo, number)
    assert (details.title, details.status) == ("New title", "open")
    kinds = [type(event) for event in details.events]
    assert kinds == [
        DiscussionComment,
        DiscussionTitleChange,
        DiscussionComment,
        DiscussionStatusChange,
        DiscussionStatusChange,
    ]


def test_only_its_author_and_those_who_may_write_lead_a_discussion(
    hub: RunningHub, api: HfApi, other_api: HfApi, repo: str
) -> None:
    mine = api.create_discussion(repo, "Mine").num
    theirs = other_api.create_discussion(repo, "Theirs").num
    for act in (
        lambda: other_api.rename_discussion(repo, mine, "Taken"),
        lambda: other_api.change_discussion_status(repo, mine, "closed"),
    ):
        with pytest.raises(HfHubHTTPError) as e:
            act()
        assert refused(e) == 403
    other_api.rename_discussion(repo, theirs, "Renamed")
    api.change_discussion_status(repo, theirs, "closed")
    third = HfApi(endpoint=hub.endpoint, token=hub.sign_up(f"third{repo.split('/')[0]}").token)
    with pytest.raises(HfHubHTTPError) as e:
        third.rename_discussion(repo, theirs, "Taken")
    assert refused(e) == 403


def test_a_comment_is_edited_by_its_author_and_hidden_for_good(
    api: HfApi, other_api: HfApi, repo: str
) -> None:
    number = other_api.create_discussion(repo, "Words").num
    said = other_api.comment_discussion(repo, number, "frist")
    with pytest.raises(HfHubHTTPError) as e:
        api.edit_discussion_comment(repo, number, said.id, "changed by another")
    assert refused(e) == 403
    edited = other_api.edit_discussion_comment(repo, number, said.id, "first")
    assert (edited.content, edited.edited, edited.hidden) == ("first", True, False)
    with pytest.warns(UserWarning, match="Hidden comments' content cannot be retrieved"):
        hidden = api.hide_discussion_comment(repo, number, said.id)
    assert hidden.hidden and "first" not in hidden.content
    with pytest.raises(HfHubHTTPError) as e:
        other_api.edit_discussion_comment(repo, number, said.id, "back again")
    assert refused(e) == 409
    renamed = other_api.rename_discussion(repo, number, "Other words")
    for event in (renamed.id, "0" * 24, "f" * 24, "zz", "1_0"):
        with pytest.raises(HfHubHTTPError) as e:
            other_api.edit_discussion_comment(repo, number, event, "text")
        assert refused(e) == 404


@pytest.mark.parametrize("title", ["ab", "a" * 201, "two\nlines"])
def test_a_title_out_of_bounds_is_refused(
    hub: RunningHub, repo: str, ada: Signed, title: str
) -> None:
    answer = httpx2.post(
        f"{hub.endpoint}/api/models/{repo}/discussions",
        json={"title": title},
        headers={"Authorization": f"Bearer {ada.token}"},
    )
    assert answer.status_code == 400


@pytest.mark.parametrize("title", ["abc", "a" * 200])
def test_a_title_at_its_bounds_is_taken(api: HfApi, repo: str, title: str) -> None:
    assert api.create_discussion(repo, title).title == title


def test_a_publisher_may_want_no_discussions(
    hub: RunningHub, api: HfApi, repo: str, ada: Signed
) -> None:
    answer = httpx2.put(
        f"{hub.endpoint}/api/models/{repo}/settings",
        json={"discussionsDisabled": True},
        headers={"Authorization": f"Bearer {ada.token}"},
    )
    assert answer.json()["discussionsDisabled"] is True
    with pytest.raises(HfHubHTTPError, match="Discussions are disabled for this repo"):
        api.create_discussion(repo, "title")


def test_visitors_read_and_say_nothing(api: HfApi, visitor_api: HfApi, repo: str) -> None:
    number = api.create_discussion(repo, "Public").num
    assert visitor_api.get_discussion_details(repo, number).title == "Public"
    for act in (
        lambda: visitor_api.create_discussion(repo, "title"),
        lambda: visitor_api.comment_discussion(repo, number, "text"),
    ):
        with pytest.raises(HfHubHTTPError) as e:
            act()
        assert refused(e) == 401
    with pytest.raises(HfHubHTTPError) as e:
        visitor_api.get_discussion_details(repo, 99)
    assert refused(e) == 404


def test_a_pull_request_is_read_and_merged(
    api: HfApi, other_api: HfApi, repo: str, ben: Signed
) -> None:
    info = other_api.create_commit(
        repo,
        [CommitOperationAdd("new.txt", b"new\n")],
        commit_message="A new file",
        create_pr=True,
    )
    assert info.pr_num == 1
    details = api.get_discussion_details(repo, 1)
    assert details.is_pull_request and details.target_branch == "refs/heads/main"
    assert details.author == ben.name
    commits = [event for event in details.events if isinstance(event, DiscussionCommit)]
    assert [(commit.summary, commit.oid) for commit in commits] == [("A new file", info.oid)]
    refs = api.list_repo_refs(repo, include_pull_requests=True).pull_requests or []
    assert [(ref.ref, ref.target_commit) for ref in refs] == [("refs/pr/1", info.oid)]
    assert api.list_repo_refs(repo).pull_requests is None
    assert "new.txt" in api.list_repo_files(repo, revision="refs/pr/1")
    with pytest.raises(HfHubHTTPError) as e:
        other_api.merge_pull_request(repo, 1)
    assert refused(e) == 403
    api.merge_pull_request(repo, 1, comment="Thank you.")
    assert "new.txt" in api.list_repo_files(repo)
    assert api.get_discussion_details(repo, 1).status == "merged"
    with pytest.raises(HfHubHTTPError) as e:
        api.merge_pull_request(repo, 1)
    assert refused(e) == 409


def test_a_pull_request_never_undoes_what_came_after_it(api: HfApi, repo: str) -> None:
    pull = api.create_commit(
        repo, [CommitOperationAdd("a.txt", b"a\n")], commit_message="a", create_pr=True
    )
    api.upload_file(path_or_fileobj=b"b\n", path_in_repo="b.txt", repo_id=repo)
    assert pull.pr_num is not None
    with pytest.raises(HfHubHTTPError, match="moved on"):
        api.merge_pull_request(repo, pull.pr_num)
    assert "b.txt" in api.list_repo_files(repo)


def test_a_discussion_is_nothing_to_merge(api: HfApi, repo: str) -> None:
    number = api.create_discussion(repo, "No files").num
    with pytest.raises(HfHubHTTPError) as e:
        api.merge_pull_request(repo, number)
    assert refused(e) == 409


def test_a_draft_pull_request_grows_by_commits(api: HfApi, repo: str) -> None:
    draft = api.create_pull_request(repo, "A draft")
    assert (draft.status, draft.git_reference) == ("draft", "refs/pr/1")
    api.upload_file(
        path_or_fileobj=b"x\n", path_in_repo="x.txt", repo_id=repo, revision="refs/pr/1"
    )
    assert "x.txt" in api.list_repo_files(repo, revision="refs/pr/1")
    assert "x.txt" not in api.list_repo_files(repo)
    api.change_discussion_status(repo, draft.num, "open")
    api.merge_pull_request(repo, draft.num)
    assert "x.txt" in api.list_repo_files(repo)
