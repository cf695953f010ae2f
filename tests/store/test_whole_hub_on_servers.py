"""The whole hub on PostgreSQL and an S3 store: publish, decide, lease, serve, rebuild."""

import hashlib
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select
from starlette.testclient import TestClient

from openward.app import open_blobs, open_hub
from openward.config import HubConfig, S3Config, StoreConfig
from openward.registrar.admissions import Leased, lend_for_evaluation
from openward.registrar.releases import decide_due
from openward.registrar.repositories import Settings
from openward.store import records
from openward.store import schema as t
from openward.store.blobs import ObjectBlobs, read_blob
from openward.tlog.checkpoint import verify_checkpoint
from openward.vocabulary import Sha256, Tier
from openward.web.api import build_api
from tests.conftest import ACCESS, BUCKET, SECRET, S3Server
from tests.world import DAY, VALIDITY, World, begin, card, found, readable

BIG = 20_000


def test_a_hub_lives_on_postgresql_and_s3(
    tmp_path: Path, new_postgres: Callable[[], str], s3: S3Server
) -> None:
    keys = tmp_path / "s3.key"
    keys.write_text(f"{ACCESS}\n{SECRET}\n")
    kept_in = S3Config(BUCKET, s3.endpoint, credentials=str(keys))
    store = StoreConfig(database=new_postgres(), s3=kept_in)
    configuration = found(tmp_path / "hub", replace(HubConfig(), store=store))
    world = begin(configuration)
    assert isinstance(world.office.blobs, ObjectBlobs)

    ada, evaluator = world.person("ada"), world.evaluator()
    small = world.publish(ada, "small", {"a.safetensors": readable("a"), "README.md": card()})
    large = world.publish(ada, "large", {"b.safetensors": readable("b", BIG)})
    hidden = world.publish(ada, "hidden", {"c.safetensors": readable("c", BIG)}, private=True)
    world.measure(large.subject, 2)
    world.measure(hidden.subject, 4)
    assert (world.tier(small), world.tier(large)) == (Tier.UNRESTRICTED, Tier.GATED)
    shown = world.set(ada, hidden, Settings(private=False))
    assert world.tier(shown) is Tier.CLOSED
    lent = lend_for_evaluation(world.office, evaluator.party, shown.repo, shown.revision)
    assert isinstance(lent, Leased)
    assert world.opens(shown, "c.safetensors", evaluator)

    sha256 = Sha256(hashlib.sha256(readable("a")).hexdigest())
    assert read_blob(world.office.blobs, sha256, 10_000) == readable("a")
    address = world.office.blobs.address(sha256, timedelta(seconds=60))
    assert address is not None
    with urllib.request.urlopen(address, timeout=30) as answer:
        assert answer.read() == readable("a")

    asking = TestClient(build_api(world.office))
    assert asking.get("/models/ada/small/standing").json()["tier"] == 1
    assert asking.get("/models/ada/sm%00all/standing").status_code == 400

    world.clock.move(VALIDITY * DAY)
    assert decide_due(world.office) == 2
    assert world.tier(large) is None

    note = world.office.log.checkpoint()
    assert note is not None
    assert verify_checkpoint(note, world.office.log_key).size == len(world.record())
    before = rows(world)
    with world.office.database.writing() as connection:
        assert records.rebuild(connection) == len(world.record())
    assert rows(world) == before
    size = len(world.record())
    world.end()
    hub = open_hub(configuration)
    assert open_blobs(hub.place).size(sha256) == len(readable("a"))
    assert hub.office.sequencer.publish() == size
    hub.close()


def rows(world: World) -> list[list[tuple[object, ...]]]:
    """Every row of the record's tables."""
    with world.office.database.reading() as connection:
        return [
            [tuple(row) for row in connection.execute(select(table).order_by("number"))]
            for table in (t.policy, t.accreditation, t.evidence, t.decision, t.lease, t.hidden)
        ]
