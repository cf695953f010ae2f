"""Large files by the Git LFS batch API, in one piece (basic) or in parts (multipart).

    POST /[datasets/|spaces/]{namespace}/{name}.git/info/lfs/objects/batch   what to send where
    PUT  /lfs/{address}            the whole file
    PUT  /lfs/{address}/{n}        part n; the ETag of the answer names it
    POST /lfs/{address}            all parts are there: put them together
    POST /lfs/{address}/verify     is it there?

As https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md says, with the Hub's multipart
transfer: `header` holds chunk_size and an address for each part. The addresses carry the
permission: they are sent without Authorization.

Upheld: a file counts as there only for an account that sent it; what somebody else holds is asked
for again, and the answer is the same as if nobody held it.
"""

from functools import partial
from http import HTTPStatus

from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from openward.errors import Malformed, VerificationError
from openward.registrar import uploads
from openward.registrar.office import Office
from openward.registrar.parties import Party
from openward.registrar.uploads import Incoming, record_part, record_parts, record_upload
from openward.statements.strict_json import Fields, JsonValue, parse_json
from openward.store.contents import find_blob, possesses
from openward.vocabulary import Sha256, parse_sha256
from openward.web.addresses import LONGEST, Address, sign_address, verify_address
from openward.web.bodies import receive, refuse_announced_over, small_body
from openward.web.hub_errors import HubProblem
from openward.web.hub_names import TYPES, visible_repo
from openward.web.raw_path import part
from openward.web.sessions import office_of, signed_in

_MEDIA_TYPE = "application/vnd.git-lfs+json"
_BATCH_LIMIT = 1 << 20
_MOST_OBJECTS = 1000
_WHOLE, _PARTS, _VERIFY = "lfs", "lfs-parts", "lfs-verify"


def routes() -> list[BaseRoute]:
    batches = [
        Route(
            f"{'' if plural == 'models' else '/' + plural}"
            "/{namespace}/{name}.git/info/lfs/objects/batch",
            partial(batch, plural),
            methods=["POST"],
        )
        for plural in ("datasets", "spaces", "models")
    ]
    return [
        *batches,
        Route("/lfs/{address}", put_whole, methods=["PUT"]),
        Route("/lfs/{address}", put_together, methods=["POST"]),
        Route("/lfs/{address}/verify", verify, methods=["POST"]),
        Route("/lfs/{address}/{number}", put_part, methods=["PUT"]),
    ]


# --- what to send where -----------------------------------------------------------------------


async def batch(plural: str, request: Request) -> Response:
    """For each file: where to send it, or nothing where this account sent it before."""
    office, party = office_of(request), signed_in(request)
    asked = Fields.of(
        parse_json(await small_body(request, _BATCH_LIMIT), limit=_BATCH_LIMIT), "batch"
    )
    if not party.writes:
        raise HubProblem(HTTPStatus.FORBIDDEN, "This token may only read")
    if asked.text("operation") != "upload":
        raise HubProblem(
            HTTPStatus.NOT_IMPLEMENTED, "Downloads leave from /resolve, not by the LFS batch API"
        )
    if asked.has("hash_algo") and asked.value("hash_algo") != "sha256":
        raise HubProblem(HTTPStatus.CONFLICT, "Files are named by their sha256")
    objects = asked.listing("objects")
    if len(objects) > _MOST_OBJECTS:
        raise Malformed(f"batch: at most {_MOST_OBJECTS} objects are asked for at once")
    transfers = asked.optional_texts("transfers") or ("basic",)
    with office.database.reading() as connection:
        name = f"{part(request, 'namespace')}/{part(request, 'name')}"
        visible_repo(connection, TYPES[plural], name, party)
        answers = [_object(office, connection, party, each, transfers) for each in objects]
    used = "multipart" if any(_has_parts(answer) for answer in answers) else "basic"
    return JSONResponse({"transfer": used, "objects": answers}, media_type=_MEDIA_TYPE)


def _has_parts(answer: dict[str, JsonValue]) -> bool:
    actions = answer.get("actions")
    upload = actions.get("upload") if isinstance(actions, dict) else None
    return isinstance(upload, dict) and "header" in upload


def _object(
    office: Office,
    connection: Connection,
    party: Party,
    asked: Fields,
    transfers: tuple[str, ...],
) -> dict[str, JsonValue]:
    digest, size = asked.sha256("oid"), asked.integer("size", minimum=0)
    answer: dict[str, JsonValue] = {"oid": digest, "size": size}
    most = office.config.limits.file_bytes
    if size > most:
        return {**answer, "error": {"code": 422, "message": f"A file has at most {most} bytes"}}
    if possesses(connection, digest, party.account.id):
        blob = find_blob(connection, digest)
        if blob is None or blob.size != size:
            return {**answer, "error": {"code": 422, "message": "The file has another size"}}
        return answer
    multipart = "multipart" in transfers and size > uploads.MULTIPART_FROM
    upload = (
        _parts(office, party, digest, size) if multipart else _whole(office, party, digest, size)
    )
    verify = f"{_address(office, party, _VERIFY, digest, size)}/verify"
    return {
        **answer,
        "authenticated": True,
        "actions": {"upload": upload, "verify": {"href": verify}},
    }


def _whole(office: Office, party: Party, digest: Sha256, size: int) -> dict[str, JsonValue]:
    return {
        "href": _address(office, party, _WHOLE, digest, size),
        "expires_in": int(LONGEST.total_seconds()),
    }


def _parts(office: Office, party: Party, digest: Sha256, size: int) -> dict[str, JsonValue]:
    header: dict[str, JsonValue] = {"chunk_size": str(uploads.part_size(size))}
    for number, length in enumerate(uploads.part_sizes(size), 1):
        address = _address(office, party, _part(number), digest, length)
        header[f"{number:05}"] = f"{address}/{number}"
    return {
        "href": _address(office, party, _PARTS, digest, size),
        "header": header,
        "expires_in": int(LONGEST.total_seconds()),
    }


def _part(number: int) -> str:
    return f"lfs-part-{number}"


def _address(office: Office, party: Party, purpose: str, digest: Sha256, size: int) -> str:
    now = office.clock()
    address = Address(purpose, party.account.id, digest, size, now + LONGEST)
    endpoint = office.config.endpoint.rstrip("/")
    return f"{endpoint}/lfs/{sign_address(office.address_secret, address, now)}"


# --- the bytes --------------------------------------------------------------------------------


def _addressed(request: Request, purpose: str) -> Address:
    """What this address permits. Raises HubProblem 403 when it is not good for `purpose`."""
    office = office_of(request)
    try:
        return verify_address(
            office.address_secret, part(request, "address"), purpose, office.clock()
        )
    except VerificationError as e:
        raise HubProblem(HTTPStatus.FORBIDDEN, str(e)) from e


async def put_whole(request: Request) -> Response:
    """Take one whole file."""
    office, address = office_of(request), _addressed(request, _WHOLE)
    refuse_announced_over(request, address.size)
    with Incoming(office, address.size) as incoming:
        await receive(request, incoming.write, address.size)
        expected = parse_sha256(address.digest)
        await run_in_threadpool(record_upload, office, incoming, expected, address.account)
    return Response(headers={"ETag": f'"{address.digest}"'})


async def put_part(request: Request) -> Response:
    """Take one part, exactly as long as announced."""
    number = part(request, "number")
    if not number.isascii() or not number.isdigit() or len(number) > 5:
        raise Malformed("parts are numbered from 1")
    office, address = office_of(request), _addressed(request, _part(int(number)))
    with uploads.staged_file(office) as staged:
        received = await receive(request, staged.write, address.size)
        if received != address.size:
            raise Malformed(f"part {number} ended after {received} of {address.size} bytes")
        digest = parse_sha256(address.digest)
        tag = await run_in_threadpool(
            record_part, office, staged, address.account, digest, int(number)
        )
    return Response(headers={"ETag": f'"{tag}"'})


async def put_together(request: Request) -> Response:
    """All parts were sent: make the file of them."""
    office, address = office_of(request), _addressed(request, _PARTS)
    await small_body(request, _BATCH_LIMIT)
    digest = parse_sha256(address.digest)
    if not _there(office, address):
        await run_in_threadpool(record_parts, office, address.account, digest, address.size)
    return JSONResponse({"success": True}, media_type=_MEDIA_TYPE)


async def verify(request: Request) -> Response:
    """Whether the file arrived."""
    office, address = office_of(request), _addressed(request, _VERIFY)
    await small_body(request, _BATCH_LIMIT)
    if not _there(office, address):
        raise HubProblem(HTTPStatus.NOT_FOUND, f"{address.digest} was not uploaded")
    return JSONResponse({"success": True}, media_type=_MEDIA_TYPE)


def _there(office: Office, address: Address) -> bool:
    with office.database.reading() as connection:
        return possesses(connection, parse_sha256(address.digest), address.account)
