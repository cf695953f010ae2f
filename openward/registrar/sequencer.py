"""The one writer of the published log: durable entries become tiles and a signed checkpoint.

    1 entries are durable in the database (store.records)
    2 tiles are written: a pure function of the entries
    3 the signed checkpoint replaces the one it grew from, by compare-and-swap in the database
    4 the checkpoint is published

A crash between any two steps loses nothing: the next `publish` starts from the checkpoint in the
database and does the rest again. Two sequencers on one log cannot both win step 3. Tiles that were
lost are written again from the entries; tiles that hold other bytes are damage, and are named.
"""

import threading
from collections import deque
from collections.abc import Iterator

from openward.errors import Conflict, Unavailable, VerificationError
from openward.statements.keys import Signer
from openward.store import reads
from openward.store.database import Database
from openward.store.tiles import PublishedLog
from openward.tlog.checkpoint import Checkpoint, sign_checkpoint, verify_checkpoint
from openward.tlog.integration import Edge, Integrated, integrate, read_edge
from openward.tlog.note import NoteSigner

BATCH = 4096  # entries read and integrated at a time; bounds memory when a log is rebuilt


class Sequencer:
    """Publishes what is durable. One a process; its lock serialises the threads of that process."""

    def __init__(self, origin: str, database: Database, log: PublishedLog, signer: Signer) -> None:
        self._database = database
        self._log = log
        self._signer = NoteSigner(origin, signer)
        self._lock = threading.Lock()
        self._edge: Edge | None = None
        self._note: bytes | None = None

    def publish(self) -> int:
        """Cover every durable entry by a published checkpoint; returns its size.

        Raises Conflict when another process publishes faster than this one, Unavailable when the
        tiles or the database cannot be written, VerificationError when the tiles are damaged.
        """
        with self._lock:
            for _ in range(3):
                try:
                    return self._publish()
                except Conflict:
                    self._edge = None
            return self._publish()

    def _publish(self) -> int:
        edge = self._edge or self._load()
        with self._database.reading() as connection:
            durable = reads.log_size(connection)
        while edge.size < durable or self._note is None:
            with self._database.reading() as connection:
                added = reads.entries(connection, edge.size, min(edge.size + BATCH, durable))
            grown = integrate(edge, added)
            self._log.tiles.write(grown.tiles)
            self._sign(Checkpoint(self._signer.name, grown.size, grown.root))
            edge = self._edge = grown.edge
        self._edge = edge
        if self._log.checkpoint() != self._note:
            # What this process last saw may be old: it must not hide a newer checkpoint.
            if self._log.lock.latest(self._signer.name) != self._note:
                raise Conflict("log: another sequencer published first")
            self._log.publish(self._note)
        return edge.size

    def _load(self) -> Edge:
        self._note = self._log.lock.latest(self._signer.name)
        self._refuse_to_go_back(self._note)
        if self._note is None:
            return Edge()
        last = verify_checkpoint(self._note, self._signer.key)
        try:
            return read_edge(self._log.tiles, last.size, last.root)
        except Unavailable:
            return self._made_again(last)

    def _refuse_to_go_back(self, note: bytes | None) -> None:
        """A database older than what was published would sign a second history."""
        shown = self._log.checkpoint()
        if shown is None or shown == note:
            return
        size = 0 if note is None else verify_checkpoint(note, self._signer.key).size
        published = verify_checkpoint(shown, self._signer.key).size
        if published > size:
            raise VerificationError(
                f"log: {published} entries were published, the database signed {size}; it was "
                "restored from an older copy. Restore a newer one, or found the log anew under "
                "another origin"
            )

    def _made_again(self, last: Checkpoint) -> Edge:
        """The edge at the last checkpoint, its tiles written again from the entries."""
        whole = deque(self._grown_to(last.size), maxlen=1).pop()
        # Before anything is written: tiles of other entries could never be taken back.
        if whole.root != last.root:
            raise VerificationError(f"log: the entries are not those of the checkpoint {last.size}")
        for grown in self._grown_to(last.size):
            self._log.tiles.write(grown.tiles)
        return whole.edge

    def _grown_to(self, size: int) -> Iterator[Integrated]:
        edge = Edge()
        while edge.size < size:
            with self._database.reading() as connection:
                added = reads.entries(connection, edge.size, min(edge.size + BATCH, size))
            if not added:
                raise VerificationError(f"log: {size} entries were signed, {edge.size} stand")
            grown = integrate(edge, added)
            edge = grown.edge
            yield grown

    def _sign(self, checkpoint: Checkpoint) -> None:
        note = sign_checkpoint(checkpoint, self._signer)
        self._log.lock.replace(checkpoint.origin, self._note, note)
        self._note = note
        self._log.publish(note)
