"""The predicate https://openward.org/capability-evaluation/v1: an evaluator puts a log forward.

    {"evaluator": "aisi-example", "domain": "cyber",
     "log": {"sha256": "<64 hex>", "size": 165672, "format": "inspect-eval"},
     "evaluation": {"task": "cybench", "scorer": "includes"},
     "elicitation": {"class": "scaffolded", "says": "tools, 100 turns, best of 4"},
     "relationship": "independent", "ran_at": "2026-10-01T00:00:00Z",
     "harness": {"name": "inspect_ai", "version": "0.3.285"}, "notes": "..."}

`log.samples` names the digest of a samples file that lies beside the log; it and `notes` may be
left out. The subject of the statement is the digest of the evaluated weights
(`vocabulary.Subject`). No score stands here: scores are recomputed from the log it names.

Unknown members are kept at the top and refused below it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from openward.evidence.measurement import LogFormat
from openward.statements.strict_json import Fields, JsonValue, format_time
from openward.vocabulary import PartyId, RiskDomain, Sha256

PREDICATE_TYPE = "https://openward.org/capability-evaluation/v1"


class Effort(Enum):
    """How hard the evaluator tried to bring out what the model can do, from least to most."""

    NONE = "none"
    PROMPTED = "prompted"
    SCAFFOLDED = "scaffolded"
    FINE_TUNED = "fine-tuned"


class Relationship(Enum):
    """What the evaluator says it is to the developer; the register may know better."""

    INDEPENDENT = "independent"
    DEVELOPER = "developer"
    AFFILIATED = "affiliated"


@dataclass(frozen=True, slots=True)
class LogReference:
    """A log by content; `samples` is the SHA-256 of the samples file beside it, where one is."""

    sha256: Sha256
    size: int
    format: LogFormat
    samples: Sha256 | None = None


@dataclass(frozen=True, slots=True)
class CapabilityEvaluation:
    """An evaluator's claim about one log, as stated: nothing in it is proven yet."""

    evaluator: PartyId
    domain: RiskDomain
    log: LogReference
    task: str
    scorer: str
    effort: Effort
    elicitation: str
    relationship: Relationship
    ran_at: datetime
    harness: str
    harness_version: str
    notes: str | None = None
    unknown: Mapping[str, JsonValue] = field(default_factory=dict)

    def predicate(self) -> dict[str, JsonValue]:
        """What `parse_capability_evaluation` reads back as the same claim."""
        log: dict[str, JsonValue] = {
            "sha256": self.log.sha256,
            "size": self.log.size,
            "format": self.log.format.value,
        }
        if self.log.samples is not None:
            log["samples"] = self.log.samples
        notes = {} if self.notes is None else {"notes": self.notes}
        return {
            **self.unknown,
            "evaluator": self.evaluator,
            "domain": self.domain.value,
            "log": log,
            "evaluation": {"task": self.task, "scorer": self.scorer},
            "elicitation": {"class": self.effort.value, "says": self.elicitation},
            "relationship": self.relationship.value,
            "ran_at": format_time(self.ran_at),
            "harness": {"name": self.harness, "version": self.harness_version},
            **notes,
        }


def parse_capability_evaluation(value: JsonValue) -> CapabilityEvaluation:
    """Read the predicate. Raises Malformed."""
    fields = Fields.of(value, "capability-evaluation")
    evaluation, elicitation = fields.fields("evaluation"), fields.fields("elicitation")
    harness = fields.fields("harness")
    claim = CapabilityEvaluation(
        evaluator=fields.party("evaluator"),
        domain=fields.choice("domain", RiskDomain),
        log=_log_reference(fields.fields("log")),
        task=evaluation.text("task"),
        scorer=evaluation.text("scorer"),
        effort=elicitation.choice("class", Effort),
        elicitation=elicitation.text("says"),
        relationship=fields.choice("relationship", Relationship),
        ran_at=fields.time("ran_at"),
        harness=harness.text("name"),
        harness_version=harness.text("version"),
        notes=fields.optional_text("notes"),
        unknown=fields.rest(),
    )
    for inner in (evaluation, elicitation, harness):
        inner.nothing_else()
    return claim


def _log_reference(log: Fields) -> LogReference:
    reference = LogReference(
        sha256=log.sha256("sha256"),
        size=log.integer("size", minimum=1),
        format=log.choice("format", LogFormat),
        samples=log.optional_sha256("samples"),
    )
    log.nothing_else()
    return reference
