"""The audit: who was handed bytes above Tier 2, which, and on what basis."""

from openward.registrar.office import Office
from openward.registrar.parties import Party
from openward.store.requests import add_audit
from openward.vocabulary import Sha256


def record_access(office: Office, party: Party, subject: Sha256, path: str, basis: str) -> None:
    """Note an access before its bytes go out: what cannot be noted is not handed over."""
    with office.database.writing() as connection:
        add_audit(connection, party.account.id, subject, path, basis, office.clock())
