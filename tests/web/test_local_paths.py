"""After signing in, people stay on this hub."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.web.sign_in import local_path


@pytest.mark.parametrize("path", ["/", "/a/b?c=d", "/device?user_code=BCDF-GHJK"])
def test_a_path_of_ours_is_kept(path: str) -> None:
    assert local_path(path) == path


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a",
        "//a.test",
        "/\\a.test",
        "\\/a.test",
        "https://a.test",
        "/\t/a.test",
        "/\n/a",
        "/\u00e9",
    ],
)
def test_what_may_lead_elsewhere_becomes_the_first_page(text: str) -> None:
    assert local_path(text) == "/"


@given(st.text(max_size=40))
def test_whatever_comes_stays_here(text: str) -> None:
    path = local_path(text)
    assert path.startswith("/") and not path.startswith(("//", "/\\"))
    assert path.isprintable()
