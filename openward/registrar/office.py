"""What every procedure is given: the stores, the keys, the clock and the dice.

The composition root builds one `Office`; the procedures are functions that take it first. A
procedure reads the clock once and passes `now` on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from openward.config import HubConfig
from openward.statements.keys import Ed25519Signer
from openward.store.blobs import Blobs, Staging
from openward.store.database import Database
from openward.store.tiles import PublishedLog

Clock = Callable[[], datetime]
"""The time now: aware, UTC, whole seconds."""

Entropy = Callable[[int], bytes]
"""That many fresh random bytes, fit for keys."""


@dataclass(frozen=True, slots=True)
class Office:
    """One hub: what it keeps, what it signs with, what it is configured to do."""

    config: HubConfig
    database: Database
    blobs: Blobs
    staging: Staging
    log: PublishedLog
    log_signer: Ed25519Signer
    hub_signer: Ed25519Signer
    address_secret: bytes
    clock: Clock
    entropy: Entropy
