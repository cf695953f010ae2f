"""Key custody: signing keys in files that only their owner can read.

A key leaves this module as something that signs, never as bytes. A key that must exist is never
made silently: `create_key` makes one, `open_key` refuses a missing or world-readable file.
"""

import os
import stat
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from openward.errors import Malformed, Unavailable
from openward.statements.keys import Ed25519Signer

_KEY_LIMIT = 16_384  # bytes; a PKCS#8 file of Ed25519 has about 120
SECRET_SIZE = 32


def create_key(path: Path, entropy: Callable[[int], bytes]) -> Ed25519Signer:
    """Make an Ed25519 key and keep it as PKCS#8 PEM, mode 0600. Refuses to overwrite."""
    seed = entropy(32)
    pem = Ed25519PrivateKey.from_private_bytes(seed).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    _write_secret(path, pem)
    return Ed25519Signer(seed)


def open_key(path: Path) -> Ed25519Signer:
    """The signer kept at `path`. Raises Unavailable, or Malformed when it is no Ed25519 key."""
    try:
        key = load_pem_private_key(_read_secret(path), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as e:
        raise Malformed(f"{path.name}: not an unencrypted PKCS#8 private key in PEM") from e
    if not isinstance(key, Ed25519PrivateKey):
        raise Malformed(f"{path.name}: expected an Ed25519 key")
    return Ed25519Signer(key.private_bytes_raw())


def create_secret(path: Path, entropy: Callable[[int], bytes]) -> None:
    """Make a 32-byte secret for short-lived addresses, mode 0600."""
    _write_secret(path, entropy(SECRET_SIZE))


def open_secret(path: Path) -> bytes:
    """The secret kept at `path`. Raises Unavailable, Malformed."""
    secret = _read_secret(path)
    if len(secret) != SECRET_SIZE:
        raise Malformed(f"{path.name}: expected a secret of {SECRET_SIZE} bytes")
    return secret


def _write_secret(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError as e:
        raise Unavailable(f"{path}: exists already; a key is never overwritten") from e
    with os.fdopen(descriptor, "wb") as file:
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())


def _read_secret(path: Path) -> bytes:
    try:
        mode = path.stat().st_mode
        if mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise Unavailable(f"{path}: others may read this key; run chmod 600 on it")
        with path.open("rb") as file:
            return file.read(_KEY_LIMIT)
    except FileNotFoundError as e:
        raise Unavailable(f"{path}: this key does not exist") from e
    except OSError as e:
        raise Unavailable(f"{path}: this process cannot read the key: {e.strerror}") from e
