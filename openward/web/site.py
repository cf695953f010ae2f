"""The whole surface on one page: which module answers which part, in the order they are asked.

/log/checkpoint, /log/tile/…, /log/vkey     log_tiles: the public record
/api/openward/…                             api, api_desk: our own API
everything the Hub's clients call           hub_*
everything a browser opens                  pages
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

from openward.errors import OpenwardError
from openward.registrar.office import Office
from openward.registrar.releases import decide_due
from openward.web import (
    device_flow,
    hub_access,
    hub_accounts,
    hub_cards,
    hub_discussions,
    hub_info,
    hub_lfs,
    hub_lists,
    hub_refs,
    hub_repos,
    hub_resolve,
    hub_tree,
    hub_unserved,
    hub_upload,
    hub_xet,
    log_tiles,
    pages,
    sign_in,
)
from openward.web.api import build_api
from openward.web.hub_errors import RequestIds
from openward.web.pages_problems import problem_answers
from openward.web.raw_path import RawPath
from openward.web.standing import API

_PARTS = (
    log_tiles,
    hub_accounts,
    sign_in,
    device_flow,
    hub_repos,
    hub_lists,
    hub_tree,
    hub_refs,
    hub_discussions,
    hub_access,
    hub_upload,
    hub_lfs,
    hub_xet,
    hub_info,
    hub_cards,
    hub_resolve,
    hub_unserved,
    pages,
)
SWEEP_EVERY = 60.0
"""Seconds between two looks at what time alone has changed."""


def build_site(office: Office) -> ASGIApp:
    """The ASGI application of one hub."""
    routes: list[BaseRoute] = [Mount(API, build_api(office))]
    for part in _PARTS:
        routes += part.routes()
    application = Starlette(
        routes=routes,
        middleware=[Middleware(RequestIds, entropy=office.entropy), Middleware(RawPath)],
        exception_handlers=problem_answers(),
        lifespan=_sweeping,
    )
    application.state.office = office
    return application


@asynccontextmanager
async def _sweeping(application: Starlette) -> AsyncIterator[None]:
    """While the site runs, what a lapse has changed is decided again without anybody acting."""
    sweep = asyncio.create_task(_sweep(application.state.office))
    try:
        yield
    finally:
        sweep.cancel()
        with suppress(asyncio.CancelledError):
            await sweep


async def _sweep(office: Office) -> None:
    while True:
        await asyncio.sleep(SWEEP_EVERY)
        # The gate reads lapses itself; a sweep that fails is tried again at the next turn.
        with suppress(OpenwardError):
            await run_in_threadpool(decide_due, office)
