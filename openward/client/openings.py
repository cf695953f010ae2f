"""What a record shows: bodies entered in the open, and those that an opening proved.

    Decided, EvidenceFiled ......... shown where it stands
    Committed ... Opened ........... made where the commitment stands, shown by the opening

An opening counts only when salt and text give the commitment it names, which stands before it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from openward.errors import VerificationError
from openward.statements.entry import (
    Committed,
    Decided,
    Entry,
    EvidenceFiled,
    Opened,
    parse_body,
    verify_opening,
)
from openward.statements.strict_json import Fields


@dataclass(frozen=True, slots=True)
class Shown:
    """A decision or a piece of evidence, and the entry at which it was made."""

    made: int
    body: Decided | EvidenceFiled


def verify_shown(entries: Sequence[Entry]) -> Iterator[Shown]:
    """Every decision and piece of evidence, in the order in which the record shows them.

    Raises VerificationError for an opening that fits no commitment before it.
    """
    for index, entry in enumerate(entries):
        match entry.body:
            case Decided() | EvidenceFiled():
                yield Shown(index, entry.body)
            case Opened():
                yield from _opened(entries, index, entry.body)
            case _:
                pass


def _opened(entries: Sequence[Entry], index: int, opened: Opened) -> Iterator[Shown]:
    committed = entries[opened.entry].body if opened.entry < index else None
    if not isinstance(committed, Committed):
        raise VerificationError(f"entry {index} opens entry {opened.entry}, which hides nothing")
    hidden = verify_opening(committed, opened)
    if committed.what in ("decision", "evidence"):
        body = parse_body(committed.what, Fields.of(hidden, f"entry {index}"))
        assert isinstance(body, Decided | EvidenceFiled)  # noqa: S101  # the two kinds asked for
        yield Shown(opened.entry, body)
