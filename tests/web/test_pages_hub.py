"""The pages of a real hub: the verdict first, nothing from elsewhere, nothing private."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from openward.registrar.admissions import lend_for_evaluation
from openward.registrar.office import Office
from openward.registrar.repositories import Settings, change_settings, move_repo
from openward.statements.entry import Ended
from openward.store.records import enter
from openward.store.repositories import find_repo
from openward.store.revisions import find_revision
from openward.vocabulary import RiskDomain
from openward.web import pages_catalogue
from openward.web.hub_errors import HubProblem
from openward.web.pages_problems import problem_page
from tests.web.pages_arranged import (
    LAB,
    Arranged,
    arrange,
    arrange_empty,
    commit,
    file_result,
    publish,
    subject_named,
    weights,
)
from tests.web.pages_reading import PageReader

VISITOR_PAGES = (
    "/",
    "/?tier=2",
    "/?q=kifaru&kind=dataset",
    "/log",
    "/log?before=10",
    "/log/entry/0",
    "/policy",
    "/rulebook",
    "/access/savanna-lab/kifaru-8b",
    "/savanna-lab/twiga-1b",
    "/savanna-lab/kifaru-8b",
    "/savanna-lab/simba-70b",
    "/savanna-lab/duma-agent",
    "/savanna-lab/nyati-13b",
    "/savanna-lab/swala-mini",
    "/savanna-lab/pundamilia",
    "/datasets/savanna-lab/maneno",
    "/nobody/nothing",
)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Arranged]:
    arranged = arrange(tmp_path_factory.mktemp("pages") / "hub")
    yield arranged
    arranged.office.database.close()


@pytest.fixture(scope="module")
def visitor(hub: Arranged) -> TestClient:
    return hub.browser()


def read(client: TestClient, path: str, http: int = 200) -> PageReader:
    answer = client.get(path, follow_redirects=False)
    assert answer.status_code == http, f"{path}: {answer.status_code}"
    return PageReader(answer.text)


# --- every page ---------------------------------------------------------------------------------


@pytest.mark.parametrize("path", VISITOR_PAGES)
def test_every_page_is_whole_and_of_this_hub_alone(visitor: TestClient, path: str) -> None:
    answer = visitor.get(path)
    page = PageReader(answer.text)
    policy = answer.headers["content-security-policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self'" in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "same-origin"
    assert answer.headers["cache-control"] == "private, no-store"
    assert page.inline == []
    assert all(each.startswith("/static/") for each in page.sources)
    assert all(each.startswith(("/", "#")) for each in page.links), page.links
    assert all(not each.startswith("//") for each in page.links), page.links
    assert all(form["action"].startswith("/") for form in page.forms)


@pytest.mark.parametrize("path", VISITOR_PAGES)
def test_every_page_can_be_used_without_eyes_or_mouse(visitor: TestClient, path: str) -> None:
    answer = visitor.get(path)
    page = PageReader(answer.text)
    assert '<html lang="en"' in answer.text
    assert page.links[0] == "#main" and "main" in page.ids
    assert page.headings.count("h1") == 1 and page.headings[0] == "h1"
    for landmark in ("<main", "<nav aria-label", '<header class="site"', '<footer class="site"'):
        assert landmark in answer.text
    for field in page.fields:
        hidden = field.get("type") == "hidden" or field["tag"] == "button"
        labelled = field.get("id") in page.labels or " label" in field["inside"]
        assert hidden or labelled, field
    for anchor in page.links:
        assert not anchor.startswith("#") or anchor[1:] in page.ids, anchor


def test_every_link_of_a_visitor_leads_somewhere(hub: Arranged, visitor: TestClient) -> None:
    waiting, seen = ["/"], {"/"}
    anchors: list[tuple[str, str]] = []
    ids: dict[str, set[str]] = {}
    while waiting:
        path = waiting.pop()
        answer = visitor.get(path, follow_redirects=False)
        assert answer.status_code in (200, 303, 307, 401), f"{path}: {answer.status_code}"
        if answer.status_code == 401:
            assert "/resolve/" in path, path
        if "text/html" not in answer.headers.get("content-type", ""):
            continue
        page = PageReader(answer.text)
        ids[path.partition("#")[0]] = page.ids
        for link in [*page.links, *page.sources]:
            whole = urljoin(path, link)
            target, _, anchor = whole.partition("#")
            if anchor:
                anchors.append((target, anchor))
            if target not in seen:
                seen.add(target)
                waiting.append(target)
    assert len(seen) > 150
    assert [each for each in anchors if each[1] not in ids.get(each[0], set())] == []


# --- the catalogue ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "names"),
    [
        ("", 7),
        ("1", {"pundamilia", "swala-mini", "twiga-1b"}),
        ("2", {"kifaru-8b"}),
        ("3", {"simba-70b"}),
        ("4", {"duma-agent"}),
        ("unassessed", {"nyati-13b"}),
    ],
)
def test_the_catalogue_shows_the_models_of_a_tier(
    visitor: TestClient, tier: str, names: set[str] | int
) -> None:
    page = read(visitor, f"/?tier={tier}")
    found = {link.rpartition("/")[2] for link in page.links if link.startswith(f"/{LAB}/")}
    assert found == names or len(found) == names


def test_each_model_of_the_catalogue_has_its_reason_in_a_sentence(visitor: TestClient) -> None:
    words = read(visitor, "/").words
    for sentence in (
        "Every required evaluation shows it below its low threshold.",
        "Cyber: a score at or above the low threshold is not ruled out.",
        "Biological and cyber: a score at or above the high threshold is not ruled out.",
        "Cyber: a score above the critical threshold is not ruled out.",
        "Presumed open by its size: 2.0 KB of weights.",
        "It has no tier: 7 of 8 required evaluations are missing.",
        "What the tiers mean",
    ):
        assert sentence in words


def test_the_search_finds_by_name_whatever_the_case_and_takes_nothing_as_a_pattern(
    visitor: TestClient,
) -> None:
    assert f"/{LAB}/kifaru-8b" in read(visitor, "/?q=KIFARU").links
    assert f"/{LAB}/kifaru-8b" not in read(visitor, "/?q=twiga").links
    assert f"/{LAB}/kifaru-8b" not in read(visitor, "/?q=%25").links
    assert f"/{LAB}/kifaru-8b" not in read(visitor, "/?q=k_faru").links
    page = visitor.get("/?q=%3Cscript%3Ealert(1)%3C/script%3E").text
    assert "<script>alert" not in page
    PageReader(page)


@pytest.mark.parametrize(
    "query",
    ["tier=5", "tier=0", "kind=folder", "from=-1", "from=x", "from=%C2%B2", "from=999999999"],
)
def test_a_filter_the_catalogue_does_not_know_is_refused(visitor: TestClient, query: str) -> None:
    page = read(visitor, f"/?{query}", 400)
    assert "does not know this filter" in page.words


def test_the_catalogue_is_read_page_by_page(
    visitor: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages_catalogue, "LENGTH", 3)
    found, path = [], "/"
    for _ in range(3):
        page = read(visitor, path)
        found.append([link for link in page.links if link.startswith(f"/{LAB}/")])
        more = [link for link in page.links if "from=" in link]
        path = more[0] if more else ""
    assert [len(each) for each in found] == [3, 3, 1]
    assert len({name for each in found for name in each}) == 7
    assert path == ""


def test_the_last_page_says_that_it_is_the_last(
    visitor: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = [each for each in read(visitor, "/").links if each.startswith(f"/{LAB}/")]
    monkeypatch.setattr(pages_catalogue, "LENGTH", len(listed))
    page = read(visitor, "/")
    assert [each for each in page.links if each.startswith(f"/{LAB}/")] == listed
    assert not [each for each in page.links if "from=" in each]


def test_a_rare_tier_is_looked_for_in_bounded_steps(
    visitor: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pages_catalogue, "LENGTH", 2)
    monkeypatch.setattr(pages_catalogue, "MOST_LOOKED_AT", 4)
    first = read(visitor, "/?tier=2")
    assert not [link for link in first.links if link.startswith(f"/{LAB}/")]
    assert "There is more to look through." in first.words
    (following,) = [link for link in first.links if "from=" in link]
    assert following == "/?tier=2&from=4"
    assert f"/{LAB}/kifaru-8b" in read(visitor, following).links


def test_a_demonstration_says_so_on_every_page(hub: Arranged) -> None:
    office = replace(hub.office, config=replace(hub.office.config, demonstration=True))
    for path in ("/", "/policy", "/nobody/nothing"):
        assert "A demonstration." in PageReader(hub.browser(office=office).get(path).text).words
        assert "A demonstration." not in PageReader(hub.browser().get(path).text).words


# --- a model ------------------------------------------------------------------------------------


def test_a_model_s_page_begins_with_the_verdict_and_how_to_get_it(visitor: TestClient) -> None:
    page = read(visitor, f"/{LAB}/kifaru-8b")
    words = page.words
    assert words.index("Tier 2 · gated") < words.index("What was measured")
    assert "Cyber: a score at or above the low threshold is not ruled out." in words
    assert "7 other evaluations show it below low." in words
    assert "You need a verified identity and a signed promise of use" in words
    assert f"/access/{LAB}/kifaru-8b" in page.links
    assert "/rulebook#tier.below-high" in page.links
    assert "hf download" not in words


def test_an_open_model_is_downloaded_without_a_question(visitor: TestClient) -> None:
    for name in ("twiga-1b", "swala-mini"):
        page = read(visitor, f"/{LAB}/{name}")
        assert f"HF_ENDPOINT=http://hub.test hf download {LAB}/{name}" in page.words
        assert "Anyone may download it" in page.words
        assert f"/access/{LAB}/{name}" not in page.links
    data = read(visitor, f"/datasets/{LAB}/maneno")
    assert f"hf download {LAB}/maneno --repo-type dataset" in data.words
    assert "It holds no weights, so there is nothing to measure." in data.words
    assert "openward verify" not in data.words


def test_a_presumption_says_that_nothing_was_measured(visitor: TestClient) -> None:
    words = read(visitor, f"/{LAB}/swala-mini").words
    assert "presumed, not evaluated" in words
    assert "It was not evaluated." in words
    assert "Nothing that counts was measured." in words
    assert "The 8 evaluations that would count" in words


def test_unassessed_weights_list_what_is_missing_and_until_when(visitor: TestClient) -> None:
    page = read(visitor, f"/{LAB}/nyati-13b")
    assert "Unassessed" in page.words
    assert "openward_proxy_nuclear, at least 100 samples" in page.words
    assert "openward_proxy_cyber, at least" not in page.words
    assert "openward_proxy_chemical, at least 100 samples (what was filed does not count)" in (
        page.words
    )
    assert "The clock: this evidence is due by" in page.words
    assert "With 9.0 KB it is above the 6.0 KB presumed harmless." in page.words
    assert "Chemical, by institute-a: the evaluator is not independent of the publisher." in (
        page.words
    )


@pytest.mark.parametrize("name", ["simba-70b", "duma-agent", "nyati-13b"])
def test_where_asking_leads_nowhere_nobody_is_sent_to_ask(visitor: TestClient, name: str) -> None:
    page = read(visitor, f"/{LAB}/{name}")
    assert f"/access/{LAB}/{name}" not in page.links
    assert "Evaluate it" in page.words
    form = read(visitor, f"/access/{LAB}/{name}")
    assert "Asking would not help" in form.words
    assert not [each for each in form.fields if each["tag"] == "textarea"]


def test_the_picture_is_described_in_words_and_names_its_evidence(visitor: TestClient) -> None:
    text = visitor.get(f"/{LAB}/kifaru-8b").text
    assert text.count("<svg") == 8
    assert 'aria-label="Cyber: 0.50, at most 0.58; not shown below low, shown below high;' in text
    assert text.count('class="decisive"') == 1
    assert text.count("/api/openward/statements/") == 8
    assert text.count("/api/openward/logs/") == 8


def test_a_decision_can_be_checked_from_the_page(hub: Arranged, visitor: TestClient) -> None:
    page = read(visitor, f"/{LAB}/kifaru-8b")
    vkey = hub.office.log_key.vkey()
    assert (
        f"openward verify {LAB}/kifaru-8b --endpoint http://hub.test \\ --vkey {vkey}" in page.words
    )
    assert subject_named(hub, "kifaru-8b") in page.words
    (proof,) = [link for link in page.links if link.endswith("/proof")]
    assert visitor.get(proof).text.startswith("c2sp.org/tlog-proof")


def test_files_say_whether_they_are_among_the_weights(visitor: TestClient) -> None:
    text = visitor.get(f"/{LAB}/kifaru-8b").text
    page = PageReader(text)
    assert "model.bin 9.0 KB weights" in page.words
    assert "config.json 39 bytes not weights" in page.words
    (readme,) = [link for link in page.links if link.endswith("/README.md")]
    assert visitor.get(readme).status_code == 200


def test_what_a_publisher_wrote_is_never_markup(hub: Arranged, visitor: TestClient) -> None:
    text = visitor.get(f"/{LAB}/kifaru-8b").text
    assert '<script>alert("not run")</script>' not in text
    assert "&lt;script&gt;alert(&#34;not run&#34;)&lt;/script&gt;" in text
    assert "license: apache-2.0" not in text
    name = 'odd"><img src=x onerror=alert(1)> #?%.bin'
    publish(hub, "odd", {name: weights("odd", 100)})
    page = read(visitor, f"/{LAB}/odd")
    assert name in page.words
    (link,) = [each for each in page.links if "odd%22" in each]
    assert visitor.get(link).content == weights("odd", 100)


def test_a_card_in_bytes_that_are_no_text_is_not_shown(hub: Arranged, visitor: TestClient) -> None:
    publish(hub, "garbled", {"README.md": weights("garbled", 400)})
    assert "What the publisher says" not in read(visitor, f"/{LAB}/garbled").words


def test_another_revision_has_a_page_of_its_own(hub: Arranged, visitor: TestClient) -> None:
    publish(hub, "moving", {"a.bin": weights("first", 1_000)})
    with hub.office.database.reading() as connection:
        repo = find_repo(connection, "model", f"{LAB}/moving")
        assert repo is not None
        before = find_revision(connection, repo.id, "main")
        assert before is not None
    commit(hub, "model", f"{LAB}/moving", {"b.bin": weights("second", 9_000)})
    assert "Unassessed" in read(visitor, f"/{LAB}/moving").words
    for path in ("tree", "commit"):
        old = read(visitor, f"/{LAB}/moving/{path}/{before.oid}")
        assert "Presumed open by its size: 1.0 KB" in old.words
        assert "b.bin" not in old.words
    leads = visitor.get(f"/{LAB}/moving/blob/main/a.bin", follow_redirects=False)
    assert leads.headers["location"] == f"/{LAB}/moving/resolve/main/a.bin"
    read(visitor, f"/{LAB}/moving/tree/nowhere", 404)


def test_a_former_name_leads_to_the_present_one(hub: Arranged, visitor: TestClient) -> None:
    publish(hub, "before", {"a.bin": weights("before", 10)})
    moved = move_repo(hub.office, hub.party("amina"), "model", f"{LAB}/before", f"{LAB}/after")
    assert moved is None
    answer = visitor.get(f"/{LAB}/before", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (307, f"/{LAB}/after")


# --- what is private ----------------------------------------------------------------------------


def test_a_private_repository_is_answered_as_one_that_does_not_exist(
    hub: Arranged, visitor: TestClient
) -> None:
    outsider = hub.browser("chloe")
    for browser in (visitor, outsider):
        for at in ("", "/tree/main", "/commit/main"):
            private = browser.get(f"/{LAB}/siri-2b{at}")
            missing = browser.get(f"/{LAB}/no-such{at}")
            assert private.status_code == missing.status_code == 404
            assert private.text == missing.text
            ours = {"x-request-id"}
            assert {k: v for k, v in private.headers.items() if k not in ours} == {
                k: v for k, v in missing.headers.items() if k not in ours
            }
        access = browser.get(f"/access/{LAB}/siri-2b")
        assert access.status_code == 404
        assert "siri" not in browser.get("/").text
        assert "siri" not in browser.get("/?q=siri").text.replace('value="siri"', "").replace(
            "“siri”", ""
        )
        assert "siri" not in browser.get("/log").text


def test_its_own_people_see_a_private_repository_with_its_verdict(hub: Arranged) -> None:
    amina = hub.browser("amina")
    page = read(amina, f"/{LAB}/siri-2b")
    assert "private" in page.words and "Unassessed" in page.words
    assert "sealed while this is private" in page.words
    assert not [link for link in page.links if "/cases/" in link]
    assert f"/{LAB}/siri-2b" in read(amina, "/").links


# --- the record ---------------------------------------------------------------------------------


def test_the_record_is_read_from_the_newest_entry_back_to_the_first(visitor: TestClient) -> None:
    path, seen = "/log", []
    while path:
        page = read(visitor, path)
        seen += [
            int(link.rpartition("/")[2]) for link in page.links if link.startswith("/log/entry/")
        ]
        older = [link for link in page.links if link.startswith("/log?before=")]
        path = older[0] if older else ""
    assert seen == list(range(seen[0], -1, -1))
    assert seen[0] > 60
    words = page.words
    assert "The record begins. Its name is localhost/openward." in words
    assert "Policy adopted: Demonstration policy, version 1" in words
    assert "Evaluator accredited: institute-a" in words
    assert "A decision on weights that are not public. Only a fingerprint is public." in words


def test_an_entry_is_shown_with_what_was_signed_and_its_proof(visitor: TestClient) -> None:
    page = read(visitor, "/log/entry/1")
    assert "What was signed" in page.words
    assert "https://openward.org/tier-policy/v1" in page.words
    assert "/api/openward/entries/1/proof" in page.links
    assert "/log/entry/0" in page.links and "/log/entry/2" in page.links
    first = read(visitor, "/log/entry/0")
    assert "What was signed" not in first.words
    assert "/log/entry/-1" not in first.links


@pytest.mark.parametrize("index", ["999999", "-1", "x", "1.0", "%C2%B2", "9" * 16])
def test_what_the_record_does_not_hold_is_not_found(visitor: TestClient, index: str) -> None:
    read(visitor, f"/log/entry/{index}", 404)


def test_a_number_of_any_length_is_answered(visitor: TestClient) -> None:
    read(visitor, f"/log?before={'9' * 5000}", 404)
    read(visitor, f"/?from={'9' * 5000}", 400)


def test_the_record_names_no_private_repository_that_holds_the_same_weights(
    hub: Arranged,
) -> None:
    publish(hub, "shared", {"a.bin": weights("shared", 4_000)})
    publish(hub, "hidden-twin", {"a.bin": weights("shared", 4_000)}, private=True)
    page = read(hub.browser("amina"), "/log")
    assert f"/{LAB}/shared" in page.links
    assert "hidden-twin" not in page.words


def test_what_holds_no_weights_is_not_listed_by_all_who_hold_none(visitor: TestClient) -> None:
    for before in ("", "?before=31"):
        assert f"/datasets/{LAB}/maneno" not in read(visitor, f"/log{before}").links


def test_an_entry_shows_only_once_a_signed_checkpoint_covers_it(hub: Arranged) -> None:
    with hub.office.database.writing() as connection:
        index = enter(connection, Ended(0, "not published yet"), hub.office.clock())
    visitor = hub.browser()
    read(visitor, f"/log/entry/{index}", 404)
    assert "not published yet" not in read(visitor, "/log").words
    assert "not published yet" not in read(visitor, f"/log?before={index + 1}").words
    hub.office.sequencer.publish()
    assert "not published yet" in read(visitor, f"/log/entry/{index}").words
    assert f"/log/entry/{index + 1}" not in read(visitor, f"/log/entry/{index}").links


def test_a_grant_and_an_opening_are_told_without_names(hub: Arranged) -> None:
    publish(hub, "later", {"a.bin": weights("later", 8_000)}, private=True)
    with hub.office.database.reading() as connection:
        repo = find_repo(connection, "model", f"{LAB}/kifaru-8b")
        assert repo is not None
        revision = find_revision(connection, repo.id, "main")
        assert revision is not None
    lend_for_evaluation(hub.office, hub.party("institute-a"), repo, revision)
    change_settings(
        hub.office, hub.party("amina"), "model", f"{LAB}/later", Settings(private=False)
    )
    words = read(hub.browser(), "/log").words
    assert "An evaluator was lent weights. Only a fingerprint is public." in words
    assert "is opened. Decided: unassessed" in words
    assert f"/{LAB}/later" in read(hub.browser(), "/log").links


# --- policy and time ----------------------------------------------------------------------------


def test_the_policy_is_told_in_words(visitor: TestClient) -> None:
    words = read(visitor, "/policy").words
    for said in (
        "with 95 % confidence",
        "Weights of up to 6.0 KB",
        "it is unassessed",
        "I will use these weights for the purpose I stated",
        "A lease lasts",
        "Adopted by entry 1",
        "0.5 0.7 none",
        "0.5 0.7 0.85",
    ):
        assert said in words


def test_a_hub_without_a_policy_has_pages_too(tmp_path: Path) -> None:
    hub = arrange_empty(tmp_path / "hub")
    publish(hub, "early", {"README.md": b"# Early\n", "a.bin": weights("early", 50)})
    visitor = hub.browser()
    assert "No policy was adopted yet." in read(visitor, "/policy").words
    page = read(visitor, f"/{LAB}/early")
    assert "No decision on these weights is in effect yet." in page.words
    assert "a.bin 50 bytes weights" in page.words
    assert "There is no decision to check yet." in page.words
    assert f"/{LAB}/early" in read(visitor, "/?tier=unassessed").links
    assert "Asking would not help" in read(visitor, f"/access/{LAB}/early").words
    hub.office.database.close()


def later(office: Office, days: int) -> Office:
    """The same hub, looked at another day."""
    return replace(office, clock=lambda: office.clock() + timedelta(days=days))


def test_a_page_says_so_when_the_policy_has_ended(hub: Arranged) -> None:
    visitor = hub.browser(office=later(hub.office, 301))
    assert "Not in its time" in read(visitor, "/policy").words
    page = read(visitor, f"/{LAB}/twiga-1b")
    assert "It has no tier: no policy is in its time." in page.words
    assert "hf download" not in page.words


# --- problems -----------------------------------------------------------------------------------


def test_people_get_a_page_and_clients_their_own_format(hub: Arranged) -> None:
    browser, client = hub.browser(), hub.browser()
    client.headers["accept"] = "*/*"
    page, plain = browser.get("/nobody/nothing"), client.get("/nobody/nothing")
    assert page.status_code == plain.status_code == 404
    assert page.headers["x-error-code"] == plain.headers["x-error-code"] == "RepoNotFound"
    assert plain.json() == {"error": "Repository not found"}
    assert "There is nothing here" in PageReader(page.text).words
    assert (
        browser.get("/api/openward/policies/x").headers["content-type"]
        != (page.headers["content-type"])
    )


def test_a_file_behind_the_gate_is_explained_to_people(visitor: TestClient) -> None:
    answer = visitor.get(f"/{LAB}/kifaru-8b/resolve/main/model.bin")
    page = PageReader(answer.text)
    assert answer.status_code == 401
    assert answer.headers["x-error-code"] == "GatedRepo"
    assert "[access.identity-wanted]" in page.words
    assert f"/{LAB}/kifaru-8b" in page.links
    (login,) = [link for link in page.links if link.startswith("/login?next=")]
    assert urlsplit(login).query.startswith("next=%2Fsavanna-lab%2Fkifaru-8b%2Fresolve")


def test_a_file_of_a_repository_that_does_not_exist_points_nowhere(visitor: TestClient) -> None:
    page = read(visitor, "/nobody/nothing/resolve/main/a.bin", 404)
    assert "/nobody/nothing" not in page.links


def test_a_fault_of_ours_tells_nothing_of_its_inside(hub: Arranged) -> None:
    def broken() -> None:
        raise RuntimeError("secret inside")

    office = replace(hub.office, clock=broken)  # type: ignore[arg-type]
    answer = hub.browser(office=office).get("/policy")
    assert answer.status_code == 500
    page = PageReader(answer.text)
    assert "Something went wrong on our side" in page.words
    assert "secret inside" not in answer.text


def test_every_problem_has_a_page(hub: Arranged) -> None:
    site = hub.browser().app
    for http in (400, 401, 403, 404, 405, 409, 412, 413, 422, 500, 501, 503):
        scope = {"type": "http", "app": site, "path": "/x", "method": "GET", "headers": []}
        answer = problem_page(Request(scope), HubProblem(http, "it <happened>"), {})
        text = bytes(answer.body).decode()
        assert answer.status_code == http
        assert "it &lt;happened&gt;" in text
        PageReader(text)


# --- static files -------------------------------------------------------------------------------


def test_static_files_are_kept_for_good_under_the_digest_of_their_bytes(
    visitor: TestClient,
) -> None:
    for source in read(visitor, "/").sources:
        answer = visitor.get(source)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        other = visitor.get(source.partition("?")[0] + "?v=0")
        assert other.headers["cache-control"] == "no-cache"


@pytest.mark.parametrize("name", ["SOURCES.md", "..%2Fpages.py", "%2e%2e%2fpages.py", "none.css"])
def test_only_the_files_of_the_pages_are_served(visitor: TestClient, name: str) -> None:
    assert visitor.get(f"/static/{name}").status_code == 404


def test_the_vendored_script_is_the_one_its_sources_name() -> None:
    static = files("openward.web").joinpath("static")
    digest = hashlib.sha256(static.joinpath("htmx.min.js").read_bytes()).hexdigest()
    assert digest in static.joinpath("SOURCES.md").read_text()


def test_new_evidence_changes_the_page_at_once(hub: Arranged, visitor: TestClient) -> None:
    subject = publish(hub, "rising", {"a.bin": weights("rising", 3_000)})
    assert "Presumed open by its size" in read(visitor, f"/{LAB}/rising").words
    file_result(hub, subject, RiskDomain.CYBER, 110)
    page = read(visitor, f"/{LAB}/rising")
    assert "Unassessed" in page.words
    assert "ends the presumption" in page.words
