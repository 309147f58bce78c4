"""Riffusion as a system: a caption becomes a picture, and the picture is played."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch

from generation.baselines.fit import fit
from generation.baselines.riffusion.inversion import wave_of
from generation.baselines.riffusion.limits import GUIDANCE, guidance_of, require_length, steps_of
from generation.baselines.riffusion.parameters import PUBLISHED
from generation.baselines.riffusion.published import load_published
from generation.baselines.riffusion.spectrogram import Picture, png
from generation.baselines.riffusion.tiny import load_tiny
from generation.contracts import GenerationError, OutOfMemory, Progress, Request, Settings, Soundtrack
from generation.text.script import prompt_of

_PAINTING = 0.6
"""Roughly the share of the time that painting takes; the rest is Griffin-Lim."""


class Paints(Protocol):
    """Whatever makes a spectrogram picture of a text."""

    def paint(self, text: str, columns: int, seed: int, progress: Callable[[float], None]) -> Picture:
        """A picture [512, columns]; one text and seed give the same picture."""
        ...


@dataclass(frozen=True, slots=True)
class Riffusion:
    """Paints the whole clip as one wide picture, so that nothing has to be joined."""

    painter: Paints

    def generate(self, request: Request, progress: Progress) -> Soundtrack:
        """44.1 kHz mono, ``request.duration_s`` long; keeps the picture as ``spectrogram.png``."""
        text = prompt_of(request.clip_id, request.text)
        require_length(request.clip_id, request.duration_s)
        columns = PUBLISHED.columns(request.duration_s)
        progress(0.0, "painting the spectrogram")
        try:
            picture = self.painter.paint(
                text, columns, request.seed, lambda share: progress(_PAINTING * share, "painting the spectrogram")
            )
        except torch.OutOfMemoryError as error:
            raise OutOfMemory(f"no memory left for a picture {columns} pixels wide: {error}") from error
        progress(_PAINTING, "playing the spectrogram")
        wave = wave_of(picture, request.seed)
        waveform = fit(wave[None], PUBLISHED.sample_rate_hz, request.duration_s, "the painted music")
        return Soundtrack(waveform, PUBLISHED.sample_rate_hz, {"spectrogram.png": png(picture)})


def build(preset: str, settings: Settings, device: str) -> Riffusion:
    """``tiny`` with its shipped weights or ``v1``, the published model, from ``model``.

    Raises GenerationError when weights, or what v1 needs, are missing.
    """
    if preset not in GUIDANCE:
        raise GenerationError(f"riffusion has no preset {preset!r}; there are {' and '.join(GUIDANCE)}")
    guidance, steps = guidance_of(settings, preset), steps_of(settings)
    if preset == "tiny":
        return Riffusion(load_tiny(guidance, steps))
    download = settings["download"] == "yes"
    return Riffusion(load_published(str(settings["model"]), guidance, steps, device, download=download))
