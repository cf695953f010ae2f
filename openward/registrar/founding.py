"""Making a new hub: folders, keys, database, and the first entry of its record.

The founding key adopts policies and accredits evaluators until a council exists. It is made here
but the running hub never opens it: keep it offline (`openward doctor` says when it is not).
"""

import base64
from pathlib import Path

from openward.config import HubConfig, Place, write_config
from openward.errors import Conflict, Malformed
from openward.registrar.office import Clock, Entropy
from openward.statements.entry import Genesis
from openward.store.custody import create_key, create_secret
from openward.store.database import create_database, open_database
from openward.store.records import enter
from openward.tlog.note import NoteKey

FOUNDING_KEY = "keys/founding.key"
CONFIGURATION = "openward.toml"


def found_hub(folder: Path, config: HubConfig, clock: Clock, entropy: Entropy) -> Place:
    """Make a hub in a new or empty folder. Raises Conflict, Malformed; overwrites nothing."""
    if folder.exists() and any(folder.iterdir()):
        raise Conflict(f"{folder} is not empty; a hub starts in a folder of its own")
    folder.mkdir(parents=True, exist_ok=True)
    place = Place(config, folder.resolve())
    founding = create_key(place.path(FOUNDING_KEY), entropy)
    log = create_key(place.path(config.keys.log), entropy)
    try:
        NoteKey(config.origin, log.public)
    except ValueError as e:
        raise Malformed(f"origin: {e}") from e
    create_key(place.path(config.keys.hub), entropy)
    create_secret(place.path(config.keys.address), entropy)
    for name in (config.store.blobs, config.store.staging, config.store.log):
        place.path(name).mkdir(parents=True, exist_ok=True)
    create_database(place.database)
    database = open_database(place.database)
    key = base64.b64encode(founding.public.spki).decode("ascii")
    with database.writing() as connection:
        enter(connection, Genesis(config.origin, key), clock())
    database.close()
    place.path(CONFIGURATION).write_text(write_config(config), encoding="utf-8")
    return place
