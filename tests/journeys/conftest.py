"""The journeys run over real HTTP: one hub for a test file, real clients, accounts made fresh."""

from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from huggingface_hub import HfApi

from tests.journeys.hub_under_test import RunningHub, Signed, running_hub

_numbers = count(1)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningHub]:
    """A hub that listens on the loopback, on a folder of its own."""
    with running_hub(tmp_path_factory.mktemp("hub")) as running:
        yield running


@pytest.fixture
def ada(hub: RunningHub) -> Signed:
    """A fresh account with a write token."""
    return hub.sign_up(f"ada{next(_numbers)}")


@pytest.fixture
def ben(hub: RunningHub) -> Signed:
    """Another fresh account with a write token."""
    return hub.sign_up(f"ben{next(_numbers)}")


@pytest.fixture
def api(hub: RunningHub, ada: Signed) -> HfApi:
    """The real client, signed in as `ada`."""
    return HfApi(endpoint=hub.endpoint, token=ada.token)


@pytest.fixture
def other_api(hub: RunningHub, ben: Signed) -> HfApi:
    """The real client, signed in as `ben`."""
    return HfApi(endpoint=hub.endpoint, token=ben.token)


@pytest.fixture
def visitor_api(hub: RunningHub) -> HfApi:
    """The real client without a token."""
    return HfApi(endpoint=hub.endpoint, token=False)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is kept between tests, and nobody's own token is found."""
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
