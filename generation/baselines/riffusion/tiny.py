"""riffusion-tiny: the shipped painter, trained from scratch on the project's own world."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from generation.baselines.riffusion.diffusion import sample
from generation.baselines.riffusion.network import Painter, TinyConfig
from generation.baselines.riffusion.spectrogram import Picture
from generation.cascade.checkpoint import load_part
from generation.text.minilm import embed

WEIGHTS = Path(__file__).parents[2] / "weights" / "riffusion" / "tiny.safetensors"


@dataclass(frozen=True, slots=True)
class TinyPainter:
    """Sentence embedding to latents by DDIM, latents to a picture by the codec; always on the CPU."""

    networks: Painter
    guidance: float
    steps: int

    @torch.inference_mode()
    def paint(self, text: str, columns: int, seed: int, progress: Callable[[float], None]) -> Picture:
        """A picture [512, columns]. Raises GenerationError for a text in another script than Latin."""
        config = self.networks.config
        latents = sample(
            self.networks.unet,
            torch.from_numpy(embed([text])),
            (config.latents, config.rows, columns // config.patch),
            steps=self.steps,
            guidance=self.guidance,
            generator=torch.Generator().manual_seed(seed),
            progress=progress,
        )
        return grey(self.networks.codec.decode(latents))


def grey(painted: Tensor) -> Picture:
    """Painted [1, 1, H, W] around [-1, 1] as grey levels [H, W]."""
    levels = (painted[0, 0] + 1) * 127.5
    return np.asarray(levels.round().clamp(0, 255).to(torch.uint8).numpy(), dtype=np.uint8)


def load_tiny(guidance: float, steps: int, path: Path = WEIGHTS) -> TinyPainter:
    """The painter with its shipped weights. Raises GenerationError when they are missing or do not fit."""
    config = TinyConfig()
    networks = Painter(config)
    load_part(path, networks, config=config.words())
    return TinyPainter(networks.eval(), guidance, steps)
