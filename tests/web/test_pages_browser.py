"""The pages in a real browser: wide and narrow, light and dark, by keyboard, without scripts."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from openward.config import CONFIGURATION_VARIABLE
from openward.registrar.founding import CONFIGURATION
from openward.web.sessions import SESSION_COOKIE
from tests.web.pages_arranged import LAB, ROOT, Arranged, arrange

CHROMIUM = Path("/usr/bin/chromium")
START_LIMIT = 60  # seconds; the machine may be busy
Scheme = Literal["light", "dark"]
SCREENS: tuple[tuple[int, Scheme], ...] = (
    (1280, "light"),
    (1280, "dark"),
    (360, "light"),
    (360, "dark"),
)
PAGES = (
    "/",
    f"/{LAB}/kifaru-8b",
    f"/{LAB}/nyati-13b",
    f"/access/{LAB}/kifaru-8b",
    "/access",
    "/log",
    "/log/entry/1",
    "/policy",
    "/rulebook",
)
_CONTRAST = """
() => {
  const channel = c => (c /= 255) <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => .2126 * channel(r) + .7152 * channel(g) + .0722 * channel(b);
  const rgb = text => text.match(/[\\d.]+/g).map(Number);
  const behind = e => {
    for (; e; e = e.parentElement) {
      const colour = rgb(getComputedStyle(e).backgroundColor);
      if (colour.length < 4 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const faint = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim());
    if (!own || !e.checkVisibility() || e.closest('svg')) continue;
    const [a, b] = [light(rgb(getComputedStyle(e).color)), light(behind(e))];
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < 4.5) faint.push(`${e.tagName} ${e.className}: ${ratio.toFixed(2)}`);
  }
  return faint;
}
"""

pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"{CHROMIUM} is not installed")


@dataclass
class Served:
    """A hub with a server of its own, listening on the loopback."""

    hub: Arranged
    endpoint: str


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder = tmp_path_factory.mktemp("browser") / "hub"
    endpoint = f"http://127.0.0.1:{port}"
    hub = arrange(folder, endpoint, demonstration=True, port=port)
    command = [
        sys.executable, "-m", "granian", "--interface", "asgi", "--factory", "--log-level",
        "warning", "--host", "127.0.0.1", "--port", str(port), "pages_arranged:served",
    ]  # fmt: skip
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    environment = {
        **os.environ, CONFIGURATION_VARIABLE: str(folder / CONFIGURATION), "PYTHONPATH": paths
    }  # fmt: skip
    server = subprocess.Popen(command, env=environment)
    try:
        _wait(server, port)
        yield Served(hub, endpoint)
    finally:
        server.terminate()
        server.wait(15)
        hub.office.database.close()


def _wait(server: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_LIMIT
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError("the server did not start")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass
class Window:
    """A page, what it said on the console, and every address it asked for."""

    page: Page
    said: list[str]
    asked: list[str]


@pytest.fixture
def opened(chromium: Browser, served: Served) -> Iterator["Opener"]:
    opener = Opener(chromium, served)
    yield opener
    opener.close()


class Opener:
    """Opens windows on the hub, each with a memory of its own."""

    def __init__(self, chromium: Browser, served: Served) -> None:
        self._chromium = chromium
        self.served = served
        self._windows: list[Page] = []

    def __call__(
        self,
        path: str,
        *,
        width: int = 1280,
        scheme: Scheme = "light",
        name: str | None = None,
        scripts: bool = True,
    ) -> Window:
        context = self._chromium.new_context(
            viewport={"width": width, "height": 800},
            color_scheme=scheme,
            java_script_enabled=scripts,
            base_url=self.served.endpoint,
        )
        if name is not None:
            secret = self.served.hub.session(name)
            context.add_cookies(
                [{"name": SESSION_COOKIE, "value": secret, "url": self.served.endpoint}]
            )
        page = context.new_page()
        window = Window(page, [], [])
        page.on("console", lambda message: window.said.append(message.text))
        page.on("pageerror", lambda error: window.said.append(str(error)))
        page.on("request", lambda request: window.asked.append(request.url))
        page.goto(path)
        self._windows.append(page)
        return window

    def close(self) -> None:
        for page in self._windows:
            page.context.close()


@pytest.mark.parametrize(("width", "scheme"), SCREENS)
@pytest.mark.parametrize("path", PAGES)
def test_every_page_fits_the_screen_is_legible_and_asks_nobody_else(
    opened: Opener, path: str, width: int, scheme: Scheme
) -> None:
    window = opened(path, width=width, scheme=scheme, name="chloe")
    assert window.page.evaluate("document.documentElement.scrollWidth") == width
    assert window.page.evaluate(_CONTRAST) == []
    assert window.said == []
    assert {url.split("/")[2] for url in window.asked} == {opened.served.endpoint.split("/")[2]}


def test_dark_and_light_are_different(opened: Opener) -> None:
    colours = {
        opened("/", scheme=scheme).page.evaluate("getComputedStyle(document.body).backgroundColor")
        for scheme in ("light", "dark")
    }
    assert len(colours) == 2


def focused(page: Page) -> str:
    text = page.evaluate(
        "(e => e.id || e.getAttribute('href') || e.textContent)(document.activeElement)"
    )
    return str(text).strip()


def reach(page: Page, wanted: str, most: int = 60) -> None:
    """Press Tab until the element is reached; every stop on the way can be seen."""
    for _ in range(most):
        page.keyboard.press("Tab")
        outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
        assert outline != "none", focused(page)
        if focused(page) == wanted:
            return
    raise AssertionError(f"{wanted} is not reached by {most} steps")


def test_the_keyboard_goes_from_the_catalogue_to_an_answer(opened: Opener) -> None:
    page = opened("/", name="chloe").page
    page.keyboard.press("Tab")
    assert focused(page) == "#main"
    page.keyboard.press("Enter")
    assert focused(page) == "main"
    reach(page, "q")
    page.keyboard.type("kifaru")
    expect(page.locator(".catalogue li")).to_have_count(1)
    reach(page, f"/{LAB}/kifaru-8b")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{LAB}/kifaru-8b")
    reach(page, f"/access/{LAB}/kifaru-8b")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/access/{LAB}/kifaru-8b")
    reach(page, "purpose")
    page.keyboard.type("To study how it fails.")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector("h1:has-text('Granted')")


def test_the_search_answers_while_one_types_and_keeps_the_address(opened: Opener) -> None:
    window = opened("/")
    page = window.page
    page.fill("#q", "duma")
    expect(page.locator(".catalogue li")).to_have_count(1)
    assert "q=duma" in page.url
    page.check("input[value='2']")
    expect(page.locator(".catalogue li")).to_have_count(0)
    assert "Nothing here fits" in page.inner_text("#found")
    assert focused(page) != "BODY"
    assert window.said == []


def test_everything_works_without_scripts(opened: Opener) -> None:
    page = opened("/", scripts=False, name="chloe").page
    page.fill("#q", "kifaru")
    page.check("input[value='2']")
    page.click("text=Search >> nth=-1")
    page.click(f"a[href='/{LAB}/kifaru-8b']")
    page.click(f"a[href='/access/{LAB}/kifaru-8b']")
    page.fill("#purpose", "To study how it fails.")
    page.check("input[name=accept]")
    page.click("text=Promise and ask")
    assert page.inner_text("h1") == "Granted"
    page.click("text=Sign out")
    assert page.inner_text("p.who") == "Sign in"
