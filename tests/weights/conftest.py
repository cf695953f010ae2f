"""What the real client sends: one commit of the installed huggingface_hub, captured on loopback."""

import json
import os
import random
import struct
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

CLIENT = """
import json, pathlib, sys
import hf_xet
from huggingface_hub import CommitOperationAdd, HfApi

folder = sorted(pathlib.Path(sys.argv[2]).iterdir())
additions = [CommitOperationAdd(path_in_repo=f.name, path_or_fileobj=f) for f in folder]
HfApi(endpoint=sys.argv[1], token="hf_nobody").create_commit(
    "somebody/something", additions, commit_message="weights"
)
hashed = hf_xet.hash_files([str(f) for f in folder])
print(json.dumps({f.name: h.hash for f, h in zip(folder, hashed, strict=True)}))
"""


class Sink(ThreadingHTTPServer):
    """As much of a hub as an upload needs; keeps every body it is sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.bodies: list[tuple[str, bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Sink

    def do_GET(self) -> None:
        if "xet-write-token" in self.path:
            token = {"accessToken": "t", "exp": 4102444800, "casUrl": self.server.url}
            self._reply(200, token)
        else:
            self._reply(404, {})

    def do_POST(self) -> None:
        body = self._body()
        self.server.bodies.append((self.path, body))
        if "/preupload/" in self.path:
            names = [named["path"] for named in json.loads(body)["files"]]
            modes = [{"path": n, "uploadMode": "lfs", "shouldIgnore": False} for n in names]
            self._reply(200, {"files": modes})
        elif "/commit/" in self.path:
            address = f"{self.server.url}/somebody/something/commit/1"
            self._reply(200, {"commitUrl": address, "commitOid": "1" * 40})
        elif self.path.startswith("/v1/xorbs/"):
            self._reply(200, {"was_inserted": True})
        elif self.path.startswith("/v1/shards"):
            self._reply(200, {"result": 1})
        else:
            self._reply(404, {})

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        pieces = []
        while size := int(self.rfile.readline(), 16):
            pieces.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(pieces)

    def _reply(self, code: int, answer: object) -> None:
        raw = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: object) -> None:
        """Silence: the test's output is its result."""


def _contents() -> dict[str, bytes]:
    """Files that make the client use every scheme, many chunks, two xorbs and split segments."""
    chance = random.Random(7)
    floats = struct.pack("<60000f", *(chance.gauss(0, 0.02) for _ in range(60_000)))
    large, repeated = chance.randbytes(66 * 1024 * 1024), chance.randbytes(900_000)
    return {
        "a-floats": floats,
        "b-prose": b"what is measured is not yet decided; " * 9000,
        "c-large": large,
        "d-repeats": repeated + b"an insertion" + chance.randbytes(500_000) + repeated,
        "e-one": b"x",
        "f-zeros": bytes(300_000),
    }


@pytest.fixture(scope="session")
def uploaded() -> dict[str, bytes]:
    """Name to content of the files in the captured upload."""
    return _contents()


@pytest.fixture(scope="session")
def capture(
    uploaded: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[list[tuple[str, bytes]], dict[str, str]]]:
    """(path, body) of every request, and the client's own hash of every file."""
    home, folder = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("files")
    for name, content in uploaded.items():
        (folder / name).write_bytes(content)
    sink = Sink()
    thread = threading.Thread(target=sink.serve_forever, daemon=True)
    thread.start()
    try:
        hashes = _run_client(sink.url, folder, home)
    finally:
        sink.shutdown()
        thread.join()
        sink.server_close()
    yield sink.bodies, hashes


def _run_client(url: str, folder: Path, home: Path) -> dict[str, str]:
    # A home of its own: the client remembers chunks it uploaded before and would send fewer.
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith(("HF_", "XDG_"))
    } | {
        "HOME": str(home),
        "HF_HOME": str(home / "hf"),
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", CLIENT, url, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    answered: dict[str, str] = json.loads(done.stdout)
    return answered


@pytest.fixture(scope="session")
def client_hashes(capture: tuple[list[tuple[str, bytes]], dict[str, str]]) -> dict[str, str]:
    """Name to Xet hash of the uploaded files, as the client computes it."""
    return capture[1]


@pytest.fixture(scope="session")
def sent_xorbs(capture: tuple[list[tuple[str, bytes]], dict[str, str]]) -> dict[str, bytes]:
    """Claimed hash to bytes of the xorbs the client sent."""
    return {
        path.rsplit("/", 1)[1]: body for path, body in capture[0] if path.startswith("/v1/xorbs/")
    }


@pytest.fixture(scope="session")
def sent_shards(capture: tuple[list[tuple[str, bytes]], dict[str, str]]) -> list[bytes]:
    """The shards the client sent."""
    return [body for path, body in capture[0] if path == "/v1/shards"]
