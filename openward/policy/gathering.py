"""From presented evidence to the facts of a case: each result against what the policy asks for.

A result that answers none of the policy's evaluations is no fact of the case. A result that has
ended is a fact like any other: `decide_tier` reads the clock, the case does not.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta

from openward.evidence.accreditation import Register
from openward.evidence.appraisal import Appraised, Presented, RequiredEvaluation, appraise
from openward.evidence.measurement import FindingCode
from openward.policy.document import DomainRule, Evaluation, Policy
from openward.policy.fact import EvidenceFact, Interval
from openward.vocabulary import Sha256


def appraise_facts(
    policy: Policy,
    subject: Sha256,
    namespaces: Sequence[str],
    register: Register,
    presented: Iterable[tuple[Sha256, Presented]],
    now: datetime,
) -> tuple[EvidenceFact, ...]:
    """The facts that (statement digest, evidence) pairs give about the weights of digest `subject`.

    `namespaces` are those that publish it; evidence has to be independent of all of them.
    """
    return tuple(
        fact
        for statement, each in presented
        for rule, evaluation in policy.required
        if each.claim.domain is rule.domain
        and each.claim.task == evaluation.task
        and each.claim.scorer == evaluation.scorer
        for fact in _fact(
            policy, rule, evaluation, subject, namespaces, register, statement, each, now
        )
    )


def _fact(
    policy: Policy,
    rule: DomainRule,
    evaluation: Evaluation,
    subject: Sha256,
    namespaces: Sequence[str],
    register: Register,
    statement: Sha256,
    presented: Presented,
    now: datetime,
) -> Iterator[EvidenceFact]:
    required = RequiredEvaluation(
        id=evaluation.id,
        domain=rule.domain,
        task=evaluation.task,
        scorer=evaluation.scorer,
        samples=evaluation.samples,
        dataset=evaluation.dataset,
        alpha=policy.alpha,
    )
    validity = timedelta(days=policy.evidence_validity_days)
    appraised = [
        appraise(presented, subject, namespace, register, required, validity, now)
        for namespace in namespaces or ("",)
    ]
    # Close to one publisher is close enough: the appraisal with the most findings counts.
    worst = max(appraised, key=lambda each: (not each.admissible, len(each.findings)))
    yield _as_fact(worst, statement, presented.log_sha256)


def _as_fact(appraised: Appraised, statement: Sha256, log: Sha256) -> EvidenceFact:
    codes = tuple(dict.fromkeys(finding.code.value for finding in appraised.findings))
    blocking = {finding.code for finding in appraised.findings if finding.code.blocks}
    measured = FindingCode.NO_MEASUREMENT not in blocking
    interval = Interval(appraised.estimate, appraised.lower, appraised.upper) if measured else None
    return EvidenceFact(
        domain=appraised.domain,
        evaluation=appraised.evaluation,
        interval=interval,
        n=appraised.n,
        ran_at=appraised.ran_at,
        valid_until=appraised.valid_until,
        evaluator=appraised.evaluator,
        statement=statement,
        log=log,
        findings=tuple(code for code in codes if code != FindingCode.STALE.value),
        # Whether a result is still current is the decision's question, at its own time.
        admissible=not blocking - {FindingCode.STALE},
    )
