"""The library that holds the published networks, imported when one of them is built and not before."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import torch

from generation.contracts import GenerationError


def transformers() -> Any:
    """The ``transformers`` package. Raises GenerationError saying how to install it when it is not there."""
    ready_torchvision()
    return _library("transformers")


def tokenizers() -> Any:
    """The ``tokenizers`` package, which comes with it. Raises GenerationError as above."""
    return _library("tokenizers")


def hub() -> Any:
    """The ``huggingface_hub`` package, which comes with it. Raises GenerationError as above."""
    return _library("huggingface_hub")


def ready_torchvision() -> None:
    """Let torchvision be imported where it comes without its compiled operators, if it is there at all.

    Built for CUDA it cannot load them beside a CPU torch and then stumbles over two registrations; naming the
    operators lets the rest of it, all that transformers and open_clip need, import.
    """
    try:
        importlib.import_module("torchvision")
    except ImportError:
        return
    except RuntimeError as error:
        if "torchvision::" not in str(error):
            raise
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        for operator in ("nms", "qnms"):
            torch.library.define(
                f"torchvision::{operator}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
            )
        importlib.import_module("torchvision")


def _library(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise GenerationError(
            f'published weights need the package {name}, which is not installed: pip install "duet[published]"'
        ) from error
