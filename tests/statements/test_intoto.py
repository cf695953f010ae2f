import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed, VerificationError
from openward.statements.intoto import (
    Resource,
    parse_statement,
    statement_bytes,
    verify_about,
)
from openward.statements.strict_json import JsonValue
from openward.vocabulary import Sha256

A, B, C = (Sha256(letter * 64) for letter in "abc")
KIND = "https://openward.org/capability-evaluation/v1"


def written(**changes: JsonValue) -> bytes:
    members: dict[str, JsonValue] = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "weights", "digest": {"sha256": A}}],
        "predicateType": KIND,
        "predicate": {"score": 0.5},
        **changes,
    }
    return json.dumps(
        {name: value for name, value in members.items() if value != "absent"}
    ).encode()


def test_what_is_written_is_read_back() -> None:
    raw = statement_bytes([("weights", A), ("log", B)], KIND, {"score": 0.5})
    statement = parse_statement(raw)
    assert statement.subjects == (Resource("weights", A), Resource("log", B))
    assert (statement.predicate_type, statement.predicate) == (KIND, {"score": 0.5})
    assert verify_about(statement, KIND, [B, A]) == {"score": 0.5}


def test_the_bytes_are_canonical() -> None:
    assert statement_bytes([("w", A)], "t", {}) == (
        b'{"_type":"https://in-toto.io/Statement/v1","predicate":{},"predicateType":"t",'
        b'"subject":[{"digest":{"sha256":"' + A.encode() + b'"},"name":"w"}]}'
    )


def test_a_name_and_a_predicate_may_be_absent() -> None:
    statement = parse_statement(written(subject=[{"digest": {"sha256": A}}], predicate="absent"))
    assert statement.subjects == (Resource(None, A),)
    assert statement.predicate == {}


def test_unknown_members_are_kept() -> None:
    subject: JsonValue = [{"name": "w", "digest": {"sha256": A, "sha512": "x"}, "uri": "u"}]
    statement = parse_statement(written(subject=subject, extra=[1]))
    assert statement.unknown == {"extra": [1]}
    assert statement.subjects[0].unknown == {"uri": "u"}


@pytest.mark.parametrize(
    "changes",
    [
        {"_type": "https://in-toto.io/Statement/v0.1"},
        {"_type": "absent"},
        {"subject": []},
        {"subject": "absent"},
        {"subject": {}},
        {"subject": [{"name": "w"}]},
        {"subject": [{"name": "w", "digest": {}}]},
        {"subject": [{"name": "w", "digest": {"sha512": A}}]},
        {"subject": [{"name": "w", "digest": {"sha256": A.upper()}}]},
        {"subject": [{"name": "w", "digest": {"sha256": A}}, {"name": "w"}]},
        {"subject": [{"name": 1, "digest": {"sha256": A}}]},
        {"subject": [{"digest": {"sha256": A}}] * 1025},
        {"predicateType": ""},
        {"predicateType": "absent"},
        {"predicate": None},
        {"predicate": []},
    ],
)
def test_what_is_not_a_statement_is_malformed(changes: dict[str, JsonValue]) -> None:
    parse_statement(written())
    with pytest.raises(Malformed):
        parse_statement(written(**changes))


def test_a_thousand_and_twenty_four_subjects_are_read() -> None:
    statement = parse_statement(written(subject=[{"digest": {"sha256": A}}] * 1024))
    assert len(statement.subjects) == 1024


JSON = st.recursive(
    st.none() | st.booleans() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
MEMBER = st.sampled_from(["_type", "subject", "predicateType", "predicate", "extra"])


@given(st.dictionaries(MEMBER, JSON), st.dictionaries(st.sampled_from(["name", "digest"]), JSON))
def test_anything_else_is_malformed_and_nothing_worse(
    changes: dict[str, JsonValue], subject: dict[str, JsonValue]
) -> None:
    with contextlib.suppress(Malformed):
        parse_statement(written(**{"subject": [subject], **changes}))


@given(st.binary())
def test_any_bytes_are_a_statement_or_malformed(raw: bytes) -> None:
    with contextlib.suppress(Malformed):
        parse_statement(raw)


@pytest.mark.parametrize(
    ("subjects", "kind"), [([], KIND), ([("", A)], KIND), ([("w", "A")], KIND), ([("w", A)], "")]
)
def test_what_could_not_be_read_back_is_not_written(
    subjects: list[tuple[str, Sha256]], kind: str
) -> None:
    with pytest.raises(Malformed):
        statement_bytes(subjects, kind, {})


@pytest.mark.parametrize("subjects", [[], [A], [B], [C], [A, C], [A, B, C]])
def test_a_statement_is_about_exactly_its_subjects(subjects: list[Sha256]) -> None:
    statement = parse_statement(statement_bytes([("x", A), ("y", B)], KIND, {}))
    with pytest.raises(VerificationError, match="other subjects"):
        verify_about(statement, KIND, subjects)


def test_a_statement_of_another_kind_says_nothing() -> None:
    statement = parse_statement(written())
    with pytest.raises(VerificationError, match="statement says"):
        verify_about(statement, KIND + "0", [A])


@given(st.sets(st.sampled_from([A, B, C]), min_size=1), st.sets(st.sampled_from([A, B, C])))
def test_it_verifies_where_the_sets_are_equal_and_only_there(
    said: set[Sha256], asked: set[Sha256]
) -> None:
    statement = parse_statement(statement_bytes([("w", sha) for sha in said], KIND, {}))
    if said == asked:
        assert verify_about(statement, KIND, asked) == {}
    else:
        with pytest.raises(VerificationError):
            verify_about(statement, KIND, asked)
