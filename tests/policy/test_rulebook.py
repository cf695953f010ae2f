import base64
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from itertools import product

from openward.access.grant import (
    Approval,
    PublisherGate,
    decide_evaluation_grant,
    decide_grant,
)
from openward.access.identity import Applicant, Party, Possession
from openward.access.lease import Lease, LeaseKind
from openward.access.passage import Allowed, decide_access
from openward.access.refusal import Denied
from openward.access.usage import UsageAttestation
from openward.council.in_force import accreditation_statement, appraise_adoptions, policy_statement
from openward.evidence.accreditation import Accreditation
from openward.policy import rulebook
from openward.policy.case import Case, CaseFile, Derivation, Linked, Overlap, Parent, Reading
from openward.policy.decision import decide_tier
from openward.policy.document import Treatment
from openward.policy.duties import Gate, decide_demand
from openward.policy.rulebook import RULES, rulebook_markdown
from openward.statements.dsse import sign_envelope
from openward.statements.entry import Accredited, Body, Entry, Genesis, PolicyAdopted
from openward.statements.intoto import PAYLOAD_TYPE
from openward.statements.keys import Ed25519Signer
from openward.statements.strict_json import parse_json
from openward.vocabulary import PartyId, Reason, RiskDomain, Rule, Tier, WeightFile
from tests.policy.policy_builders import (
    DEMONSTRATION,
    FROM,
    LARGE,
    NOW,
    SMALL,
    UNTIL,
    all_at,
    case_of,
    fact,
    sha,
)

ELSEWHERE = {
    # Given where a hub has not decided yet, before there is anything to decide on.
    rulebook.UNDECIDED,
}
PARENT = Parent("lab/base", Derivation.FINETUNE, Tier.GATED, 1)


def cases() -> Iterator[Case]:
    yield case_of()
    for upper in (0.1, 0.6, 0.8, 0.9):
        yield case_of(LARGE, evidence=all_at(upper))
    yield replace(case_of(LARGE, evidence=all_at(0.1)), parents=(PARENT,))
    bad = replace(fact(RiskDomain.CYBER, 0.1), admissible=False)
    yield case_of(LARGE, evidence=(bad,))
    yield case_of(LARGE, evidence=all_at(0.8)[1:])
    yield case_of(SMALL)
    yield replace(case_of(SMALL), namespace_recent_presumed=99, open_challenges=1)
    yield case_of(SMALL, evidence=(fact(RiskDomain.CYBER, 0.6, lower=0.6),))
    yield case_of(SMALL, evidence=all_at(0.6))
    yield replace(case_of(SMALL), linked=Linked(1 << 40, 1 << 40))
    yield case_of(CaseFile(WeightFile(sha(3), 1), Reading.READABLE, True))
    yield replace(
        case_of(SMALL),
        parents=(PARENT,),
        overlaps=(Overlap(sha(4), 1, Tier.GATED),),
        declared_domains=("biological-design",),
    )


def decided() -> Iterator[Reason]:
    times = (NOW, FROM - timedelta(days=1), UNTIL, NOW + timedelta(days=100))
    for case, now, treatment in product(cases(), times, Treatment):
        decision = decide_tier(replace(DEMONSTRATION, when_unassessed=treatment), case, now)
        yield from (*decision.reasons, *decision.review, *(m.why for m in decision.missing))


def answered() -> Iterator[Reason]:
    demand = decide_demand(DEMONSTRATION, sha(1), decide_tier(DEMONSTRATION, case_of(SMALL), NOW))
    applicants = (
        Applicant("ada", sha(2)),
        Applicant("ada", sha(2), verified_at=NOW, evaluator=PartyId("lab")),
    )
    until = NOW + timedelta(days=1)
    leases = [Lease(kind, "ada", sha(1), demand.terms, NOW, until) for kind in LeaseKind]
    promise = UsageAttestation(sha(2), sha(1), "lab/model", demand.terms, "Study.", NOW, until)
    late = replace(promise, accepted_at=until, expires_at=until + timedelta(days=1))
    for gate, publisher in product(Gate, PublisherGate):
        asked = replace(demand, gate=gate)
        for who, possession, held in product(
            (None, *applicants), Possession, (leases, leases[:1], [])
        ):
            answer = decide_access(asked, publisher, Party(who, possession), held, NOW)
            yield from (answer.basis,) if isinstance(answer, Allowed) else answer.reasons
        for who, given, approval in product(applicants, (None, promise, late), Approval):
            grant = decide_grant(asked, publisher, who, given, approval, NOW)
            yield from grant.reasons
        for who in applicants:
            evaluation = decide_evaluation_grant(asked, who, NOW)
            assert isinstance(evaluation, Denied) == (who.evaluator is None)
            yield from evaluation.reasons


def passed_over() -> Iterator[Reason]:
    founding, other = Ed25519Signer(b"f" * 32), Ed25519Signer(b"o" * 32)

    def accredits(evaluator: str) -> Accredited:
        accreditation = Accreditation(
            PartyId(evaluator), (other.public,), (RiskDomain.CYBER,), NOW, UNTIL
        )
        signed = sign_envelope(PAYLOAD_TYPE, accreditation_statement(accreditation), [founding])
        return Accredited(parse_json(signed.text()))

    def adopts(signer: Ed25519Signer) -> PolicyAdopted:
        signed = sign_envelope(PAYLOAD_TYPE, policy_statement(DEMONSTRATION), [signer])
        return PolicyAdopted(parse_json(signed.text()))

    genesis = Genesis("example.org/log", base64.b64encode(founding.public.spki).decode())
    bodies: tuple[Body, ...] = (
        genesis,
        genesis,
        adopts(other),
        adopts(founding),
        adopts(founding),
        PolicyAdopted("nothing"),
        accredits("one"),
        accredits("two"),
    )
    state = appraise_adoptions(Entry(NOW, body) for body in bodies)
    yield from (each.reason for each in state.not_taken)


def test_every_rule_of_the_book_is_reached_and_no_other() -> None:
    reached = {reason.rule for reason in (*decided(), *answered(), *passed_over())}
    assert {rule.id for rule in reached} == {rule.id for rule in set(RULES) - ELSEWHERE}


def test_every_rule_has_its_own_id_a_sentence_and_a_source() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.says.endswith(".")
        assert rule.cites
        assert all(rule.cites)


def test_every_rule_of_the_module_is_in_the_book() -> None:
    named = [value for value in vars(rulebook).values() if isinstance(value, Rule)]
    assert named == list(RULES)


def test_the_rulebook_for_people_says_each_rule_with_its_sources() -> None:
    text = rulebook_markdown()
    assert text.startswith("# Rulebook\n")
    assert text.endswith(".\n")
    for rule in RULES:
        sources = "; ".join(rule.cites)
        assert f"\n## `{rule.id}`\n\n{rule.says}\n\nSources: {sources}.\n" in text
