"""A whole hub in a folder, opened in this process."""

import secrets
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from openward.app import now, open_hub
from openward.config import HubConfig, LimitsConfig
from openward.registrar.founding import CONFIGURATION, found_hub
from openward.registrar.office import Office
from openward.store.accounts import add_account


def an_office(folder: Path, limits: LimitsConfig | None = None) -> Office:
    """A new hub's office, on the machine's own clock."""
    hub = folder / "hub"
    found_hub(hub, HubConfig(limits=limits or LimitsConfig()), now, secrets.token_bytes)
    return open_hub(hub / CONFIGURATION).office


def at(office: Office, moment: datetime) -> Office:
    """The same office at another time."""
    return replace(office, clock=lambda: moment)


def an_account(office: Office, name: str) -> int:
    with office.database.writing() as connection:
        return add_account(connection, name, "person", name, None, office.clock())
