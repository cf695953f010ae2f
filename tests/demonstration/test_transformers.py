"""`transformers.from_pretrained` against the hub: configuration, tokenizer and weights of a model.

The demonstration's encoder stands in Tier 3, so its publisher, who proved possession, reads it; the
weights are read with safetensors, because torch is not part of this environment.
"""

import json
import os
import subprocess
from pathlib import Path

from tests.client_environments import environment_of
from tests.demonstration.demonstration_hub import Demonstration

SCRIPT = """
import json, sys
from huggingface_hub import HfFileSystem, hf_hub_download
from safetensors.numpy import load_file
from transformers import AutoConfig, AutoTokenizer
name = sys.argv[1]
config = AutoConfig.from_pretrained(name)
tokens = AutoTokenizer.from_pretrained(name)("openly governed")["input_ids"]
tensors = load_file(hf_hub_download(name, "model.safetensors"))
files = HfFileSystem()
with files.open(name + "/config.json") as raw:
    same = json.load(raw)["hidden_size"] == config.hidden_size
print(json.dumps([config.model_type, len(tokens), len(tensors), same]))
"""


def test_a_model_is_read_by_name(demonstration: Demonstration, tmp_path: Path) -> None:
    python = environment_of("transformers")
    environment = {
        "PATH": os.environ["PATH"],
        "HF_ENDPOINT": demonstration.endpoint,
        "HF_HOME": str(tmp_path),
        "HF_TOKEN": demonstration.tokens["publisher"],
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    }
    done = subprocess.run(
        [python, "-c", SCRIPT, demonstration.models["tier3"]],
        env=environment, capture_output=True, text=True, timeout=240, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    kind, tokens, tensors, same = json.loads(done.stdout.splitlines()[-1])
    assert kind == "bert"
    assert tokens >= 4
    assert tensors > 100
    assert same
