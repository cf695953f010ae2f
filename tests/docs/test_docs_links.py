"""Whatever a document points to is there."""

import re
from pathlib import Path

import pytest

from tests.docs.documents import DOCS, ROOT, pages, without_blocks

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def _anchors(page: Path) -> set[str]:
    """The fragments under which a page's headings are reached."""
    text = without_blocks(page.read_text(encoding="utf-8"))
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(text))
    return {heading.strip().replace(" ", "-") for heading in kept}


def _links(page: Path) -> list[str]:
    text = without_blocks(page.read_text(encoding="utf-8"))
    return [link for link in _LINK.findall(text) if not link.startswith(("http:", "https:"))]


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_points_to_something(page: Path) -> None:
    for link in _links(page):
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link}: nothing is there"
        assert target.is_relative_to(ROOT), f"{link}: leaves the project"
        if fragment:
            assert fragment in _anchors(target), f"{link}: no such heading"


def test_pages_do_link_to_each_other() -> None:
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in pages()
        for link in _links(page)
    }
    unreached = [page for page in DOCS.glob("*.md") if page not in linked]
    assert len(linked) > 20
    assert [page.name for page in unreached] in ([], ["glossary.md"])
