"""The composition root: the only place where the parts meet.

It opens the store and the keys, holds the clock and the dice, and hands one `Office` to the
procedures and to the web.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from openward.config import Place, read_config
from openward.registrar.office import Office
from openward.registrar.sequencer import Sequencer
from openward.store.blobs import Blobs, FolderBlobs, ObjectBlobs, Staging
from openward.store.custody import open_key, open_secret
from openward.store.database import open_database
from openward.store.tiles import PublishedLog
from openward.tlog.note import NoteKey

if TYPE_CHECKING:
    from starlette.types import ASGIApp


def now() -> datetime:
    """The clock: aware, UTC, whole seconds, as the record writes time."""
    return datetime.now(UTC).replace(microsecond=0)  # noqa: TID251  # the one clock


@dataclass(frozen=True, slots=True)
class Hub:
    """An open hub: where it is configured, and its office."""

    place: Place
    office: Office

    def close(self) -> None:
        self.office.database.close()


def open_hub(path: Path) -> Hub:
    """Open the hub that a configuration file describes. Raises Unavailable, Malformed."""
    place = read_config(path)
    config = place.config
    database = open_database(place.database)
    log = PublishedLog(place.path(config.store.log), database)
    signer = open_key(place.path(config.keys.log))
    office = Office(
        config=config,
        database=database,
        blobs=open_blobs(place),
        staging=Staging(place.path(config.store.staging), secrets.token_bytes),
        log=log,
        sequencer=Sequencer(config.origin, database, log, signer),
        log_key=NoteKey(config.origin, signer.public),
        hub_signer=open_key(place.path(config.keys.hub)),
        address_secret=open_secret(place.path(config.keys.address)),
        clock=now,
        entropy=secrets.token_bytes,
    )
    return Hub(place, office)


def open_blobs(place: Place) -> Blobs:
    """The blob store of this configuration: a folder, or an S3-compatible store."""
    s3 = place.config.store.s3
    if not s3.bucket:
        return FolderBlobs(place.path(place.config.store.blobs))
    from obstore.store import S3Store

    access, secret = open_lines(place.path(s3.credentials))
    return ObjectBlobs(
        S3Store(
            s3.bucket,
            endpoint=s3.endpoint,
            region=s3.region,
            access_key_id=access,
            secret_access_key=secret,
            virtual_hosted_style_request=False,
            client_options={"allow_http": s3.endpoint.startswith("http://")},
        )
    )


def open_lines(path: Path) -> tuple[str, str]:
    """Two lines of a credentials file: access key and secret key."""
    access, secret = path.read_text(encoding="ascii").split()
    return access, secret


def site() -> "ASGIApp":
    """The ASGI application, for the server's workers; the configuration's path is in config."""
    from openward.config import path_in_environment
    from openward.web.site import build_site

    hub = open_hub(path_in_environment())
    hub.office.staging.sweep()
    hub.office.sequencer.publish()
    return build_site(hub.office)
