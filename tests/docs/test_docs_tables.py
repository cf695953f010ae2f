"""What the documents say in tables and numbers is what the program does."""

import ast
from datetime import UTC, datetime
from pathlib import Path

import pytest

from openward.client.offline import decide_offline
from openward.config import HubConfig, LimitsConfig
from openward.errors import Malformed
from openward.evidence.measurement import FindingCode
from openward.evidence.statistics import clopper_pearson, round_outward
from openward.policy.case import (
    Case,
    CaseFile,
    Derivation,
    Linked,
    Parent,
    Reading,
)
from openward.policy.decision import State, decide_tier
from openward.policy.document import Policy, Thresholds, parse_policy, policy_json
from openward.policy.fact import EvidenceFact, Interval
from openward.policy.rulebook import rulebook_markdown
from openward.policy.threshold import decide_reached
from openward.statements.strict_json import parse_json
from openward.vocabulary import PartyId, RiskDomain, Sha256, Tier, WeightFile
from tests.docs.documents import ROOT, blocks, read, rows

NOW = datetime(2026, 12, 1, tzinfo=UTC)
BEGIN, END = "<!-- configuration: begin -->\n", "<!-- configuration: end -->"


def test_the_rulebook_is_the_one_the_program_decides_by() -> None:
    assert read("rulebook.md") == rulebook_markdown()


# --- configuration ----------------------------------------------------------------------------


def _described() -> dict[str, list[tuple[str, str, str]]]:
    """For each class of the configuration: name, kind and text of its fields, as declared."""
    tree = ast.parse((ROOT / "openward" / "config.py").read_text(encoding="utf-8"))
    found: dict[str, list[tuple[str, str, str]]] = {}
    for shape in tree.body:
        if not isinstance(shape, ast.ClassDef):
            continue
        fields = found.setdefault(shape.name, [])
        for line in shape.body:
            if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name):
                fields.append((line.target.id, ast.unparse(line.annotation), ""))
            elif isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant) and fields:
                name, kind, _ = fields[-1]
                fields[-1] = (name, kind, " ".join(str(line.value.value).split()))
    return found


def _configuration(shape: str, part: object, where: str) -> list[str]:
    values: list[str] = []
    tables: list[str] = []
    for name, kind, says in _described()[shape]:
        value = getattr(part, name)
        if kind in _described():
            tables += _configuration(kind, value, f"{where}{name}.")
            continue
        shown = str(value).lower() if isinstance(value, bool) else repr(value).replace("'", '"')
        meaning = says or f"{name.replace('_', ' ').capitalize()}."
        values.append(f"| `{where}{name}` | `{shown}` | {meaning} |")
    return values + tables


def test_every_key_of_the_configuration_is_documented() -> None:
    table = ["| key | default | meaning |", "|---|---|---|"]
    table += _configuration("HubConfig", HubConfig(), "")
    shown = read("operations.md").partition(BEGIN)[2].partition(END)[0]
    assert shown == "\n".join(table) + "\n"
    assert f"| `limits.file_bytes` | `{LimitsConfig().file_bytes}` |" in shown


# --- evidence ---------------------------------------------------------------------------------


def test_every_finding_is_documented_in_its_order() -> None:
    codes = [row[0].strip("`") for row in rows(read("evidence.md"), "code", "meaning")]
    against = read("evidence.md").partition("Against what the policy asks for:")[2]
    codes += [row[0].strip("`") for row in rows(against, "code", "meaning")]
    assert codes == [code.value for code in FindingCode]


def test_the_one_finding_that_does_not_block_is_marked() -> None:
    marked = [line for line in read("evidence.md").splitlines() if "**Does not block**" in line]
    assert [code.value for code in FindingCode if not code.blocks] == [
        line.split("`")[1] for line in marked
    ]


def test_the_folder_shown_is_one_that_decide_reads(tmp_path: Path) -> None:
    (described,) = blocks(read("evidence.md"), "json")
    (tmp_path / "subject.json").write_text(described, encoding="utf-8")
    decided = decide_offline(_policy(), tmp_path, NOW)
    assert decided.case.linked == Linked(69060623 + 90868376, 69060623)
    # The digest stands in the statement of the capability-evaluation page.
    assert decided.case.subject.digest in read("predicates/capability-evaluation-v1.md")


# --- policy -----------------------------------------------------------------------------------


def _policy() -> Policy:
    (example,) = blocks(read("predicates/tier-policy-v1.md"), "json")
    return parse_policy(parse_json(example.encode()))


def test_every_member_of_a_policy_is_explained() -> None:
    text = read("policy.md")
    policy = policy_json(_policy())
    evaluation = {"id", "task", "scorer", "samples", "dataset", "low", "high", "critical", "cites"}
    for name in {*policy, *evaluation, "evaluations", "catastrophic", "demonstration"}:
        assert f"`{name}`" in text, name
    for part in ("proportionality", "duties", "alternatives"):
        members = policy[part]
        assert isinstance(members, dict)
        for name in members:
            assert f"`{name}`" in text, name


def test_the_lines_act_as_the_table_says() -> None:
    shown = rows(read("policy.md"), "upper bound", "tier")
    assert len(shown) == 6
    for upper, tier in shown:
        assert decide_reached(float(upper), Thresholds(0.2, 0.5, 0.8)) == Tier(int(tier))
    assert decide_reached(1.0, Thresholds(0.2, 0.5)) is Tier.RESTRICTED


def test_the_bounds_are_those_of_the_table() -> None:
    for correct, of, upper in rows(read("policy.md"), "correct", "of", "upper bound"):
        bounds = round_outward(*clopper_pearson(int(correct), int(of), 0.05))
        assert bounds.upper == float(upper)
    # The text says that 14 items are the fewest with which a bound can lie below 0.2.
    assert clopper_pearson(0, 13, 0.05).upper > 0.2


def _fact(lower: float) -> EvidenceFact:
    return EvidenceFact(
        domain=RiskDomain.CYBER,
        evaluation="panel",
        interval=Interval(0.3, lower, 0.4),
        n=200,
        ran_at=NOW,
        valid_until=datetime(2027, 1, 1, tzinfo=UTC),
        evaluator=PartyId("example-institute"),
        statement=Sha256("1" * 64),
        log=Sha256("2" * 64),
        findings=(),
        admissible=True,
    )


def _parent(tier: Tier | None, size: int | None) -> dict[str, object]:
    return {"parents": (Parent("lab/base", Derivation.QUANTISATION, tier, size),)}


_AND: dict[str, dict[str, object]] = {
    "nothing else": {},
    "an adapter": {"adapter": True},
    "derived from a model in Tier 1": _parent(Tier.UNRESTRICTED, 10**10),
    "derived from a model in Tier 2": _parent(Tier.GATED, 10),
    "derived from an undecided model of 2000000000 bytes": _parent(None, 2_000_000_000),
    "derived from an undecided model of 400000000 bytes": _parent(None, 400_000_000),
    "derived from a model that this hub does not know": _parent(None, None),
    "declared `biological-design`": {"declared_domains": ("biological-design",)},
    "lower bound 0.199999": {"evidence": (_fact(0.199999),)},
    "lower bound 0.2": {"evidence": (_fact(0.2),)},
}


def _case(size: int, unreadable: int, given: dict[str, object]) -> Case:
    rest = dict(given)
    reading = Reading.UNREADABLE if unreadable == size else Reading.READABLE
    adapter = bool(rest.pop("adapter", False))
    files = (CaseFile(WeightFile(Sha256("3" * 64), size), reading, adapter),)
    return Case(files, Linked(size, unreadable), NOW, **rest)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "row",
    rows(read("policy.md"), "bytes, all linked releases", "of them unreadable", "and", "presumed"),
    ids=" ".join,
)
def test_the_proportionality_clause_acts_as_the_table_says(row: tuple[str, str, str, str]) -> None:
    size, unreadable, besides, presumed = row
    case = _case(int(size), int(unreadable), _AND[besides])
    decision = decide_tier(_policy(), case, NOW)
    expected = State.PRESUMED if presumed == "yes" else State.UNASSESSED
    assert decision.state is expected


def test_the_message_shown_for_a_policy_that_is_refused_is_the_programs_own() -> None:
    with pytest.raises(Malformed) as refused:
        Thresholds(0.5, 0.2)
    assert f"openward: {refused.value}\n" in read("policy.md")
