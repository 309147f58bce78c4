"""The published Riffusion model (Forsgren & Martiros 2022), run by ``diffusers`` from a folder or the hub's cache.

A fine-tuned Stable Diffusion 1.5, some 4.3 GB without its safety checker; its weights are under the CreativeML
OpenRAIL-M licence and not shipped.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from generation.baselines.riffusion.limits import PARTS, model_folder
from generation.baselines.riffusion.parameters import PUBLISHED
from generation.baselines.riffusion.spectrogram import Picture
from generation.cascade.published.libraries import ready_torchvision
from generation.contracts import GenerationError

_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


@dataclass(frozen=True, slots=True)
class PublishedPainter:
    """A Stable Diffusion pipeline that paints spectrograms. origin: which model, and the hub's commit of it."""

    pipeline: Any
    guidance: float
    steps: int
    origin: Mapping[str, str]

    def paint(self, text: str, columns: int, seed: int, progress: Callable[[float], None]) -> Picture:
        """A picture [512, columns]: red, green and blue, which the model leaves nearly equal, are averaged."""

        def report(pipeline: Any, step: int, timestep: Any, state: dict[str, Any]) -> dict[str, Any]:
            progress(min(1.0, (step + 1) / self.steps))
            return state

        painted = self.pipeline(
            prompt=text,
            height=PUBLISHED.mels,
            width=columns,
            guidance_scale=self.guidance,
            num_inference_steps=self.steps,
            # Drawn on the CPU, so that a seed means the same picture on every device.
            generator=torch.Generator().manual_seed(seed),
            output_type="np",
            callback_on_step_end=report,
        ).images[0]
        levels = np.asarray(painted, dtype=np.float32).mean(-1) * 255
        return np.asarray(levels.round().clip(0, 255), dtype=np.uint8)


def load_published(
    model: str, revision: str, guidance: float, steps: int, device: str, *, download: bool
) -> PublishedPainter:
    """The pipeline of a local folder, or of a hub id whose files are in the hub's cache or may be downloaded.

    revision: branch, tag or commit of the hub's model; a folder has none.

    Raises GenerationError without diffusers, when there is no such folder, and when a part is missing, damaged or
    out of reach.
    """
    ready_torchvision()
    try:
        from diffusers import StableDiffusionPipeline
    # diffusers wraps what its own imports raise.
    except (ImportError, RuntimeError) as error:
        raise GenerationError(
            f"riffusion-v1 needs diffusers and transformers ({error}): pip install 'duet[published]'"
        ) from error
    folder = model_folder(model)
    if folder is None and not _HUB_ID.fullmatch(model):
        raise GenerationError(
            f"the folder {model!r} of riffusion-v1 does not exist; set `model` to a folder in diffusers' layout "
            f"(model_index.json, {', '.join(PARTS)}) or to a hub id such as riffusion/riffusion-model-v1"
        )
    untyped: Any = StableDiffusionPipeline
    kept: dict[str, Any] = {"safety_checker": None, "feature_extractor": None, "use_safetensors": True}
    origin = {"model": model}
    try:
        if folder is None:
            folder = Path(untyped.download(model, revision=revision, local_files_only=not download, **kept))
            origin |= {"revision": revision, "commit": folder.name}
        pipeline = untyped.from_pretrained(
            str(folder),
            dtype=torch.float16 if device.startswith("cuda") else torch.float32,
            requires_safety_checker=False,
            local_files_only=True,
            **kept,
        )
    # diffusers, the hub and its transport each raise trees of their own.
    except Exception as error:
        raise GenerationError(_unloadable(model, error, download=download)) from error
    pipeline.set_progress_bar_config(disable=True)
    return PublishedPainter(pipeline.to(device), guidance, steps, origin)


def _unloadable(model: str, error: Exception, *, download: bool) -> str:
    reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
    if model_folder(model) is not None:
        return f"the folder {model!r} holds no whole diffusers pipeline ({reason}); copy the model there again"
    if download:
        return (
            f"{model} could not be downloaded ({reason}); check the network and the name, or copy the model to a "
            "folder and set `model` to it"
        )
    return (
        f"{model} is not in this machine's hub cache ({reason}); set `download` to yes (some 4.3 GB) or `model` "
        "to a folder that holds it"
    )
