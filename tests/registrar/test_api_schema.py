"""Our own API against its own description: generated requests, in process, bounded.

Whatever is sent, there is no server error, every error is a problem (RFC 9457), and what comes
back is of a kind and shape that the description names.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from starlette.testclient import TestClient

from openward.registrar.accounts import issue_token
from openward.web.api import build_api
from openward.web.problems import MEDIA_TYPE
from tests.world import World, begin, found, readable

BOUNDED = settings(
    max_examples=12,
    deadline=None,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Asked:
    """A small hub with one open and one closed model, and a token that may ask."""

    def __init__(self, folder: Path) -> None:
        self.world: World = begin(found(folder / "hub"))
        world = self.world
        world.publish("ada", "small", {"a.safetensors": readable("a")})
        self.closed = world.publish("ada", "large", {"b.safetensors": readable("b", 20_000)})
        account = world.evaluator().account
        self.token = issue_token(world.office, account, "t", "write")[1]
        self.app = build_api(world.office)


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    made = Asked(tmp_path_factory.mktemp("asked"))
    yield made
    made.world.end()


def test_every_answer_is_one_that_a_client_can_expect(asked: Asked) -> None:
    described = schemathesis.openapi.from_asgi("/openapi.json", asked.app)
    operations = [each.ok() for each in described.get_all_operations() if isinstance(each, Ok)]
    assert len(operations) >= 12
    for operation in operations:

        @BOUNDED
        @given(case=operation.as_strategy())
        def ask(case: schemathesis.Case[Any]) -> None:
            expect_answers(asked, case)

        ask()


def expect_answers(asked: Asked, case: schemathesis.Case[Any]) -> None:
    for headers in ({}, {"Authorization": f"Bearer {asked.token}"}, {"Authorization": "nonsense"}):
        response = case.call(headers=headers)
        case.validate_response(response, checks=[not_a_server_error])
        if response.status_code >= 400:
            assert response.headers["content-type"] == [MEDIA_TYPE]
            body = response.json()
            assert body["status"] == response.status_code
            assert body["title"]
            assert body["detail"]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/models/ada/small/standing", 200),
        ("/models/ada/large/standing?revision=main", 200),
        ("/models/ada/large/standing?revision=none", 404),
        ("/models/ada/none/standing", 404),
        ("/nothing/ada/small/standing", 404),
        ("/models/ada/sm\0all/standing".replace("\0", "%00"), 404),
        ("/models/%FF/small/standing", 404),
        ("/policy", 200),
        ("/policies/" + "0" * 64, 404),
        ("/policies/" + "A" * 64, 422),
        ("/entries/0", 200),
        ("/entries/0/proof", 200),
        ("/entries/9007199254740991", 404),
        ("/entries/9007199254740992", 422),
        ("/entries/-1", 422),
        ("/access-requests", 401),
        ("/evidence", 405),
        ("/nothing", 404),
    ],
)
def test_what_a_path_answers(asked: Asked, path: str, code: int) -> None:
    answer = TestClient(asked.app).get(path)
    assert answer.status_code == code
    if code >= 400:
        assert answer.headers["content-type"] == MEDIA_TYPE
        assert answer.json()["status"] == code


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[" * 100_000, b'{"repo": "\\ud800"}', b'{"repo": "a\\u0000/b"}', b"null",
     b'{"repo": 3}', b'{"repo": "ada/large", "revision": "\\u0000"}',
     b'{"repo": "ada/large", "terms": "' + b"0" * 64 + b'", "purpose": "\\u0000"}',
     b'{"repo": "ada/large", "terms": "' + b"0" * 64 + b'", "purpose": ""}'],
)  # fmt: skip
def test_a_body_of_another_shape_is_a_problem(asked: Asked, body: bytes) -> None:
    headers = {"Authorization": f"Bearer {asked.token}", "Content-Type": "application/json"}
    for path in ("/access-requests", "/evaluation-leases"):
        answer = TestClient(asked.app).post(path, content=body, headers=headers)
        assert answer.status_code in (201, 400, 403, 404, 422)
        if answer.status_code != 201:
            assert answer.headers["content-type"] == MEDIA_TYPE
