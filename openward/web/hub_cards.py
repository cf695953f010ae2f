"""Model cards and tensor headers, read for the client.

    POST /api/validate-yaml                              {content} -> {errors, warnings}
    GET  /api/models/{id}/safetensors-metadata/{index}   every shard's header at once

Headers are part of the files they stand in: they pass the gate as those do.
"""

import json
from http import HTTPStatus

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from openward.errors import Malformed
from openward.evidence.model_card import parse_card
from openward.statements.strict_json import Fields, JsonValue, parse_json
from openward.store.blobs import read_blob
from openward.store.revisions import RevisionRow, TreeFile, tree_of
from openward.web.fields import read_fields, said
from openward.web.gate import admit
from openward.web.hub_errors import entry_not_found
from openward.web.hub_names import named_repo, named_revision
from openward.web.raw_path import part
from openward.web.sessions import acting, office_of

_INDEX_LIMIT = 16 << 20  # bytes
_MOST_SHARDS = 2_000
_MOST_HEADERS = 64 << 20  # bytes of all headers together
_TEXT_MEMBERS = ("license", "pipeline_tag", "library_name")
_LIST_MEMBERS = ("tags", "datasets", "language", "base_model")
_NO_METADATA = "empty or missing yaml metadata in repo card"


def routes() -> list[BaseRoute]:
    return [
        Route("/api/validate-yaml", serve_validation, methods=["POST"]),
        Route("/api/{type:str}/{namespace}/{name}/safetensors-metadata/{path:path}", serve_headers),
    ]


async def serve_validation(request: Request) -> Response:
    """Whether a README's front matter can be read, and what in it has no meaning. 400 on errors."""
    fields = await read_fields(request, 4 << 20)
    errors: list[str] = []
    warnings: list[str] = []
    try:
        members = parse_card(said(fields, "content").encode()).members
        if not members:
            warnings.append(_NO_METADATA)
        errors += [f'"{n}" must be a string' for n in _TEXT_MEMBERS if not _text(members.get(n))]
        errors += [
            f'"{n}" must be a string or a list of strings'
            for n in _LIST_MEMBERS
            if not _texts(members.get(n))
        ]
    except Malformed as e:
        errors.append(str(e))
    http = HTTPStatus.BAD_REQUEST if errors else HTTPStatus.OK
    body: dict[str, JsonValue] = {
        "errors": [{"message": each} for each in errors],
        "warnings": [{"message": each} for each in warnings],
    }
    if errors:
        body["error"] = "Invalid metadata"
    return JSONResponse(body, status_code=http)


def _text(value: JsonValue) -> bool:
    return value is None or isinstance(value, str)


def _texts(value: JsonValue) -> bool:
    return _text(value) or (isinstance(value, list) and all(isinstance(v, str) for v in value))


def serve_headers(request: Request) -> Response:
    """The headers of all shards that an index names."""
    office, path = office_of(request), part(request, "path")
    with office.database.reading() as connection:
        repo = named_repo(connection, request, acting(connection, request))
        revision = named_revision(connection, request, repo)
        index = _file(connection, revision, path)
        admission = admit(
            office, connection, repo, revision, index, lambda: acting(connection, request)
        )
        if admission.refusal is not None:
            raise admission.refusal
        parsed = parse_json(
            read_blob(office.blobs, index.blob.sha256, _INDEX_LIMIT), limit=_INDEX_LIMIT
        )
        fields = Fields.of(parsed, "index")
        files = {f.path: f for f in tree_of(connection, revision.tree)}
    folder = path.rpartition("/")[0]
    headers: dict[str, JsonValue] = {}
    size = 0
    for shard in _shards(fields):
        file = files.get(f"{folder}/{shard}" if folder else shard)
        if file is None or file.blob.layout is None:
            raise entry_not_found(f"the header of {shard}", revision.oid)
        size += len(file.blob.layout)
        if size > _MOST_HEADERS:
            raise Malformed("the headers together are too large; read them from the files")
        headers[shard] = json.loads(file.blob.layout)
    metadata = fields.members.get("metadata")
    body = {"index": {"metadata": metadata}, "headers": headers}
    return JSONResponse(body, headers=dict(admission.headers))


def _file(connection: Connection, revision: RevisionRow, path: str) -> TreeFile:
    found = tree_of(connection, revision.tree, path=path)
    if not found:
        raise entry_not_found(path, revision.oid)
    return found[0]


def _shards(index: Fields) -> list[str]:
    """The files an index names, in order."""
    named = index.fields("weight_map").members.values()
    shards = sorted({shard for shard in named if isinstance(shard, str)})
    if len(shards) > _MOST_SHARDS:
        raise Malformed(f"index: more than {_MOST_SHARDS} shards")
    return shards
