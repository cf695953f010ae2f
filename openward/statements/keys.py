"""Public keys as SubjectPublicKeyInfo (RFC 5280 section 4.1), named by digest.

    -----BEGIN PUBLIC KEY-----
    MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=      Ed25519 (RFC 8410)
    -----END PUBLIC KEY-----                                          or ECDSA P-256 with SHA-256

    key id = SHA-256 of the DER, in hexadecimal

A key has one spelling, hence one id: nothing can be counted twice under two names. Ed25519 is
read strictly: points of small order, under which one signature fits many messages, and
coordinates of 2^255-19 or more are refused, in keys and in signatures.
"""

import base64
import hashlib
import textwrap
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol, TypeAlias

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_der_public_key,
)

from openward.errors import Malformed, VerificationError
from openward.vocabulary import PartyId, Sha256

_Loaded: TypeAlias = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey

_SPKI_LIMIT = 256  # Ed25519 takes 44 bytes, P-256 91
_PEM_BEGIN, _PEM_END = "-----BEGIN PUBLIC KEY-----\n", "-----END PUBLIC KEY-----\n"
_PEM_LIMIT = 512
_PEM_LINE = 64  # RFC 7468 section 2
_PRIME = 2**255 - 19
_SIGN_BIT = 1 << 255
# The eight points whose order divides 8, by their y: order 1, 2, 4, and 8 (twice).
_Y_OF_ORDER_8 = 0x7A03AC9277FDC74EC6CC392CFA53202A0F67100D760B3CBA4FD84D3D706A17C7
_Y_OF_SMALL_ORDER = {1, _PRIME - 1, 0, _Y_OF_ORDER_8, _PRIME - _Y_OF_ORDER_8}


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 or P-256 key; made by the parsers of this module, equal where the bytes are."""

    spki: bytes
    _loaded: _Loaded = field(repr=False, compare=False)

    @property
    def id(self) -> Sha256:
        return Sha256(hashlib.sha256(self.spki).hexdigest())

    def pem(self) -> str:
        lines = textwrap.wrap(base64.b64encode(self.spki).decode("ascii"), _PEM_LINE)
        return _PEM_BEGIN + "".join(f"{line}\n" for line in lines) + _PEM_END

    def ed25519_bytes(self) -> bytes:
        """The 32 bytes of RFC 8032. ValueError where the key is of another kind."""
        if not isinstance(self._loaded, ed25519.Ed25519PublicKey):
            raise ValueError(f"key {self.id[:16]} is not an Ed25519 key")
        return self._loaded.public_bytes_raw()

    def verify(self, signature: bytes, message: bytes) -> None:
        """Ed25519 (64 bytes) or ECDSA (DER) over `message`. Raises VerificationError."""
        try:
            if isinstance(self._loaded, ed25519.Ed25519PublicKey):
                _refuse_unsafe_point(signature[:32])
                self._loaded.verify(signature, message)
            else:
                self._loaded.verify(signature, message, ec.ECDSA(SHA256()))
        except (InvalidSignature, Malformed) as e:
            raise VerificationError(f"signature does not fit key {self.id[:16]}") from e


def parse_spki(der: bytes) -> PublicKey:
    """Read a SubjectPublicKeyInfo in its only spelling. Raises Malformed."""
    if len(der) > _SPKI_LIMIT:
        raise Malformed(f"public key: {len(der)} bytes, at most {_SPKI_LIMIT} are read")
    try:
        loaded = load_der_public_key(der)
    except (ValueError, TypeError, UnsupportedAlgorithm) as e:
        raise Malformed("public key: not a SubjectPublicKeyInfo") from e
    if isinstance(loaded, ed25519.Ed25519PublicKey):
        _refuse_unsafe_point(loaded.public_bytes_raw())
    elif not isinstance(loaded, ec.EllipticCurvePublicKey) or not isinstance(
        loaded.curve, ec.SECP256R1
    ):
        raise Malformed("public key: neither Ed25519 nor P-256")
    return _spelt(der, loaded)


def parse_pem(text: str) -> PublicKey:
    """Read what `PublicKey.pem` writes, and nothing else. Raises Malformed."""
    if len(text) > _PEM_LIMIT:
        raise Malformed(f"public key: {len(text)} characters, at most {_PEM_LIMIT} are read")
    try:
        body = text.removeprefix(_PEM_BEGIN).removesuffix(_PEM_END)
        key = parse_spki(base64.b64decode(body))
    except ValueError as e:  # of which binascii.Error is one
        raise Malformed("public key: not PEM") from e
    if key.pem() != text:
        raise Malformed("public key: not PEM as RFC 7468 writes it, with lines of 64")
    return key


def parse_ed25519(raw: bytes) -> PublicKey:
    """Read the 32 bytes of an Ed25519 key (RFC 8032 section 5.1.5). Raises Malformed."""
    _refuse_unsafe_point(raw)
    loaded = ed25519.Ed25519PublicKey.from_public_bytes(raw)
    return PublicKey(_der(loaded), loaded)


def _spelt(der: bytes, loaded: _Loaded) -> PublicKey:
    if _der(loaded) != der:  # a compressed point, long-form lengths, spelt-out curve parameters
        raise Malformed("public key: not in its canonical encoding")
    return PublicKey(der, loaded)


def _der(loaded: _Loaded) -> bytes:
    return loaded.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _refuse_unsafe_point(raw: bytes) -> None:
    """Raises Malformed for an encoding that is not canonical or a point of small order."""
    if len(raw) != 32:
        raise Malformed(f"Ed25519: expected 32 bytes, got {len(raw)}")
    y = int.from_bytes(raw, "little") & ~_SIGN_BIT
    if y >= _PRIME or y in _Y_OF_SMALL_ORDER:
        raise Malformed("Ed25519: a point of small order or not in canonical encoding")


class Signer(Protocol):
    """Something that signs and does not show its secret.

    `sign` returns a signature that `public.verify` accepts for exactly that message.
    """

    @property
    def public(self) -> PublicKey: ...

    def sign(self, message: bytes) -> bytes: ...


class Ed25519Signer:
    """Signs with a seed held in memory."""

    __slots__ = ("_secret", "public")

    def __init__(self, seed: bytes) -> None:
        """`seed` is 32 random bytes (RFC 8032 section 5.1.5). ValueError otherwise."""
        self._secret = ed25519.Ed25519PrivateKey.from_private_bytes(seed)
        self.public = parse_ed25519(self._secret.public_key().public_bytes_raw())

    def sign(self, message: bytes) -> bytes:
        return self._secret.sign(message)


@dataclass(frozen=True, slots=True)
class HeldKey:
    """A key, whose it is, and when what it signs counts: from `not_before`, before the rest."""

    key: PublicKey
    holder: PartyId
    not_before: datetime
    not_after: datetime | None = None
    revoked_at: datetime | None = None

    def counts(self, at: datetime) -> bool:
        ends = (end for end in (self.not_after, self.revoked_at) if end is not None)
        return self.not_before <= at and all(at < end for end in ends)


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys by id. One key has one holder: ValueError where a key is given twice."""

    held: tuple[HeldKey, ...] = ()

    def __post_init__(self) -> None:
        if len(self.by_id()) != len(self.held):
            raise ValueError("a key is on the ring twice")

    def by_id(self) -> Mapping[Sha256, HeldKey]:
        return {held.key.id: held for held in self.held}

    def counting(self, at: datetime) -> Iterator[HeldKey]:
        """The keys whose signatures count at `at`, in the order of the ring."""
        return (held for held in self.held if held.counts(at))
