"""Every command line that the documents show is one the program takes, and every address too."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from openward.cli import openward
from openward.web.api import router
from openward.web.api_desk import desk
from tests.docs.documents import ROOT, code_lines, pages, without_blocks

_COMMAND = re.compile(r"^\$?\s*((?:[A-Z][A-Z0-9_]*=\S+ )*)openward (?P<rest>[a-z].*)$")
_INLINE = re.compile(r"`(?:[A-Z][A-Z0-9_]*=\S+ )*openward ([a-z][^`]*)`")
_ENDS = {"|", ">", "<", ";", "&&", "&"}
_ADDRESS = re.compile(r"/api/openward(/[^\s`,)]+)")
_METAVARIABLE = re.compile(r"[A-Z][A-Z_0-9]*")


def _words(line: str) -> list[str]:
    """The words of a command, up to a comment, pipe or redirection."""
    words: list[str] = []
    for word in shlex.split(line, comments=True):
        if word in _ENDS or word.endswith(";"):
            break
        words.append(word)
    return words


def _shown() -> Iterator[tuple[Path, str]]:
    for page in pages():
        for line in code_lines(page.read_text(encoding="utf-8")):
            match = _COMMAND.match(line.strip())
            # A table of the program's own output is no command.
            if match and "─" not in line and "  " not in match["rest"].strip():
                yield page, match["rest"]


def _mentioned() -> Iterator[tuple[Path, str]]:
    for page in pages():
        text = without_blocks(page.read_text(encoding="utf-8"))
        for rest in _INLINE.findall(text):
            yield page, rest.replace("\n", " ")


def _named(entry: tuple[Path, str]) -> str:
    return f"{entry[0].relative_to(ROOT)}: {entry[1]}"


def _resolve(words: list[str]) -> tuple[click.Context, list[str]]:
    """The command that the words name, and the words after its name."""
    context = click.Context(openward, info_name="openward")
    command: click.Command = openward
    while isinstance(command, click.Group):
        assert words, f"{context.command_path} stands alone"
        found = command.get_command(context, words[0])
        assert found is not None, f"{context.command_path} has no command {words[0]}"
        context = click.Context(found, info_name=words[0], parent=context)
        command, words = found, words[1:]
    return context, words


def _parse(context: click.Context, words: list[str]) -> set[str]:
    """The parameters given. click.UsageError for an unknown option."""
    given, left, _ = context.command.make_parser(context).parse_args(list(words))
    assert not left, f"{context.command_path} takes no {left}"
    for parameter in context.command.params:
        value = given.get(parameter.name or "")
        if isinstance(parameter.type, click.Choice) and isinstance(value, str):
            assert _METAVARIABLE.fullmatch(value) or value in parameter.type.choices
    return {name for name, value in given.items() if value not in (None, (), [])}


@pytest.mark.parametrize("shown", sorted(set(_shown())), ids=_named)
def test_every_command_line_is_complete(shown: tuple[Path, str]) -> None:
    context, words = _resolve(_words(shown[1]))
    given = _parse(context, words)
    wanted = {each.name for each in context.command.params if each.required}
    assert wanted <= given, f"missing: {wanted - given}"


@pytest.mark.parametrize("mentioned", sorted(set(_mentioned())), ids=_named)
def test_every_command_mentioned_exists(mentioned: tuple[Path, str]) -> None:
    words = _words(mentioned[1])
    command: click.Command | None = openward
    if len(words) == 1 and isinstance(openward, click.Group):
        command = openward.get_command(click.Context(openward), words[0])
        assert command is not None
        return
    context, rest = _resolve(words)
    _parse(context, rest)


def test_a_command_line_that_is_wrong_would_be_found() -> None:
    with pytest.raises(AssertionError, match="no command"):
        _resolve(["evidence", "shred"])
    with pytest.raises(click.NoSuchOption):
        _parse(*_resolve(["verify", "a/b", "--believe"]))
    with pytest.raises(AssertionError, match="takes no"):
        _parse(*_resolve(["verify", "a/b", "c/d"]))
    assert len(set(_shown())) > 30


def _paths() -> list[re.Pattern[str]]:
    routes = [getattr(route, "path", "") for part in (router, desk) for route in part.routes]
    return [re.compile(re.sub(r"\{[^}]+\}", "[^/]+", path)) for path in routes if path]


def test_every_address_of_our_own_api_is_served() -> None:
    known = _paths()
    found = [
        address.rstrip(".:;").partition("?")[0]
        for page in pages()
        for address in _ADDRESS.findall(page.read_text(encoding="utf-8"))
    ]
    assert len(found) > 8
    for address in found:
        if "…" not in address and "..." not in address:
            assert any(path.fullmatch(address) for path in known), address
