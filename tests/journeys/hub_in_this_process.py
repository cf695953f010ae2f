"""A hub served by a thread of this process, so that a test may change what it is made of."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from granian.constants import Interfaces
from granian.server.embed import Server

from openward.app import open_hub
from openward.registrar.office import Office
from openward.store.blobs import Blobs
from openward.web.site import build_site
from tests.journeys.hub_under_test import RunningHub, make_hub

_LIMIT = 60  # seconds


@contextmanager
def hub_here(
    folder: Path, blobs: Callable[[Blobs], Blobs] = lambda blobs: blobs
) -> Iterator[RunningHub]:
    """A listening hub on a folder of its own, its blobs wrapped as asked."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    hub = open_hub(make_hub(folder, port))
    office = replace(hub.office, blobs=blobs(hub.office.blobs))
    served = _Served(office, port)
    served.start()
    try:
        served.wait()
        yield RunningHub(office.config.endpoint, folder, office)
    finally:
        served.stop()
        hub.close()


class _Served(threading.Thread):
    def __init__(self, office: Office, port: int) -> None:
        super().__init__(daemon=True)
        self._port = port
        self._loop = asyncio.new_event_loop()
        self._server = Server(
            build_site(office), address="127.0.0.1", port=port, interface=Interfaces.ASGI
        )

    def run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.serve())
        self._loop.close()

    def wait(self) -> None:
        deadline = time.monotonic() + _LIMIT
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                probe.settimeout(1)
                if probe.connect_ex(("127.0.0.1", self._port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("the server did not start")

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._server.stop)
        self.join(_LIMIT)
