"""Logs of Inspect AI, as an archive (`.eval`) or one JSON text; versions 2 and 3.

    header.json               {"version","status","eval","results",...}
    samples/7_epoch_1.json    {"id","epoch","input","target","scores","metadata","error",...}
    _journal/start.json       {"version","eval",...}, all there is of a run that never ended

Only the fields relied on are read. Everything measured comes from the samples; summaries and
reductions are the harness's own digests of them and are not looked at.
"""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from openward.errors import Malformed
from openward.evidence.archive import Archive, parse_archive
from openward.evidence.foreign_json import JSON_LIMIT, parse_foreign_json, without_nulls
from openward.evidence.measurement import (
    EvaluationLog,
    FindingCode,
    FindingTally,
    LogFormat,
    LogState,
    Sample,
    dataset_digest,
    item_digest,
    quoted,
)
from openward.evidence.recomputation import Stated, appraise_completeness, parse_score, recompute
from openward.statements.strict_json import Fields, JsonValue
from openward.vocabulary import Sha256

VERSIONS = (2, 3)
_SAMPLE = re.compile(r"samples/[^/]+\.json")
_MEANS = ("accuracy", "mean")
_PLANNED_LIMIT = 10_000_000
_EPOCHS_LIMIT = 10_000


@dataclass(frozen=True, slots=True)
class _Header:
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


def parse_inspect_archive(raw: BinaryIO, size: int) -> EvaluationLog:
    """Read an archive of `size` bytes, one sample at a time. Raises Malformed."""
    archive = parse_archive(raw, size)
    found = FindingTally()
    if "header.json" in archive.members:
        header = _header(_member(archive, "header.json"))
    elif "_journal/start.json" in archive.members:
        start = Fields.of(_member(archive, "_journal/start.json"), "log")
        header = _header({**start.members, "status": LogState.STARTED.value})
    else:
        raise Malformed("log: the archive holds neither header.json nor _journal/start.json")
    samples = tuple(_archived(archive, header.clusters.values(), found))
    return _log(LogFormat.INSPECT_ARCHIVE, header, samples, found)


def parse_inspect_json(value: JsonValue) -> EvaluationLog:
    """Read a log that is one JSON text. Raises Malformed."""
    found, header = FindingTally(), _header(value)
    kept = _object(value, "log").optional_listing("samples") or ()
    samples = tuple(_sample(sample, header.clusters.values(), found) for sample in kept)
    return _log(LogFormat.INSPECT_JSON, header, samples, found)


def _log(
    format: LogFormat, header: _Header, samples: tuple[Sample, ...], found: FindingTally
) -> EvaluationLog:
    planned = max(header.items * header.epochs, header.total)
    _appraise_header(header, found)
    appraise_completeness(samples, planned, header.epochs, found)
    return EvaluationLog(
        format=format,
        task=header.task,
        model=header.model,
        state=header.state,
        planned=planned,
        present=len(samples),
        epochs=header.epochs,
        dataset=dataset_digest(s.item for s in samples) if samples else None,
        created=header.created,
        harness="inspect_ai",
        harness_version=header.harness_version,
        measurements=recompute(samples, header.stated, header.clusters, header.epochs, found),
        findings=found.all(),
    )


def _appraise_header(header: _Header, found: FindingTally) -> None:
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


def _archived(archive: Archive, clusters: Collection[str], found: FindingTally) -> Iterator[Sample]:
    for name in archive.members:
        if not _SAMPLE.fullmatch(name):
            continue
        try:
            content = archive.read(name, JSON_LIMIT)
        except Malformed as e:
            found.note(FindingCode.CORRUPT_MEMBER, str(e))
            continue
        yield _sample(Fields.of(parse_foreign_json(content), quoted(name)), clusters, found)


def _member(archive: Archive, name: str) -> JsonValue:
    return parse_foreign_json(archive.read(name, JSON_LIMIT))


def _object(value: JsonValue, path: str) -> Fields:
    return Fields.of(without_nulls(value), path)


def _header(value: JsonValue) -> _Header:
    log = _object(value, "log")
    eval = _object(log.value("eval"), "log.eval")
    dataset = _object(eval.value("dataset"), "log.eval.dataset")
    config = _object(eval.value("config") if eval.has("config") else {}, "log.eval.config")
    packages = _object(eval.value("packages") if eval.has("packages") else {}, "log.eval.packages")
    results = _object(log.value("results") if log.has("results") else {}, "log.results")
    scores = [_object(s.members, s.path) for s in results.optional_listing("scores") or ()]
    items = dataset.optional_integer("samples", minimum=0, maximum=_PLANNED_LIMIT) or 0
    return _Header(
        version=log.integer("version", minimum=0),
        state=log.choice("status", LogState),
        task=eval.text("task"),
        model=eval.text("model"),
        items=items,
        epochs=config.optional_integer("epochs", minimum=1, maximum=_EPOCHS_LIMIT) or 1,
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
    stated: dict[str, Stated] = {}
    for score in scores:
        if score.optional_text("reducer") in (None, "mean"):
            values = dict(_metrics(score))
            means = [values[name] for name in _MEANS if name in values]
            # Two means that differ cannot both be the samples': NaN agrees with nothing.
            mean = means[0] if len(set(means)) == 1 else math.nan if means else None
            stated[score.text("name")] = Stated(mean, values.get("stderr"))
    return stated


def _metrics(score: Fields) -> Iterator[tuple[str, float]]:
    """The metrics of one score that are numbers, by the last part of their name."""
    for name, metric in Fields.of(score.value("metrics"), f"{score.path}.metrics").members.items():
        value = Fields.of(metric, f"{score.path}.metrics").value("value")
        if isinstance(value, int | float):
            yield name.rpartition("/")[2], _as_float(value)


def _as_float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _clusters(scores: Iterable[Fields]) -> dict[str, str]:
    """The metadata field by which a scorer's standard error is clustered, where it is."""
    clusters: dict[str, str] = {}
    for score in scores:
        for metric in score.fields("metrics").members.values():
            members = _object(metric, f"{score.path}.metrics")
            for options in ("params", "options"):
                chosen = members.optional_fields(options)
                if chosen and isinstance(cluster := chosen.members.get("cluster"), str):
                    clusters[score.text("name")] = cluster
    return clusters


def _sample(fields: Fields, clusters: Collection[str], found: FindingTally) -> Sample:
    sample = _object(fields.members, fields.path)
    id = sample.value("id")
    if not isinstance(id, str | int):
        raise Malformed(f"{sample.path}.id: expected text or an integer")
    epoch = sample.optional_integer("epoch", minimum=1, maximum=_EPOCHS_LIMIT) or 1
    if sample.has("error"):
        found.note(FindingCode.SAMPLE_ERROR, f"sample {quoted(id)}, epoch {epoch}, ended in error")
    if sample.has("limit"):
        found.note(
            FindingCode.LIMIT_REACHED, f"sample {quoted(id)}, epoch {epoch}, reached a limit"
        )
    metadata = _object(sample.value("metadata") if sample.has("metadata") else {}, sample.path)
    return Sample(
        id=str(id),
        epoch=epoch,
        item=_item(sample),
        scores=dict(_scores(sample, found)),
        clusters={
            name: str(value)
            for name in clusters
            if isinstance(value := metadata.members.get(name), str | int)
        },
    )


def _scores(sample: Fields, found: FindingTally) -> Iterator[tuple[str, float | None]]:
    scores = _object(sample.value("scores") if sample.has("scores") else {}, sample.path)
    for scorer, score in scores.members.items():
        value = Fields.of(score, f"{sample.path}.scores").value("value")
        read = parse_score(value)
        if isinstance(read, FindingCode):
            found.note(
                read,
                f"sample {quoted(sample.value('id'))}: {quoted(scorer)} is {quoted(value)}",
            )
        yield scorer, None if isinstance(read, FindingCode) else read


def _item(sample: Fields) -> Sha256:
    try:
        return item_digest(sample.value("id"), _asked(sample), sample.value("target"))
    except RecursionError as e:
        raise Malformed(f"{sample.path}: nested too deep") from e


def _asked(sample: Fields) -> JsonValue:
    """The input as it was put to the model: of messages the role and content, not their run's ids.

    What was moved into the attachments is put back, so that the text itself is digested.
    """
    question = sample.value("input")
    if not isinstance(question, list):
        return question
    attachments = _object(
        sample.value("attachments") if sample.has("attachments") else {}, sample.path
    ).members
    messages = (Fields.of(message, f"{sample.path}.input") for message in question)
    return [
        {"role": m.value("role"), "content": _attached(m.value("content"), attachments)}
        for m in messages
    ]


def _attached(value: JsonValue, attachments: Mapping[str, JsonValue]) -> JsonValue:
    if isinstance(value, str) and value.startswith("attachment://"):
        return attachments.get(value.removeprefix("attachment://"), value)
    if isinstance(value, list):
        return [_attached(inner, attachments) for inner in value]
    if isinstance(value, Mapping):
        return {name: _attached(inner, attachments) for name, inner in value.items()}
    return value
