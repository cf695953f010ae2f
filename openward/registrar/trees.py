"""The files a commit leaves behind: a tree and the changes asked for, made into the next tree.

Upheld: changes apply in the order they came; nothing outside the named paths changes; a path is a
file or a folder, never both; deleting what is not there is refused, not ignored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from openward.errors import Malformed
from openward.registrar.operations import DeleteFile, DeleteFolder
from openward.registrar.refusals import Ground, Refusal
from openward.store.contents import BlobRow
from openward.store.revisions import TreeFile

MOST_FOLDERS = 1000  # each is looked for among all files


@dataclass(frozen=True, slots=True)
class PutFile:
    """These bytes at this path, whatever was there before."""

    path: str
    blob: BlobRow
    lfs: bool


Change = PutFile | DeleteFile | DeleteFolder


def decide_tree(
    before: Mapping[str, TreeFile], changes: Sequence[Change], since: str
) -> dict[str, TreeFile] | Refusal:
    """The files after the changes; those whose bytes changed came with the commit `since`.

    Raises Malformed where a path would be a file and a folder.
    """
    if sum(isinstance(change, DeleteFolder) for change in changes) > MOST_FOLDERS:
        raise Malformed(f"commit: at most {MOST_FOLDERS} folders are deleted at once")
    after = dict(before)
    for change in changes:
        match change:
            case PutFile(path, blob, lfs):
                old = before.get(path)
                same = old is not None and (old.blob.sha256, old.lfs) == (blob.sha256, lfs)
                after[path] = old if old is not None and same else TreeFile(path, blob, lfs, since)
            case DeleteFile(path):
                if after.pop(path, None) is None:
                    return _nothing_there(path)
            case DeleteFolder(path):
                inside = [name for name in after if name.startswith(f"{path}/")]
                if not inside:
                    return _nothing_there(path)
                for name in inside:
                    del after[name]
    _refuse_files_with_children(after)
    return after


def _nothing_there(path: str) -> Refusal:
    # The clients look for the first sentence to explain how folders are told from files.
    return Refusal(Ground.NO_ENTRY, f"A file with this name doesn't exist: {path}")


def _refuse_files_with_children(files: Mapping[str, TreeFile]) -> None:
    folders: set[str] = set()
    for path in files:
        folder = path
        while (cut := folder.rfind("/")) > 0 and (folder := folder[:cut]) not in folders:
            if folder in files:
                raise Malformed(f"path {folder[:80]!a}: is a file and the folder of {path[:80]!a}")
            folders.add(folder)
