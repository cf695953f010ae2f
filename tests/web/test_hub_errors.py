"""Every error of the house becomes one answer in the Hub's format."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from openward.errors import Conflict, Malformed, OpenwardError, Unavailable, VerificationError
from openward.registrar.refusals import Ground, Refusal
from openward.web.hub_errors import (
    HubProblem,
    accepted,
    entry_not_found,
    one_line,
    problem_of,
    repo_not_found,
    revision_not_found,
)

GROUNDS = {
    Ground.FORBIDDEN: (403, None),
    Ground.NO_REPOSITORY: (404, "RepoNotFound"),
    Ground.NO_REVISION: (404, "RevisionNotFound"),
    Ground.NO_ENTRY: (404, "EntryNotFound"),
    Ground.STALE: (412, None),
    Ground.OUT_OF_STATE: (409, None),
}


@pytest.mark.parametrize(
    ("error", "http"),
    [
        (Malformed("m"), 400),
        (VerificationError("v"), 422),
        (Conflict("c"), 409),
        (Unavailable("u"), 503),
        (OpenwardError("o"), 500),
        (HTTPException(405), 405),
        (HubProblem(418, "t"), 418),
        (RuntimeError("what happened inside"), 500),
    ],
)
def test_each_error_has_its_code(error: Exception, http: int) -> None:
    assert problem_of(error).http == http


def test_what_the_house_does_not_know_tells_nothing() -> None:
    assert "inside" not in problem_of(RuntimeError("what happened inside")).message


def test_only_what_may_pass_is_worth_trying_again() -> None:
    assert problem_of(Unavailable("u")).headers == {"Retry-After": "1"}
    assert problem_of(Conflict("c")).headers == {}


@pytest.mark.parametrize("ground", Ground)
def test_each_refusal_has_its_code(ground: Ground) -> None:
    with pytest.raises(HubProblem) as e:
        accepted(Refusal(ground, "no"))
    assert (e.value.http, e.value.code) == GROUNDS[ground]


def test_what_is_no_refusal_is_handed_on() -> None:
    assert accepted(5) == 5
    assert accepted(None) is None


@given(st.text(max_size=3000))
def test_a_header_is_one_line_of_printable_ascii_in_bounds(text: str) -> None:
    line = one_line(text)
    assert len(line) <= 1024
    assert all(" " <= c <= "~" for c in line)


def test_a_header_is_cut_only_past_its_bound() -> None:
    assert one_line("a" * 1024) == "a" * 1024
    assert one_line("a" * 1025) == "a" * 1021 + "..."
    assert one_line("a\nb\u2028c\u00e9") == "a b c?"


def test_clients_decide_by_headers_and_people_by_the_body() -> None:
    answer = entry_not_found("a\u00e9.txt", "0" * 40).response()
    assert answer.status_code == 404
    assert answer.headers["X-Error-Code"] == "EntryNotFound"
    assert answer.headers["X-Error-Message"] == "a?.txt does not exist"
    assert answer.headers["X-Repo-Commit"] == "0" * 40
    assert json.loads(bytes(answer.body))["error"] == "a\u00e9.txt does not exist"
    assert "X-Repo-Commit" not in entry_not_found("a").response().headers


def test_a_missing_repository_has_one_answer() -> None:
    one, two = repo_not_found().response(), repo_not_found().response()
    assert one.headers == two.headers
    assert one.headers["X-Error-Code"] == "RepoNotFound"
    assert revision_not_found("x").code == "RevisionNotFound"


def test_a_problem_may_say_more_beside_its_error() -> None:
    answer = HubProblem(409, "taken", beside={"url": "http://hub/a/b"}).response()
    assert json.loads(bytes(answer.body)) == {"error": "taken", "url": "http://hub/a/b"}
    assert "X-Error-Code" not in answer.headers
