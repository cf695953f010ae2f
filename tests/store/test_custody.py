"""Keys in files: made once, never overwritten, for their owner's eyes, and nothing but keys."""

from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from openward.errors import Malformed, Unavailable
from openward.store.custody import create_key, create_secret, open_key, open_secret

DICE = Random(5)


def kept(path: Path, content: bytes, mode: int = 0o600) -> Path:
    path.write_bytes(content)
    path.chmod(mode)
    return path


def test_a_key_that_was_made_signs_as_before_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "hub.key"
    made = create_key(path, DICE.randbytes)
    opened = open_key(path)
    assert opened.public == made.public
    assert opened.sign(b"text") == made.sign(b"text")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o077 == 0


def test_a_secret_that_was_made_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "address.key"
    create_secret(path, lambda size: bytes(range(size)))
    assert open_secret(path) == bytes(range(32))
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("make", [create_key, create_secret])
def test_nothing_is_overwritten(tmp_path: Path, make: object) -> None:
    assert callable(make)
    path = kept(tmp_path / "hub.key", b"there already")
    with pytest.raises(Unavailable, match="never overwritten"):
        make(path, DICE.randbytes)
    assert path.read_bytes() == b"there already"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601, 0o620, 0o644])
@pytest.mark.parametrize("read", [open_key, open_secret])
def test_what_others_may_touch_is_refused(tmp_path: Path, read: object, mode: int) -> None:
    assert callable(read)
    path = tmp_path / "hub.key"
    make = create_key if read is open_key else create_secret
    make(path, DICE.randbytes)
    path.chmod(mode)
    with pytest.raises(Unavailable, match="chmod 600"):
        read(path)


@pytest.mark.parametrize("read", [open_key, open_secret])
def test_a_missing_key_is_not_made(tmp_path: Path, read: object) -> None:
    assert callable(read)
    with pytest.raises(Unavailable, match="does not exist"):
        read(tmp_path / "hub.key")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "folder").mkdir(mode=0o700)
    with pytest.raises(Unavailable, match="cannot read"):
        read(tmp_path / "folder")


def pem(key: Ed25519PrivateKey, password: bytes | None = None) -> bytes:
    hidden = NoEncryption() if password is None else BestAvailableEncryption(password)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, hidden)


def test_what_is_no_key_is_malformed(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.from_private_bytes(bytes(32))
    other = generate_private_key(SECP256R1())
    for content in (
        b"",
        b"no key",
        bytes(32),
        pem(key)[:-40],
        pem(key, b"password"),
        b"x" * 20_000 + pem(key),
        other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
    ):
        with pytest.raises(Malformed):
            open_key(kept(tmp_path / "hub.key", content))


@pytest.mark.parametrize("size", [0, 31, 33, 20_000])
def test_a_secret_of_another_size_is_malformed(tmp_path: Path, size: int) -> None:
    with pytest.raises(Malformed, match="32 bytes"):
        open_secret(kept(tmp_path / "address.key", bytes(size)))
