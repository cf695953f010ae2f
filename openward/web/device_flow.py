"""`hf auth login` without copying a token: the device flow of RFC 8628.

    client   POST /oauth/device                    -> device_code, user_code, verification_uri
    person   GET  /device?user_code=BCDF-GHJK      signed in, compares the code, grants or denies
    client   POST /oauth/token  grant_type=urn:ietf:params:oauth:grant-type:device_code
                                                   -> authorization_pending ... access_token
    client   POST /oauth/token  grant_type=refresh_token    -> a new pair; the old one is used up

Errors of /oauth/token are those of RFC 6749 section 5.2: 400 {"error", "error_description"}.
"""

from html import escape
from http import HTTPStatus
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from openward.errors import Malformed
from openward.registrar.accounts import (
    DeviceTokens,
    NotYet,
    begin_device,
    confirm_device,
    redeem_device,
    renew_device,
)
from openward.web.fields import read_form
from openward.web.plain_pages import button, form, plain_page
from openward.web.sessions import caller, office_of

POLL_SECONDS = 5
_DEVICE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_REFRESH_GRANT = "refresh_token"
_NO_STORE = {"Cache-Control": "no-store"}


def routes() -> list[BaseRoute]:
    return [
        Route("/oauth/device", serve_codes, methods=["POST"]),
        Route("/oauth/token", serve_token, methods=["POST"]),
        Route("/device", serve_confirmation),
        Route("/device", serve_confirming, methods=["POST"]),
    ]


async def serve_codes(request: Request) -> Response:
    """Codes for a client. Which client it says it is makes no difference: any may ask."""
    office = office_of(request)
    codes = await run_in_threadpool(begin_device, office)
    page = f"{office.config.endpoint.rstrip('/')}/device"
    return JSONResponse(
        {
            "device_code": codes.device_code,
            "user_code": codes.user_code,
            "verification_uri": page,
            "verification_uri_complete": f"{page}?user_code={codes.user_code}",
            "expires_in": codes.expires_in,
            "interval": POLL_SECONDS,
        },
        headers=_NO_STORE,
    )


async def serve_token(request: Request) -> Response:
    """Tokens for a confirmed device code, or for a refresh token."""
    office = office_of(request)
    if request.headers.get("content-type", "").startswith("application/json"):
        return _error(NotYet("unsupported_grant_type", "This hub exchanges no tokens of others."))
    given = await read_form(request)
    grant = given.first("grant_type")
    outcome: DeviceTokens | NotYet
    if grant == _DEVICE_GRANT:
        outcome = await run_in_threadpool(redeem_device, office, given.first("device_code"))
    elif grant == _REFRESH_GRANT:
        outcome = await run_in_threadpool(renew_device, office, given.first("refresh_token"))
    else:
        outcome = NotYet("unsupported_grant_type", "Known are device_code and refresh_token.")
    return _tokens(outcome) if isinstance(outcome, DeviceTokens) else _error(outcome)


def _tokens(tokens: DeviceTokens) -> Response:
    return JSONResponse(
        {
            "access_token": tokens.access,
            "refresh_token": tokens.refresh,
            "expires_in": tokens.expires_in,
            "token_type": "bearer",
        },
        headers=_NO_STORE,
    )


def _error(why: NotYet) -> Response:
    return JSONResponse(
        {"error": why.error, "error_description": why.says},
        status_code=HTTPStatus.BAD_REQUEST,
        headers=_NO_STORE,
    )


def serve_confirmation(request: Request) -> Response:
    """The page on which a person confirms the code that a device shows."""
    office = office_of(request)
    code = request.query_params.get("user_code", "")[:32]
    party = caller(request)
    if party is None:
        return RedirectResponse(f"/login?next={quote(f'/device?user_code={quote(code)}')}")
    inside = (
        f"<p>A program asks to act as <strong>{escape(party.account.name)}</strong>. Confirm only"
        f" if you started it yourself and it shows this very code.</p>"
        f'<p><label>Code <input name="user_code" value="{escape(code)}" autocomplete="off"'
        f" required></label></p>"
        f"<p>{button('answer', 'grant', 'Confirm')} {button('answer', 'deny', 'Deny')}</p>"
    )
    return plain_page(office, "Confirm a device", form("/device", inside))


async def serve_confirming(request: Request) -> Response:
    """Grant or deny. The session counts only where our own page posted the form."""
    office, given = office_of(request), await read_form(request)
    party = await run_in_threadpool(caller, request)
    if party is None or party.token is not None:
        body = "<p>Sign in first, and confirm on this page.</p>"
        return plain_page(office, "Confirm a device", body, http=HTTPStatus.UNAUTHORIZED)
    granting = given.first("answer") == "grant"
    try:
        outcome = await run_in_threadpool(
            confirm_device, office, party, given.first("user_code"), granting=granting
        )
        problem = "" if outcome is None else outcome.says
    except Malformed as e:
        problem = str(e)
    if problem:
        body = f"<p>{escape(problem)}</p>"
        return plain_page(office, "Confirm a device", body, http=HTTPStatus.BAD_REQUEST)
    says = "The device is signed in. You can close this page." if granting else "Denied."
    return plain_page(office, "Confirm a device", f"<p>{says}</p>")
