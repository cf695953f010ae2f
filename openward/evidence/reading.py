"""Any evaluation log, told apart by its content: what a file is called proves nothing.

50 4b 03 04 ...                        archive of Inspect AI
{"status": ..., "eval": ...}           JSON log of Inspect AI
{"results": ..., "config": ...}        results of lm-evaluation-harness
"""

from collections.abc import Mapping
from typing import BinaryIO

from openward.errors import Malformed
from openward.evidence.foreign_json import JSON_LIMIT, parse_foreign_json
from openward.evidence.inspect_log import parse_inspect_archive, parse_inspect_json
from openward.evidence.lm_eval import SamplesFile, parse_lm_eval
from openward.evidence.measurement import ALPHA, EvaluationLog, quoted

_ARCHIVE = b"PK\3\4"


def read_log(
    name: str,
    raw: BinaryIO,
    size: int,
    *,
    samples: SamplesFile | None = None,
    task: str | None = None,
    alpha: float = ALPHA,
) -> EvaluationLog:
    """Read a log of `size` bytes; lm-eval's results with their samples, and `task` of several.

    Bounds are one-sided at level `alpha`, above 0 and at most .5.
    Raises Malformed, naming the log.
    """
    try:
        return _read(raw, size, samples, task, alpha)
    except Malformed as e:
        raise Malformed(f"{quoted(name)}: {e}") from e


def _read(
    raw: BinaryIO, size: int, samples: SamplesFile | None, task: str | None, alpha: float
) -> EvaluationLog:
    raw.seek(0)
    if raw.read(len(_ARCHIVE)) == _ARCHIVE:
        return parse_inspect_archive(raw, size, alpha)
    if size > JSON_LIMIT:
        raise Malformed(
            f"{size} bytes of JSON, at most {JSON_LIMIT} are read; convert the log to .eval, "
            "which is read a sample at a time"
        )
    raw.seek(0)
    value = parse_foreign_json(raw.read(size))
    if isinstance(value, Mapping) and {"status", "eval"} <= value.keys():
        return parse_inspect_json(value, alpha)
    if isinstance(value, Mapping) and {"results", "config"} <= value.keys():
        return parse_lm_eval(value, samples, task, alpha)
    raise Malformed("not an evaluation log of Inspect AI or lm-evaluation-harness")
