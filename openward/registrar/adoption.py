"""What the founding key may do until a council exists: adopt policies and accredit evaluators.

The fold over the log (council.in_force) says what is in force; these procedures only refuse to
enter what that fold would not take, so that a refusal is heard at once.
"""

from dataclasses import dataclass

from sqlalchemy import Connection

from openward.council.in_force import InForce, decide_in_force
from openward.registrar.office import Office
from openward.registrar.releases import Progress, decide_all
from openward.statements.dsse import Envelope
from openward.statements.entry import Accredited, Entry, PolicyAdopted, parse_entry
from openward.statements.strict_json import parse_json
from openward.store import reads
from openward.store.records import enter, time_of_entry
from openward.vocabulary import Sha256


@dataclass(frozen=True, slots=True)
class Adopted:
    """The entry that holds the document, and how many subjects were decided again."""

    entry: int
    decided: int


def adopt(office: Office, envelope: Envelope, progress: Progress) -> Adopted:
    """Enter a policy that the founding key signed, and decide every subject under it.

    Raises VerificationError when the fold over the record would not take it.
    """
    with office.database.writing() as connection:
        body = PolicyAdopted(parse_json(envelope.text()))
        _refuse_unless_taken(office, connection, body)
        entry = enter(connection, body, office.clock())
        waiting = reads.subjects_undecided(connection, entry)
    decided = decide_all(office, waiting, progress)
    office.sequencer.publish()
    return Adopted(entry, decided)


def accredit(office: Office, envelope: Envelope, progress: Progress) -> Adopted:
    """Enter an accreditation that the founding key signed; decide again what it may bear on.

    Raises VerificationError when the fold over the record would not take it.
    """
    with office.database.writing() as connection:
        body = Accredited(parse_json(envelope.text()))
        _refuse_unless_taken(office, connection, body)
        entry = enter(connection, body, office.clock())
        waiting: list[Sha256] = reads.subjects_with_evidence(connection)
    decided = decide_all(office, waiting, progress)
    office.sequencer.publish()
    return Adopted(entry, decided)


def in_force(connection: Connection) -> InForce:
    """What the record says is in force."""
    raw = reads.entries(connection, 0, reads.log_size(connection))
    return decide_in_force([parse_entry(each) for each in raw])


def _refuse_unless_taken(
    office: Office, connection: Connection, body: PolicyAdopted | Accredited
) -> None:
    at = time_of_entry(connection, office.clock())
    raw = reads.entries(connection, 0, reads.log_size(connection))
    decide_in_force([*map(parse_entry, raw), Entry(at, body)])
