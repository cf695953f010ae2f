"""What every procedure is given: the stores, the keys, the clock and the dice.

The composition root builds one `Office`; the procedures are functions that take it first. A
procedure reads the clock once and passes `now` on.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from openward.config import HubConfig
from openward.registrar.sequencer import Sequencer
from openward.statements.keys import Signer
from openward.store.blobs import Blobs, Staging
from openward.store.database import Database
from openward.store.tiles import PublishedLog
from openward.tlog.note import NoteKey

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
    sequencer: Sequencer
    log_key: NoteKey
    hub_signer: Signer
    address_secret: bytes
    clock: Clock
    entropy: Entropy
