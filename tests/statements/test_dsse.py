import base64
import contextlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed, VerificationError
from openward.statements.dsse import (
    Envelope,
    Signature,
    pae,
    parse_envelope,
    sign_envelope,
    verify_envelope,
)
from openward.statements.keys import Ed25519Signer, HeldKey, KeyRing, parse_spki
from openward.statements.strict_json import JsonValue
from openward.vocabulary import PartyId

NOW = datetime(2026, 10, 1, tzinfo=UTC)
TYPE = "application/vnd.in-toto+json"
EVE, BOB, MALLORY = (Ed25519Signer(bytes([n]) * 32) for n in (1, 2, 3))


def held(signer: Ed25519Signer, name: str = "eve") -> HeldKey:
    return HeldKey(signer.public, PartyId(name), NOW)


RING = KeyRing((held(EVE, "eve"), held(BOB, "bob")))


def written(**changes: JsonValue) -> bytes:
    members: dict[str, JsonValue] = {
        "payload": "e30=",
        "payloadType": TYPE,
        "signatures": [{"sig": "AAAA"}],
        **changes,
    }
    return json.dumps(members).encode()


def test_pae_is_that_of_the_specification() -> None:
    # The example in protocol.md of secure-systems-lab/dsse.
    assert pae("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )
    assert pae("é", b"") == b"DSSEv1 2 \xc3\xa9 0 "


def test_the_signature_of_the_specification_verifies() -> None:
    # protocol.md of secure-systems-lab/dsse: a P-256 key by its numbers, r || s over the PAE.
    numbers = ec.EllipticCurvePublicNumbers(
        46950820868899156662930047687818585632848591499744589407958293238635476079160,
        5640078356564379163099075877009565129882514886557779369047442380624545832820,
        ec.SECP256R1(),
    )
    der = numbers.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    raw = base64.b64decode(
        "A3JqsQGtVsJ2O2xqrI5IcnXip5GToJ3F+FnZ+O88SjtR6rDAajabZKciJTfUiHqJPcIAriEGAHTVeCUjW2JIZA=="
    )
    halves = raw[:32], raw[32:]
    whole = b"".join(
        b"\x02" + bytes([33 if h[0] > 127 else 32]) + b"\0" * (h[0] > 127) + h for h in halves
    )
    sig = b"\x30" + bytes([len(whole)]) + whole
    kind = "http://example.com/HelloWorld"
    envelope = Envelope(b"hello world", kind, (Signature(sig),))
    signer = HeldKey(parse_spki(der), PartyId("spec"), NOW)
    assert verify_envelope(envelope, KeyRing((signer,)), NOW, kind).signers == (signer,)


@given(
    st.binary(max_size=200),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1),
)
def test_what_is_signed_is_read_back_and_verified(payload: bytes, kind: str) -> None:
    envelope = sign_envelope(kind, payload, [EVE, BOB])
    assert parse_envelope(envelope.text()) == envelope
    verified = verify_envelope(envelope, RING, NOW, kind)
    assert verified.payload == payload
    assert [signer.holder for signer in verified.signers] == ["eve", "bob"]


@given(st.binary(max_size=200))
def test_any_bytes_are_an_envelope_or_malformed(raw: bytes) -> None:
    with contextlib.suppress(Malformed):
        parse_envelope(raw)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
MEMBER = st.sampled_from(["payload", "payloadType", "signatures", "extra"])


@given(st.dictionaries(MEMBER, JSON))
def test_any_members_are_an_envelope_or_malformed(changes: dict[str, JsonValue]) -> None:
    with contextlib.suppress(Malformed):
        parse_envelope(written(**changes))


@given(st.dictionaries(st.sampled_from(["sig", "keyid", "extra"]), JSON))
def test_any_signature_is_read_or_malformed(signature: dict[str, JsonValue]) -> None:
    with contextlib.suppress(Malformed):
        parse_envelope(written(signatures=[signature]))


@pytest.mark.parametrize(
    "changes",
    [
        {"payload": "e30"},
        {"payload": "e30=\n"},
        {"payload": "e3 0="},
        {"payload": "e31="},
        {"payload": "_-8="},
        {"payload": "é"},
        {"payload": None},
        {"payload": {}},
        {"payloadType": ""},
        {"payloadType": 1},
        {"signatures": []},
        {"signatures": [{"sig": "AAAA"}] * 17},
        {"signatures": {}},
        {"signatures": ["AAAA"]},
        {"signatures": [{}]},
        {"signatures": [{"sig": "AAA"}]},
        {"signatures": [{"sig": 1}]},
        {"signatures": [{"sig": "AAAA", "keyid": 1}]},
    ],
)
def test_only_one_spelling_of_an_envelope(changes: dict[str, JsonValue]) -> None:
    parse_envelope(written())
    with pytest.raises(Malformed):
        parse_envelope(written(**changes))


def test_sixteen_signatures_are_read_and_an_empty_payload_and_key_id_too() -> None:
    signatures: JsonValue = [{"sig": "", "keyid": ""}] * 16
    envelope = parse_envelope(written(payload="", signatures=signatures))
    assert envelope == Envelope(b"", TYPE, (Signature(b"", ""),) * 16)


def test_a_null_key_id_is_no_key_id() -> None:
    with pytest.raises(Malformed, match="keyid"):
        parse_envelope(written(signatures=[{"sig": "", "keyid": None}]))


def test_duplicate_members_are_refused() -> None:
    with pytest.raises(Malformed, match="twice"):
        parse_envelope(b'{"payload":"e30=",' + written()[1:])


def test_the_size_is_bounded() -> None:
    with pytest.raises(Malformed, match="at most 10"):
        parse_envelope(written(), limit=10)
    large = written(payload=base64.b64encode(bytes(1 << 20)).decode())
    with pytest.raises(Malformed, match="at most"):
        parse_envelope(large)
    assert len(parse_envelope(large, limit=len(large)).payload) == 1 << 20


def test_unknown_members_are_kept() -> None:
    raw = written(extra={"a": [1]}, signatures=[{"sig": "AAAA", "cert": "x", "keyid": "k"}])
    envelope = parse_envelope(raw)
    assert envelope.unknown == {"extra": {"a": [1]}}
    assert envelope.signatures[0].unknown == {"cert": "x"}
    assert json.loads(envelope.text()) == json.loads(raw)


def test_unknown_members_never_speak_for_known_ones() -> None:
    forged = Envelope(
        b"{}",
        TYPE,
        (Signature(b"sig", "k", {"sig": "forged", "keyid": "forged"}),),
        {"payload": "forged", "payloadType": "forged", "signatures": "forged"},
    )
    read = parse_envelope(forged.text())
    assert (read.payload, read.payload_type) == (b"{}", TYPE)
    assert read.signatures == (Signature(b"sig", "k"),)


def test_another_payload_type_does_not_verify() -> None:
    envelope = sign_envelope(TYPE, b"{}", [EVE])
    with pytest.raises(VerificationError, match="not 'other'"):
        verify_envelope(envelope, RING, NOW, "other")
    swapped = replace(envelope, payload_type="other")
    with pytest.raises(VerificationError, match="no signature"):
        verify_envelope(swapped, RING, NOW, "other")


def test_another_payload_does_not_verify() -> None:
    envelope = replace(sign_envelope(TYPE, b"{}", [EVE]), payload=b"{ }")
    with pytest.raises(VerificationError, match="no signature"):
        verify_envelope(envelope, RING, NOW, TYPE)


def test_a_key_id_is_not_believed() -> None:
    mine = sign_envelope(TYPE, b"{}", [EVE]).signatures[0]
    for keyid in (BOB.public.id, "", "nonsense"):
        envelope = Envelope(b"{}", TYPE, (replace(mine, keyid=keyid),))
        assert verify_envelope(envelope, RING, NOW, TYPE).signers == (RING.held[0],)
    theirs = sign_envelope(TYPE, b"{}", [MALLORY]).signatures[0]
    with pytest.raises(VerificationError):
        verify_envelope(
            Envelope(b"{}", TYPE, (replace(theirs, keyid=EVE.public.id),)), RING, NOW, TYPE
        )


def test_a_bad_signature_neither_hides_a_good_one_nor_counts() -> None:
    bad = Signature(bytes(64), EVE.public.id)
    stranger, good = sign_envelope(TYPE, b"{}", [MALLORY, BOB]).signatures
    for order in ((bad, stranger, good), (good, stranger, bad)):
        verified = verify_envelope(Envelope(b"{}", TYPE, order), RING, NOW, TYPE)
        assert [signer.holder for signer in verified.signers] == ["bob"]


def test_a_signature_given_twice_counts_once() -> None:
    once = sign_envelope(TYPE, b"{}", [EVE])
    twice = replace(once, signatures=once.signatures * 2)
    assert verify_envelope(twice, RING, NOW, TYPE).signers == (RING.held[0],)


def test_only_keys_that_count_at_that_moment_verify() -> None:
    envelope = sign_envelope(TYPE, b"{}", [EVE])
    revoked = replace(held(EVE), revoked_at=NOW + timedelta(days=1))
    ring = KeyRing((revoked,))
    assert verify_envelope(envelope, ring, NOW, TYPE).signers == (revoked,)
    for at in (NOW - timedelta(seconds=1), NOW + timedelta(days=1)):
        with pytest.raises(VerificationError):
            verify_envelope(envelope, ring, at, TYPE)


def test_an_empty_ring_or_no_signature_proves_nothing() -> None:
    envelope = sign_envelope(TYPE, b"{}", [EVE])
    with pytest.raises(VerificationError):
        verify_envelope(envelope, KeyRing(), NOW, TYPE)
    with pytest.raises(VerificationError):
        verify_envelope(replace(envelope, signatures=()), RING, NOW, TYPE)


def test_a_p256_signature_is_taken_beside_an_ed25519_one() -> None:
    secret = ec.derive_private_key(5, ec.SECP256R1())
    der = secret.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    lab = HeldKey(parse_spki(der), PartyId("lab"), NOW)
    envelope = sign_envelope(TYPE, b"{}", [EVE])
    sig = secret.sign(pae(TYPE, b"{}"), ec.ECDSA(SHA256()))
    both = replace(envelope, signatures=(Signature(sig), *envelope.signatures))
    ring = KeyRing((*RING.held, lab))
    holders = [signer.holder for signer in verify_envelope(both, ring, NOW, TYPE).signers]
    assert holders == ["eve", "lab"]
