"""Run every model over every proxy set and record what came out.

    logs/<model>/<domain>.eval   as Inspect wrote it
    logs/SUMMARY.json            correct and n of each log, its SHA-256, and the weights it is of

A log is written somewhere neutral and moved into place unedited, and only when the run succeeded,
every question was answered, and no byte of it names this machine.
"""

import argparse
import getpass
import hashlib
import json
import os
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir
from dataclasses import dataclass
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"
os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"
# The log's own directory is as much as a listing of it should know.
os.environ["INSPECT_EVAL_LOG_FILE_PATTERN"] = "{task}"

import zipfile_zstd as zipfile
from choosers import Chooser, convert_gguf, embed_bert, embed_onnx, likelihood, nearness
from inspect_ai import eval as run_task
from inspect_ai.log import EvalLog
from provider import choosing_model
from proxies import QUESTIONS, TASKS
from rich.progress import Progress, track  # noqa: F401

HERE = Path(__file__).resolve().parent
