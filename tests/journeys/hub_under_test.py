"""A whole hub in a folder, and a server for it that is really listening.

The tests arrange accounts through the same procedures the hub uses, on the same folder, while the
server runs in a process of its own.
"""

import os
import secrets
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from starlette.types import ASGIApp

from openward.app import now, open_hub
from openward.config import HubConfig
from openward.council.in_force import policy_statement
from openward.policy.document import parse_policy
from openward.registrar.accounts import issue_token, open_account
from openward.registrar.adoption import adopt
from openward.registrar.founding import CONFIGURATION, FOUNDING_KEY, found_hub
from openward.registrar.office import Office
from openward.statements.dsse import sign_envelope
from openward.statements.intoto import PAYLOAD_TYPE
from openward.statements.keys import Ed25519Signer
from openward.statements.strict_json import parse_json
from openward.store.accounts import AccountRow
from openward.store.custody import open_key
from openward.web.site import build_site

ROOT = Path(__file__).resolve().parents[2]
CONFIG_VARIABLE = "OPENWARD_CONFIG"
_START_LIMIT = 60  # seconds; the machine may be busy


@dataclass(frozen=True, slots=True)
class Signed:
    """An account and a write token of it."""

    account: AccountRow
    token: str

    @property
    def name(self) -> str:
        return self.account.name


@dataclass(frozen=True, slots=True)
class RunningHub:
    """A hub that answers at `endpoint`; `office` is a second way into the same folder."""

    endpoint: str
    folder: Path
    office: Office

    def sign_up(self, name: str, *, role: str = "write") -> Signed:
        """A new account with a token."""
        account = open_account(self.office, name, fullname=name.title(), email=f"{name}@x.test")
        _, secret = issue_token(self.office, account, "test", role)
        return Signed(account, secret)


def make_hub(folder: Path, port: int) -> Path:
    """Make a hub's folder. Returns the configuration's path."""
    config = HubConfig(endpoint=f"http://127.0.0.1:{port}", port=port)
    found_hub(folder, config, now, secrets.token_bytes)
    hub = open_hub(folder / CONFIGURATION)
    adopt_demonstration(hub.office, open_key(folder / FOUNDING_KEY))
    hub.close()
    return folder / CONFIGURATION


def adopt_demonstration(office: Office, founding: Ed25519Signer) -> None:
    """Put the demonstration policy in force, as of yesterday."""
    raw = (ROOT / "examples/policies/demonstration.json").read_bytes()
    at = now()
    policy = replace(
        parse_policy(parse_json(raw)),
        valid_from=at - timedelta(days=1),
        valid_until=at + timedelta(days=300),
    )
    payload = policy_statement(policy)
    adopt(office, sign_envelope(PAYLOAD_TYPE, payload, [founding]), lambda _done, _all: None)


@contextmanager
def running_hub(folder: Path) -> Iterator[RunningHub]:
    """Start a server on a free port of the loopback; it ends with the context."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    path = make_hub(folder, port)
    command = [
        sys.executable, "-m", "granian", "--interface", "asgi", "--factory", "--log-level",
        "warning", "--host", "127.0.0.1", "--port", str(port), "--http", "1",
        "tests.journeys.hub_under_test:site",
    ]  # fmt: skip
    paths = os.pathsep.join([str(ROOT), str(Path(__file__).parent)])
    environment = {**os.environ, CONFIG_VARIABLE: str(path), "PYTHONPATH": paths}
    hub = open_hub(path)
    with _log(folder).open("wb") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _wait(server, port, folder)
            yield RunningHub(hub.office.config.endpoint, folder, hub.office)
        finally:
            server.terminate()
            try:
                server.wait(15)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()
            hub.close()


def _log(folder: Path) -> Path:
    return folder.with_name(folder.name + "-server.log")


def _wait(server: "subprocess.Popen[bytes]", port: int, folder: Path) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while time.monotonic() < deadline:
        said = _log(folder).read_text(errors="replace")
        if server.poll() is not None:
            raise RuntimeError(f"the server ended: {said}")
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start: {said}")


def site() -> ASGIApp:
    """The application the server runs."""
    return build_site(open_hub(Path(os.environ[CONFIG_VARIABLE])).office)
