from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from openward.access.grant import PublisherGate
from openward.access.identity import Party
from openward.access.passage import decide_access
from openward.access.refusal import Refusal, Refused, refusal_line
from openward.policy.duties import Gate
from openward.vocabulary import Reason, Rule
from tests.access.access_builders import NOW, demand

# How long a machine takes is nothing that these tests are about.
PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
words = st.text(min_size=0, max_size=40)
long_texts = st.lists(words, max_size=120).map(" ".join)
bounded = st.text(st.characters(codec="ascii", categories=["L", "N"]), min_size=1, max_size=9)
prose = st.lists(bounded, min_size=1, max_size=24).map(" ".join)
found = st.lists(long_texts, max_size=5).map(
    lambda texts: tuple(Reason(Rule("r.id", "says", ("source",)), text) for text in texts)
)


def refusal(
    says: str, evidence: tuple[Reason, ...], changes: tuple[str, ...], alternative: str, appeal: str
) -> Refusal:
    reason = Reason(Rule("access.some-rule", says, ("source",)), "found")
    return Refusal((reason,), evidence, changes, alternative, appeal)


def test_a_refusal_reads_as_one_sentence_after_another() -> None:
    answer = decide_access(demand(Gate.IDENTITY), PublisherGate.NONE, Party(), (), NOW)
    assert isinstance(answer, Refused)
    assert refusal_line(answer) == (
        "[access.identity-wanted] These weights go to verified people only."
        " Evidence: cyber/ctf: upper bound 0.31."
        " To change this: Sign in, have your identity verified and accept the terms of use."
        " Current evaluations that show less capability."
        " Instead: Use an open model. Appeal: Challenge it on the model's page."
    )


def test_without_evidence_or_change_the_line_does_not_announce_them() -> None:
    line = refusal_line(refusal("No.", (), (), "Other.", "Ask."))
    assert line == "[access.some-rule] No. Instead: Other. Appeal: Ask."


def test_alternative_and_appeal_stay_whole_up_to_300_bytes_and_are_then_cut_between_words() -> None:
    whole = "w" * 149 + " " + "v" * 150
    line = refusal_line(refusal("No.", (), (), whole, whole))
    assert line == f"[access.some-rule] No. Instead: {whole} Appeal: {whole}"
    line = refusal_line(refusal("No.", (), (), whole + "v", whole + "v"))
    cut = "w" * 149 + "..."
    assert line == f"[access.some-rule] No. Instead: {cut} Appeal: {cut}"


def test_what_is_not_printable_ascii_is_shown_as_a_question_mark() -> None:
    line = refusal_line(refusal("No\u00e9 \x1b[31m.", (), (), "a\r\nb", "\u202ec\x00"))
    assert line == "[access.some-rule] No? ?[31m. Instead: a b Appeal: ?c?"


def test_at_most_three_findings_are_named() -> None:
    four = tuple(Reason(Rule("r", "s", ("c",)), f"finding{n}") for n in range(4))
    line = refusal_line(refusal("No.", four, (), "Other.", "Ask."))
    assert "finding0; finding1; finding2." in line
    assert "finding3" not in line


@given(long_texts, found, st.lists(long_texts, max_size=4).map(tuple), long_texts, long_texts)
@example("x" * 5000, (), ("y" * 5000,), "z" * 5000, "\u0000\r\n" * 500)
@example("x", (), (), "Inst\u00e9ad \u202e", "\x7f\x1b[31m")
@PATIENT
def test_any_refusal_is_one_line_of_ascii_within_the_bound(
    says: str, evidence: tuple[Reason, ...], changes: tuple[str, ...], alternative: str, appeal: str
) -> None:
    line = refusal_line(refusal(says, evidence, changes, alternative, appeal))
    assert line.isascii()
    assert line.isprintable()
    assert len(line.encode()) <= 1_000
    assert line.startswith("[access.some-rule] ")
    assert " Instead: " in line
    assert " Appeal: " in line


@given(st.lists(bounded, max_size=300), prose, prose)
@PATIENT
def test_no_word_is_cut_and_rule_alternative_and_appeal_stay_whole(
    long: list[str], alternative: str, appeal: str
) -> None:
    line = refusal_line(refusal("No.", (), (" ".join(long),), alternative, appeal))
    assert line.startswith("[access.some-rule] No.")
    assert line.endswith(f" Instead: {alternative} Appeal: {appeal}")
    middle = line.removeprefix("[access.some-rule] No. To change this:").removesuffix(
        f" Instead: {alternative} Appeal: {appeal}"
    )
    kept = middle.removesuffix("...").split()
    assert kept == long[: len(kept)]
    if len(kept) < len(long):
        assert middle.endswith("...")
        # It is cut only where the next word and the dots have no room.
        assert len(line) + 1 + len(long[len(kept)]) > 1_000


def test_a_text_that_just_fits_is_not_cut() -> None:
    def at(length: int) -> str:
        return refusal_line(refusal("w" * length, (), (), "Other.", "Ask."))

    room = 1_000 - len("[access.some-rule]  Instead: Other. Appeal: Ask.")
    assert len(at(room)) == 1_000
    assert "w" * room in at(room)
    assert "w" not in at(room + 1)
    exact = "v" * (room - 3)
    line = refusal_line(refusal(f"{exact} wwww", (), (), "Other.", "Ask."))
    assert f" {exact}... " in line
    assert len(line) == 1_000
