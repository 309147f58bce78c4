"""Picture to sound: how near the bands and the whole round trip come."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from generation.baselines.riffusion.inversion import linear_magnitudes, wave_of
from generation.baselines.riffusion.measuring import round_trip
from generation.baselines.riffusion.parameters import PUBLISHED
from generation.baselines.riffusion.spectrogram import mel_filters, picture_of
from generation.world.music import render_music
from generation.world.piece import GENRES, plan

RATE_HZ = 44_100


def test_bins_explain_the_bands_and_each_step_explains_more() -> None:
    draw = torch.Generator().manual_seed(0)
    filters = mel_filters(PUBLISHED)
    bands = filters.T @ torch.rand(len(filters), 20, generator=draw).square()

    def unexplained(steps: int) -> float:
        found = linear_magnitudes(bands, steps=steps)
        assert (found >= 0).all()
        return float((filters.T @ found - bands).norm() / bands.norm())

    errors = [unexplained(steps) for steps in (0, 2, 8)]
    assert errors == sorted(errors, reverse=True)
    assert errors[-1] < 0.01


@pytest.mark.parametrize("genre", GENRES, ids=lambda genre: genre.name)
def test_music_survives_its_picture(genre: object) -> None:
    piece = plan(1_700_000, genre=genre, duration_s=2.0)  # type: ignore[arg-type]
    lost = round_trip(render_music(piece, RATE_HZ)[0].mean(0), seed=0)
    assert lost.spectral_convergence < 0.1
    assert lost.log_mel_db < 2.0


def test_played_pictures_are_the_pictures_that_were_played() -> None:
    """Painted again, the sound gives back its own picture and not the one turned round in time."""
    picture = picture_of(render_music(plan(1_700_000, duration_s=2.0), RATE_HZ)[0].mean(0)).astype(np.int16)
    again = picture_of(wave_of(picture.astype(np.uint8), 0)).astype(np.int16)
    assert np.abs(again - picture).mean() < np.abs(again[:, ::-1] - picture).mean() / 3


def test_the_seed_decides_the_phases_and_only_them() -> None:
    picture = picture_of(render_music(plan(1_700_000, duration_s=1.0), RATE_HZ)[0].mean(0))
    first, again, other = wave_of(picture, 1), wave_of(picture, 1), wave_of(picture, 2)
    assert (first == again).all()
    assert np.abs(first - other).max() > 0.01
    assert len(first) == (picture.shape[1] - 1) * PUBLISHED.hop
    assert np.abs(first).max() == pytest.approx(0.9)


def test_a_white_picture_is_silent() -> None:
    assert (wave_of(np.full((512, 64), 255, np.uint8), 0) == 0).all()
