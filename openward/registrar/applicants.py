"""What is known of an account when it asks: verified or not, accredited or not."""

import hashlib
import hmac
from datetime import datetime

from sqlalchemy import Connection

from openward.access.identity import Applicant
from openward.registrar.casework import read_register
from openward.registrar.office import Office
from openward.store.accounts import AccountRow
from openward.vocabulary import PartyId, Sha256, parse_party


def applicant_of(
    office: Office, connection: Connection, account: AccountRow, now: datetime
) -> Applicant:
    """The account as access decisions see it. A lapsed accreditation is no accreditation."""
    return Applicant(
        account=account.name,
        commitment=pseudonym(office, account),
        verified_at=account.verified_at,
        evaluator=_accredited(connection, account, now),
    )


def pseudonym(office: Office, account: AccountRow) -> Sha256:
    """The account's name in signed promises: stable on this hub, and telling nobody else who."""
    mac = hmac.new(office.address_secret, f"applicant {account.id}".encode(), hashlib.sha256)
    return Sha256(mac.hexdigest())


def _accredited(connection: Connection, account: AccountRow, now: datetime) -> PartyId | None:
    if account.evaluator is None:
        return None
    party = parse_party(account.evaluator)
    running = any(each.covers(now) for each in read_register(connection).of(party))
    return party if running else None
