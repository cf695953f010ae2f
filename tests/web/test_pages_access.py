"""Asking for access in a browser: the terms whole, an answer at once, nothing in others' names."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Protocol

import pytest
from starlette.testclient import TestClient

from openward.registrar.access_requests import RequestState, Ruling, answer_requests
from openward.registrar.accounts import issue_sign_in_link
from openward.registrar.admissions import end_lease
from openward.registrar.repositories import Settings, change_settings
from openward.store import reads
from openward.store.accounts import set_verified
from openward.web.pages_access import Wanted, wanted_fields
from openward.web.sessions import SESSION_COOKIE
from tests.web.pages_arranged import (
    ENDPOINT,
    LAB,
    Arranged,
    accredit_institute,
    arrange_empty,
    demonstration_policy,
    file_all,
    gate,
    model,
    publish,
    put_in_force,
    weights,
)
from tests.web.pages_reading import PageReader


class Answer(Protocol):
    """Any client's response."""

    @property
    def text(self) -> str: ...


KIFARU = f"/access/{LAB}/kifaru-8b"
OURS = {"origin": ENDPOINT, "sec-fetch-site": "same-origin"}
FOREIGN = {"origin": "https://elsewhere.test", "sec-fetch-site": "cross-site"}
ASKED = """---
extra_gated_prompt: "Only for research. <b>Please</b>"
extra_gated_fields:
  Affiliation: text
  Country: country
  Use:
    type: select
    options: [Research, {label: Teaching at a school, value: Teaching}]
  I agree: checkbox
---
# Asked
"""


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arranged]:
    arranged = arrange_empty(tmp_path_factory.mktemp("access") / "hub")
    put_in_force(arranged, demonstration_policy(arranged.moment))
    accredit_institute(arranged)
    file_all(arranged, publish(arranged, "kifaru-8b", model("kifaru-8b")), cyber=60)
    file_all(arranged, publish(arranged, "chui", model("chui")), nuclear=60)
    gate(arranged, "chui", "manual")
    publish(arranged, "swala", model("swala", 2_000))
    asked = {"README.md": ASKED.encode(), "a.bin": weights("asked", 500)}
    publish(arranged, "asked", asked)
    gate(arranged, "asked", "auto")
    publish(arranged, "words", {"words.csv": b"word\n"}, type="dataset")
    yield arranged
    arranged.office.database.close()


def terms_of(browser: TestClient, path: str = KIFARU) -> str:
    """The digest of the terms, as the form carries it."""
    fields = PageReader(browser.get(path).text).fields
    return next(each["value"] for each in fields if each.get("name") == "terms")


def promise(browser: TestClient, path: str = KIFARU) -> dict[str, str]:
    return {"terms": terms_of(browser, path), "accept": "yes", "purpose": "To study it."}


def leases(hub: Arranged, name: str) -> int:
    with hub.office.database.reading() as connection:
        return len(reads.leases_of(connection, account=hub.account(name).id))


def words(answer: Answer) -> str:
    return PageReader(answer.text).words


# --- the form -----------------------------------------------------------------------------------


def test_a_visitor_reads_the_terms_and_is_asked_to_sign_in(hub: Arranged) -> None:
    page = PageReader(hub.browser().get(KIFARU).text)
    assert "I will use these weights for the purpose I stated, and harm nobody" in page.words
    assert "/login?next=%2Faccess%2Fsavanna-lab%2Fkifaru-8b" in page.links
    assert not [each for each in page.fields if each["tag"] == "textarea"]


def test_somebody_signed_in_sees_what_is_lacking_before_asking(hub: Arranged) -> None:
    assert "Yours is not verified yet." in words(hub.browser("ben").get(KIFARU))
    page = PageReader(hub.browser("chloe").get(KIFARU).text)
    assert "Yours is verified." in page.words
    assert [form["method"] for form in page.forms if form["action"] == KIFARU] == ["post"]
    names = {each.get("name") for each in page.fields}
    assert {"terms", "accept", "purpose"} <= names


def test_what_is_open_to_everyone_needs_no_asking(hub: Arranged) -> None:
    page = PageReader(hub.browser("chloe").get(f"/access/{LAB}/swala").text)
    assert "Nobody needs to ask" in page.words
    assert not [each for each in page.fields if each["tag"] == "textarea"]
    data = PageReader(hub.browser("chloe").get(f"/access/datasets/{LAB}/words").text)
    assert f"/datasets/{LAB}/words" in data.links


# --- the outcome --------------------------------------------------------------------------------


def test_a_verified_person_who_promises_is_granted_at_once(hub: Arranged) -> None:
    browser = hub.browser("chloe")
    answer = browser.post(KIFARU, data=promise(browser), headers=OURS)
    page = PageReader(answer.text)
    assert answer.status_code == 200
    assert "Granted" in page.words and "You have access to" in page.words
    (entry,) = [link for link in page.links if link.startswith("/log/entry/")]
    assert "A person was given access" in words(hub.browser().get(entry))
    assert "chloe" not in hub.browser().get(entry).text
    mine = words(browser.get("/access"))
    assert f"{LAB}/kifaru-8b Until" in mine and "Accepted" in mine
    assert "Asking again renews it." in words(browser.get(KIFARU))
    model_page = PageReader(browser.get(f"/{LAB}/kifaru-8b").text)
    assert "You have access" in model_page.words and "hf download" in model_page.words
    assert browser.get(f"/{LAB}/kifaru-8b/resolve/main/model.bin").status_code == 200


def test_a_refusal_names_all_that_is_lacking_and_what_else_there_is(hub: Arranged) -> None:
    browser = hub.browser("ben")
    answer = browser.post(KIFARU, data={"terms": terms_of(browser)}, headers=OURS)
    page = PageReader(answer.text)
    assert answer.status_code == 403
    assert "Not granted" in page.words
    assert "/rulebook#access.identity-wanted" in page.links
    assert "/rulebook#grant.promise-wanted" in page.links
    for heading in ("What would change it", "What you can do instead", "If you disagree"):
        assert heading in page.words
    assert leases(hub, "ben") == 0


@pytest.mark.parametrize(
    "changed", [{"accept": ""}, {"purpose": "   "}, {"purpose": ""}, {"terms": "0" * 64}]
)
def test_nothing_is_promised_by_half(hub: Arranged, changed: dict[str, str]) -> None:
    browser = hub.browser("chloe")
    before = leases(hub, "chloe")
    answer = browser.post(KIFARU, data={**promise(browser), **changed}, headers=OURS)
    assert answer.status_code == 403
    assert "/rulebook#grant.promise-wanted" in PageReader(answer.text).links
    assert leases(hub, "chloe") == before


@pytest.mark.parametrize(
    "changed", [{"terms": "not a digest"}, {"purpose": "x" * 2001}, {"purpose": "nul\0"}]
)
def test_a_form_that_cannot_be_read_is_a_page_that_says_so(
    hub: Arranged, changed: dict[str, str]
) -> None:
    browser = hub.browser("chloe")
    answer = browser.post(KIFARU, data={**promise(browser), **changed}, headers=OURS)
    assert answer.status_code == 400
    assert "That request could not be read" in words(answer)


def test_a_purpose_keeps_its_lines_and_may_be_as_long_as_it_says(hub: Arranged) -> None:
    browser = hub.browser("chloe")
    long = "line\r\n" * 399  # 1,995 characters once a line ends in one, 2,394 as they are sent
    answer = browser.post(KIFARU, data={**promise(browser), "purpose": long}, headers=OURS)
    assert answer.status_code == 200
    exact = browser.post(KIFARU, data={**promise(browser), "purpose": "é" * 2000}, headers=OURS)
    assert exact.status_code == 200


@pytest.mark.parametrize("headers", [FOREIGN, {"sec-fetch-site": "same-site"}, {}])
def test_a_form_sent_by_a_foreign_page_promises_nothing(
    hub: Arranged, headers: dict[str, str]
) -> None:
    browser = hub.browser("chloe")
    before = leases(hub, "chloe")
    answer = browser.post(KIFARU, data=promise(browser), headers=headers)
    assert answer.status_code == 401
    assert "Please sign in" in words(answer)
    assert leases(hub, "chloe") == before


def test_reading_never_asks(hub: Arranged) -> None:
    browser = hub.browser("chloe")
    before = leases(hub, "chloe")
    query = "&".join(f"{name}={value}" for name, value in promise(browser).items())
    assert browser.get(f"{KIFARU}?{query}").status_code == 200
    assert leases(hub, "chloe") == before


# --- the publisher ------------------------------------------------------------------------------


def test_a_publisher_s_answer_has_a_date_and_then_a_reason(hub: Arranged) -> None:
    path = f"/access/{LAB}/chui"
    browser = hub.browser("chloe")
    assert "The publisher's approval, by hand" in words(browser.get(path))
    answer = browser.post(path, data=promise(browser, path), headers=OURS)
    due = hub.office.clock() + timedelta(days=30)
    assert "Waiting for the publisher" in words(answer)
    assert f"answers by {due.day} {due:%B %Y}" in words(answer)
    assert "Waiting for the publisher. An answer is due by" in words(browser.get("/access"))
    assert "The publisher's answer is due by" in words(browser.get(path))
    ruling = Ruling("chloe", None, RequestState.REJECTED, "too early")
    done = answer_requests(hub.office, hub.party("amina"), "model", f"{LAB}/chui", (ruling,))
    assert done is None
    assert "Declined by the publisher: too early" in words(browser.get("/access"))


def test_the_publisher_s_own_questions_are_asked_and_answered(hub: Arranged) -> None:
    path = f"/access/{LAB}/asked"
    browser = hub.browser("ben")
    page = PageReader(browser.get(path).text)
    assert "Only for research. <b>Please</b>" in page.words
    names = {each["name"]: each for each in page.fields if "name" in each}
    assert set(names) == {
        "publisher.Affiliation",
        "publisher.Country",
        "publisher.Use",
        "publisher.I agree",
    }
    given = {
        "publisher.Affiliation": "A school",
        "publisher.Country": "Kenya",
        "publisher.Use": "Teaching",
        "publisher.I agree": "true",
    }
    for name in given:
        lacking = browser.post(path, data={**given, name: " "}, headers=OURS)
        assert lacking.status_code == 400
        assert "the publisher asks for" in words(lacking)
    answer = browser.post(path, data=given, headers=OURS)
    assert answer.status_code == 200
    assert "Granted" in words(answer)
    assert "stands in the public record" not in words(answer)


def test_fields_of_a_card_are_read_whatever_their_shape() -> None:
    assert wanted_fields(None) == ()
    assert wanted_fields(["Name"]) == ()
    shapes = {"A": "checkbox", "B": "date_picker", "C": {"type": "select"}, "D": 3, "E": None}
    assert [each.kind for each in wanted_fields(shapes)] == ["checkbox", *["text"] * 4]
    (chosen,) = wanted_fields({"F": {"options": ["x", {"value": 1}, {"label": "no value"}]}})
    assert chosen == Wanted("F", "select", ("x", "1", "{'label': 'no value'}"))
    assert chosen.name == "publisher.F"


# --- my access, and signing in ------------------------------------------------------------------


def test_my_access_is_for_somebody_signed_in(hub: Arranged) -> None:
    answer = hub.browser().get("/access", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=/access")


def test_a_lease_that_ended_says_so(hub: Arranged) -> None:
    account = hub.account("amina")
    with hub.office.database.writing() as connection:
        set_verified(connection, account.id, "seen", hub.office.clock())
    browser = hub.browser("amina")
    browser.post(KIFARU, data=promise(browser), headers=OURS)
    with hub.office.database.reading() as connection:
        (row,) = reads.leases_of(connection, account=account.id)
    assert f"{LAB}/kifaru-8b Until" in words(browser.get("/access"))
    lapsed = replace(hub.office, clock=lambda: row.until)
    late = hub.browser(office=lapsed)
    late.cookies.set(SESSION_COOKIE, replace(hub, office=lapsed).session("amina"))
    assert "Lapsed, was given until" in words(late.get("/access"))
    end_lease(hub.office, row.index, "misused")
    assert "Ended, was given until" in words(browser.get("/access"))


def test_a_link_signs_in_once_and_only_by_a_button(hub: Arranged) -> None:
    browser = hub.browser()
    link = issue_sign_in_link(hub.office, hub.account("ben"))
    for _ in range(2):
        page = PageReader(browser.get(f"/login?link={link}&next=/access").text)
        assert [form["method"] for form in page.forms] == ["post"]
    answer = browser.post(
        "/login", data={"link": link, "next": "/access"}, headers=OURS, follow_redirects=False
    )
    assert answer.headers["location"] == "/access"
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{SESSION_COOKIE}=")
    assert "HttpOnly" in cookie and "SameSite=lax" in cookie
    page = PageReader(browser.get("/").text)
    assert "ben Sign out" in page.words
    again = hub.browser().post("/login", data={"link": link}, headers=OURS)
    assert again.status_code == 403
    assert "Sign in" in words(browser.post("/logout", headers=OURS))


def test_a_page_asked_for_with_a_token_that_is_not_good_is_a_problem(hub: Arranged) -> None:
    answer = hub.browser().get("/", headers={"authorization": "Bearer ow_wrong"})
    assert answer.status_code == 401
    assert "Please sign in" in words(answer)


def test_what_became_private_leaves_the_lists_of_those_who_may_not_see_it(hub: Arranged) -> None:
    hidden = publish(hub, "withdrawn", model("withdrawn"))
    file_all(hub, hidden, cyber=60)
    path = f"/access/{LAB}/withdrawn"
    browser = hub.browser("chloe")
    browser.post(path, data=promise(browser, path), headers=OURS)
    assert words(browser.get("/access")).count("withdrawn") == 2
    change_settings(
        hub.office, hub.party("amina"), "model", f"{LAB}/withdrawn", Settings(private=True)
    )
    assert "withdrawn" not in words(browser.get("/access"))
    assert hidden[:12] in words(browser.get("/access"))
    assert browser.get(path).status_code == 404
