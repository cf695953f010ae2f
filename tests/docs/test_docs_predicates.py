"""The examples of docs/predicates are read by the parsers; their shell gives our digests."""

import base64
import hashlib
import json
import shutil
import subprocess
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openward.access.usage import PREDICATE_TYPE as PROMISE
from openward.access.usage import parse_usage_attestation
from openward.council.in_force import policy_statement
from openward.errors import Malformed
from openward.evidence.accreditation import PREDICATE_TYPE as ACCREDITATION
from openward.evidence.accreditation import parse_accreditation
from openward.evidence.capability_evaluation import PREDICATE_TYPE as EVALUATION
from openward.evidence.capability_evaluation import parse_capability_evaluation
from openward.evidence.presentation import parse_evaluation_statement
from openward.policy.document import PREDICATE_TYPE as POLICY
from openward.policy.document import parse_policy
from openward.statements.dsse import sign_envelope
from openward.statements.entry import (
    COMMITMENTS,
    KINDS,
    Opened,
    commit_to,
    parse_entry,
)
from openward.statements.intoto import PAYLOAD_TYPE
from openward.statements.keys import Ed25519Signer, HeldKey, KeyRing
from openward.statements.strict_json import JsonValue, canonical_json, parse_json
from openward.vocabulary import PartyId, Sha256, WeightFile, subject_of
from tests.docs.documents import DOCS, blocks, read, rows

PAGES: dict[str, tuple[str, Callable[[JsonValue], object]]] = {
    "capability-evaluation-v1.md": (EVALUATION, parse_capability_evaluation),
    "accreditation-v1.md": (ACCREDITATION, parse_accreditation),
    "tier-policy-v1.md": (POLICY, parse_policy),
    "usage-attestation-v1.md": (PROMISE, parse_usage_attestation),
}


def _examples(page: str) -> list[JsonValue]:
    return [parse_json(block.encode()) for block in blocks(read(page), "json")]


def _members(value: JsonValue, path: str = "") -> set[str]:
    """The names of every member, at every depth, below names that are data."""
    found: set[str] = set()
    if isinstance(value, dict):
        for name, member in value.items():
            found |= _members(member, name)
            if path != "domains":
                found.add(name)
    if isinstance(value, list):
        for member in value:
            found |= _members(member, path)
    return found


def test_there_is_a_page_for_each_predicate_and_no_other() -> None:
    assert {path.name for path in (DOCS / "predicates").glob("*.md")} == {*PAGES, "README.md"}


@pytest.mark.parametrize("page", PAGES)
def test_every_example_is_read_by_its_parser(page: str) -> None:
    predicate_type, parse = PAGES[page]
    text = read(f"predicates/{page}")
    assert text.startswith(f"# `{predicate_type}`\n")
    examples = _examples(f"predicates/{page}")
    assert examples
    for example in examples:
        assert isinstance(example, dict)
        if "_type" in example:
            statement, _ = parse_evaluation_statement(canonical_json(example))
            assert statement.predicate_type == predicate_type
            assert statement.predicate == examples[0]
        else:
            parse(example)


@pytest.mark.parametrize("page", PAGES)
def test_every_member_of_an_example_is_described(page: str) -> None:
    text = read(f"predicates/{page}")
    table = text.split("\n## ")[0]
    for name in _members(_examples(f"predicates/{page}")[0]):
        assert name in table, f"{page} does not describe {name}"


@pytest.mark.parametrize("page", PAGES)
def test_unknown_members_are_treated_as_the_page_says(page: str) -> None:
    _, parse = PAGES[page]
    example = _examples(f"predicates/{page}")[0]
    assert isinstance(example, dict)
    strict = page in ("tier-policy-v1.md", "usage-attestation-v1.md")
    if not strict:
        parse({**example, "unheard-of": 1})
        return
    with pytest.raises(Malformed):
        parse({**example, "unheard-of": 1})


def _run(script: str, folder: Path) -> str:
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_shell_digests_a_set_of_weights_as_we_do(tmp_path: Path) -> None:
    (tmp_path / "weights").mkdir()
    files = []
    for name, content in (("b", b"two" * 7), ("a", b"one"), ("copy", b"one")):
        (tmp_path / "weights" / name).write_bytes(content)
        files.append(WeightFile(Sha256(hashlib.sha256(content).hexdigest()), len(content)))
    script = next(b for b in blocks(read("predicates/README.md"), "sh") if "subject()" in b)
    assert _run(script, tmp_path) == subject_of(files).digest


def test_the_shell_verifies_what_we_signed(tmp_path: Path) -> None:
    signer = Ed25519Signer(bytes(range(32)))
    envelope = sign_envelope(PAYLOAD_TYPE, b'{"a": "\xc3\xa9"}', [signer])
    (tmp_path / "run.eval.dsse.json").write_bytes(envelope.text())
    (tmp_path / "evaluator.pem").write_text(signer.public.pem(), encoding="ascii")
    script = next(b for b in blocks(read("predicates/README.md"), "sh") if "DSSEv1" in b)
    taken_apart, _, verified = script.partition("\nopenssl ")
    _run(taken_apart, tmp_path)
    signed = (tmp_path / "signed.bin").read_bytes()
    signer.public.verify((tmp_path / "sig.bin").read_bytes(), signed)
    if shutil.which("openssl"):
        assert "Success" in _run(f"openssl {verified}", tmp_path)


def test_the_shell_digests_a_policy_as_we_do(tmp_path: Path) -> None:
    policy = parse_policy(_examples("predicates/tier-policy-v1.md")[0])
    statement = json.loads(policy_statement(policy))
    statement["predicate"] = dict(reversed(statement["predicate"].items()))
    (tmp_path / "payload.json").write_text(json.dumps(statement, indent=1), encoding="utf-8")
    script = next(b for b in blocks(read("predicates/README.md"), "sh") if "predicate" in b)
    assert _run(script, tmp_path) == policy.digest
    terms = blocks(read("predicates/usage-attestation-v1.md"), "sh")[0]
    (tmp_path / "policy.json").write_bytes(
        canonical_json(_examples("predicates/tier-policy-v1.md")[0])
    )
    assert _run(terms, tmp_path) == policy.terms.sha256


def test_a_key_on_the_accreditation_page_signs_for_its_holder() -> None:
    accreditation = parse_accreditation(_examples("predicates/accreditation-v1.md")[0])
    (key,) = accreditation.keys
    held = HeldKey(key, PartyId("example-institute"), accreditation.since, accreditation.until)
    ring = KeyRing((held,))
    assert [each.holder for each in ring.counting(datetime(2027, 1, 1, tzinfo=UTC))] == [
        accreditation.evaluator
    ]


# --- the record -------------------------------------------------------------------------------


def test_every_entry_shown_is_one() -> None:
    kinds = [parse_entry(canonical_json(each)).kind for each in _examples("record.md")]
    assert kinds == ["decision", "commitment", "opening"]


def test_every_kind_of_entry_and_commitment_is_described() -> None:
    described = [row[0] for row in rows(read("record.md"), "type", "body", "written when")]
    assert described == [f"`openward/{kind}/v1`" for kind in KINDS]
    assert all(f"`{what}`" in read("record.md") for what in COMMITMENTS)


def test_the_shell_checks_an_opening_as_we_do(tmp_path: Path) -> None:
    opened = parse_entry(canonical_json(_examples("record.md")[2])).body
    assert isinstance(opened, Opened)
    body: JsonValue = {"entry": opened.entry, "salt": opened.salt, "hidden": opened.hidden}
    (tmp_path / "opening.json").write_bytes(canonical_json(body))
    (script,) = blocks(read("record.md"), "sh")
    expected = commit_to("grant", base64.b64decode(opened.salt), opened.hidden).commitment
    assert _run(script, tmp_path) == expected
