"""What a file of tensors says of itself, whatever its format: the shape of a model, not its worth.

Only names, types and shapes are read, never a value and never a pickle.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

# How adapters name the small matrices they add to a model: PEFT, kohya and GGUF, then the
# published variants of the method (IA3, LoHa, LoKr, OFT, VeRA).
_ADAPTER_MARKS = (
    "lora_a", "lora_b", "lora_up", "lora_down", "lora_embedding", "lora_magnitude",
    "ia3_l", "hada_w", "lokr_w", "oft_r", "vera_lambda",
)  # fmt: skip


class TensorFormat(Enum):
    """The formats that can be read without running anything."""

    SAFETENSORS = "safetensors"
    GGUF = "gguf"


@dataclass(frozen=True, slots=True)
class Tensor:
    """One array: its name, element type as its format spells it, and shape as written there."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def count(self) -> int:
        """Numbers in it; a scalar is one."""
        return math.prod(self.shape)


@dataclass(frozen=True, slots=True)
class TensorFile:
    """A file whose layout accounts for every byte of it."""

    format: TensorFormat
    tensors: tuple[Tensor, ...]
    metadata: Mapping[str, str]

    @property
    def parameters(self) -> dict[str, int]:
        """How many numbers there are of each element type."""
        counts: dict[str, int] = {}
        for tensor in self.tensors:
            counts[tensor.dtype] = counts.get(tensor.dtype, 0) + tensor.count
        return counts

    @property
    def adapter(self) -> bool:
        """Whether this looks like an addition to a model: half its tensors or more say so."""
        marked = sum(
            any(mark in tensor.name.lower() for mark in _ADAPTER_MARKS) for tensor in self.tensors
        )
        return marked > 0 and 2 * marked >= len(self.tensors)
