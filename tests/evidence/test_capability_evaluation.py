import contextlib
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.evidence.capability_evaluation import (
    CapabilityEvaluation,
    Effort,
    LogReference,
    Relationship,
    parse_capability_evaluation,
)
from openward.evidence.measurement import LogFormat
from openward.statements.strict_json import JsonValue, canonical_json, parse_json
from openward.vocabulary import PartyId, RiskDomain, Sha256

text = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=20)
digests = st.binary(min_size=32, max_size=32).map(lambda raw: Sha256(raw.hex()))
claims = st.builds(
    CapabilityEvaluation,
    evaluator=st.from_regex(r"[a-z0-9][a-z0-9._-]{0,20}", fullmatch=True).map(PartyId),
    domain=st.sampled_from(RiskDomain),
    log=st.builds(
        LogReference,
        digests,
        st.integers(1, 2**53 - 1),
        st.sampled_from(LogFormat),
        st.none() | digests,
    ),
    task=text,
    scorer=text,
    effort=st.sampled_from(Effort),
    elicitation=text,
    relationship=st.sampled_from(Relationship),
    ran_at=st.datetimes(timezones=st.just(UTC)).map(lambda at: at.replace(microsecond=0)),
    harness=text,
    harness_version=text,
    notes=st.none() | text,
    unknown=st.dictionaries(text.map("x-".__add__), text, max_size=2),
)


def predicate() -> dict[str, Any]:
    return {
        "evaluator": "institute",
        "domain": "cyber",
        "log": {"sha256": "ab" * 32, "size": 10, "format": "lm-eval", "samples": "cd" * 32},
        "evaluation": {"task": "ctf", "scorer": "includes"},
        "elicitation": {"class": "fine-tuned", "says": "one epoch on the training split"},
        "relationship": "affiliated",
        "ran_at": "2026-10-01T00:00:00Z",
        "harness": {"name": "inspect_ai", "version": "0.3.285"},
        "notes": "none",
        "later": {"version": 2},
    }


@given(claims)
def test_what_is_stated_is_read_back(claim: CapabilityEvaluation) -> None:
    raw = canonical_json(claim.predicate())
    assert parse_capability_evaluation(parse_json(raw)) == claim


def test_every_member_is_read() -> None:
    assert parse_capability_evaluation(predicate()) == CapabilityEvaluation(
        evaluator=PartyId("institute"),
        domain=RiskDomain.CYBER,
        log=LogReference(Sha256("ab" * 32), 10, LogFormat.LM_EVAL, Sha256("cd" * 32)),
        task="ctf",
        scorer="includes",
        effort=Effort.FINE_TUNED,
        elicitation="one epoch on the training split",
        relationship=Relationship.AFFILIATED,
        ran_at=datetime(2026, 10, 1, tzinfo=UTC),
        harness="inspect_ai",
        harness_version="0.3.285",
        notes="none",
        unknown={"later": {"version": 2}},
    )
    assert parse_capability_evaluation(predicate()).predicate() == predicate()


def test_a_member_nobody_knows_cannot_stand_for_one_that_is_known() -> None:
    claim = parse_capability_evaluation(predicate())
    shadowing = CapabilityEvaluation(
        **{n: getattr(claim, n) for n in CapabilityEvaluation.__slots__ if n != "unknown"},
        unknown={"domain": "nuclear"},
    )
    assert shadowing.predicate()["domain"] == "cyber"


@pytest.mark.parametrize("name", sorted(set(predicate()) - {"notes", "later"}))
def test_every_member_but_the_notes_must_be_there(name: str) -> None:
    stated = predicate()
    del stated[name]
    with pytest.raises(Malformed, match=f"capability-evaluation.{name}: missing"):
        parse_capability_evaluation(stated)


@pytest.mark.parametrize("name", ["log", "evaluation", "elicitation", "harness"])
def test_below_the_top_unknown_members_are_refused(name: str) -> None:
    stated = predicate()
    stated[name]["more"] = 1
    with pytest.raises(Malformed, match=f'capability-evaluation.{name}: unknown member "more"'):
        parse_capability_evaluation(stated)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("evaluator",), "The Institute"),
        (("domain",), "space"),
        (("log", "size"), 0),
        (("log", "sha256"), "AB" * 32),
        (("log", "format"), "csv"),
        (("log", "samples"), None),
        (("evaluation", "task"), ""),
        (("elicitation", "class"), "thorough"),
        (("relationship",), "friend"),
        (("ran_at",), "2026-10-01"),
        (("notes",), None),
    ],
)
def test_other_values_are_refused(path: tuple[str, ...], value: object) -> None:
    stated = predicate()
    inner = stated
    for name in path[:-1]:
        inner = inner[name]
    inner[path[-1]] = value
    with pytest.raises(Malformed, match=".".join(path)):
        parse_capability_evaluation(stated)


json_values: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(json_values, st.sampled_from(sorted(predicate())))
def test_anything_else_is_malformed_and_nothing_worse(value: JsonValue, name: str) -> None:
    with contextlib.suppress(Malformed):
        parse_capability_evaluation(value)
    with contextlib.suppress(Malformed):
        parse_capability_evaluation({**predicate(), name: value})
