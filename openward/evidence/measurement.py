"""What a reader says of an evaluation log: measurements with their intervals, and findings.

Numbers come from the samples alone. What a log's header claims is compared and never used.

Upheld: an interval is finite and holds its estimate (NaN would compare false with every
threshold, and open); a log with a blocking finding is kept and shown, and opens nothing.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from openward.vocabulary import Sha256

ALPHA = 0.05
"""The level at each end of an interval, where a policy does not say otherwise."""


class FindingCode(Enum):
    """What does not add up. The first group is found in a log, the second against a demand."""

    NOT_SUCCESS = "not-success"
    INVALIDATED = "invalidated"
    UNSUPPORTED_VERSION = "unsupported-version"
    CORRUPT_MEMBER = "corrupt-member"
    LIMITED = "limited"
    INCOMPLETE = "incomplete"
    SURPLUS = "surplus"
    DUPLICATE_SAMPLE = "duplicate-sample"
    SAMPLE_ERROR = "sample-error"
    LIMIT_REACHED = "limit-reached"
    NO_SAMPLES = "no-samples"
    NO_SCORES = "no-scores"
    NOT_RECOMPUTABLE = "not-recomputable"
    MISSING_SCORE = "missing-score"
    UNREADABLE_SCORE = "unreadable-score"
    NON_FINITE_SCORE = "non-finite-score"
    OUT_OF_RANGE_SCORE = "out-of-range-score"
    CLUSTER_MISSING = "cluster-missing"
    HEADER_SILENT = "header-silent"
    HEADER_DISAGREES = "header-disagrees"
    SPREAD_DISAGREES = "spread-disagrees"
    SEVERAL_TASKS = "several-tasks"

    OTHER_WEIGHTS = "other-weights"
    NOT_ACCREDITED = "not-accredited"
    OUT_OF_ACCREDITATION_PERIOD = "out-of-accreditation-period"
    SELF_ASSESSED = "self-assessed"
    WRONG_LOG = "wrong-log"
    WRONG_DOMAIN = "wrong-domain"
    WRONG_TASK = "wrong-task"
    WRONG_DATASET = "wrong-dataset"
    NO_MEASUREMENT = "no-measurement"
    TOO_FEW_SAMPLES = "too-few-samples"
    STALE = "stale"
    FUTURE = "future"

    @property
    def blocks(self) -> bool:
        """Whether evidence with such a finding opens nothing."""
        # A sample stopped at its token or time limit was still scored, as the protocol has it.
        return self is not FindingCode.LIMIT_REACHED


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that does not add up, in a sentence; foreign text in it is quoted as JSON."""

    code: FindingCode
    says: str


@dataclass(frozen=True, slots=True)
class Measurement:
    """One scorer's mean over `n` items of `epochs` runs each, within bounds at level `alpha`."""

    scorer: str
    estimate: float
    lower: float
    upper: float
    n: int
    epochs: int
    alpha: float = ALPHA

    def __post_init__(self) -> None:
        if not 0 <= self.lower <= self.estimate <= self.upper <= 1:  # false for NaN as well
            raise ValueError(f"not an interval: {self.lower} <= {self.estimate} <= {self.upper}")


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of one item: `item` names id, input and target; a score that was unusable is None."""

    id: str
    epoch: int
    item: Sha256
    scores: Mapping[str, float | None]
    clusters: Mapping[str, str] = field(default_factory=dict)


class LogFormat(Enum):
    INSPECT_ARCHIVE = "inspect-eval"
    INSPECT_JSON = "inspect-json"
    LM_EVAL = "lm-eval"


class LogState(Enum):
    """How a run ended, in the words of Inspect AI."""

    STARTED = "started"
    SUCCESS = "success"
    CANCELLED = "cancelled"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class EvaluationLog:
    """An evaluation log as read: `planned` and `present` count runs of items.

    `dataset` is the digest of the items present (`dataset_digest`), None where there are none.
    """

    format: LogFormat
    task: str
    model: str
    state: LogState
    planned: int
    present: int
    epochs: int
    dataset: Sha256 | None
    created: datetime | None
    harness: str
    harness_version: str
    measurements: tuple[Measurement, ...]
    findings: tuple[Finding, ...]

    @property
    def admissible(self) -> bool:
        """Whether nothing found blocks. Who evaluated what is appraised elsewhere."""
        return bool(self.measurements) and not any(f.code.blocks for f in self.findings)

    def measurement(self, scorer: str) -> Measurement | None:
        """The measurement of one scorer, where there is one."""
        return next((m for m in self.measurements if m.scorer == scorer), None)


class FindingTally:
    """Findings as they come up: one a kind, with its first occasion and the number of others."""

    def __init__(self) -> None:
        self._seen: dict[FindingCode, tuple[str, int]] = {}

    def note(self, code: FindingCode, says: str) -> None:
        first, count = self._seen.get(code, (says, 0))
        self._seen[code] = first, count + 1

    def all(self) -> tuple[Finding, ...]:
        """In the order of `FindingCode`, so that the same log reads the same every time."""
        return tuple(
            Finding(code, first if count == 1 else f"{first} (and {count - 1} more)")
            for code in FindingCode
            for first, count in [self._seen.get(code, ("", 0))]
            if count
        )


def item_digest(id: object, input: object, target: object) -> Sha256:
    """SHA-256 of `[id,input,target]` as ASCII JSON: members sorted, no spaces."""
    text = json.dumps([id, input, target], sort_keys=True, separators=(",", ":"))
    return Sha256(hashlib.sha256(text.encode("ascii")).hexdigest())


def dataset_digest(items: Iterable[Sha256]) -> Sha256:
    """SHA-256 of a header and one line an item, sorted: the set of items, in whatever order."""
    lines = "".join(f"{item}\n" for item in sorted(set(items)))
    return Sha256(hashlib.sha256(f"openward-dataset/v1\n{lines}".encode("ascii")).hexdigest())


def quoted(value: object) -> str:
    """A foreign value as it may appear in our messages: ASCII JSON, at most 80 characters."""
    if isinstance(value, dict | list):
        return "an object" if isinstance(value, dict) else "a list"
    return json.dumps(value[:80] if isinstance(value, str) else value)[:80]
