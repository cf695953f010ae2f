"""Logs of Inspect AI, as an archive (`.eval`) or one JSON text; versions 2 and 3.

    header.json               {"version","status","eval","results",...}
    samples/7_epoch_1.json    {"id","epoch","input","target","scores","metadata","error",...}
    _journal/start.json       {"version","eval",...}, all there is of a run that never ended

Only the fields relied on are read. Everything measured comes from the samples; summaries and
reductions are the harness's own digests of them and are not looked at.
"""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import BinaryIO

from openward.errors import Malformed
from openward.evidence.archive import Archive, parse_archive
from openward.evidence.foreign_json import JSON_LIMIT, fields_of, parse_foreign_json
from openward.evidence.inspect_header import (
    EPOCHS_LIMIT,
    InspectHeader,
    appraise_header,
    parse_header,
)
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
from openward.evidence.recomputation import appraise_completeness, parse_score, recompute
from openward.statements.strict_json import Fields, JsonValue
from openward.vocabulary import Sha256

_SAMPLE = re.compile(r"samples/[^/]+\.json")


def parse_inspect_archive(raw: BinaryIO, size: int, alpha: float) -> EvaluationLog:
    """Read an archive of `size` bytes, one sample at a time. Raises Malformed."""
    archive = parse_archive(raw, size)
    found = FindingTally()
    if "header.json" in archive.members:
        header = parse_header(_member(archive, "header.json"))
    elif "_journal/start.json" in archive.members:
        start = Fields.of(_member(archive, "_journal/start.json"), "log")
        header = parse_header({**start.members, "status": LogState.STARTED.value})
    else:
        raise Malformed("log: the archive holds neither header.json nor _journal/start.json")
    samples = tuple(_archived(archive, header.clusters.values(), found))
    return _log(LogFormat.INSPECT_ARCHIVE, header, samples, alpha, found)


def parse_inspect_json(value: JsonValue, alpha: float) -> EvaluationLog:
    """Read a log that is one JSON text. Raises Malformed."""
    found, header = FindingTally(), parse_header(value)
    kept = fields_of(value, "log").optional_listing("samples") or ()
    samples = tuple(_sample(sample, header.clusters.values(), found) for sample in kept)
    return _log(LogFormat.INSPECT_JSON, header, samples, alpha, found)


def _log(
    format: LogFormat,
    header: InspectHeader,
    samples: tuple[Sample, ...],
    alpha: float,
    found: FindingTally,
) -> EvaluationLog:
    planned = max(header.items * header.epochs, header.total)
    appraise_header(header, found)
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
        measurements=recompute(
            samples, header.stated, header.clusters, header.epochs, alpha, found
        ),
        findings=found.all(),
    )


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


def _sample(fields: Fields, clusters: Collection[str], found: FindingTally) -> Sample:
    sample = fields_of(fields.members, fields.path)
    id = sample.value("id")
    if not isinstance(id, str | int):
        raise Malformed(f"{sample.path}.id: expected text or an integer")
    epoch = sample.optional_integer("epoch", minimum=1, maximum=EPOCHS_LIMIT) or 1
    if sample.has("error"):
        found.note(FindingCode.SAMPLE_ERROR, f"sample {quoted(id)}, epoch {epoch}, ended in error")
    if sample.has("limit"):
        found.note(
            FindingCode.LIMIT_REACHED, f"sample {quoted(id)}, epoch {epoch}, reached a limit"
        )
    metadata = fields_of(sample.value("metadata") if sample.has("metadata") else {}, sample.path)
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
    scores = fields_of(sample.value("scores") if sample.has("scores") else {}, sample.path)
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
    attachments = fields_of(
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
