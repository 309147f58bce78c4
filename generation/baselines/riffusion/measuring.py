"""What the picture costs, and whether riffusion-tiny plays what its prompt says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from generation.baselines.riffusion.inversion import wave_of
from generation.baselines.riffusion.network import Painter, TinyConfig
from generation.baselines.riffusion.parameters import PUBLISHED
from generation.baselines.riffusion.spectrogram import Picture, mel_magnitudes, picture_of
from generation.baselines.riffusion.tiny import TinyPainter
from generation.cascade.checkpoint import load_part, save_part
from generation.cascade.spectra import resample
from generation.metrics.following import SEED, Beside, clip_embeddings
from generation.metrics.heard import Heard, listen_to
from generation.metrics.intervals import derangements, mean_difference
from generation.metrics.likeness import GenreSpace
from generation.metrics.tagger import SAMPLE_RATE_HZ, Tagger
from generation.world.music import render_music
from generation.world.piece import GENRES, Piece, plan
from generation.world.words import music_caption

Wave = npt.NDArray[np.float32]

HELD_OUT_SEED = 1_500_000
_FLOOR = 1e-4
_SECONDS = 10


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """What is lost from sound to picture and back to sound; lower is better, 0 is nothing.

    spectral_convergence: norm of the error of the mel magnitudes over their norm. log_mel_db: mean absolute
    difference in decibels, everything more than 80 dB below the loudest counted as silent.
    """

    spectral_convergence: float
    log_mel_db: float


@dataclass(frozen=True, slots=True)
class PromptFollowing:
    """Painted music beside its own prompt's genre (own) and other prompts' (other); higher is better.

    genre_share: lies nearest to the genre's centroid. genre_cosine: cosine to that centroid.
    """

    prompts: int
    genre_share: Beside
    genre_cosine: Beside


def round_trip(wave: Wave, seed: int) -> RoundTrip:
    """Paint mono sound [samples], play it with phases from ``seed``, and compare at the best level."""
    before = mel_magnitudes(torch.from_numpy(wave))
    after = mel_magnitudes(torch.from_numpy(wave_of(picture_of(wave), seed)))[:, : before.shape[1]]
    before = before[:, : after.shape[1]] / before.max()
    after = after * ((before * after).sum() / after.square().sum())
    apart = 20 * (before.clamp(min=_FLOOR).log10() - after.clamp(min=_FLOOR).log10()).abs()
    return RoundTrip(float((before - after).norm() / before.norm()), float(apart.mean()))


def held_out(count: int) -> list[Piece]:
    """Pieces that training never saw, genres in turn."""
    return [plan(HELD_OUT_SEED + index, genre=GENRES[index % len(GENRES)]) for index in range(count)]


def prompts_of(pieces: Sequence[Piece]) -> list[str]:
    """One wording of each piece's music, drawn apart from those of training."""
    draw = np.random.default_rng(HELD_OUT_SEED)
    return [music_caption(piece, draw) for piece in pieces]


def played(picture: Picture, seed: int, tagger: Tagger) -> Heard:
    """Play a picture's first ten seconds and listen."""
    wave = torch.from_numpy(wave_of(picture, seed)[: _SECONDS * PUBLISHED.sample_rate_hz])
    low = resample(wave[None], PUBLISHED.sample_rate_hz, SAMPLE_RATE_HZ)[0]
    return listen_to(low.numpy(), SAMPLE_RATE_HZ, tagger)


def measured(painter: TinyPainter, tagger: Tagger, prompts: int) -> PromptFollowing:
    """Paint ten seconds for each of so many held-out prompts and listen; some 15 s a prompt on one core."""
    pieces = held_out(prompts)
    painted, reference = [], []
    for seed, (piece, prompt) in enumerate(zip(pieces, prompts_of(pieces), strict=True)):
        picture = painter.paint(prompt, PUBLISHED.columns(_SECONDS), seed, lambda share: None)
        painted.append(played(picture, seed, tagger))
        # Through a picture as well: what Griffin-Lim does to sound is not what is asked here.
        wave, _ = render_music(piece, PUBLISHED.sample_rate_hz)
        reference.append(played(picture_of(wave.mean(0)), seed, tagger))
    return prompt_following(painted, reference, [piece.genre.name for piece in pieces])


def record(path: Path, following: PromptFollowing) -> None:
    """Write the figures into the metadata of weights, whose tensors stay as they are."""
    painter, config = Painter(TinyConfig()), TinyConfig().words()
    notes = load_part(path, painter, config=config)
    figures = {"prompts": str(following.prompts)}
    for name, figure in (("genre_share", following.genre_share), ("genre_cosine", following.genre_cosine)):
        difference = figure.difference
        figures |= {f"{name}_own": f"{figure.own:.3f}", f"{name}_other": f"{figure.other:.3f}"}
        figures[f"{name}_difference"] = f"{difference.value:.3f} [{difference.low:.3f}, {difference.high:.3f}]"
    save_part(path, painter, config=config, notes={**notes, **figures})


def prompt_following(
    painted: Sequence[Heard], reference: Sequence[Heard], genres: Sequence[str]
) -> PromptFollowing:
    """Compare music painted from prompt i with the genre of prompt i, and with those that shuffles pair it with.

    ``reference`` is the world's own music of the same prompts, in whose space genres have their centroids; no clip
    is compared with the music of its own prompt.
    """
    space = GenreSpace(clip_embeddings(reference), genres)
    scores = space.genre_scores(clip_embeddings(painted))
    wanted = np.array([space.names.index(genre) for genre in genres])
    nearest = (scores == scores.max(1, keepdims=True)).astype(np.float64)
    everyone, orders = np.arange(len(wanted)), derangements(len(wanted), SEED)

    def beside(table: npt.NDArray[np.float64]) -> Beside:
        own = table[everyone, wanted]
        other = np.mean([table[everyone, wanted[order]] for order in orders], axis=0)
        return Beside(float(own.mean()), float(other.mean()), mean_difference(own, other, SEED))

    return PromptFollowing(len(wanted), beside(nearest), beside(scores))
