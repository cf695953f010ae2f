"""Paths are routed as they were sent, and decoded once."""

import asyncio
from contextlib import suppress
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Receive, Scope, Send

from openward.errors import Malformed
from openward.web.raw_path import RawPath, decode_part


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=200))
def test_what_was_quoted_once_is_decoded_once(text: str) -> None:
    assert decode_part(quote(text, safe="")) == text


@given(st.text(st.characters(max_codepoint=127), max_size=100))
def test_whatever_comes_is_decoded_or_malformed(text: str) -> None:
    with suppress(Malformed):
        assert "\0" not in decode_part(text)


@pytest.mark.parametrize("text", ["%00", "%ff", "%c3", "%ed%a0%80", "a" * 4097])
def test_what_no_name_may_hold_is_malformed(text: str) -> None:
    with pytest.raises(Malformed):
        decode_part(text)


def test_the_longest_part_is_taken() -> None:
    assert decode_part("a" * 4096) == "a" * 4096


def test_a_quoted_slash_stays_quoted_for_the_router() -> None:
    assert routed("http", b"/a/dev%2Fx") == "/a/dev%2Fx"
    assert routed("http", b"/a/x?b=/c") == "/a/x"
    assert routed("http", None) == "/a/dev/x"
    assert routed("lifespan", b"/a/dev%2Fx") == "/a/dev/x"


def routed(type: str, raw: bytes | None) -> str:
    seen: list[Scope] = []

    async def inner(scope: Scope, _receive: Receive, _send: Send) -> None:
        seen.append(scope)

    async def nothing(*_: object) -> None:
        raise AssertionError("nothing is sent or received")

    scope = {"type": type, "path": "/a/dev/x", "raw_path": raw}
    asyncio.run(RawPath(inner)(scope, nothing, nothing))  # type: ignore[arg-type]
    return str(seen[0]["path"])
