import base64
import contextlib
import hashlib
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed, VerificationError
from openward.statements.keys import Ed25519Signer, parse_spki
from openward.tlog.note import (
    NOTE_LIMIT,
    Note,
    NoteKey,
    NoteSignature,
    NoteSigner,
    format_note,
    parse_note,
    parse_vkey,
    sign_note,
    verify_note,
)

VECTORS = Path(__file__).parents[1] / "vectors" / "note"
EVE, BOB = (
    NoteSigner(name, Ed25519Signer(bytes([n]) * 32)) for n, name in enumerate(("eve", "bob"))
)
TEXT = "one\n\ntwo\n"
LINE = "— eve " + base64.b64encode(b"id__signature").decode() + "\n"


def vector(name: str) -> tuple[NoteKey, bytes]:
    vkey = (VECTORS / f"{name}.vkey").read_text("utf-8").removesuffix("\n")
    return parse_vkey(vkey), (VECTORS / f"{name}.note").read_bytes()


@pytest.mark.parametrize("name", ["peter_neumann", "c2sp_example"])
def test_notes_of_others_are_read_and_verify(name: str) -> None:
    key, raw = vector(name)
    assert key.vkey() + "\n" == (VECTORS / f"{name}.vkey").read_text("utf-8")
    note = parse_note(raw)
    assert format_note(note) == raw
    verified = verify_note(note, [EVE.key, key])
    assert verified.signers == (key,)
    assert raw.startswith(verified.text.encode())


def test_the_key_of_the_go_documentation_signs_as_there() -> None:
    key, raw = vector("peter_neumann")
    # PRIVATE+KEY+PeterNeumann+c74f20a3+AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz
    seed = base64.b64decode("AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz")[1:]
    signer = NoteSigner("PeterNeumann", Ed25519Signer(seed))
    assert signer.key == key
    assert sign_note(parse_note(raw).text, [signer]) == raw


def test_a_key_id_is_the_digest_of_name_type_and_key() -> None:
    raw = EVE.signer.public.ed25519_bytes()
    assert EVE.key.id == hashlib.sha256(b"eve\n\x01" + raw).digest()[:4]
    assert EVE.key.vkey() == f"eve+{EVE.key.id.hex()}+{base64.b64encode(bytes([1]) + raw).decode()}"


NAME = st.text(st.characters(codec="utf-8", exclude_categories=["Z", "Cc"]), min_size=1).filter(
    lambda name: "+" not in name
)
BODY = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]) | st.just("\n")).map(
    lambda text: text + "\n"
)


@given(BODY, st.lists(NAME, min_size=1, max_size=16, unique=True))
def test_what_is_signed_is_read_back_and_verified(text: str, names: list[str]) -> None:
    signers = [NoteSigner(name, Ed25519Signer(bytes(32))) for name in names]
    keys = [parse_vkey(signer.key.vkey()) for signer in signers]
    verified = verify_note(parse_note(sign_note(text, signers)), keys)
    assert verified.text == text
    assert verified.signers == tuple(keys)


@given(st.binary() | st.text(st.sampled_from("a\n— +=A")).map(str.encode))
def test_any_bytes_are_a_note_or_malformed(raw: bytes) -> None:
    with contextlib.suppress(Malformed):
        assert format_note(parse_note(raw)) == raw


@given(st.text() | st.text(st.sampled_from("a0+AQ=")).map("a+00000000+AQ".__add__))
def test_any_text_is_a_vkey_or_malformed(text: str) -> None:
    with contextlib.suppress(Malformed):
        assert parse_vkey(text).vkey() == text


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"text\n",
        b"text\n\n",
        LINE,
        "\n" + LINE,
        "text" + LINE,
        "text\n" + LINE,
        "text\n\n" + LINE[:-1],
        "text\n\n" + LINE + "after",
        "text\n\n" + LINE + "after\n",
        "text\n\n" + LINE + "\n",
        "text\n\n" + LINE + "\nafter\n",
        "text\r\n\r\n" + LINE,
        "text\r\n\n" + LINE,
        "text\n\n" + LINE.replace("\n", "\r\n"),
        "te\0xt\n\n" + LINE,
        "te\txt\n\n" + LINE,
        "te\x1fxt\n\n" + LINE,
        "text\n\n" + LINE.replace("—", "-"),
        "text\n\n" + LINE.replace("— ", "—"),
        "text\n\n" + LINE.replace("— ", "—  "),
        "text\n\n" + LINE.replace("eve", ""),
        "text\n\n" + LINE.replace("eve", "e+ve"),
        "text\n\n" + LINE.replace("eve", "e\u00a0ve"),
        "text\n\n" + LINE.replace("eve", "e\u2028ve"),
        "text\n\n" + LINE.replace("eve", "e\0ve"),
        "text\n\n" + LINE.replace("eve", "e" * 257),
        "text\n\n" + LINE.replace("=", ""),
        "text\n\n" + LINE.replace("=\n", "!=\n"),
        "text\n\n" + LINE.replace("=\n", "é\n"),
        "text\n\n— eve AAAAAB==\n",
        "text\n\n— eve AAAAAA==\n".replace("AA==", "=="),
        "text\n\n— eve AAAA\n",
        "text\n\n— eve \n",
        "text\n\n— eve\n",
        "text\n\n" + LINE * 17,
        b"\xff\n\n" + LINE.encode(),
        b"\xed\xa0\x80\n\n" + LINE.encode(),
    ],
)
def test_only_one_spelling_of_a_note(raw: str | bytes) -> None:
    with pytest.raises(Malformed):
        parse_note(raw if isinstance(raw, bytes) else raw.encode())


def test_the_edges_of_what_is_a_note() -> None:
    assert parse_note(("\n\n" + LINE).encode()).text == "\n"
    assert parse_note(("\n\n\n" + LINE).encode()).text == "\n\n"
    assert len(parse_note(("text\n\n" + LINE * 16).encode()).signatures) == 16
    assert parse_note(("text\n\n" + LINE + "\n" + LINE).encode()).text == "text\n\n" + LINE
    assert parse_note(b"text\n\n\xe2\x80\x94 eve AAAAAAA=\n").signatures[0].signature == b"\0"
    assert parse_note("x\u2028\x7fy\n\n".encode() + LINE.encode()).text == "x\u2028\x7fy\n"
    longest = "e" * 256
    assert (
        parse_note(("x\n\n" + LINE.replace("eve", longest)).encode()).signatures[0].name == longest
    )


def test_the_size_is_bounded_to_the_byte() -> None:
    assert NOTE_LIMIT == 1_048_576
    rest = len(("\n\n" + LINE).encode())
    longest = parse_note(b"a" * (NOTE_LIMIT - rest) + ("\n\n" + LINE).encode())
    assert len(format_note(longest)) == NOTE_LIMIT
    with pytest.raises(Malformed, match="at most"):
        parse_note(b"a" * (NOTE_LIMIT - rest + 1) + ("\n\n" + LINE).encode())


@pytest.mark.parametrize("text", ["", "no end", "a\rb\n", "\ud800\n"])
def test_no_other_text_is_signed(text: str) -> None:
    with pytest.raises(Malformed, match="text"):
        sign_note(text, [EVE])


def test_a_note_takes_one_to_sixteen_signers() -> None:
    assert len(parse_note(sign_note(TEXT, [EVE] * 16)).signatures) == 16
    for count in (0, 17):
        with pytest.raises(Malformed, match="1 to 16"):
            sign_note(TEXT, [EVE] * count)


@pytest.mark.parametrize(
    "name", ["", "a b", "a+b", "a\u3000b", "a\nb", "a\x01b", "\ud800", "a" * 257]
)
def test_what_cannot_name_a_key(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name"):
        NoteKey(name, EVE.signer.public)


def test_a_note_key_is_an_ed25519_key() -> None:
    p256 = ec.derive_private_key(9, ec.SECP256R1()).public_key()
    der = p256.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(ValueError, match="not an Ed25519"):
        NoteKey("eve", parse_spki(der))


def vkey_of(kind: int, key: bytes, name: str = "eve") -> str:
    """A verifier key whose id is right for whatever it holds."""
    typed = bytes([kind]) + key
    hash8 = hashlib.sha256(name.encode() + b"\n" + typed).hexdigest()[:8]
    return f"{name}+{hash8}+{base64.b64encode(typed).decode()}"


def test_keys_of_other_types_and_of_small_order_are_refused() -> None:
    raw = EVE.signer.public.ed25519_bytes()
    assert parse_vkey(vkey_of(1, raw)) == EVE.key
    for vkey in (
        vkey_of(4, raw),
        vkey_of(2, raw),
        vkey_of(1, raw[:-1]),
        vkey_of(1, raw + b"\0"),
        vkey_of(1, b"\1" + bytes(31)),
        vkey_of(1, raw, "e ve"),
        vkey_of(1, raw, ""),
    ):
        with pytest.raises(Malformed):
            parse_vkey(vkey)


def test_only_one_spelling_of_a_vkey() -> None:
    vkey = EVE.key.vkey()
    name, hash8, key = vkey.split("+", 2)
    for other in (
        f"{name}+{'0' * 8}+{key}",
        f"{name}+{hash8.upper()}+{key}",
        f"bob+{hash8}+{key}",
        f"{name}+{hash8}",
        f"{name}+{hash8}+",
        f"{name}+{hash8}+{key}\n",
        f"{name}+{hash8}+{key}+",
        f"{name}+{hash8}+!{key}",
        f"{name}+{hash8}+é",
        f"{name}+{hash8[:-1]}\uff11+{key}",
        vkey + " " * 2000,
        "",
        "+",
        "++",
    ):
        with pytest.raises(Malformed):
            parse_vkey(other)


def test_signatures_of_unknown_keys_are_passed_over() -> None:
    note = parse_note(sign_note(TEXT, [EVE, BOB]))
    assert verify_note(note, [BOB.key]).signers == (BOB.key,)
    assert verify_note(note, [BOB.key, EVE.key]).signers == (EVE.key, BOB.key)
    # The same name with another id, and the same id under another name, are other keys.
    other = NoteSigner("eve", BOB.signer)
    with pytest.raises(VerificationError, match="no known key"):
        verify_note(note, [other.key])
    renamed = Note(TEXT, tuple(replace(s, name="mallory") for s in note.signatures))
    with pytest.raises(VerificationError, match="no known key"):
        verify_note(renamed, [EVE.key, BOB.key])
    with pytest.raises(VerificationError, match="no known key"):
        verify_note(note, [])


def test_a_bad_signature_of_a_known_key_spoils_the_note() -> None:
    note = parse_note(sign_note(TEXT, [EVE, BOB]))
    bad = NoteSignature("eve", EVE.key.id, bytes(64))
    for signatures in ((bad, *note.signatures), (*note.signatures, bad)):
        with pytest.raises(VerificationError, match="does not fit"):
            verify_note(Note(TEXT, signatures), [EVE.key, BOB.key])
    assert verify_note(Note(TEXT, (bad, note.signatures[1])), [BOB.key]).signers == (BOB.key,)


def test_another_text_does_not_verify() -> None:
    note = parse_note(sign_note(TEXT, [EVE]))
    for text in ("one\n\ntwo\n\n", "one\ntwo\n", "two\n"):
        with pytest.raises(VerificationError):
            verify_note(replace(note, text=text), [EVE.key])


def test_a_signature_given_twice_counts_once() -> None:
    assert verify_note(parse_note(sign_note(TEXT, [EVE, EVE])), [EVE.key]).signers == (EVE.key,)


def test_a_key_given_twice_is_one_key_and_two_keys_of_one_name_and_id_are_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    note = parse_note(sign_note(TEXT, [EVE]))
    assert verify_note(note, [EVE.key, EVE.key]).signers == (EVE.key,)
    # A collision of 32 bits is found in hours; here it is made.
    monkeypatch.setattr(NoteKey, "id", property(lambda _: b"same"))
    with pytest.raises(ValueError, match="two keys are named"):
        verify_note(note, [EVE.key, NoteKey("eve", BOB.signer.public)])
