"""Folders as git names them: a tree object's SHA-1 over its entries.

    tree <length>\\0  { <mode> <name>\\0 <20 bytes> } ...      mode 100644 file, 40000 folder

Entries are sorted by name, a folder as if its name ended in "/". Clients use the name to see
whether a folder changed, never as a proof.
"""

import hashlib
from collections.abc import Iterable, Mapping

from openward.store.revisions import TreeFile


def folder_oids(files: Iterable[TreeFile]) -> dict[str, str]:
    """The git oid of every folder of a tree by its path; the root is the empty path."""
    return folder_names({file.path: file.oid for file in files})


def folder_names(blobs: Mapping[str, str]) -> dict[str, str]:
    """As `folder_oids`, for blobs' oids by path."""
    entries: dict[str, dict[str, tuple[bytes, str]]] = {"": {}}
    for path, oid in blobs.items():
        folder, _, name = path.rpartition("/")
        _open(entries, folder)[name] = (b"100644", oid)
    named: dict[str, str] = {}
    # The deepest first: a folder's name needs those of the folders in it.
    for folder in sorted(entries, key=lambda path: path.count("/") + bool(path), reverse=True):
        named[folder] = _tree_oid(entries[folder])
        if folder:
            above, _, name = folder.rpartition("/")
            _open(entries, above)[name] = (b"40000", named[folder])
    return named


def _open(
    entries: dict[str, dict[str, tuple[bytes, str]]], folder: str
) -> dict[str, tuple[bytes, str]]:
    """The entries of a folder; the folders above it come to be with it."""
    at = folder
    while at and at not in entries:
        entries[at] = {}
        at = at.rpartition("/")[0]
    return entries[folder]


def _tree_oid(entries: Mapping[str, tuple[bytes, str]]) -> str:
    def place(name: str) -> bytes:
        return name.encode() + (b"/" if entries[name][0] == b"40000" else b"")

    body = b"".join(
        entries[name][0] + b" " + name.encode() + b"\0" + bytes.fromhex(entries[name][1])
        for name in sorted(entries, key=place)
    )
    return hashlib.sha1(b"tree %d\0" % len(body) + body, usedforsecurity=False).hexdigest()
