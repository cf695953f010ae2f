"""The two servers that are compared, each in a process of its own on the loopback.

    hub      founded in a folder, served by `openward serve` as anybody would serve it
    nginx    one worker, sendfile, its whole prefix in a folder; serves the hub's own blobs

Both send the same file, so both find it in the same page cache.
"""

import os
import pwd
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from openward.app import now, open_hub
from openward.config import HubConfig
from openward.council.in_force import policy_statement
from openward.policy.document import Policy, parse_policy
from openward.registrar.accounts import issue_token, open_account
from openward.registrar.adoption import adopt
from openward.registrar.founding import CONFIGURATION, FOUNDING_KEY, found_hub
from openward.statements.dsse import sign_envelope
from openward.statements.intoto import PAYLOAD_TYPE
from openward.statements.strict_json import parse_json
from openward.store.custody import open_key

POLICY = Path(__file__).resolve().parents[1] / "examples" / "policies" / "example.json"
PRESUMED_OPEN = 1_200_000_000
"""Bytes: a file of 1 GiB of no known format stands in Tier 1."""

NAMESPACE = "bench"
_START_LIMIT = 60.0  # seconds; the machine may be busy
_STOP_LIMIT = 15.0

_NGINX = """\
daemon off; worker_processes 1; pid {0}/nginx.pid; error_log {0}/nginx.err; user {1};
events {{ worker_connections 256; }}
http {{ access_log off; sendfile on; tcp_nopush on; default_type application/octet-stream;
client_body_temp_path {0}/t1; proxy_temp_path {0}/t2; fastcgi_temp_path {0}/t3;
uwsgi_temp_path {0}/t4; scgi_temp_path {0}/t5;
server {{ listen 127.0.0.1:{2}; location / {{ root {3}; }} }} }}
"""


@dataclass(frozen=True, slots=True)
class RunningHub:
    """A hub that answers; `pid` is the server's first process, `token` may write."""

    port: int
    pid: int
    blobs: Path
    token: str

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@dataclass(frozen=True, slots=True)
class RunningNginx:
    """An nginx that serves the folder of blobs."""

    port: int
    pid: int
    version: str

    def address(self, sha256: str) -> str:
        return f"http://127.0.0.1:{self.port}/{sha256[:2]}/{sha256[2:4]}/{sha256}"


@contextmanager
def running_hub(folder: Path) -> Iterator[RunningHub]:
    """Found a hub in a new folder and serve it; it ends with the context."""
    port = free_port()
    place = found_hub(
        folder, HubConfig(endpoint=f"http://127.0.0.1:{port}", port=port), now, secrets.token_bytes
    )
    token = _furnished(folder)
    command = [
        sys.executable, "-c", "from openward.cli import main; main()",
        "serve", "--config", str(folder / CONFIGURATION),
    ]  # fmt: skip
    with _ended(command, folder / "server.err") as server:
        _await_port(server, port, folder / "server.err")
        yield RunningHub(port, server.pid, place.path(place.config.store.blobs), token)


@contextmanager
def running_nginx(folder: Path, blobs: Path) -> Iterator[RunningNginx | None]:
    """Serve the blobs by nginx; None where this machine has none."""
    program = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None:
        yield None
        return
    folder.mkdir()
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(_NGINX.format(folder, _own_name(), port, blobs), encoding="utf-8")
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
    version = re.search(r"nginx/[\d.]+", said)
    command = [program, "-p", str(folder), "-c", str(configuration)]
    with _ended(command, folder / "stderr") as server:
        _await_port(server, port, folder / "stderr")
        yield RunningNginx(port, server.pid, version[0] if version else "nginx")


def _own_name() -> str:
    return pwd.getpwuid(os.geteuid()).pw_name


def _furnished(folder: Path) -> str:
    """Adopt the policy and open an account; its write token."""
    hub = open_hub(folder / CONFIGURATION)
    try:
        policy = _policy()
        founding = open_key(folder / FOUNDING_KEY)
        envelope = sign_envelope(PAYLOAD_TYPE, policy_statement(policy), [founding])
        adopt(hub.office, envelope, lambda _done, _all: None)
        account = open_account(hub.office, NAMESPACE, email="bench@example.org")
        _, secret = issue_token(hub.office, account, "benchmark", "write")
        return secret
    finally:
        hub.close()


def _policy() -> Policy:
    """The example policy, in force from yesterday, its allowances just above 1 GiB."""
    policy = parse_policy(parse_json(POLICY.read_bytes()))
    clause = replace(
        policy.proportionality, presumed_open_bytes=PRESUMED_OPEN, unreadable_bytes=PRESUMED_OPEN
    )
    at = now()
    return replace(
        policy,
        valid_from=at - timedelta(days=1),
        valid_until=at + timedelta(days=300),
        proportionality=clause,
    )


def free_port() -> int:
    """A port of the loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
        assert isinstance(port, int)
        return port


@contextmanager
def _ended(command: list[str], errors: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A process that is asked to end, then made to, when the context is left."""
    with errors.open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            yield server
        finally:
            server.terminate()
            try:
                server.wait(_STOP_LIMIT)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _await_port(server: "subprocess.Popen[bytes]", port: int, errors: Path) -> None:
    deadline = time.monotonic() + _START_LIMIT
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            probe.settimeout(1)
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"the server did not start: {errors.read_text(errors='replace')}")
