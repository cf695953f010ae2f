import base64
import contextlib
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256, SHA512
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed, VerificationError
from openward.statements.keys import (
    Ed25519Signer,
    HeldKey,
    KeyRing,
    PublicKey,
    parse_ed25519,
    parse_pem,
    parse_spki,
)
from openward.vocabulary import PartyId

PRIME = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
NOW = datetime(2026, 10, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
SIGNER = Ed25519Signer(bytes(range(32)))
P256 = ec.derive_private_key(20261001, ec.SECP256R1())


def spki(key: ec.EllipticCurvePublicKey | ed25519.Ed25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def p256_key() -> PublicKey:
    return parse_spki(spki(P256.public_key()))


def test_the_first_vector_of_rfc_8032_signs_and_verifies() -> None:
    seed = bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")
    signer = Ed25519Signer(seed)
    assert signer.public.ed25519_bytes().hex() == (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
    )
    signature = signer.sign(b"")
    assert signature.hex() == (
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
    )
    signer.public.verify(signature, b"")


def test_a_key_is_named_by_the_digest_of_its_spki() -> None:
    assert SIGNER.public.id == hashlib.sha256(SIGNER.public.spki).hexdigest()
    assert p256_key().id == hashlib.sha256(spki(P256.public_key())).hexdigest()


@pytest.mark.parametrize("key", [SIGNER.public, p256_key()])
def test_a_key_is_read_back_from_der_and_pem(key: PublicKey) -> None:
    assert parse_spki(key.spki) == key
    assert parse_pem(key.pem()) == key


def test_pem_is_what_others_write() -> None:
    theirs = P256.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert p256_key().pem() == theirs.decode()


@pytest.mark.parametrize(
    "respell",
    [
        lambda pem: pem[:-1],
        lambda pem: pem + "\n",
        lambda pem: " " + pem,
        lambda pem: pem.replace("\n", "\r\n"),
        lambda pem: pem.replace("PUBLIC", "EC PUBLIC"),
        lambda pem: pem.replace("M", "M\n", 1),
        lambda pem: pem.replace("M", "M!", 1),
        lambda pem: pem + pem,
        lambda pem: pem.splitlines()[1],
        lambda pem: "",
        lambda pem: pem.replace("M", "M" + " " * 500, 1),
        lambda pem: pem.replace("M", "é", 1),
    ],
)
def test_only_one_spelling_of_a_pem(respell: Callable[[str], str]) -> None:
    with pytest.raises(Malformed):
        parse_pem(respell(SIGNER.public.pem()))


@given(st.binary(max_size=300) | st.binary(max_size=60).map(lambda b: SIGNER.public.spki[:12] + b))
def test_any_bytes_are_a_key_or_malformed(der: bytes) -> None:
    with contextlib.suppress(Malformed):
        assert parse_spki(der).spki == der


@given(st.integers(0, 90), st.integers(0, 255))
def test_a_changed_byte_gives_another_key_or_none(at: int, byte: int) -> None:
    der = bytearray(p256_key().spki)
    der[at] = byte
    with contextlib.suppress(Malformed):
        assert parse_spki(bytes(der)).spki == der


@given(st.text(max_size=600))
def test_any_text_is_a_pem_or_malformed(text: str) -> None:
    with contextlib.suppress(Malformed):
        assert parse_pem(text).pem() == text


def test_other_kinds_of_key_are_refused() -> None:
    others = (
        ec.derive_private_key(7, ec.SECP384R1()).public_key(),
        ec.derive_private_key(7, ec.SECP256K1()).public_key(),
        ed448.Ed448PrivateKey.from_private_bytes(bytes(57)).public_key(),
    )
    for other in others:
        der = other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        with pytest.raises(Malformed, match="neither"):
            parse_spki(der)
    wide = rsa.RSAPublicNumbers(65537, (1 << 1023) + 1).public_key()
    with pytest.raises(Malformed, match="neither"):
        parse_spki(wide.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def test_a_long_key_is_not_looked_at() -> None:
    for size, complaint in ((256, "not a SubjectPublicKeyInfo"), (257, "at most 256")):
        with pytest.raises(Malformed, match=complaint):
            parse_spki(SIGNER.public.spki.ljust(size, b"\0"))
    for size, complaint in ((512, "not PEM"), (513, "at most 512")):
        with pytest.raises(Malformed, match=complaint):
            parse_pem(SIGNER.public.pem().ljust(size, "\n"))


def test_a_compressed_point_is_another_spelling() -> None:
    point = P256.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
    head = bytes.fromhex("3039301306072a8648ce3d020106082a8648ce3d030107032200")
    with pytest.raises(Malformed, match="canonical"):
        parse_spki(head + point)


def test_a_point_off_the_curve_is_refused() -> None:
    der = bytearray(p256_key().spki)
    der[-1] ^= 1
    with pytest.raises(Malformed):
        parse_spki(bytes(der))


def torsion() -> list[tuple[int, int]]:
    """The points of order 1, 2, 4 and 8, from the curve equation: the multiples of one of 8."""
    d = -121665 * pow(121666, -1, PRIME) % PRIME

    def add(p: tuple[int, int], q: tuple[int, int]) -> tuple[int, int]:
        mixed = d * p[0] * q[0] * p[1] * q[1] % PRIME
        x = (p[0] * q[1] + q[0] * p[1]) * pow(1 + mixed, -1, PRIME) % PRIME
        y = (p[1] * q[1] + p[0] * q[0]) * pow(1 - mixed, -1, PRIME) % PRIME
        return x, y

    def times(n: int, p: tuple[int, int]) -> tuple[int, int]:
        total = (0, 1)
        for bit in bin(n)[2:]:
            total = add(total, total)
            total = add(total, p) if bit == "1" else total
        return total

    def points() -> list[tuple[int, int]]:
        root_of_minus_one = pow(2, (PRIME - 1) // 4, PRIME)
        found = []
        for y in range(2, 60):
            square = (y * y - 1) * pow(d * y * y + 1, -1, PRIME) % PRIME
            x = pow(square, (PRIME + 3) // 8, PRIME)
            for candidate in (x, x * root_of_minus_one % PRIME):
                if candidate * candidate % PRIME == square:
                    found.append((candidate, y))
        return found

    small = (times(ORDER, point) for point in points())
    generator = next(p for p in small if times(4, p) != (0, 1))
    return [times(n, generator) for n in range(8)]


def encoded(x: int, y: int) -> bytes:
    return (y | (x & 1) << 255).to_bytes(32, "little")


def small_order_encodings() -> set[bytes]:
    """Every encoding of a small-order point: either sign bit, y in canonical form or not."""
    spelt = set()
    for _, y in torsion():
        for alias in (y, y + PRIME):
            if alias < 2**255:
                spelt |= {encoded(sign, alias) for sign in (0, 1)}
    return spelt


def test_there_are_eight_points_of_small_order() -> None:
    assert len(set(torsion())) == 8
    assert len(small_order_encodings()) == 14  # the list of 14 in the literature


@pytest.mark.parametrize("raw", sorted(small_order_encodings()))
def test_keys_of_small_order_are_refused(raw: bytes) -> None:
    with pytest.raises(Malformed, match="small order"):
        parse_ed25519(raw)
    with pytest.raises(Malformed, match="small order"):
        parse_spki(SIGNER.public.spki[:12] + raw)


@pytest.mark.parametrize("y", [PRIME + 3, PRIME + 18, PRIME + 4])
def test_coordinates_beyond_the_prime_are_refused(y: int) -> None:
    for sign in (0, 1):
        with pytest.raises(Malformed, match="canonical"):
            parse_ed25519(encoded(sign, y))


@pytest.mark.parametrize("size", [0, 31, 33])
def test_an_ed25519_key_takes_32_bytes(size: int) -> None:
    with pytest.raises(Malformed, match="32 bytes"):
        parse_ed25519(bytes([3]) * size)


def test_a_seed_takes_32_bytes() -> None:
    with pytest.raises(ValueError, match="32"):
        Ed25519Signer(bytes(31))


def test_a_signature_whose_point_is_of_small_order_is_refused() -> None:
    # R = the identity and S = k * secret fit the equation; no honest signer makes one.
    seed = bytes(range(32))
    digest = hashlib.sha512(seed).digest()
    secret = int.from_bytes(digest[:32], "little") & ~7 & (2**254 - 1) | 2**254
    point = encoded(0, 1)
    challenge = hashlib.sha512(point + SIGNER.public.ed25519_bytes() + b"m").digest()
    scalar = int.from_bytes(challenge, "little") * secret % ORDER
    signature = point + scalar.to_bytes(32, "little")
    raw = SIGNER.public.ed25519_bytes()
    ed25519.Ed25519PublicKey.from_public_bytes(raw).verify(signature, b"m")
    with pytest.raises(VerificationError):
        SIGNER.public.verify(signature, b"m")


def test_a_scalar_beyond_the_order_is_refused() -> None:
    signature = SIGNER.sign(b"m")
    scalar = int.from_bytes(signature[32:], "little") + ORDER
    with pytest.raises(VerificationError):
        SIGNER.public.verify(signature[:32] + scalar.to_bytes(32, "little"), b"m")


def test_ecdsa_is_over_sha_256_in_der() -> None:
    key = p256_key()
    good = P256.sign(b"m", ec.ECDSA(SHA256()))
    key.verify(good, b"m")
    for bad in (good[:-1], good + b"\0", b"", P256.sign(b"m", ec.ECDSA(SHA512()))):
        with pytest.raises(VerificationError):
            key.verify(bad, b"m")
    with pytest.raises(VerificationError):
        key.verify(good, b"n")


def test_a_p256_key_has_no_ed25519_bytes() -> None:
    with pytest.raises(ValueError, match="not an Ed25519 key"):
        p256_key().ed25519_bytes()


@given(st.binary(max_size=80), st.binary(max_size=20))
def test_no_other_bytes_are_a_signature(signature: bytes, message: bytes) -> None:
    for key in (SIGNER.public, p256_key()):
        with pytest.raises(VerificationError):
            key.verify(signature, message)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=100))
def test_what_is_signed_verifies_and_nothing_else_does(seed: bytes, message: bytes) -> None:
    signer = Ed25519Signer(seed)
    signer.public.verify(signer.sign(message), message)
    with pytest.raises(VerificationError):
        signer.public.verify(signer.sign(message), message + b"\0")


def held(
    not_after: datetime | None = None, revoked_at: datetime | None = None, seed: int = 1
) -> HeldKey:
    key = Ed25519Signer(bytes([seed]) * 32).public
    return HeldKey(key, PartyId("eve"), NOW, not_after, revoked_at)


LATER = NOW + timedelta(days=1)


@pytest.mark.parametrize(
    ("key", "at", "counts"),
    [
        (held(), NOW - SECOND, False),
        (held(), NOW, True),
        (held(), LATER, True),
        (held(not_after=LATER), LATER - SECOND, True),
        (held(not_after=LATER), LATER, False),
        (held(revoked_at=LATER), LATER - SECOND, True),
        (held(revoked_at=LATER), LATER, False),
        (held(not_after=LATER, revoked_at=NOW), NOW, False),
        (held(not_after=NOW, revoked_at=LATER), NOW, False),
    ],
)
def test_when_a_key_counts(key: HeldKey, at: datetime, counts: bool) -> None:
    assert key.counts(at) is counts
    assert list(KeyRing((key,)).counting(at)) == ([key] if counts else [])


def test_a_ring_names_its_keys_by_id() -> None:
    one, two = held(seed=1), held(seed=2)
    assert KeyRing((one, two)).by_id() == {one.key.id: one, two.key.id: two}


def test_a_key_is_on_the_ring_once() -> None:
    with pytest.raises(ValueError, match="twice"):
        KeyRing((held(), HeldKey(held().key, PartyId("mallory"), LATER)))


def test_a_key_shows_no_more_than_its_bytes() -> None:
    assert base64.b64encode(SIGNER.public.spki).decode() in SIGNER.public.pem()
    assert bytes(range(32)).hex() not in repr(SIGNER)
