"""Addresses that carry their own permission: short-lived, signed, good for one thing.

    <base64url of the claims' canonical JSON> "." <base64url of HMAC-SHA256 over what precedes>

    {"account":7,"digest":"…","purpose":"lfs","size":123,"until":1791000000}

Uploads by LFS are sent without Authorization, and Xet's clients send a token of ours instead of
the account's; both present such an address. It says who may do what to which bytes until when, and
nothing else can be done with it.

Upheld: a signature for one purpose proves nothing for another; an address past its end is as good
as none.
"""

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta

from openward.errors import Malformed, VerificationError
from openward.statements.strict_json import Fields, canonical_json, parse_json

LONGEST = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Address:
    """What may be done: `digest` names the bytes or, for Xet, the repository; sizes in bytes."""

    purpose: str
    account: int
    digest: str
    size: int
    until: datetime


def sign_address(secret: bytes, address: Address, now: datetime) -> str:
    """The address as text fit for a path or a header. ValueError past the longest life."""
    if address.until - now > LONGEST:
        raise ValueError(f"an address lasts at most {LONGEST}")
    claims = canonical_json(
        {
            "account": address.account,
            "digest": address.digest,
            "purpose": address.purpose,
            "size": address.size,
            "until": int(address.until.timestamp()),
        }
    )
    written = _write(claims)
    return f"{written}.{_write(_mac(secret, written))}"


def verify_address(secret: bytes, text: str, purpose: str, now: datetime) -> Address:
    """The address `text` stands for. Raises VerificationError when it is not good, or no longer."""
    written, _, mac = text.partition(".")
    try:
        if not hmac.compare_digest(_read(mac), _mac(secret, written)):
            raise VerificationError("this address was not signed here")
        fields = Fields.of(parse_json(_read(written)), "address")
        address = Address(
            purpose=fields.text("purpose"),
            account=fields.integer("account"),
            digest=fields.text("digest"),
            size=fields.integer("size", minimum=0),
            until=datetime.fromtimestamp(fields.integer("until"), now.tzinfo),
        )
    except Malformed as e:
        raise VerificationError("this address was not signed here") from e
    if address.purpose != purpose:
        raise VerificationError("this address was signed for something else")
    if address.until <= now:
        raise VerificationError("this address has expired; ask for a new one")
    return address


def _mac(secret: bytes, written: str) -> bytes:
    return hmac.digest(secret, b"openward-address/v1 " + written.encode(), hashlib.sha256)


def _write(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _read(text: str) -> bytes:
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError) as e:
        raise Malformed("address: not base64url") from e
    if _write(raw) != text:
        raise Malformed("address: not base64url in its only spelling")
    return raw
