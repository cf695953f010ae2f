"""Signing in: links, sessions, and the device flow as the real client runs it."""

import re
from collections.abc import Iterator

import httpx2
import pytest
from huggingface_hub.errors import DeviceCodeError
from huggingface_hub.utils import _oauth_device as client

from openward.registrar.accounts import issue_sign_in_link
from tests.journeys.hub_under_test import RunningHub, Signed


@pytest.fixture(autouse=True)
def _at_this_hub(hub: RunningHub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", hub.endpoint)


@pytest.fixture
def browser(hub: RunningHub, ada: Signed) -> Iterator[httpx2.Client]:
    """A browser in which `ada` has opened a sign-in link and pressed the button."""
    link = issue_sign_in_link(hub.office, ada.account)
    with httpx2.Client(base_url=hub.endpoint, headers={"Origin": hub.endpoint}) as opened:
        page = opened.get("/login", params={"link": link, "next": "/api/whoami-v2"})
        assert link in page.text and "Set-Cookie" not in page.headers
        answer = opened.post("/login", data={"link": link, "next": "/api/whoami-v2"})
        assert (answer.status_code, answer.headers["Location"]) == (303, "/api/whoami-v2")
        yield opened


def poll(device: client.DeviceCodeInfo) -> client.OAuthTokenResponse:
    """What the client gets by its next poll alone."""
    return client.poll_device_token({**device, "interval": 0, "expires_in": 1})


def test_a_link_signs_in_once(hub: RunningHub, ada: Signed, browser: httpx2.Client) -> None:
    assert browser.get("/api/whoami-v2").json()["name"] == ada.name
    link = issue_sign_in_link(hub.office, ada.account)
    first = httpx2.post(f"{hub.endpoint}/login", data={"link": link})
    assert first.status_code == 303
    again = httpx2.post(f"{hub.endpoint}/login", data={"link": link})
    assert again.status_code == 403
    assert "Set-Cookie" not in again.headers


def test_the_cookie_is_out_of_reach_of_scripts(hub: RunningHub, ada: Signed) -> None:
    link = issue_sign_in_link(hub.office, ada.account)
    cookie = httpx2.post(f"{hub.endpoint}/login", data={"link": link}).headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie


@pytest.mark.parametrize("to", ["https://elsewhere.test/", "//elsewhere.test", "/\\elsewhere.test"])
def test_signing_in_leads_nowhere_else(hub: RunningHub, ada: Signed, to: str) -> None:
    link = issue_sign_in_link(hub.office, ada.account)
    answer = httpx2.post(f"{hub.endpoint}/login", data={"link": link, "next": to})
    assert answer.headers["Location"] == "/"


def test_signing_out_ends_the_session(hub: RunningHub, browser: httpx2.Client) -> None:
    secret = browser.cookies["openward_session"]
    assert browser.post("/logout").status_code == 303
    kept = httpx2.get(f"{hub.endpoint}/api/whoami-v2", cookies={"openward_session": secret})
    assert kept.status_code == 401


def test_a_foreign_page_does_nothing_in_its_visitors_name(
    hub: RunningHub, browser: httpx2.Client
) -> None:
    for headers in ({"Origin": "https://elsewhere.test"}, {"Origin": "null"}):
        answer = browser.post("/api/repos/create", json={"name": "stolen"}, headers=headers)
        assert answer.status_code == 401
    assert browser.post("/api/repos/create", json={"name": "own"}).status_code == 200


def test_a_device_waits_until_somebody_confirms_its_code(
    hub: RunningHub, ada: Signed, browser: httpx2.Client
) -> None:
    device = client.request_device_code()
    assert re.fullmatch(r"[B-Z]{4}-[B-Z]{4}", device["user_code"])
    with pytest.raises(DeviceCodeError, match="timeout"):
        poll(device)
    page = browser.get(device["verification_uri_complete"])
    assert device["user_code"] in page.text and ada.name in page.text
    typed = device["user_code"].replace("-", " ").lower()
    answer = browser.post("/device", data={"user_code": typed, "answer": "grant"})
    assert answer.status_code == 200
    tokens = poll(device)
    headers = {"Authorization": f"Bearer {tokens['access_token']}"}
    said = httpx2.get(f"{hub.endpoint}/api/whoami-v2", headers=headers).json()
    assert said["name"] == ada.name
    assert tokens["expires_in"] > 24 * 3600
    with pytest.raises(DeviceCodeError, match="invalid_grant"):
        poll(device)


def test_a_refresh_token_renews_once(hub: RunningHub, browser: httpx2.Client) -> None:
    device = client.request_device_code()
    browser.post("/device", data={"user_code": device["user_code"], "answer": "grant"})
    first = poll(device)
    second = client.refresh_access_token(first["refresh_token"])
    assert second["access_token"] != first["access_token"]
    with pytest.raises(DeviceCodeError) as e:
        client.refresh_access_token(first["refresh_token"])
    assert e.value.error_code == "invalid_grant"
    assert client.refresh_access_token(second["refresh_token"])["access_token"]


def test_a_denied_device_gets_nothing(browser: httpx2.Client) -> None:
    device = client.request_device_code()
    browser.post("/device", data={"user_code": device["user_code"], "answer": "deny"})
    with pytest.raises(DeviceCodeError, match="denied"):
        poll(device)


def test_a_code_nobody_was_given_is_refused(browser: httpx2.Client) -> None:
    for code in ("BCDF-GHJK", "short", "AAAA-AAAA", ""):
        answer = browser.post("/device", data={"user_code": code, "answer": "grant"})
        assert answer.status_code == 400
    with pytest.raises(DeviceCodeError) as e:
        poll({**client.request_device_code(), "device_code": "0" * 64})
    assert e.value.error_code == "expired_token"


def test_a_token_cannot_confirm_a_device(hub: RunningHub, ada: Signed) -> None:
    device = client.request_device_code()
    answer = httpx2.post(
        f"{hub.endpoint}/device",
        data={"user_code": device["user_code"], "answer": "grant"},
        headers={"Authorization": f"Bearer {ada.token}"},
    )
    assert answer.status_code == 401
    with pytest.raises(DeviceCodeError, match="timeout"):
        poll(device)


def test_a_visitor_is_led_to_sign_in_and_back(hub: RunningHub) -> None:
    answer = httpx2.get(f"{hub.endpoint}/device?user_code=BCDF-GHJK")
    assert answer.status_code == 307
    assert answer.headers["Location"].startswith("/login?next=")


def test_a_page_shows_what_it_was_given_as_text(browser: httpx2.Client) -> None:
    page = browser.get("/device", params={"user_code": '"><script>x</script>'})
    assert "<script>" not in page.text
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]


def test_other_grants_are_refused_in_oauths_words(hub: RunningHub) -> None:
    address = f"{hub.endpoint}/oauth/token"
    for answer in (
        httpx2.post(address, data={"grant_type": "password"}),
        httpx2.post(
            address, json={"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"}
        ),
    ):
        assert answer.status_code == 400
        assert answer.json()["error"] == "unsupported_grant_type"
