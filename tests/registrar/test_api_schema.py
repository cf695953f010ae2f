"""Our own API against its own description: generated requests, in process, bounded.

Whatever is sent, there is no server error, every error is a problem (RFC 9457), and what comes
back is of a kind and shape that the description names.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error

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


def _asked() -> Iterator[Asked]:
    with TemporaryDirectory() as folder:
        asked = Asked(Path(folder))
        yield asked
        asked.world.end()


@pytest.fixture(scope="module")
def asked() -> Iterator[Asked]:
    yield from _asked()


@pytest.fixture(scope="module")
def description(asked: Asked) -> object:
    return schemathesis.openapi.from_asgi("/openapi.json", asked.app)


schema = schemathesis.pytest.from_fixture("description")


@schema.parametrize()
@BOUNDED
def test_every_answer_is_one_that_a_client_can_expect(
    case: schemathesis.Case, asked: Asked
) -> None:
    for headers in ({}, {"Authorization": f"Bearer {asked.token}"}, {"Authorization": "nonsense"}):
        response = case.call(headers=headers)
        case.validate_response(response, checks=[not_a_server_error])
        if response.status_code >= 400:
            assert response.headers["content-type"] == [MEDIA_TYPE]
            body = response.json()
            assert body["status"] == response.status_code
            assert body["title"]
            assert body["detail"]
