"""Riffusion as a system: a caption becomes a picture, and the picture is played."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import torch

from generation.baselines.fit import fit
from generation.baselines.riffusion.inversion import wave_of
from generation.baselines.riffusion.limits import GUIDANCE, guidance_of, require_length, revision_of, steps_of
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
    """Paints the whole clip as one wide picture, so that nothing has to be joined.

    origin: which published model it is, and the hub's commit of it; kept beside what it plays.
    """

    painter: Paints
    origin: Mapping[str, str] = field(default_factory=dict)

    def generate(self, request: Request, progress: Progress) -> Soundtrack:
        """44.1 kHz mono, ``request.duration_s`` long; keeps the picture and, where there is one, the origin."""
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
        artefacts = {"spectrogram.png": png(picture)}
        if self.origin:
            artefacts["model.json"] = json.dumps(self.origin, indent=1).encode()
        return Soundtrack(waveform, PUBLISHED.sample_rate_hz, artefacts)


def build(preset: str, settings: Settings, device: str) -> Riffusion:
    """``tiny`` with its shipped weights or ``v1``, the published model, from ``model``.

    Raises GenerationError when weights, or what v1 needs, are missing.
    """
    if preset not in GUIDANCE:
        raise GenerationError(f"riffusion has no preset {preset!r}; there are {' and '.join(GUIDANCE)}")
    guidance, steps = guidance_of(settings, preset), steps_of(settings)
    if preset == "tiny":
        return Riffusion(load_tiny(guidance, steps))
    model, revision, download = str(settings["model"]), revision_of(settings), settings["download"] == "yes"
    painter = load_published(model, revision, guidance, steps, device, download=download)
    return Riffusion(painter, painter.origin)
