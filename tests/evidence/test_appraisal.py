import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.evidence.accreditation import Accreditation, Register
from openward.evidence.appraisal import Appraised, Presented, RequiredEvaluation, appraise
from openward.evidence.capability_evaluation import (
    PREDICATE_TYPE,
    CapabilityEvaluation,
    Effort,
    LogReference,
    Relationship,
    parse_capability_evaluation,
)
from openward.evidence.measurement import (
    Finding,
    FindingCode,
    LogFormat,
    Measurement,
)
from openward.evidence.reading import read_log
from openward.statements.dsse import parse_envelope, sign_envelope, verify_envelope
from openward.statements.intoto import PAYLOAD_TYPE, parse_statement, statement_bytes
from openward.statements.keys import Ed25519Signer
from openward.vocabulary import PartyId, RiskDomain, Sha256, WeightFile, subject_of
from tests.evidence.built_logs import inspect_log

INSTITUTE = PartyId("institute")
SIGNER, STRANGER = (Ed25519Signer(bytes([n]) * 32) for n in (1, 2))
SUBJECT = subject_of([WeightFile(Sha256("ab" * 32), 10)])
OTHER_SUBJECT = subject_of([WeightFile(Sha256("cd" * 32), 10)])
RAN = datetime(2026, 10, 1, tzinfo=UTC)
SINCE, UNTIL = RAN - timedelta(days=30), RAN + timedelta(days=30)
NOW = RAN + timedelta(days=10)
VALIDITY = timedelta(days=180)
SECOND = timedelta(seconds=1)
RAW = inspect_log([["C"], ["I"], ["C"], ["I"]], 0.5).json()
LOG = read_log("log", BytesIO(RAW), len(RAW))
LOG_SHA256 = Sha256("11" * 32)

CLAIM = CapabilityEvaluation(
    evaluator=INSTITUTE,
    domain=RiskDomain.CYBER,
    log=LogReference(LOG_SHA256, len(RAW), LogFormat.INSPECT_JSON),
    task="demo",
    scorer="match",
    effort=Effort.PROMPTED,
    elicitation="five examples",
    relationship=Relationship.INDEPENDENT,
    ran_at=RAN,
    harness="inspect_ai",
    harness_version="0.3.285",
)
PRESENTED = Presented(CLAIM, (SUBJECT.digest,), frozenset({SIGNER.public.id}), LOG, LOG_SHA256)
ACCREDITED = Accreditation(INSTITUTE, (SIGNER.public,), (RiskDomain.CYBER,), SINCE, UNTIL)
REGISTER = Register().admit(ACCREDITED)
REQUIRED = RequiredEvaluation("cyber-demo", RiskDomain.CYBER, "demo", "match", 4)


def appraised(
    presented: Presented = PRESENTED,
    register: Register = REGISTER,
    required: RequiredEvaluation = REQUIRED,
    now: datetime = NOW,
    namespace: str = "some-lab",
    validity: timedelta = VALIDITY,
) -> Appraised:
    return appraise(presented, SUBJECT.digest, namespace, register, required, validity, now)


def codes(**change: Any) -> list[str]:
    found = appraised(**change)
    assert found.admissible == (not any(f.code.blocks for f in found.findings))
    return [finding.code.value for finding in found.findings]


def claiming(**change: Any) -> Presented:
    return replace(PRESENTED, claim=replace(CLAIM, **change))


def logging(**change: Any) -> Presented:
    return replace(PRESENTED, log=replace(LOG, **change))


def test_evidence_that_fits_is_admissible() -> None:
    found = appraised()
    (measured,) = LOG.measurements
    assert found == Appraised(
        domain=RiskDomain.CYBER,
        evaluation="cyber-demo",
        estimate=0.5,
        lower=measured.lower,
        upper=measured.upper,
        n=4,
        ran_at=RAN,
        valid_until=RAN + VALIDITY,
        evaluator=INSTITUTE,
    )
    assert found.admissible


def test_from_the_signature_to_the_appraisal() -> None:
    payload = statement_bytes([("weights", SUBJECT.digest)], PREDICATE_TYPE, CLAIM.predicate())
    sent = sign_envelope(PAYLOAD_TYPE, payload, [SIGNER, STRANGER]).text()
    verified = verify_envelope(parse_envelope(sent), REGISTER.key_ring(), NOW, PAYLOAD_TYPE)
    statement = parse_statement(verified.payload)
    presented = Presented(
        claim=parse_capability_evaluation(statement.predicate),
        about=tuple(subject.sha256 for subject in statement.subjects),
        signers=frozenset(held.key.id for held in verified.signers),
        log=LOG,
        log_sha256=LOG_SHA256,
    )
    assert presented == PRESENTED


@pytest.mark.parametrize(
    "about",
    [(), (OTHER_SUBJECT.digest,), (SUBJECT.digest, OTHER_SUBJECT.digest)],
)
def test_a_statement_about_other_weights_opens_nothing(about: tuple[Sha256, ...]) -> None:
    assert codes(presented=replace(PRESENTED, about=about)) == ["other-weights"]


def test_weights_named_twice_are_still_these_weights() -> None:
    assert codes(presented=replace(PRESENTED, about=(SUBJECT.digest,) * 2)) == []


@pytest.mark.parametrize(
    "change",
    [
        {"log_sha256": Sha256("22" * 32)},
        {"samples_sha256": Sha256("22" * 32)},
        {"log": replace(LOG, format=LogFormat.LM_EVAL)},
    ],
)
def test_another_log_than_the_statement_names_opens_nothing(change: dict[str, Any]) -> None:
    assert codes(presented=replace(PRESENTED, **change)) == ["wrong-log"]


def test_the_samples_a_statement_names_must_come_with_it() -> None:
    samples = Sha256("22" * 32)
    named = claiming(log=replace(CLAIM.log, samples=samples))
    assert codes(presented=named) == ["wrong-log"]
    assert codes(presented=replace(named, samples_sha256=samples)) == []


def test_a_statement_on_another_domain_opens_nothing() -> None:
    assert codes(presented=claiming(domain=RiskDomain.NUCLEAR)) == ["wrong-domain"]


@pytest.mark.parametrize(
    "presented",
    [claiming(task="other"), claiming(scorer="other"), logging(task="other")],
)
def test_another_task_or_scorer_opens_nothing(presented: Presented) -> None:
    assert codes(presented=presented) == ["wrong-task"]


def test_another_task_required_opens_nothing() -> None:
    assert codes(required=replace(REQUIRED, task="other")) == ["wrong-task"]
    assert codes(required=replace(REQUIRED, scorer="other")) == ["wrong-task", "no-measurement"]


def test_the_items_must_be_those_the_policy_names() -> None:
    assert codes(required=replace(REQUIRED, dataset=LOG.dataset)) == []
    other = replace(REQUIRED, dataset=Sha256("22" * 32))
    assert codes(required=other) == ["wrong-dataset"]
    assert codes(presented=logging(dataset=None), required=other) == ["wrong-dataset"]
    assert codes(presented=logging(dataset=None)) == []


@pytest.mark.parametrize(
    ("presented", "register", "expected"),
    [
        (PRESENTED, Register(), ["not-accredited"]),
        (replace(PRESENTED, signers=frozenset()), REGISTER, ["not-accredited"]),
        (
            replace(PRESENTED, signers=frozenset({STRANGER.public.id})),
            REGISTER,
            ["not-accredited"],
        ),
        (claiming(evaluator=PartyId("other")), REGISTER, ["not-accredited"]),
        (
            PRESENTED,
            Register((replace(ACCREDITED, domains=(RiskDomain.NUCLEAR,)),)),
            ["not-accredited"],
        ),
        (
            replace(PRESENTED, signers=frozenset({STRANGER.public.id, SIGNER.public.id})),
            REGISTER,
            [],
        ),
    ],
)
def test_only_a_key_accredited_for_the_domain_counts(
    presented: Presented, register: Register, expected: list[str]
) -> None:
    assert codes(presented=presented, register=register) == expected


def test_a_signature_by_one_accredited_evaluator_does_not_speak_for_another() -> None:
    other = replace(ACCREDITED, evaluator=PartyId("other"), keys=(STRANGER.public,))
    both = REGISTER.admit(other)
    signed = replace(PRESENTED, signers=frozenset({STRANGER.public.id}))
    assert codes(presented=signed, register=both) == ["not-accredited"]


@pytest.mark.parametrize(
    ("since", "until", "expected"),
    [
        (RAN, RAN + SECOND, []),
        (RAN + SECOND, UNTIL, ["out-of-accreditation-period"]),
        (SINCE, RAN, ["out-of-accreditation-period"]),
    ],
)
def test_the_accreditation_must_hold_when_the_run_began(
    since: datetime, until: datetime, expected: list[str]
) -> None:
    register = Register((replace(ACCREDITED, since=since, until=until),))
    assert codes(register=register) == expected


def test_of_two_periods_one_must_cover_both_times() -> None:
    first = replace(ACCREDITED, until=RAN - SECOND)
    second = replace(ACCREDITED, since=RAN)
    earlier = logging(created=RAN - 2 * SECOND)
    assert codes(presented=earlier, register=Register((first, second))) == [
        "out-of-accreditation-period"
    ]
    assert codes(register=Register((first, second))) == []


@pytest.mark.parametrize("relationship", [Relationship.DEVELOPER, Relationship.AFFILIATED])
def test_who_says_not_to_be_independent_is_not(relationship: Relationship) -> None:
    assert codes(presented=claiming(relationship=relationship)) == ["self-assessed"]


def test_who_says_to_be_independent_may_be_known_better() -> None:
    register = Register((replace(ACCREDITED, affiliated_with=("some-lab",)),))
    assert codes(register=register) == ["self-assessed"]
    assert codes(register=register, namespace="another-lab") == []
    assert codes(namespace="institute") == ["self-assessed"]


def test_one_item_fewer_than_required_is_too_few() -> None:
    assert codes(required=replace(REQUIRED, samples=4)) == []
    assert codes(required=replace(REQUIRED, samples=5)) == ["too-few-samples"]


def test_without_a_measurement_the_interval_is_everything() -> None:
    found = appraised(presented=logging(measurements=()))
    assert [f.code.value for f in found.findings] == ["no-measurement"]
    assert (found.estimate, found.lower, found.upper, found.n) == (1, 0, 1, 0)
    assert not found.admissible


def test_bounds_at_a_laxer_level_than_required_measure_nothing() -> None:
    assert codes(required=replace(REQUIRED, alpha=0.01)) == ["no-measurement"]
    assert codes(required=replace(REQUIRED, alpha=0.1)) == []


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (RAN - SECOND, ["future"]),
        (RAN, []),
        (RAN + VALIDITY - SECOND, []),
        (RAN + VALIDITY, ["stale"]),
    ],
)
def test_evidence_counts_from_its_run_until_its_validity_ends(
    now: datetime, expected: list[str]
) -> None:
    assert codes(now=now) == expected


@pytest.mark.parametrize("apart", [-timedelta(days=5), timedelta(days=5)])
def test_the_earlier_time_makes_it_stale_and_the_later_makes_it_future(
    apart: timedelta,
) -> None:
    for presented in (logging(created=RAN + apart), claiming(ran_at=RAN + apart)):
        first, last = sorted((RAN, RAN + apart))
        assert appraised(presented).ran_at == first
        assert codes(presented=presented, now=first + VALIDITY - SECOND) == []
        assert codes(presented=presented, now=first + VALIDITY) == ["stale"]
        assert codes(presented=presented, now=last) == []
        assert codes(presented=presented, now=last - SECOND) == ["future"]


def test_a_log_that_does_not_say_when_is_as_old_as_stated() -> None:
    assert appraised(logging(created=None)) == appraised()


def test_a_validity_without_end_ends_with_the_calendar() -> None:
    found = appraised(validity=timedelta.max)
    assert found.valid_until == datetime.max.replace(tzinfo=UTC)
    assert found.admissible


def test_what_was_found_in_the_log_stays_with_the_evidence() -> None:
    blocking = Finding(FindingCode.LIMITED, "limit 10 of 100")
    harmless = Finding(FindingCode.LIMIT_REACHED, "a token limit")
    found = appraised(logging(findings=(blocking, harmless)))
    assert found.findings == (blocking, harmless)
    assert not found.admissible
    assert appraised(logging(findings=(harmless,))).admissible


def test_all_that_is_wrong_is_said_at_once() -> None:
    everything = replace(
        claiming(domain=RiskDomain.NUCLEAR, task="other", relationship=Relationship.DEVELOPER),
        about=(),
        signers=frozenset(),
        log_sha256=Sha256("22" * 32),
    )
    required = replace(REQUIRED, samples=5, dataset=Sha256("22" * 32))
    assert codes(presented=everything, required=required, now=RAN + VALIDITY) == [
        "other-weights",
        "wrong-log",
        "wrong-domain",
        "wrong-task",
        "wrong-dataset",
        "not-accredited",
        "self-assessed",
        "too-few-samples",
        "stale",
    ]


def test_every_finding_but_one_blocks() -> None:
    assert [code for code in FindingCode if not code.blocks] == [FindingCode.LIMIT_REACHED]


@pytest.mark.parametrize("kind", [Measurement, Appraised])
@pytest.mark.parametrize(
    ("estimate", "lower", "upper"),
    [
        (math.nan, 0, 1),
        (0.5, math.nan, 1),
        (0.5, 0, math.nan),
        (0.5, -math.inf, 1),
        (0.5, 0, math.inf),
        (0.5, 0.6, 1),
        (0.5, 0, 0.4),
        (0.5, -0.1, 1),
        (0.5, 0, 1.1),
    ],
)
def test_what_is_no_interval_is_refused(
    kind: type, estimate: float, lower: float, upper: float
) -> None:
    def built(estimate: float, lower: float, upper: float) -> object:
        if kind is Measurement:
            return Measurement("match", estimate, lower, upper, 4, 1)
        return replace(appraised(), estimate=estimate, lower=lower, upper=upper)

    for whole in ((0.5, 0, 1), (0, 0, 0), (1, 1, 1)):
        assert built(*whole)
    with pytest.raises(ValueError, match="not an interval"):
        built(estimate, lower, upper)


moments = st.datetimes(timezones=st.just(UTC))
digests = st.sampled_from([SUBJECT.digest, OTHER_SUBJECT.digest, LOG_SHA256])
measurements = st.lists(
    st.builds(
        lambda scorer, ends, n, alpha: Measurement(scorer, ends[1], ends[0], ends[2], n, 1, alpha),
        st.sampled_from(["match", "other"]),
        st.lists(st.floats(0, 1), min_size=3, max_size=3).map(sorted),
        st.integers(1, 10),
        st.sampled_from([0.01, 0.05, 0.1]),
    ),
    max_size=2,
).map(tuple)
logs = st.builds(
    replace,
    st.just(LOG),
    task=st.sampled_from(["demo", "other"]),
    dataset=st.none() | digests,
    created=st.none() | st.just(RAN) | moments,
    measurements=measurements,
    findings=st.lists(
        st.builds(Finding, st.sampled_from(FindingCode), st.just("found")), max_size=2
    ).map(tuple),
)
presentations = st.builds(
    Presented,
    claim=st.builds(
        replace,
        st.just(CLAIM),
        domain=st.sampled_from([RiskDomain.CYBER, RiskDomain.NUCLEAR]),
        task=st.sampled_from(["demo", "other"]),
        relationship=st.sampled_from(Relationship),
        ran_at=st.just(RAN) | moments,
    ),
    about=st.just((SUBJECT.digest,)) | st.lists(digests, max_size=2).map(tuple),
    signers=st.frozensets(st.sampled_from([SIGNER.public.id, STRANGER.public.id])),
    log=logs,
    log_sha256=digests,
    samples_sha256=st.none() | digests,
)


@given(presentations, moments, st.timedeltas(min_value=SECOND), st.booleans())
def test_appraisal_is_total_and_nothing_unfit_is_admissible(
    presented: Presented, now: datetime, validity: timedelta, known: bool
) -> None:
    register = REGISTER if known else Register()
    found = appraised(presented, register, now=now, validity=validity)
    measured = presented.log.measurement("match")
    if found.admissible:
        assert known and SIGNER.public.id in presented.signers
        assert presented.about == (SUBJECT.digest,) or set(presented.about) == {SUBJECT.digest}
        assert presented.log_sha256 == CLAIM.log.sha256
        assert found.ran_at <= now < found.valid_until
        assert measured is not None
        assert (found.lower, found.upper) == (measured.lower, measured.upper)
        assert SINCE <= found.ran_at < UNTIL
    assert set(presented.log.findings) <= set(found.findings)


@given(presentations, moments, moments)
def test_once_the_run_is_past_time_only_takes_admissibility_away(
    presented: Presented, a: datetime, b: datetime
) -> None:
    earlier, later = sorted((a, b))
    stated, logged = presented.claim.ran_at, presented.log.created or presented.claim.ran_at
    if max(stated, logged) <= earlier and appraised(presented, now=later).admissible:
        assert appraised(presented, now=earlier).admissible


@given(presentations)
def test_the_same_evidence_is_appraised_the_same(presented: Presented) -> None:
    assert appraised(presented) == appraised(presented)
