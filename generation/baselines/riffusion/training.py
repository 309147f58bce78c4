"""How riffusion-tiny was trained: from nothing, on one CPU core, on the project's own world.

``train(folder, out)`` makes the pictures, then the codec, then the U-Net. Training seeds begin at 1 000 000, where
no demo clip and no held-out piece of the measures lies.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from generation.baselines.riffusion.diffusion import loss
from generation.baselines.riffusion.network import Painter, TinyConfig
from generation.baselines.riffusion.parameters import PUBLISHED
from generation.baselines.riffusion.spectrogram import Picture, picture_of
from generation.cascade.checkpoint import save_part
from generation.contracts import Progress
from generation.text.minilm import embed
from generation.world.music import render_music
from generation.world.piece import Piece, plan
from generation.world.words import music_caption

CAPTIONS = 6
_COLUMNS = 1000
_CROP = 128
_JITTER = 0.1
"""Noise on the codec's latents in training: what the U-Net paints is never quite what the encoder would say."""


@dataclass(frozen=True, slots=True)
class Course:
    """Amounts, as the shipped weights had them, but that their codec met only the first 450 pieces.

    short_steps see windows of 32 latents (2.56 s), steps the published 64 (5.12 s); again_steps go on from there,
    the rate up once more, with fresh captions.
    """

    pieces: int = 848
    first_seed: int = 1_000_000
    codec_steps: int = 1800
    codec_batch: int = 16
    short_steps: int = 1600
    steps: int = 1400
    again_steps: int = 1100
    batch: int = 8
    codec_rate: float = 2e-3
    rate: float = 8e-4
    again_rate: float = 6e-4
    average: float = 0.998
    without_text: float = 0.1
    seed: int = 0


Keep = Callable[[nn.Module, int, float], None]
"""Given the U-Net's running average, how many steps it has behind it, and the mean error of the last 200."""


def _quiet(share: float, words: str) -> None:
    """Nobody wants to know."""


def train(
    folder: Path,
    out: Path,
    course: Course | None = None,
    config: TinyConfig | None = None,
    progress: Progress = _quiet,
) -> Path:
    """Train and write the weights to ``out``; pictures that lie in ``folder`` already are used again."""
    course, config = course or Course(), config or TinyConfig()
    torch.manual_seed(course.seed)
    painter = Painter(config)
    pictures = make_pictures(folder, course.first_seed, course.pieces)
    train_codec(painter, pictures, course, progress)
    latents = encoded(painter, pictures)
    again = replace(course, short_steps=0, steps=course.again_steps, rate=course.again_rate, seed=course.seed + 1)
    before = 0

    def keep(averaged: nn.Module, steps: int, error: float) -> None:
        shipped = deepcopy(painter)
        shipped.unet.load_state_dict(averaged.state_dict())
        notes = {"seed": str(course.seed), "steps": str(before + steps), "loss": f"{error:.4f}"}
        save_part(out, shipped, config=config.words(), notes=notes)

    for leg in (course, again):
        texts = embedded(leg.first_seed, leg.pieces, leg.seed)
        train_unet(painter, latents, texts, leg, keep, progress)
        before += leg.short_steps + leg.steps
    return out


def make_pictures(folder: Path, first_seed: int, pieces: int) -> npt.NDArray[np.uint8]:
    """Pictures [N, 512, 1000] of ten-second pieces, kept in ``folder``; a quarter of a second each."""
    path = folder / f"pictures-{first_seed}-{pieces}.npy"
    if not path.exists():
        made = np.empty((pieces, PUBLISHED.mels, _COLUMNS), np.uint8)
        for index in range(pieces):
            made[index] = picture_of_piece(plan(first_seed + index))[:, :_COLUMNS]
        np.save(path, made)
    return np.asarray(np.load(path, mmap_mode="r"))


def picture_of_piece(piece: Piece) -> Picture:
    """The picture of a piece's music, both channels mixed."""
    wave, _ = render_music(piece, PUBLISHED.sample_rate_hz)
    return picture_of(wave.mean(0))


def captions_of(piece: Piece, draw: np.random.Generator) -> list[str]:
    """What a piece is called in training: four free wordings, the clip's own caption, and its genre alone."""
    free = [music_caption(piece, draw) for _ in range(CAPTIONS - 2)]
    return [*free, piece.caption, piece.genre.name.lower()]


def embedded(first_seed: int, pieces: int, seed: int) -> Tensor:
    """Captions of the pieces as sentence embeddings [N, CAPTIONS, 384]."""
    draw = np.random.default_rng([seed, first_seed])
    rows = [embed(captions_of(plan(first_seed + index), draw)) for index in range(pieces)]
    return torch.from_numpy(np.stack(rows))


def train_codec(
    painter: Painter, pictures: npt.NDArray[np.uint8], course: Course, progress: Progress = _quiet
) -> None:
    """Fit the codec to crops of 128 x 128 pixels by mean absolute error."""
    generator = torch.Generator().manual_seed(course.seed + 1)
    codec = painter.codec.train()
    optimiser = torch.optim.AdamW(codec.parameters(), course.codec_rate, weight_decay=0.0)
    for step in range(course.codec_steps):
        crops = _crops(pictures, course.codec_batch, generator)
        with torch.autocast("cpu", torch.bfloat16):
            latents = codec.encode(crops)
            jitter = _JITTER * torch.randn(latents.shape, generator=generator)
            painted = codec.decode(latents + jitter).float()
        error = (painted - crops).abs().mean()
        _update(optimiser, error, course.codec_rate, step, course.codec_steps)
        progress((step + 1) / course.codec_steps, f"codec, error {float(error.detach()):.4f}")
    codec.eval()


@torch.inference_mode()
def encoded(painter: Painter, pictures: npt.NDArray[np.uint8]) -> Tensor:
    """Latents [N, C, 64, 125] of pictures."""
    return torch.cat([painter.codec.encode(scaled(torch.tensor(picture)[None, None])) for picture in pictures])


def scaled(pictures: Tensor) -> Tensor:
    """Grey levels 0 to 255 as float32 from -1 to 1."""
    return pictures.float() / 127.5 - 1


def train_unet(
    painter: Painter,
    latents: Tensor,
    texts: Tensor,
    course: Course,
    keep: Keep,
    progress: Progress = _quiet,
) -> None:
    """Fit the U-Net's velocities; every 200 steps ``keep`` is given its running average and what it reached."""
    generator = torch.Generator().manual_seed(course.seed + 2)
    unet, averaged = painter.unet.train(), deepcopy(painter.unet).eval()
    optimiser = torch.optim.AdamW(unet.parameters(), course.rate, weight_decay=1e-3)

    def velocity(noisy: Tensor, when: Tensor, text: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return unet(noisy, when, text).float()  # type: ignore[no-any-return]

    total = course.short_steps + course.steps
    recent: list[float] = []
    for step in range(total):
        width = 32 if step < course.short_steps else 64
        windows, text = _windows(latents, texts, width, course, generator)
        error = loss(velocity, windows, text, generator)
        _update(optimiser, error, course.rate, step, total)
        progress((step + 1) / total, f"U-Net, error {float(error.detach()):.4f}")
        recent = [*recent[-199:], float(error.detach())]
        weight = max(1 - course.average, 9 / (10 + step))
        with torch.no_grad():
            torch._foreach_lerp_(list(averaged.parameters()), list(unet.parameters()), weight)
        if (step + 1) % 200 == 0 or step + 1 == total:
            keep(averaged, step + 1, float(np.mean(recent)))
    painter.unet.load_state_dict(averaged.state_dict())


def _update(optimiser: torch.optim.Optimizer, error: Tensor, rate: float, step: int, total: int) -> None:
    """One step down the error, at a rate that warms up over 100 steps and falls along a cosine."""
    fall = 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * step / total))
    for group in optimiser.param_groups:
        group["lr"] = rate * min(1.0, (step + 1) / 100) * fall
    optimiser.zero_grad()
    error.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(optimiser.param_groups[0]["params"], 1.0)
    optimiser.step()


def _crops(pictures: npt.NDArray[np.uint8], batch: int, generator: torch.Generator) -> Tensor:
    def draw(count: int) -> int:
        return int(torch.randint(count, (1,), generator=generator))

    crops = []
    for _ in range(batch):
        picture = pictures[draw(len(pictures))]
        top, left = draw(picture.shape[0] - _CROP + 1), draw(picture.shape[1] - _CROP + 1)
        crops.append(picture[top : top + _CROP, left : left + _CROP])
    return scaled(torch.from_numpy(np.stack(crops))[:, None])


def _windows(
    latents: Tensor, texts: Tensor, width: int, course: Course, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Windows [B, C, 64, width] of random pieces from random columns, and a caption of each or none [B, 384]."""
    pieces = torch.randint(len(latents), (course.batch,), generator=generator)
    starts = torch.randint(latents.shape[3] - width + 1, (course.batch,), generator=generator)
    said = torch.randint(texts.shape[1], (course.batch,), generator=generator)
    told = torch.rand(course.batch, 1, generator=generator) >= course.without_text
    windows = [latents[piece, :, :, start : start + width] for piece, start in zip(pieces, starts, strict=True)]
    return torch.stack(windows), texts[pieces, said] * told
