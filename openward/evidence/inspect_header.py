"""The header of an Inspect AI log: what the harness claims of a run.

    {"version": 2, "status": "success", "invalidated": false,
     "eval": {"task", "model", "created", "dataset": {"samples"},
              "config": {"epochs", "limit", "sample_id"}, "packages": {"inspect_ai"}},
     "results": {"total_samples", "scores": [{"name", "reducer", "metrics":
         {"accuracy": {"value": .4}, "stderr": {"value": .05, "params": {"cluster": "topic"}}}}]}}

None of it is believed: it says what should be there, and is held against what is.
"""

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from openward.errors import Malformed
from openward.evidence.foreign_json import as_number, fields_of
from openward.evidence.measurement import FindingCode, FindingTally, LogState, quoted
from openward.evidence.recomputation import Stated
from openward.statements.strict_json import Fields, JsonValue

VERSIONS = (2, 3)
_MEANS = ("accuracy", "mean")
_PLANNED_LIMIT = 10_000_000
EPOCHS_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class InspectHeader:
    version: int
    state: LogState
    task: str
    model: str
    items: int
    epochs: int
    total: int
    selection: str
    created: datetime
    harness_version: str
    invalidated: bool
    stated: Mapping[str, Stated]
    clusters: Mapping[str, str]


def appraise_header(header: InspectHeader, found: FindingTally) -> None:
    if header.state is not LogState.SUCCESS:
        found.note(FindingCode.NOT_SUCCESS, f"the run ended as {header.state.value}")
    if header.invalidated:
        found.note(FindingCode.INVALIDATED, "the evaluator withdrew the log")
    if header.version not in VERSIONS:
        found.note(FindingCode.UNSUPPORTED_VERSION, f"log version {header.version}")
    if not header.items:
        found.note(FindingCode.INCOMPLETE, "the log does not say how many items its dataset has")
    if header.selection:
        found.note(FindingCode.LIMITED, f"only part of the dataset was run: {header.selection}")


def parse_header(value: JsonValue) -> InspectHeader:
    """Read the members of a log that are not its samples. Raises Malformed."""
    log = fields_of(value, "log")
    eval = fields_of(log.value("eval"), "log.eval")
    dataset = fields_of(eval.value("dataset"), "log.eval.dataset")
    config = fields_of(eval.value("config") if eval.has("config") else {}, "log.eval.config")
    packages = fields_of(
        eval.value("packages") if eval.has("packages") else {}, "log.eval.packages"
    )
    results = fields_of(log.value("results") if log.has("results") else {}, "log.results")
    scores = [fields_of(s.members, s.path) for s in results.optional_listing("scores") or ()]
    items = dataset.optional_integer("samples", minimum=0, maximum=_PLANNED_LIMIT) or 0
    return InspectHeader(
        version=log.integer("version", minimum=0),
        state=log.choice("status", LogState),
        task=eval.text("task"),
        model=eval.text("model"),
        items=items,
        epochs=config.optional_integer("epochs", minimum=1, maximum=EPOCHS_LIMIT) or 1,
        total=results.optional_integer("total_samples", minimum=0, maximum=_PLANNED_LIMIT) or 0,
        selection=_selection(config, items),
        created=_moment(eval.text("created")),
        harness_version=packages.optional_text("inspect_ai") or "unknown",
        invalidated=log.optional_flag("invalidated") or False,
        stated=_stated(scores),
        clusters=_clusters(scores),
    )


def _selection(config: Fields, items: int) -> str:
    """How the run was cut down to part of its dataset; empty where it was not."""
    if config.has("sample_id"):
        return f"sample_id {quoted(config.value('sample_id'))}"
    limit = config.value("limit") if config.has("limit") else items
    # A limit beyond the dataset cuts nothing; a pair of numbers names a slice.
    if isinstance(limit, int) and limit >= items:
        return ""
    return f"limit {quoted(limit)} of {items}"


def _moment(text: str) -> datetime:
    """A time with its offset from UTC, in any spelling of ISO 8601. Raises Malformed."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
    except (ValueError, OverflowError) as e:
        raise Malformed(f"log.eval.created: no such time: {quoted(text)}") from e
    raise Malformed(f"log.eval.created: {quoted(text)} has no offset from UTC")


def _stated(scores: Iterable[Fields]) -> dict[str, Stated]:
    """What the header claims of each scorer, where its epochs were reduced by their mean."""
    claims: dict[str, list[tuple[str, float]]] = {}
    for score in scores:
        if score.optional_text("reducer") in (None, "mean"):
            claims.setdefault(score.text("name"), []).extend(_metrics(score))
    return {
        scorer: Stated(
            _only([v for name, v in metrics if name in _MEANS]),
            _only([v for name, v in metrics if name == "stderr"]),
        )
        for scorer, metrics in claims.items()
    }


def _only(values: list[float]) -> float | None:
    """The one value stated, NaN where several differ: it agrees with no sample."""
    return values[0] if len(set(values)) == 1 else math.nan if values else None


def _metrics(score: Fields) -> Iterator[tuple[str, float]]:
    """The metrics of one score that are numbers, by the last part of their name."""
    for name, metric in Fields.of(score.value("metrics"), f"{score.path}.metrics").members.items():
        value = as_number(Fields.of(metric, f"{score.path}.metrics").value("value"))
        if value is not None:
            yield name.rpartition("/")[2], value


def _clusters(scores: Iterable[Fields]) -> dict[str, str]:
    """The metadata field by which a scorer's standard error is clustered, where it is."""
    clusters: dict[str, str] = {}
    for score in scores:
        for metric in score.fields("metrics").members.values():
            members = fields_of(metric, f"{score.path}.metrics")
            for options in ("params", "options"):
                chosen = members.optional_fields(options)
                if chosen and isinstance(cluster := chosen.members.get("cluster"), str):
                    clusters[score.text("name")] = cluster
    return clusters
