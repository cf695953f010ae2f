"""Asking for access and answering, through the real client and plain requests."""

import csv
import io
import secrets
import struct
from collections.abc import Callable, Iterator

import httpx2
import pytest
from huggingface_hub import HfApi
from huggingface_hub.errors import GatedRepoError, HfHubHTTPError

from openward.policy.document import parse_policy
from openward.registrar.accounts import issue_token, open_account
from openward.statements.strict_json import parse_json
from openward.store.accounts import set_verified
from openward.store.reads import policy_in_force
from tests.journeys.hub_under_test import RunningHub, Signed
from tests.journeys.policies_in_force import EVERYTHING, adopt_policy


def bearer(who: Signed) -> dict[str, str]:
    return {"Authorization": f"Bearer {who.token}"}


@pytest.fixture
def repo(api: HfApi) -> str:
    """A repository whose publisher answers by hand, with one file behind the gate."""
    repo = api.create_repo("gated").repo_id
    api.upload_file(path_or_fileobj=b"secret\n", path_in_repo="data.txt", repo_id=repo)
    api.update_repo_settings(repo, gated="manual")
    return repo


@pytest.fixture
def ask(hub: RunningHub, repo: str, ben: Signed) -> Callable[..., httpx2.Response]:
    def asking(**fields: str) -> httpx2.Response:
        return httpx2.post(f"{hub.endpoint}/{repo}/ask-access", data=fields, headers=bearer(ben))

    return asking


def code(error: pytest.ExceptionInfo[HfHubHTTPError]) -> int:
    return error.value.response.status_code


def test_a_request_waits_and_is_accepted(
    hub: RunningHub,
    api: HfApi,
    other_api: HfApi,
    repo: str,
    ben: Signed,
    ask: Callable[..., httpx2.Response],
) -> None:
    with pytest.raises(GatedRepoError):
        other_api.auth_check(repo)
    answer = ask(Company="Lenses Ltd")
    assert answer.status_code == 303
    assert answer.headers["Location"] == f"{hub.endpoint}/{repo}"
    (waiting,) = api.list_pending_access_requests(repo)
    assert (waiting.username, waiting.email) == (ben.name, f"{ben.name}@x.test")
    assert waiting.fields == {"Company": "Lenses Ltd"}
    assert waiting.status == "pending" and waiting.request_id
    with pytest.raises(GatedRepoError):
        other_api.auth_check(repo)
    api.accept_access_request(repo, user=ben.name)
    other_api.auth_check(repo)
    assert list(api.list_pending_access_requests(repo)) == []
    assert [r.username for r in api.list_accepted_access_requests(repo)] == [ben.name]


def test_a_request_is_named_by_its_id_too(
    api: HfApi, other_api: HfApi, repo: str, ask: Callable[..., httpx2.Response]
) -> None:
    ask()
    (waiting,) = api.list_pending_access_requests(repo)
    api.accept_access_request(repo, request_id=waiting.request_id)
    other_api.auth_check(repo)
    with pytest.raises(HfHubHTTPError) as e:
        api.accept_access_request(repo, request_id="f" * 24)
    assert code(e) == 404
    with pytest.raises(HfHubHTTPError) as e:
        api.accept_access_request(repo, request_id="12")
    assert code(e) == 400


def test_what_was_granted_can_be_taken_back(
    api: HfApi, other_api: HfApi, repo: str, ben: Signed, ask: Callable[..., httpx2.Response]
) -> None:
    ask()
    api.accept_access_request(repo, user=ben.name)
    api.cancel_access_request(repo, user=ben.name)
    with pytest.raises(GatedRepoError):
        other_api.auth_check(repo)
    assert [r.username for r in api.list_pending_access_requests(repo)] == [ben.name]
    api.reject_access_request(repo, user=ben.name, rejection_reason="no reason given")
    with pytest.raises(GatedRepoError):
        other_api.auth_check(repo)
    assert [r.username for r in api.list_rejected_access_requests(repo)] == [ben.name]


@pytest.fixture
def promised(hub: RunningHub, api: HfApi) -> Iterator[str]:
    """A model that asks for a verified person's promise, as no weights are presumed open."""
    adopt_policy(hub, 0, "identity-gated")
    repo = api.create_repo("promised").repo_id
    header = b'{"w":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'
    weights = struct.pack("<Q", len(header)) + header + secrets.token_bytes(16)
    api.upload_file(path_or_fileobj=weights, path_in_repo="model.safetensors", repo_id=repo)
    yield repo
    adopt_policy(hub, EVERYTHING)


@pytest.mark.parametrize("how", ["rejected", "pending", "withdrawn"])
def test_a_lease_in_the_record_ends_with_the_request_it_came_from(
    hub: RunningHub, api: HfApi, other_api: HfApi, promised: str, ben: Signed, how: str
) -> None:
    assert api.model_info(promised).gated == "auto"
    with hub.office.database.writing() as connection:
        set_verified(connection, ben.account.id, "by hand", hub.office.clock())
        policy = policy_in_force(connection, hub.office.clock())
    assert policy is not None
    terms = parse_policy(parse_json(policy.document)).terms.sha256
    address = f"{hub.endpoint}/{promised}/ask-access"
    unpromised = httpx2.post(address, headers=bearer(ben))
    assert unpromised.status_code == 403
    assert unpromised.headers["X-Error-Code"] == "GatedRepo"
    promise = {"openward.terms": terms, "openward.purpose": "to see through it"}
    assert httpx2.post(address, data=promise, headers=bearer(ben)).status_code == 303
    other_api.auth_check(promised)
    if how == "withdrawn":
        cancel = f"{hub.endpoint}/api/models/{promised}/user-access-request/cancel"
        assert httpx2.post(cancel, headers=bearer(ben)).status_code == 200
    elif how == "rejected":
        api.reject_access_request(promised, user=ben.name, rejection_reason=None)
    else:
        api.cancel_access_request(promised, user=ben.name)
    with pytest.raises(GatedRepoError):
        other_api.auth_check(promised)


def test_the_same_answer_twice_is_refused(
    api: HfApi, repo: str, ben: Signed, ask: Callable[..., httpx2.Response]
) -> None:
    ask()
    with pytest.raises(HfHubHTTPError, match="already in the pending list") as e:
        api.cancel_access_request(repo, user=ben.name)
    assert code(e) == 404
    api.reject_access_request(repo, user=ben.name, rejection_reason=None)
    with pytest.raises(HfHubHTTPError, match="already in the rejected list"):
        api.reject_access_request(repo, user=ben.name, rejection_reason=None)


def test_somebody_who_has_not_asked_can_be_granted_access(
    api: HfApi, other_api: HfApi, repo: str, ben: Signed
) -> None:
    api.grant_access(repo, ben.name)
    other_api.auth_check(repo)
    (granted,) = api.list_accepted_access_requests(repo)
    assert granted.username == ben.name
    assert granted.email is None
    with pytest.raises(HfHubHTTPError, match="already has access") as e:
        api.grant_access(repo, ben.name)
    assert code(e) == 400
    with pytest.raises(HfHubHTTPError) as e:
        api.grant_access(repo, "nobody-of-this-name")
    assert code(e) == 404


def test_only_those_who_may_write_answer(
    hub: RunningHub, other_api: HfApi, repo: str, ben: Signed, ask: Callable[..., httpx2.Response]
) -> None:
    ask()
    for act in (
        lambda: other_api.accept_access_request(repo, user=ben.name),
        lambda: other_api.grant_access(repo, ben.name),
        lambda: list(other_api.list_pending_access_requests(repo)),
    ):
        with pytest.raises(HfHubHTTPError) as e:
            act()
        assert code(e) == 403
    report = httpx2.get(f"{hub.endpoint}/{repo}/user-access-report", headers=bearer(ben))
    assert report.status_code == 403


def test_there_is_nothing_to_answer_where_there_is_no_gate(api: HfApi, ben: Signed) -> None:
    repo = api.create_repo("open").repo_id
    with pytest.raises(HfHubHTTPError, match="not gated") as e:
        api.grant_access(repo, ben.name)
    assert code(e) == 400
    with pytest.raises(HfHubHTTPError, match="not gated") as e:
        api.accept_access_request(repo, user=ben.name)
    assert code(e) == 400


def test_an_automatic_gate_opens_to_whoever_asks(
    api: HfApi, other_api: HfApi, repo: str, ask: Callable[..., httpx2.Response]
) -> None:
    api.update_repo_settings(repo, gated="auto")
    with pytest.raises(GatedRepoError):
        other_api.auth_check(repo)
    assert ask().status_code == 303
    other_api.auth_check(repo)


def test_an_applicant_withdraws(
    hub: RunningHub,
    api: HfApi,
    other_api: HfApi,
    repo: str,
    ben: Signed,
    ask: Callable[..., httpx2.Response],
) -> None:
    ask()
    api.accept_access_request(repo, user=ben.name)
    address = f"{hub.endpoint}/api/models/{repo}/user-access-request/cancel"
    assert httpx2.post(address, headers=bearer(ben)).status_code == 200
    with pytest.raises(GatedRepoError):
        other_api.auth_check(repo)
    assert list(api.list_accepted_access_requests(repo)) == []
    assert httpx2.post(address, headers=bearer(ben)).status_code == 404


def test_many_requests_are_answered_at_once_or_none_is(
    hub: RunningHub, api: HfApi, repo: str, ada: Signed
) -> None:
    people = [hub.sign_up(f"crowd{n}of{ada.name}") for n in range(3)]
    for person in people:
        httpx2.post(f"{hub.endpoint}/{repo}/ask-access", headers=bearer(person))
    rulings = [{"user": person.name, "status": "accepted"} for person in people]
    address = f"{hub.endpoint}/api/models/{repo}/user-access-request/batch"

    def batch(requests: list[dict[str, str]]) -> int:
        answer = httpx2.post(address, json={"requests": requests}, headers=bearer(ada))
        return answer.status_code

    assert batch([*rulings, {"user": "nobody", "status": "accepted"}]) == 404
    assert len(list(api.list_pending_access_requests(repo))) == 3
    assert batch([]) == 400
    assert batch(rulings * 34) == 400
    assert batch(rulings) == 200
    accepted = {r.username for r in api.list_accepted_access_requests(repo)}
    assert accepted == {person.name for person in people}


@pytest.mark.parametrize(
    "body",
    [
        {"status": "accepted"},
        {"user": "a", "requestId": "b", "status": "accepted"},
        {"user": "a", "status": "perhaps"},
        {"user": "a", "status": "accepted", "rejectionReason": "why"},
        {"user": "a", "status": "rejected", "rejectionReason": "w" * 201},
    ],
)
def test_an_answer_that_can_be_read_two_ways_is_refused(
    hub: RunningHub, repo: str, ada: Signed, body: dict[str, str]
) -> None:
    address = f"{hub.endpoint}/api/models/{repo}/user-access-request/handle"
    assert httpx2.post(address, json=body, headers=bearer(ada)).status_code == 400


def test_the_publishers_questions_have_to_be_answered(
    api: HfApi, repo: str, ask: Callable[..., httpx2.Response]
) -> None:
    card = b"---\nextra_gated_fields:\n  Country: country\n  I agree: checkbox\n---\n"
    api.upload_file(path_or_fileobj=card, path_in_repo="README.md", repo_id=repo)
    assert ask().status_code == 400
    assert ask(Country="KE").status_code == 400
    assert ask(**{"Country": "KE", "I agree": "off"}).status_code == 400
    assert ask(**{"Country": "KE", "I agree": "on"}).status_code == 303


def test_the_report_holds_no_formulas(
    hub: RunningHub, api: HfApi, repo: str, ada: Signed, ask: Callable[..., httpx2.Response]
) -> None:
    ask(Why="=1+1")
    account = open_account(hub.office, f"cell{ada.name}", fullname="=1+1")
    _, token = issue_token(hub.office, account, "test", "read")
    httpx2.post(f"{hub.endpoint}/{repo}/ask-access", headers=bearer(Signed(account, token)))
    report = httpx2.get(f"{hub.endpoint}/{repo}/user-access-report", headers=bearer(ada))
    assert report.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.reader(io.StringIO(report.text)))
    assert rows[0][0] == "user" and len(rows) == 3
    assert not any(cell[:1] in "=+-@" for row in rows for cell in row if cell)
    assert rows[2][1] == "'=1+1"


def test_a_visitor_is_asked_to_sign_in_first(
    hub: RunningHub, repo: str, visitor_api: HfApi
) -> None:
    assert httpx2.post(f"{hub.endpoint}/{repo}/ask-access").status_code == 401
    with pytest.raises(GatedRepoError) as e:
        visitor_api.auth_check(repo)
    assert code(e) == 401
    assert visitor_api.model_info(repo).gated == "manual"
    assert "data.txt" in visitor_api.list_repo_files(repo)
