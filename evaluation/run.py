"""Run every model over every proxy set and record what came out.

    logs/<model>/<domain>.eval   as Inspect wrote it
    logs/SUMMARY.json            correct and n of each log, its SHA-256, and the weights it is of

A log is written somewhere neutral and moved into place unedited, and only when the run succeeded,
every question was answered, and no byte of it names this machine. A log that stands for the same
weights, questions and method already is kept, so an interrupted run goes on where it stopped.
"""

import argparse
import getpass
import importlib.metadata
import json
import os
import shutil
import socket
import sys
import tempfile
from contextlib import chdir
from pathlib import Path

# Read by the libraries when they are imported: no network, no bars but ours.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
# A log would otherwise record the state of the checkout it was run from.
os.environ["GIT_DIR"] = os.devnull

import zipfile_zstd
from candidates import CANDIDATES, SMOLLM2, Candidate, converted_smollm2, record_file
from inspect_ai import eval as evaluate
from inspect_ai.log import EvalLog, read_eval_log
from inspect_ai.model import Model
from provider import choosing_model
from proxies import QUESTIONS, TASKS
from rich.console import Console
from rich.progress import Progress

HERE = Path(__file__).resolve().parent
LOGS = HERE / "logs"


def place_of(candidate: Candidate, domain: str) -> Path:
    return LOGS / candidate.name / f"{domain}.eval"


def subject_of(candidate: Candidate, domain: str, packages: Path) -> dict[str, object]:
    """What a log is of, by content; it stands in the log as metadata."""
    return {
        "weights": [record_file(packages / candidate.file)],
        "questions": record_file(QUESTIONS / f"{domain}.jsonl"),
        "method": candidate.method,
    }


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


def record_log(model: Model, domain: str, subject: dict[str, object], place: Path) -> None:
    """Run one model over one domain and put the log in its place."""
    task = TASKS[domain]()
    # Folders in a log are told relative to where it was run from, which is the project's.
    with tempfile.TemporaryDirectory() as elsewhere, chdir(HERE.parent):
        (log,) = evaluate(
            task,
            model=model,
            metadata=subject,
            log_dir=elsewhere,
            log_format="eval",
            log_model_api=False,
            log_realtime=False,
            log_buffer=len(task.dataset),
            display="none",
            max_samples=1,
        )
        verify_complete(log, len(task.dataset))
        (written,) = Path(elsewhere).glob("*.eval")
        verify_anonymous(written)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(written, place)


def stands_for(place: Path, subject: dict[str, object]) -> bool:
    """Whether the log in this place is of the same weights, questions and method."""
    if not place.exists():
        return False
    log = read_eval_log(str(place), header_only=True)
    return log.status == "success" and log.eval.metadata == subject


def record_candidate(candidate: Candidate, packages: Path, progress: Progress) -> None:
    """One model over every domain whose log does not stand already; loaded only if one does not."""
    bar = progress.add_task(candidate.name, total=len(TASKS))
    model = None
    for domain in TASKS:
        subject = subject_of(candidate, domain, packages)
        place = place_of(candidate, domain)
        if not stands_for(place, subject):
            model = model or choosing_model(candidate.name, candidate.load(packages))
            record_log(model, domain, subject, place)
        progress.advance(bar)


def summarise_log(place: Path) -> dict[str, object]:
    """One log's line of the summary, read from the log itself."""
    log = read_eval_log(str(place))
    planned = log.eval.dataset.samples or 0
    recorded = record_file(place)
    return {
        "task": log.eval.task,
        "correct": verify_complete(log, planned),
        "n": planned,
        "log": place.relative_to(LOGS).as_posix(),
        "sha256": recorded["sha256"],
        "size": recorded["size"],
        "questions_sha256": (log.eval.metadata or {})["questions"]["sha256"],
    }


def summarise_candidate(candidate: Candidate, packages: Path) -> dict[str, object]:
    """One model's results, with what binds them to its weights."""
    summary: dict[str, object] = {
        "package": f"{candidate.package} {candidate.version(packages)}",
        "licence": candidate.licence,
        "method": candidate.method,
        "weights": [record_file(packages / candidate.file)],
    }
    if candidate is SMOLLM2:
        summary["converted"] = [record_file(converted_smollm2(packages))]
    summary["domains"] = {domain: summarise_log(place_of(candidate, domain)) for domain in TASKS}
    return summary


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
    packages = packages.resolve()
    # Inspect clears the live displays of the console it shares, so ours has one of its own.
    with Progress(console=Console(stderr=True)) as progress:
        for candidate in CANDIDATES:
            record_candidate(candidate, packages, progress)
    summary = {
        "format": "openward-evaluation-summary/v1",
        "harness": {"name": "inspect_ai", "version": importlib.metadata.version("inspect_ai")},
        "models": {
            f"openward/{candidate.name}": summarise_candidate(candidate, packages)
            for candidate in CANDIDATES
        },
    }
    text = json.dumps(summary, indent=1, ensure_ascii=False) + "\n"
    (LOGS / "SUMMARY.json").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
