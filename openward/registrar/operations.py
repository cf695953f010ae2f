"""What a commit asks for, line by line (NDJSON, as the Hub's clients send it).

    {"key":"header","value":{"summary":"…","description":"…","parentCommit":"…"}}   first, once
    {"key":"file","value":{"path":"…","content":"…","encoding":"base64"}}
    {"key":"lfsFile","value":{"path":"…","algo":"sha256","oid":"…","size":1}}    no size: a copy
    {"key":"deletedFile","value":{"path":"…"}}
    {"key":"deletedFolder","value":{"path":"…/"}}

Upheld: a path names a file inside the repository on every system that may check it out: relative,
without empty, "." or ".." segments, without ".git", backslash or control characters.
"""

import base64
import binascii
import unicodedata
from dataclasses import dataclass

from openward.errors import Malformed
from openward.statements.strict_json import Fields, parse_json
from openward.vocabulary import Sha256

LONGEST_PATH = 1024  # bytes
LONGEST_SEGMENT = 255  # bytes; no common file system takes more
LONGEST_TEXT = 64 << 10  # characters of a summary or a description
_DEPTH = 4


@dataclass(frozen=True, slots=True)
class Header:
    """The commit's message and, where given, the commit it must follow."""

    summary: str
    description: str
    parent: str | None


@dataclass(frozen=True, slots=True)
class AddFile:
    """A small file, with its bytes."""

    path: str
    content: bytes


@dataclass(frozen=True, slots=True)
class AddLarge:
    """A file uploaded before, by digest; without a size it is a copy of one the hub holds."""

    path: str
    sha256: Sha256
    size: int | None


@dataclass(frozen=True, slots=True)
class DeleteFile:
    path: str


@dataclass(frozen=True, slots=True)
class DeleteFolder:
    """Everything under a path."""

    path: str


Operation = AddFile | AddLarge | DeleteFile | DeleteFolder


def parse_line(line: bytes, limit: int) -> Header | Operation:
    """Read one line of a commit of at most `limit` bytes. Raises Malformed."""
    fields = Fields.of(parse_json(line, limit=limit, depth=_DEPTH), "commit")
    key, value = fields.text("key"), fields.fields("value")
    match key:
        case "header":
            return _parse_header(value)
        case "file":
            return AddFile(parse_path(value.text("path")), _parse_content(value))
        case "lfsFile":
            return _parse_large(value)
        case "deletedFile":
            return DeleteFile(parse_path(value.text("path")))
        case "deletedFolder":
            return DeleteFolder(parse_path(value.text("path").removesuffix("/")))
        case _:
            raise Malformed(f"commit: unknown operation {key[:80]!a}")


def parse_path(text: str) -> str:
    """Read the path of a file in a repository. Raises Malformed, saying what is wrong with it."""
    segments = text.split("/")
    encoded = _encoded(text)
    if len(encoded) > LONGEST_PATH:
        raise Malformed(f"path {text[:80]!a}: has {len(encoded)} bytes, at most {LONGEST_PATH} fit")
    if any(unicodedata.category(c) == "Cc" or c == "\\" for c in text):
        raise Malformed(f"path {text[:80]!a}: holds a control character or a backslash")
    for segment in segments:
        if segment in ("", ".", ".."):
            raise Malformed(f"path {text[:80]!a}: holds an empty, '.' or '..' segment")
        if segment.casefold() == ".git":
            raise Malformed(f"path {text[:80]!a}: '.git' is reserved")
        if len(_encoded(segment)) > LONGEST_SEGMENT:
            raise Malformed(f"path {text[:80]!a}: a segment is over {LONGEST_SEGMENT} bytes")
    return text


def _encoded(text: str) -> bytes:
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError as e:
        raise Malformed("path: holds half a surrogate pair") from e


def _parse_header(value: Fields) -> Header:
    parent = value.value("parentCommit") if value.has("parentCommit") else None
    if parent is not None and not isinstance(parent, str):
        raise Malformed("commit: parentCommit is the oid of a commit")
    return Header(
        _parse_prose(value, "summary"), _parse_prose(value, "description"), parent or None
    )


def _parse_prose(value: Fields, name: str) -> str:
    text = value.value(name) if value.has(name) else ""
    if not isinstance(text, str) or "\0" in text or len(text) > LONGEST_TEXT:
        raise Malformed(f"commit: {name} is text of at most {LONGEST_TEXT} characters")
    return text


def _parse_content(value: Fields) -> bytes:
    content = value.value("content")
    encoding = value.value("encoding") if value.has("encoding") else "utf-8"
    if not isinstance(content, str):
        raise Malformed("commit: a file's content is text")
    if encoding == "utf-8":
        return content.encode("utf-8")
    if encoding != "base64":
        raise Malformed("commit: a file's encoding is base64 or utf-8")
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError) as e:
        raise Malformed("commit: a file's content is not base64") from e


def _parse_large(value: Fields) -> AddLarge:
    if value.has("algo") and value.value("algo") != "sha256":
        raise Malformed("commit: files are named by their sha256")
    size = value.integer("size", minimum=0) if value.has("size") else None
    return AddLarge(parse_path(value.text("path")), value.sha256("oid"), size)
