"""What the hub says of a repository: /api/models/{id} and /api/models, and their kin.

    GET /api/{models|datasets|spaces}/{id}[/revision/{rev}]   one, with `blobs` and `expand`
    GET /api/{models|datasets|spaces}                         many, with filters and Link pages

A member the client did not ask for is not computed. The member `openward` (see web.standing) says
which tier the weights have and why; clients that do not know it keep it as an attribute.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from openward.errors import Malformed, Unavailable
from openward.evidence.model_card import NO_CARD, Card
from openward.policy.duties import Gate
from openward.registrar.admissions import demand_on
from openward.registrar.notices import notice_of
from openward.registrar.office import Office
from openward.registrar.publications import CARD_PATH, card_of
from openward.registrar.remembered import Remembered
from openward.registrar.standing import standing_of
from openward.statements.strict_json import JsonValue, parse_json
from openward.store.blobs import Blobs, read_blob
from openward.store.contents import find_blob
from openward.store.repositories import RepoRow
from openward.store.revisions import RevisionRow, TreeFile, find_revision, tree_of
from openward.vocabulary import Sha256
from openward.web.gate import NOTICE
from openward.web.hub_errors import one_line
from openward.web.hub_names import MAIN, TYPES, named_revision, readable_repo
from openward.web.sessions import office_of
from openward.web.standing import describe
from openward.web.times import client_time

POINTER_SIZE_LINES = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"
_CONFIG_LIMIT = 1 << 20  # bytes
_CONFIG_MEMBERS = ("architectures", "model_type", "auto_map", "quantization_config")
# Which library reads a repository that holds this file; the first that fits.
_LIBRARY_OF_FILE = (
    ("adapter_config.json", "peft"),
    ("modules.json", "sentence-transformers"),
    ("model_index.json", "diffusers"),
    ("config.json", "transformers"),
)
_TASK_OF_HEAD = (
    ("ForCausalLM", "text-generation"),
    ("LMHeadModel", "text-generation"),
    ("ForConditionalGeneration", "text2text-generation"),
    ("ForMaskedLM", "fill-mask"),
    ("ForSequenceClassification", "text-classification"),
    ("ForTokenClassification", "token-classification"),
    ("ForQuestionAnswering", "question-answering"),
    ("ForImageClassification", "image-classification"),
)
_FORMATS = ("safetensors", "gguf", "onnx")
_ALWAYS = ("id", "_id")
_INFO = (
    *_ALWAYS, "modelId", "author", "sha", "lastModified", "createdAt", "private", "gated",
    "disabled", "downloads", "likes", "tags", "pipeline_tag", "library_name", "cardData", "config",
    "siblings", "safetensors", "usedStorage", "spaces", "model-index", "widgetData", "openward",
)  # fmt: skip
_LISTED = (
    *_ALWAYS, "modelId", "likes", "trendingScore", "private", "downloads", "tags", "pipeline_tag",
    "library_name", "createdAt",
)  # fmt: skip
_FULL = (*_LISTED, "author", "sha", "lastModified", "gated", "disabled", "siblings", "openward")
_ONLY_MODELS = frozenset(
    ("modelId", "pipeline_tag", "library_name", "config", "safetensors", "model-index",
     "widgetData", "spaces", "transformersInfo", "gguf")
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """A repository at one revision, with what is needed to describe it."""

    office: Office
    connection: Connection
    repo: RepoRow
    revision: RevisionRow | None
    files: tuple[TreeFile, ...]
    card: Card

    def blob(self, path: str) -> TreeFile | None:
        return next((file for file in self.files if file.path == path), None)


def routes() -> list[BaseRoute]:
    # One route a type: "/api/{type}/…" would stand in the way of /api/users/… and its like.
    at = [f"/api/{plural}/{{namespace}}/{{name}}" for plural in TYPES]
    revisions = [f"{path}/revision/{{rev}}" for path in at]
    return [Route(path, serve_info) for path in (*at, *revisions)]


def serve_info(request: Request) -> Response:
    """One repository at one revision."""
    office = office_of(request)
    with office.database.reading() as connection:
        repo = readable_repo(connection, request)
        revision = named_revision(connection, request, repo)
        shown = show(office, connection, repo, revision)
        names = expanded(request) or list(_INFO)
        blobs = request.query_params.get("blobs", "").lower() in ("true", "1")
        members = describe_repo(shown, names, blobs=blobs)
        return JSONResponse(members, headers=_notice(shown))


def _notice(shown: Shown) -> dict[str, str]:
    """What stock clients are told of a change that is near."""
    if shown.revision is None:
        return {}
    now = shown.office.clock()
    standing = standing_of(
        shown.office, shown.connection, shown.revision.subject, now, inside=shown.repo.private
    )
    notice = None if standing is None else notice_of(standing, shown.repo, now)
    return {} if notice is None else {NOTICE: one_line(notice)}


def show(
    office: Office, connection: Connection, repo: RepoRow, revision: RevisionRow | None
) -> Shown:
    """Gather what a description may need."""
    files: tuple[TreeFile, ...] = ()
    if revision is not None:
        files = tuple(tree_of(connection, revision.tree, layouts=False))
    readme = next((file.blob for file in files if file.path == CARD_PATH), None)
    card = NO_CARD if readme is None else card_of(office.blobs, readme.sha256, readme.size)
    return Shown(office, connection, repo, revision, files, card)


def main_of(connection: Connection, repo: RepoRow) -> RevisionRow | None:
    return find_revision(connection, repo.id, MAIN)


def expanded(request: Request) -> list[str]:
    """The members a client asks for by `expand`, in either of its two spellings."""
    query = request.query_params
    asked = [*query.getlist("expand"), *query.getlist("expand[]")]
    return [*_ALWAYS, *asked] if asked else []


def listed(request: Request) -> list[str]:
    """The members of each entry of a listing."""
    names = list(_FULL if _asks(request, "full") else _LISTED)
    names += ["cardData"] if _asks(request, "cardData") else []
    names += ["config"] if _asks(request, "config") else []
    return expanded(request) or names


def _asks(request: Request, name: str) -> bool:
    return request.query_params.get(name, "").lower() in ("true", "1")


def describe_repo(
    shown: Shown, names: Iterable[str], *, blobs: bool = False
) -> dict[str, JsonValue]:
    """The members of that name, where there is something to say; names not known are left out."""
    described: dict[str, JsonValue] = {}
    for name in names:
        if name == "siblings":
            described[name] = [_sibling(file, blobs=blobs) for file in shown.files]
        elif name in _MEMBERS and not (name in _ONLY_MODELS and shown.repo.type != "model"):
            value = _MEMBERS[name](shown)
            if value is not None:
                described[name] = value
    return described


def _sibling(file: TreeFile, *, blobs: bool) -> dict[str, JsonValue]:
    if not blobs:
        return {"rfilename": file.path}
    sibling: dict[str, JsonValue] = {
        "rfilename": file.path,
        "blobId": file.oid,
        "size": file.blob.size,
    }
    if file.lfs:
        sibling["lfs"] = {
            "sha256": file.blob.sha256,
            "size": file.blob.size,
            "pointerSize": pointer_size(file),
        }
    return sibling


def pointer_size(file: TreeFile) -> int:
    """Bytes of the LFS pointer that git holds in the file's place."""
    return len(POINTER_SIZE_LINES.format(file.blob.sha256, file.blob.size))


# --- the members ------------------------------------------------------------------------------


def tags(shown: Shown) -> list[str]:
    """The card's tags and those that follow from its other members and from the files."""
    card = shown.card
    found = list(card.texts("tags"))
    if shown.repo.type == "model":
        library, task = library_name(shown), pipeline_tag(shown)
        found += [each for each in (library, task) if each]
        endings = {file.path.rpartition(".")[2] for file in shown.files}
        found += [name for name in _FORMATS if name in endings]
    found += card.texts("language")
    for name in ("license", "base_model", "dataset", "task_categories"):
        member = "datasets" if name == "dataset" else name
        found += [f"{name}:{value}" for value in card.texts(member)]
    return list(dict.fromkeys(found))


def library_name(shown: Shown) -> str | None:
    """What the card says, else what the files suggest."""
    paths = {file.path for file in shown.files}
    guess = next((library for file, library in _LIBRARY_OF_FILE if file in paths), None)
    return shown.card.text("library_name") or guess


def pipeline_tag(shown: Shown) -> str | None:
    """What the card says, else what the architecture in config.json suggests."""
    if said := shown.card.text("pipeline_tag"):
        return said
    config = model_config(shown)
    named = config.get("architectures") if config else None
    first = str(named[0]) if isinstance(named, list) and named else ""
    return next((task for head, task in _TASK_OF_HEAD if first.endswith(head)), None)


def model_config(shown: Shown) -> dict[str, JsonValue] | None:
    """The members of config.json that choose a class; the file itself is downloaded."""
    file = shown.blob("config.json")
    if file is None or file.blob.size > _CONFIG_LIMIT:
        return None
    blobs, sha256 = shown.office.blobs, file.blob.sha256
    whole = _configs.get(sha256, lambda: _json_of(blobs, sha256))
    return {name: whole[name] for name in _CONFIG_MEMBERS if name in whole}


_configs: Remembered[Mapping[str, JsonValue]] = Remembered(4096)


def _json_of(blobs: Blobs, sha256: Sha256) -> Mapping[str, JsonValue]:
    """A small JSON object by content; what is none is empty."""
    try:
        value = parse_json(read_blob(blobs, sha256, _CONFIG_LIMIT))
    except (Malformed, Unavailable):
        return {}
    return value if isinstance(value, Mapping) else {}


_parameters: Remembered[dict[str, int]] = Remembered(65_536)


def safetensors(shown: Shown) -> dict[str, JsonValue] | None:
    """How many parameters of each type the safetensors files hold."""
    total: dict[str, int] = {}
    for file in shown.files:
        if file.blob.format == "safetensors" and "/" not in file.path:
            for dtype, count in _parameters_of(shown.connection, file.blob.sha256).items():
                total[dtype] = total.get(dtype, 0) + count
    if not total:
        return None
    parameters: dict[str, JsonValue] = {**total}
    return {"parameters": parameters, "total": sum(total.values())}


def _parameters_of(connection: Connection, sha256: Sha256) -> dict[str, int]:
    def read() -> dict[str, int]:
        blob = find_blob(connection, sha256)
        return _counted(blob.layout if blob else None)

    return _parameters.get(sha256, read)


def _counted(layout: bytes | None) -> dict[str, int]:
    counts: dict[str, int] = {}
    for name, tensor in (json.loads(layout) if layout else {}).items():
        if name != "__metadata__":
            count = 1
            for side in tensor["shape"]:
                count *= side
            counts[tensor["dtype"]] = counts.get(tensor["dtype"], 0) + count
    return counts


def _openward(shown: Shown) -> Mapping[str, JsonValue] | None:
    if shown.revision is None:
        return None
    return describe(shown.office, shown.connection, shown.repo, shown.revision)


def _gated(shown: Shown) -> JsonValue:
    gate = effective_gate(shown)
    return False if gate == "none" else gate


def effective_gate(shown: Shown) -> str:
    """The gate a client meets: the publisher's own, else what the weights' standing demands.

    A signed promise of use needs nobody's approval, so it reads as `auto`; what demands more waits
    for a person.
    """
    if shown.repo.gate != "none" or shown.revision is None:
        return shown.repo.gate
    office = shown.office
    demand = demand_on(office, shown.connection, shown.repo, shown.revision, office.clock())
    if demand.gate is Gate.OPEN:
        return "none"
    return "auto" if demand.gate is Gate.IDENTITY else "manual"


_MEMBERS: dict[str, Callable[[Shown], JsonValue]] = {
    "_id": lambda s: f"{s.repo.id:024x}",
    "id": lambda s: s.repo.full_name,
    "modelId": lambda s: s.repo.full_name,
    "author": lambda s: s.repo.namespace,
    "sha": lambda s: s.revision.oid if s.revision else None,
    "lastModified": lambda s: client_time(s.revision.at if s.revision else s.repo.modified_at),
    "createdAt": lambda s: client_time(s.repo.created_at),
    "private": lambda s: s.repo.private,
    "gated": _gated,
    "disabled": lambda _: False,
    # Downloads are not counted: who fetched what is nobody's business but the gate's.
    "downloads": lambda _: 0,
    "downloadsAllTime": lambda _: 0,
    "likes": lambda _: 0,
    "trendingScore": lambda _: 0,
    "tags": tags,
    "pipeline_tag": pipeline_tag,
    "library_name": library_name,
    "cardData": lambda s: dict(s.card.members) or None,
    "config": model_config,
    "safetensors": safetensors,
    "usedStorage": lambda s: sum({f.blob.sha256: f.blob.size for f in s.files}.values()),
    "spaces": lambda _: [],
    "model-index": lambda s: s.card.members.get("model-index"),
    "widgetData": lambda s: s.card.members.get("widget"),
    "openward": _openward,
}
