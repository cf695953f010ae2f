import base64
import contextlib
import hashlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed, VerificationError
from openward.statements.keys import Ed25519Signer
from openward.tlog.checkpoint import (
    Checkpoint,
    parse_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
)
from openward.tlog.note import NoteSigner, sign_note

ORIGIN = "openward.example/log"
SIGNER = NoteSigner(ORIGIN, Ed25519Signer(bytes(32)))
OTHER = NoteSigner("openward.example/other", Ed25519Signer(bytes(32)))
EMPTY = hashlib.sha256(b"").digest()
ROOT = base64.b64encode(bytes(32)).decode()
LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1)
SIZE = st.integers(1, 2**63 - 1)
HASH = st.binary(min_size=32, max_size=32)


@given(LINE, SIZE, HASH, st.lists(LINE))
def test_what_is_written_is_read_back(
    origin: str, size: int, root: bytes, extensions: list[str]
) -> None:
    checkpoint = Checkpoint(origin, size, root, tuple(extensions))
    assert parse_checkpoint(checkpoint.text()) == checkpoint


@given(SIZE, HASH, st.lists(LINE))
def test_what_is_signed_is_verified(size: int, root: bytes, extensions: list[str]) -> None:
    checkpoint = Checkpoint(ORIGIN, size, root, tuple(extensions))
    assert verify_checkpoint(sign_checkpoint(checkpoint, SIGNER), SIGNER.key) == checkpoint


def test_the_example_of_the_specification_is_read() -> None:
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    checkpoint = parse_checkpoint(text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.root[:2] == b"\x0a\xc5"


@pytest.mark.parametrize(
    "size",
    [
        "1_0",
        " 5",
        "5 ",
        "+5",
        "-1",
        "\u0663",
        "\uff15",
        "007",
        "00",
        "",
        "1e3",
        "0x1",
        "5\r",
        "5\u2028",
        str(2**63),
        str(10**18 * 99),
        "9" * 5000,
    ],
)
def test_only_one_spelling_of_a_size(size: str) -> None:
    with pytest.raises(Malformed):
        parse_checkpoint(f"{ORIGIN}\n{size}\n{ROOT}\n")


def test_the_largest_size_is_read() -> None:
    assert parse_checkpoint(f"{ORIGIN}\n{2**63 - 1}\n{ROOT}\n").size == 2**63 - 1


@pytest.mark.parametrize(
    "root",
    [ROOT[:-1], ROOT.replace("=", "!"), ROOT[:-2] + "B=", "AAAA", ROOT + "AAAA", " " + ROOT, "é"],
)
def test_only_one_spelling_of_a_root(root: str) -> None:
    with pytest.raises(Malformed):
        parse_checkpoint(f"{ORIGIN}\n5\n{root}\n")


def test_an_empty_log_has_the_empty_root() -> None:
    assert parse_checkpoint(Checkpoint(ORIGIN, 0, EMPTY).text()).size == 0
    with pytest.raises(Malformed, match="empty log"):
        parse_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)).text())


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        f"{ORIGIN}\n5\n",
        f"{ORIGIN}\n5\n{ROOT}",
        f"\n5\n{ROOT}\n",
        f"{ORIGIN}\n5\n{ROOT}\n\n",
        f"{ORIGIN}\n5\n{ROOT}\n\nextension\n",
        f"{ORIGIN}\n\n5\n{ROOT}\n",
        f"{ORIGIN}\r\n5\r\n{ROOT}\r\n",
    ],
)
def test_only_one_shape(text: str) -> None:
    with pytest.raises(Malformed):
        parse_checkpoint(text)


@given(st.text() | st.lists(LINE | SIZE.map(str) | st.just(ROOT)).map("\n".join))
def test_anything_else_is_malformed_and_nothing_worse(text: str) -> None:
    with contextlib.suppress(Malformed):
        assert parse_checkpoint(text).text() == text


@given(st.binary())
def test_any_bytes_are_refused_by_name(raw: bytes) -> None:
    with pytest.raises((Malformed, VerificationError)):
        verify_checkpoint(raw, SIGNER.key)


CHECKPOINT = Checkpoint(ORIGIN, 5, bytes(32))


def test_a_signer_of_another_name_does_not_sign() -> None:
    with pytest.raises(ValueError, match="does not sign for"):
        sign_checkpoint(CHECKPOINT, OTHER)


@pytest.mark.parametrize(
    "checkpoint",
    [
        replace(CHECKPOINT, size=2**63),
        replace(CHECKPOINT, size=-1),
        replace(CHECKPOINT, size=0),
        replace(CHECKPOINT, root=bytes(31)),
        replace(CHECKPOINT, extensions=("",)),
        replace(CHECKPOINT, extensions=("a\n\nb",)),
        replace(CHECKPOINT, extensions=("a\tb",)),
    ],
)
def test_what_nobody_could_read_is_not_signed(checkpoint: Checkpoint) -> None:
    with pytest.raises(Malformed):
        sign_checkpoint(checkpoint, SIGNER)


def test_the_key_of_one_log_does_not_speak_for_another() -> None:
    raw = sign_note(CHECKPOINT.text(), [OTHER])
    with pytest.raises(VerificationError, match="signed by"):
        verify_checkpoint(raw, OTHER.key)


def test_an_unsigned_or_altered_checkpoint_does_not_verify() -> None:
    raw = sign_checkpoint(CHECKPOINT, SIGNER)
    assert verify_checkpoint(raw, SIGNER.key) == CHECKPOINT
    for other in (raw.replace(b"\n5\n", b"\n6\n"), raw.replace(ORIGIN.encode(), b"other", 1)):
        with pytest.raises(VerificationError):
            verify_checkpoint(other, SIGNER.key)
    with pytest.raises(VerificationError, match="no known key"):
        verify_checkpoint(raw, OTHER.key)


def test_a_signed_text_that_is_no_checkpoint_is_malformed() -> None:
    with pytest.raises(Malformed, match="checkpoint"):
        verify_checkpoint(sign_note("hello\n", [SIGNER]), SIGNER.key)


def test_other_signatures_beside_the_logs_are_passed_over() -> None:
    raw = sign_note(CHECKPOINT.text(), [OTHER, SIGNER])
    assert verify_checkpoint(raw, SIGNER.key) == CHECKPOINT
