"""DSSE envelopes, https://github.com/secure-systems-lab/dsse (protocol and envelope 1.0).

    {"payload": "<base64>", "payloadType": "<media type>",
     "signatures": [{"keyid": "<hint>", "sig": "<base64>"}]}

    signed bytes (PAE) = "DSSEv1 " len(type) " " type " " len(payload) " " payload

Upheld: the type is signed with the payload and must be the one expected; `keyid` and unknown
members are kept and never believed; a bad signature neither hides a good one nor counts.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from openward.errors import Malformed, VerificationError
from openward.statements.keys import HeldKey, KeyRing, PublicKey, Signer
from openward.statements.strict_json import (
    LIMIT,
    Fields,
    JsonValue,
    canonical_json,
    parse_json,
)

MOST_SIGNATURES = 16


@dataclass(frozen=True, slots=True)
class Signature:
    """Unverified. `keyid` is whatever the sender wrote; where nothing was, it is empty."""

    sig: bytes
    keyid: str = ""
    unknown: Mapping[str, JsonValue] = field(default_factory=dict)

    def members(self) -> dict[str, JsonValue]:
        sig = base64.b64encode(self.sig).decode("ascii")
        return {**self.unknown, "keyid": self.keyid, "sig": sig}


@dataclass(frozen=True, slots=True)
class Envelope:
    """Unverified: nothing in it means anything before `verify_envelope`."""

    payload: bytes
    payload_type: str
    signatures: tuple[Signature, ...]
    unknown: Mapping[str, JsonValue] = field(default_factory=dict)

    def text(self) -> bytes:
        """The envelope in canonical JSON."""
        return canonical_json(
            {
                **self.unknown,
                "payload": base64.b64encode(self.payload).decode("ascii"),
                "payloadType": self.payload_type,
                "signatures": [signature.members() for signature in self.signatures],
            }
        )


@dataclass(frozen=True, slots=True)
class Verified:
    """A payload of the expected type, and the keys proven to have signed it: at least one."""

    payload: bytes
    signers: tuple[HeldKey, ...]


def pae(payload_type: str, payload: bytes) -> bytes:
    """Pre-authentication encoding: lengths are in bytes, in decimal."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse_envelope(raw: bytes, *, limit: int = LIMIT) -> Envelope:
    """Read an envelope of at most `limit` bytes and 16 signatures. Raises Malformed."""
    fields = Fields.of(parse_json(raw, limit=limit), "envelope")
    payload = _base64(fields, "payload")
    payload_type = fields.text("payloadType")
    signatures = fields.listing("signatures")
    if not 1 <= len(signatures) <= MOST_SIGNATURES:
        raise Malformed(f"envelope.signatures: expected 1 to {MOST_SIGNATURES}")
    return Envelope(payload, payload_type, tuple(map(_signature, signatures)), fields.rest())


def _signature(fields: Fields) -> Signature:
    sig = _base64(fields, "sig")
    keyid = fields.value("keyid") if fields.has("keyid") else ""
    if not isinstance(keyid, str):
        raise Malformed(f"{fields.path}.keyid: expected text")
    return Signature(sig, keyid, fields.rest())


def _base64(fields: Fields, name: str) -> bytes:
    text = fields.value(name)
    if isinstance(text, str):
        try:
            raw = base64.b64decode(text, validate=True)
        except ValueError:  # binascii.Error, or a letter outside ASCII
            raw = None
        # Bits left over at the end may be anything to the decoder; here they are zero.
        if raw is not None and base64.b64encode(raw).decode("ascii") == text:
            return raw
    raise Malformed(f"{fields.path}.{name}: expected base64 in its standard spelling")


def sign_envelope(payload_type: str, payload: bytes, signers: Iterable[Signer]) -> Envelope:
    """Sign `payload` with every signer; the key ids are written as hints."""
    message = pae(payload_type, payload)
    signatures = (Signature(signer.sign(message), signer.public.id) for signer in signers)
    return Envelope(payload, payload_type, tuple(signatures))


def verify_envelope(envelope: Envelope, ring: KeyRing, at: datetime, payload_type: str) -> Verified:
    """The payload and every key of `ring`, counting at `at`, that signed it as `payload_type`.

    Raises VerificationError where the type is another or no such key signed.
    """
    if envelope.payload_type != payload_type:
        raise VerificationError(f"envelope holds {envelope.payload_type!r}, not {payload_type!r}")
    message = pae(payload_type, envelope.payload)
    signers = tuple(
        held for held in ring.counting(at) if _signed_by(held.key, envelope.signatures, message)
    )
    if not signers:
        raise VerificationError("envelope: no signature fits a key that counts")
    return Verified(envelope.payload, signers)


def _signed_by(key: PublicKey, signatures: Iterable[Signature], message: bytes) -> bool:
    for signature in signatures:
        try:
            key.verify(signature.sig, message)
        except VerificationError:
            continue
        return True
    return False
