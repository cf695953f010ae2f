"""How weights that cannot follow an instruction still choose among options.

* Likelihood: a causal language model is asked the question alone and each option is scored as
  the reply it might have given: log-probability of the option's tokens per byte of its text.
* Nearness: an embedding model has no replies, so the option is chosen whose embedding lies
  nearest to the question's (cosine).

Both are greedy and without chance: the same weights give the same choice. One thread each, so
that sums are taken in one order.
"""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnxruntime
import torch
from tokenizers import Encoding, Tokenizer
from transformers import AutoModelForCausalLM, AutoTokenizer, BertModel, GgufConfig

Chooser = Callable[[str, Sequence[str]], list[float]]
"""Question and options to one score an option; the greatest is the choice, the first on a tie."""

Embed = Callable[[Sequence[Encoding]], npt.NDArray[np.float32]]
"""Tokens of n texts to their embeddings, (n, width)."""

torch.set_num_threads(1)
torch.use_deterministic_algorithms(True)

LONGEST_TEXT = 256
"""Tokens after which an embedding model of this family stops reading."""


def convert_gguf(gguf: Path, folder: Path) -> None:
    """Dequantise a GGUF file once into safetensors (bfloat16) with its tokenizer, in `folder`."""
    model = AutoModelForCausalLM.from_pretrained(
        gguf.parent,
        gguf_file=gguf.name,
        dtype=torch.bfloat16,
        quantization_config=GgufConfig(dequantize=True),
    )
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    # Named last, so that an interrupted conversion is never mistaken for a finished one.
    unfinished = folder.with_name(folder.name + ".unfinished")
    model.save_pretrained(unfinished)
    tokenizer.save_pretrained(unfinished)
    unfinished.rename(folder)


def likelihood(folder: Path) -> Chooser:
    """A chooser over the causal language model in `folder`, computed in float32."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()

    def choose(question: str, options: Sequence[str]) -> list[float]:
        turn = [{"role": "user", "content": question}]
        prefix = tokenizer.apply_chat_template(turn, add_generation_prompt=True, tokenize=False)
        start = tokenizer(prefix, add_special_tokens=False)["input_ids"]
        ends = [tokenizer(option, add_special_tokens=False)["input_ids"] for option in options]
        longest = max(map(len, ends))
        # Padding stands to the right of what is scored, where causal attention cannot see it.
        rows = torch.tensor([start + end + [0] * (longest - len(end)) for end in ends])
        with torch.inference_mode():
            logits = model(rows, logits_to_keep=longest + 1).logits.log_softmax(-1)
        return [
            float(logits[row, range(len(end)), end].sum()) / len(option.encode())
            for row, (option, end) in enumerate(zip(options, ends, strict=True))
        ]

    return choose


def nearness(embed: Embed, tokenizer_file: Path) -> Chooser:
    """A chooser over an embedding model."""
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    tokenizer.enable_truncation(LONGEST_TEXT)
    tokenizer.enable_padding()

    def choose(question: str, options: Sequence[str]) -> list[float]:
        vectors = embed(tokenizer.encode_batch([question, *options]))
        unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return [float(cosine) for cosine in unit[1:] @ unit[0]]

    return choose


def embed_bert(folder: Path) -> Embed:
    """BERT weights in safetensors, mean over the tokens that are not padding."""
    model = BertModel.from_pretrained(folder, add_pooling_layer=False).eval()

    def embed(texts: Sequence[Encoding]) -> npt.NDArray[np.float32]:
        mask = torch.tensor([text.attention_mask for text in texts])
        tokens = torch.tensor([text.ids for text in texts])
        with torch.inference_mode():
            hidden = model(tokens, attention_mask=mask).last_hidden_state
        return mean_over_tokens(hidden.numpy(), mask.numpy())

    return embed


def embed_onnx(file: Path) -> Embed:
    """An ONNX export; the states of its tokens are its one output of three dimensions."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(file, options, providers=["CPUExecutionProvider"])
    wanted = {entry.name for entry in session.get_inputs()}
    (states,) = [entry.name for entry in session.get_outputs() if len(entry.shape) == 3]

    def embed(texts: Sequence[Encoding]) -> npt.NDArray[np.float32]:
        mask = np.array([text.attention_mask for text in texts], dtype=np.int64)
        feeds = {
            "input_ids": np.array([text.ids for text in texts], dtype=np.int64),
            "attention_mask": mask,
            "token_type_ids": np.zeros_like(mask),
        }
        (hidden,) = session.run([states], {name: feeds[name] for name in wanted})
        return mean_over_tokens(hidden, mask)

    return embed


def mean_over_tokens(
    hidden: npt.NDArray[np.float32], mask: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """States (n, tokens, width) and mask (n, tokens) to embeddings (n, width)."""
    weights = mask[:, :, None].astype(np.float32)
    return (hidden * weights).sum(axis=1) / weights.sum(axis=1)
