"""Every rule that decides a tier, a grant or an access: its id, its sentence, its sources.

The text of docs/rulebook.md is `rulebook_markdown()`. A rule that no decision can reach, or that
cites nothing, fails the tests.

Sources: C-002 is the four-tier scheme this hub carries out. CoP is the EU General-Purpose AI Code
of Practice, chapter Safety and Security. OWP is The Open-Weight Paradox, arXiv:2604.17413. SCP is
the Santa Clara Principles 2.0. SB is Safeguards against abuse of governance power,
arXiv:2506.15100.
"""

from openward.vocabulary import Rule

_ORDER = "C-002: tier order"
_INDEPENDENT = "C-002: standardised evaluation, not self-assessment"
_STAGED = "CoP Measure 5.1: staged access"
_PROPORTIONATE = "C-002: proportionality clause"
_BINDING = "C-002: assignments bind derivatives"

# --- tiers by evidence ------------------------------------------------------------------------
BELOW_LOW = Rule(
    "tier.below-low",
    "Tier 1: every required evaluation of every domain is shown below its low threshold.",
    ("C-002: Tier 1",),
)
BELOW_HIGH = Rule(
    "tier.below-high",
    "Tier 2: an evaluation is not shown below low; every one is shown below high.",
    ("C-002: Tier 2",),
)
NOT_ABOVE_CRITICAL = Rule(
    "tier.not-above-critical",
    "Tier 3: an evaluation is not shown below high; every catastrophic domain is shown at or "
    "below critical.",
    ("C-002: Tier 3",),
)
ABOVE_CRITICAL = Rule(
    "tier.above-critical",
    "Tier 4: a catastrophic domain is not shown to lie at or below its critical threshold.",
    ("C-002: Tier 4",),
)
OWN_EVIDENCE = Rule(
    "tier.own-evidence",
    "A derivative with complete evidence of its own is decided by it, not by its parents.",
    (_BINDING, "CoP Measure 4.1"),
)

# --- what is missing --------------------------------------------------------------------------
NOT_MEASURED = Rule(
    "evidence.missing",
    "Without a measurement of every required evaluation there is no tier.",
    (_INDEPENDENT, "CoP Appendix 3.5"),
)
LAPSED = Rule(
    "evidence.lapsed",
    "A measurement that ended opens nothing; it goes on closing until one run after its end "
    "takes its place.",
    (_INDEPENDENT, "CoP Measure 4.1: safety margin"),
)
INADMISSIBLE = Rule(
    "evidence.inadmissible",
    "A result with a disqualifying finding is kept and shown, and neither opens nor closes.",
    (_INDEPENDENT, "CoP Appendix 3.5"),
)
POLICY_NOT_YET = Rule(
    "policy.not-yet",
    "A policy decides nothing before the day it takes effect.",
    ("SB: changes take effect after notice",),
)
POLICY_EXPIRED = Rule(
    "policy.expired",
    "A policy that ended decides nothing until it is renewed; its end opens nothing.",
    ("SB: sunset of powers", "C-002: review of thresholds"),
)

# --- the proportionality clause ---------------------------------------------------------------
NO_WEIGHTS = Rule(
    "presumed.no-weights",
    "What holds no weights has nothing to measure and stands in Tier 1.",
    (_PROPORTIONATE,),
)
SMALL = Rule(
    "presumed.small",
    "Weights within the policy's allowance are presumed to stand in Tier 1 until shown otherwise.",
    (_PROPORTIONATE, "CoP Appendix 2"),
)
TOO_LARGE = Rule(
    "presumed.too-large",
    "Weights above the allowance, counted over all linked releases, are not presumed open.",
    (_PROPORTIONATE,),
)
UNREADABLE = Rule(
    "presumed.unreadable",
    "Weights that cannot be read are presumed open only up to a smaller allowance.",
    (_PROPORTIONATE,),
)
ADAPTER = Rule(
    "presumed.adapter",
    "An adapter is as capable as what it is applied to, and is not presumed open by its size.",
    (_PROPORTIONATE, _BINDING),
)
DERIVATIVE = Rule(
    "presumed.derivative",
    "A declared derivative of a model in a higher tier, or of an undecided one not known to be "
    "no larger, is not presumed open.",
    (_PROPORTIONATE, _BINDING),
)
SHARED_BYTES = Rule(
    "presumed.shared-bytes",
    "A part of a larger undecided set, or of one in a higher tier, is not presumed open.",
    (_PROPORTIONATE, _BINDING),
)
LISTED_DOMAIN = Rule(
    "presumed.listed-domain",
    "Weights declared for a listed domain are not presumed open by their size.",
    (_PROPORTIONATE, "CoP Appendix 1.4"),
)
REBUTTED = Rule(
    "presumed.rebutted",
    "A measurement that shows a domain at or above its low threshold ends the presumption.",
    (_PROPORTIONATE, _INDEPENDENT),
)
DECIDED_BEFORE = Rule(
    "presumed.decided-before",
    "A model that complete evidence placed above Tier 1 does not return to the presumption when "
    "that evidence lapses.",
    (_PROPORTIONATE, "CoP Measure 4.1: safety margin"),
)

# --- without a tier ---------------------------------------------------------------------------
IDENTITY_GATED = Rule(
    "unassessed.identity-gated",
    "Without a tier the weights go to verified people who promised how they will use them.",
    (_STAGED,),
)
EVALUATORS_ONLY = Rule(
    "unassessed.evaluators-only",
    "Without a tier the weights go to accredited evaluators only.",
    (_STAGED, "CoP Appendix 3.4"),
)
HELD = Rule(
    "unassessed.held",
    "What is known already, of the model, its parents or sets that share its bytes, keeps "
    "unassessed weights as closed as a tier would.",
    (_BINDING, "CoP Measure 4.1: safety margin"),
)

# --- reviews ----------------------------------------------------------------------------------
CHALLENGED = Rule(
    "review.challenge",
    "A challenge opens a review and by itself changes nothing.",
    ("SCP: appeal", "SB: contestability"),
)
MANY_PRESUMED = Rule(
    "review.many-presumed",
    "A namespace with more releases under the proportionality clause than the policy's number "
    "is looked at; its releases stay as they are.",
    (_PROPORTIONATE,),
)

# --- access: who may have the bytes -----------------------------------------------------------
OPEN_TO_ALL = Rule(
    "access.open",
    "Tier 1 is for everyone, without an account and without a question.",
    ("C-002: Tier 1", "OWP: civil liberties"),
)
OWN_BYTES = Rule(
    "access.own-bytes",
    "Who proved to hold the bytes already may have them back.",
    ("OWP: civil liberties",),
)
BY_LEASE = Rule(
    "access.lease",
    "A verified person with a running lease may have the weights of Tier 2.",
    ("C-002: Tier 2",),
)
BY_PUBLISHER_LEASE = Rule(
    "access.publisher-lease",
    "Where only the publisher asks for more, a running lease is enough.",
    ("C-002: publishers may restrict further",),
)
BY_EVALUATION_LEASE = Rule(
    "access.evaluation-lease",
    "An accredited evaluator with a running evaluation lease may have the weights of any tier.",
    ("CoP Appendix 3.4",),
)
IDENTITY_WANTED = Rule(
    "access.identity-wanted",
    "These weights go to verified people only.",
    ("C-002: Tier 2",),
)
LEASE_WANTED = Rule(
    "access.lease-wanted",
    "These weights go to people with a running lease.",
    ("C-002: Tier 2",),
)
RESTRICTED_TO_VETTED = Rule(
    "access.restricted",
    "Tier 3 weights go to vetted recipients on attested machines; this hub releases none yet.",
    ("C-002: Tier 3",),
)
CLOSED_TO_ALL = Rule(
    "access.closed",
    "Tier 4 weights are not released.",
    ("C-002: Tier 4",),
)
UNASSESSED_CLOSED = Rule(
    "access.unassessed",
    "Weights without a tier go to accredited evaluators until the missing evidence is there.",
    (_STAGED, "CoP Appendix 3.4"),
)
UNDECIDED = Rule(
    "access.undecided",
    "Until a decision on these weights is in effect they go to accredited evaluators only.",
    (_STAGED, "CoP Appendix 3.4"),
)
APPROVAL_WANTED = Rule(
    "access.approval-wanted",
    "The publisher approves each request for these weights.",
    ("C-002: publishers may restrict further",),
)
SIGN_IN_WANTED = Rule(
    "access.request-wanted",
    "The publisher asks that these weights be requested by somebody signed in.",
    ("C-002: publishers may restrict further",),
)

# --- grants: who may be given a lease ---------------------------------------------------------
GRANTED = Rule(
    "grant.given",
    "Who meets what the tier and the publisher ask for is given a lease at once.",
    ("C-002: Tier 2",),
)
NOT_NEEDED = Rule(
    "grant.not-needed",
    "Nobody needs a lease for weights that are open to everyone.",
    ("C-002: Tier 1",),
)
PROMISE_WANTED = Rule(
    "grant.promise-wanted",
    "A lease needs a usage attestation, by this applicant, for this model, on the terms in force.",
    ("C-002: usage attestation",),
)
PROMISE_NOT_RUNNING = Rule(
    "grant.promise-not-running",
    "A usage attestation counts from the time it was accepted to the time it ends.",
    ("C-002: usage attestation",),
)
PUBLISHER_DECLINED = Rule(
    "grant.publisher-declined",
    "The publisher declined the request.",
    ("C-002: publishers may restrict further", "SCP: notice"),
)
ACCREDITATION_WANTED = Rule(
    "grant.accreditation-wanted",
    "An evaluation lease needs a running accreditation.",
    ("CoP Appendix 3.5",),
)

# --- what may be in force ---------------------------------------------------------------------
UNSIGNED = Rule(
    "adoption.unsigned",
    "A policy or accreditation that the founding key did not sign is never in force.",
    ("SB: changes to governance need authority",),
)
UNREADABLE_STATEMENT = Rule(
    "adoption.unreadable",
    "A policy or accreditation that cannot be read whole is never in force.",
    ("SB: changes to governance need authority",),
)
NOT_NEWER = Rule(
    "adoption.not-newer",
    "A policy takes the place of another only with a higher version.",
    ("SB: no return to an earlier rule unseen",),
)
KEY_TAKEN = Rule(
    "adoption.key-taken",
    "A key belongs to one evaluator; an accreditation that names another's key is never in force.",
    ("SB: distinct parties",),
)
FOUNDED_ONCE = Rule(
    "adoption.founded-once",
    "A record is founded once; a second founding changes nothing.",
    ("SB: changes to governance need authority",),
)

RULES = (
    BELOW_LOW,
    BELOW_HIGH,
    NOT_ABOVE_CRITICAL,
    ABOVE_CRITICAL,
    OWN_EVIDENCE,
    NOT_MEASURED,
    LAPSED,
    INADMISSIBLE,
    POLICY_NOT_YET,
    POLICY_EXPIRED,
    NO_WEIGHTS,
    SMALL,
    TOO_LARGE,
    UNREADABLE,
    ADAPTER,
    DERIVATIVE,
    SHARED_BYTES,
    LISTED_DOMAIN,
    REBUTTED,
    DECIDED_BEFORE,
    IDENTITY_GATED,
    EVALUATORS_ONLY,
    HELD,
    CHALLENGED,
    MANY_PRESUMED,
    OPEN_TO_ALL,
    OWN_BYTES,
    BY_LEASE,
    BY_PUBLISHER_LEASE,
    BY_EVALUATION_LEASE,
    IDENTITY_WANTED,
    LEASE_WANTED,
    RESTRICTED_TO_VETTED,
    CLOSED_TO_ALL,
    UNASSESSED_CLOSED,
    UNDECIDED,
    APPROVAL_WANTED,
    SIGN_IN_WANTED,
    GRANTED,
    NOT_NEEDED,
    PROMISE_WANTED,
    PROMISE_NOT_RUNNING,
    PUBLISHER_DECLINED,
    ACCREDITATION_WANTED,
    UNSIGNED,
    UNREADABLE_STATEMENT,
    NOT_NEWER,
    KEY_TAKEN,
    FOUNDED_ONCE,
)


def rulebook_markdown() -> str:
    """The rulebook for people: one heading a rule, its sentence and its sources."""
    parts = [
        "# Rulebook\n\nGenerated from `openward.policy.rulebook`. Every decision names these.\n"
    ]
    for rule in RULES:
        sources = "; ".join(rule.cites)
        parts.append(f"\n## `{rule.id}`\n\n{rule.says}\n\nSources: {sources}.\n")
    return "".join(parts)
