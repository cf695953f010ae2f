"""docs/hub-protocol.md names every endpoint and shows each by a test that exists."""

import re
from pathlib import Path

from starlette.routing import Route

from openward.web import (
    device_flow,
    hub_access,
    hub_accounts,
    hub_cards,
    hub_discussions,
    hub_info,
    hub_lfs,
    hub_lists,
    hub_refs,
    hub_repos,
    hub_resolve,
    hub_tree,
    hub_unserved,
    hub_upload,
    hub_xet,
    sign_in,
)

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs/hub-protocol.md").read_text(encoding="utf-8")
PARTS = (
    device_flow, hub_access, hub_accounts, hub_cards, hub_discussions, hub_info, hub_lfs, hub_lists,
    hub_refs, hub_repos, hub_resolve, hub_tree, hub_unserved, hub_upload, hub_xet, sign_in,
)  # fmt: skip
# Rows that say "also below": the same endpoint for another type of repository.
_ALSO_BELOW = re.compile(r"^/(datasets|spaces|\{type\})(?=/\{namespace\})")
_EACH_TYPE = re.compile(r"^/api/(models|datasets|spaces)(?!.*\{rest\})")


def test_every_endpoint_has_a_row() -> None:
    named = set(re.findall(r"`(?:[A-Z]+ )?(/[^`]*)`", DOCUMENT))
    served = {
        _EACH_TYPE.sub("/api/{type}", _ALSO_BELOW.sub("", re.sub(r":\w+\}", "}", route.path)))
        for part in PARTS
        for route in part.routes()
        if isinstance(route, Route)
    }
    assert served - named == set()


def test_every_row_names_a_test_that_exists() -> None:
    shown = set(re.findall(r"`(test_\w+)`", DOCUMENT))
    journeys = "".join(
        path.read_text(encoding="utf-8") for path in (ROOT / "tests/journeys").glob("test_*.py")
    )
    assert len(shown) > 40
    assert shown - set(re.findall(r"^def (test_\w+)", journeys, re.MULTILINE)) == set()
    rows = [line for line in DOCUMENT.splitlines() if line.startswith("| `")]
    assert all("`test_" in row for row in rows)
