"""One journey by whichever version of huggingface_hub runs this; prints what it saw as JSON.

Run as a program, with HF_ENDPOINT, HF_TOKEN and HF_HOME set; the argument is the repository's name.
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

from huggingface_hub import CommitOperationAdd, HfApi, __version__, hf_hub_download
from huggingface_hub.errors import (
    GatedRepoError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)


def raised(act: Callable[[], object], kind: type[Exception]) -> bool:
    """Whether the client understood the refusal as this kind of error."""
    try:
        act()
    except kind:
        return True
    return False


def journey(name: str) -> dict[str, object]:
    api = HfApi()
    me = api.whoami()["name"]
    repo = api.create_repo(name).repo_id
    weights = bytes(range(256)) * 2000
    api.create_commit(
        repo,
        [CommitOperationAdd("notes/a.txt", b"a\n"), CommitOperationAdd("data.bin", weights)],
        commit_message="Two files",
    )
    api.create_branch(repo, branch="dev/x")
    api.create_tag(repo, tag="v1")
    discussion = api.create_discussion(repo, "A question")
    api.comment_discussion(repo, discussion.num, "An answer")
    got = hf_hub_download(repo, "data.bin")
    same = Path(got).read_bytes() == weights
    refs = api.list_repo_refs(repo)
    api.update_repo_settings(repo, gated="manual")
    nobody = HfApi(token=False)
    seen = {
        "version": __version__,
        "me": me,
        "files": sorted(api.list_repo_files(repo, revision="dev/x")),
        "commits": [commit.title for commit in api.list_repo_commits(repo)],
        "branches": sorted(ref.name for ref in refs.branches),
        "tags": [ref.name for ref in refs.tags],
        "folders": [e.path for e in api.list_repo_tree(repo) if hasattr(e, "tree_id")],
        "listed": [model.id for model in api.list_models(author=me)],
        "events": len(api.get_discussion_details(repo, discussion.num).events),
        "gated": nobody.model_info(repo).gated,
        "same": same,
        "gate": raised(lambda: nobody.auth_check(repo), GatedRepoError),
        "missing": raised(lambda: api.model_info(f"{me}/nothing"), RepositoryNotFoundError),
        "no revision": raised(
            lambda: api.model_info(repo, revision="nowhere"), RevisionNotFoundError
        ),
    }
    api.delete_repo(repo)
    seen["deleted"] = not api.repo_exists(repo)
    return seen


if __name__ == "__main__":
    assert os.environ["HF_ENDPOINT"]
    print(json.dumps(journey(sys.argv[1])))
