"""The write side of Xet: how today's clients upload, without negotiating.

    GET  /api/{models|datasets|spaces}/{namespace}/{name}/xet-write-token/{rev}
    GET  /api/{models|datasets|spaces}/{namespace}/{name}/xet-read-token/{rev}
    POST /xet/{account}/v1/xorbs/default/{hash}     {"was_inserted": true}
    POST /xet/{account}/v1/shards                   {"result": 1}
    *    /xet/…                                     404: nothing is read here

As https://huggingface.co/docs/xet/api says. The token is an address of ours (see web.addresses),
good for one account and one hour. The account stands in the address of the store because clients
remember, for each store, which xorbs they sent: two accounts on one machine must not share that.

Files come back out as plain files (see web.hub_resolve), so nothing of a xorb can be fetched.
"""

from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from openward.errors import VerificationError
from openward.registrar.office import Office
from openward.registrar.parties import Party, may_write
from openward.registrar.uploads import staged_file, sweep_parts
from openward.registrar.xet import record_shard, record_xorb, sweep_xorbs
from openward.store.repositories import RepoRow
from openward.web.addresses import LONGEST, Address, sign_address, verify_address
from openward.web.bodies import receive, small_body
from openward.web.hub_errors import HubProblem
from openward.web.hub_names import named_repo
from openward.web.raw_path import part
from openward.web.sessions import caller, office_of, signed_in
from openward.weights.xet_hash import parse_xet_hash
from openward.weights.xet_shard import MAX_SHARD, parse_shard
from openward.weights.xet_xorb import MAX_XORB

_WRITE, _READ = "xet-write", "xet-read"
_RESULT_REGISTERED = 1  # 0 says that the shard was there before


def routes() -> list[BaseRoute]:
    repo = "/api/{type}/{namespace}/{name}"
    return [
        Route(repo + "/xet-write-token/{rev}", write_token, methods=["GET"]),
        Route(repo + "/xet-read-token/{rev}", read_token, methods=["GET"]),
        Route("/xet/{account}/v1/xorbs/default/{hash}", xorb, methods=["POST"]),
        Route("/xet/{account}/v1/shards", shard, methods=["POST"]),
        Route("/xet/{account}/{rest:path}", nothing, methods=["GET", "HEAD", "POST", "PUT"]),
    ]


# --- tokens -----------------------------------------------------------------------------------


async def write_token(request: Request) -> Response:
    """A token to upload with, for who may write or open a pull request."""
    office, party = office_of(request), signed_in(request)
    with office.database.reading() as connection:
        repo = named_repo(connection, request, party)
    proposing = request.query_params.get("create_pr") in ("1", "true")
    proposing = proposing or part(request, "rev").startswith("refs/pr/")
    if not may_write(party, repo.owner) and not (party.writes and proposing):
        raise HubProblem(HTTPStatus.FORBIDDEN, f"You have no right to write to {repo.full_name}")
    await run_in_threadpool(sweep_xorbs, office)
    await run_in_threadpool(sweep_parts, office, office.clock())
    return _token(request, party, repo, _WRITE)


async def read_token(request: Request) -> Response:
    """A token that opens nothing: downloads do not leave by Xet."""
    office, party = office_of(request), caller(request)
    with office.database.reading() as connection:
        repo = named_repo(connection, request, party)
    return _token(request, party, repo, _READ)


def _token(request: Request, party: Party | None, repo: RepoRow, purpose: str) -> Response:
    office = office_of(request)
    now = office.clock()
    account = 0 if party is None else party.account.id
    until = now + LONGEST
    token = sign_address(
        office.address_secret, Address(purpose, account, f"repo-{repo.id}", 0, until), now
    )
    store = f"{office.config.endpoint.rstrip('/')}/xet/{account}"
    expires = int(until.timestamp())
    return JSONResponse(
        {"accessToken": token, "exp": expires, "casUrl": store},
        headers={
            "X-Xet-Cas-Url": store,
            "X-Xet-Access-Token": token,
            "X-Xet-Token-Expiration": str(expires),
            "Cache-Control": "no-store",
        },
    )


def _uploader(request: Request) -> int:
    """The account a write token stands for. Raises HubProblem 401."""
    office = office_of(request)
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    try:
        if scheme.lower() != "bearer":
            raise VerificationError("this store asks for a token")
        address = verify_address(office.address_secret, token, _WRITE, office.clock())
        if part(request, "account") != str(address.account):
            raise VerificationError("this token is for another store")
    except VerificationError as e:
        raise HubProblem(HTTPStatus.UNAUTHORIZED, str(e)) from e
    return address.account


# --- what is sent -----------------------------------------------------------------------------


async def xorb(request: Request) -> Response:
    """Take a xorb, proven to be what its address says."""
    office, account = office_of(request), _uploader(request)
    claimed = parse_xet_hash(part(request, "hash"))
    with staged_file(office) as staged:
        await receive(request, staged.write, MAX_XORB)
        inserted = await run_in_threadpool(record_xorb, office, account, staged, claimed)
    return JSONResponse({"was_inserted": inserted})


async def shard(request: Request) -> Response:
    """Take a shard, and make the files it describes."""
    office, account = office_of(request), _uploader(request)
    raw = await small_body(request, MAX_SHARD)
    await run_in_threadpool(_record, office, account, raw)
    return JSONResponse({"result": _RESULT_REGISTERED})


def _record(office: Office, account: int, raw: bytes) -> None:
    record_shard(office, account, parse_shard(raw))


async def nothing(request: Request) -> Response:
    """No chunks are offered for deduplication and no xorb is readable."""
    raise HubProblem(HTTPStatus.NOT_FOUND, "There is nothing here")
