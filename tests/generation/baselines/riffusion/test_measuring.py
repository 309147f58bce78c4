"""The measures: they tell following from not following, and figures end up in the weights."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file

from generation.baselines.riffusion.measuring import (
    PromptFollowing,
    held_out,
    prompt_following,
    prompts_of,
    record,
    round_trip,
)
from generation.baselines.riffusion.tiny import WEIGHTS
from generation.baselines.riffusion.training import Course
from generation.cascade.checkpoint import fingerprint, read_notes
from generation.metrics.following import Beside
from generation.metrics.heard import Heard
from generation.metrics.intervals import Estimate

GENRES = ["Rock", "Reggae"] * 12


def clips(names: list[str], seed: int) -> list[Heard]:
    """Clips whose embeddings tell these genres, with some noise."""
    draw = np.random.default_rng(seed)
    centres = {"Rock": np.r_[np.ones(4), np.zeros(4)], "Reggae": np.r_[np.zeros(4), np.ones(4)]}
    silent = Heard(0.0, 0.0, None, np.zeros(12), 0.0, 0.0, 0.0, 0.0, 0.0, np.zeros((1, 8), np.float32))
    return [
        replace(silent, embeddings=(centres[name] + 0.2 * draw.standard_normal((3, 8))).astype(np.float32))
        for name in names
    ]


def test_music_of_the_prompted_genres_follows() -> None:
    found = prompt_following(clips(GENRES, 1), clips(GENRES, 0), GENRES)
    assert found.prompts == 24
    assert found.genre_share.own == 1.0
    assert found.genre_share.other < 0.7
    assert found.genre_share.difference.above_zero
    assert found.genre_cosine.difference.above_zero


def test_music_of_one_genre_whatever_the_prompt_does_not() -> None:
    found = prompt_following(clips(["Rock"] * 24, 1), clips(GENRES, 0), GENRES)
    assert not found.genre_share.difference.above_zero
    assert not found.genre_cosine.difference.above_zero


def test_held_out_pieces_lie_beyond_those_of_training() -> None:
    course, pieces = Course(), held_out(8)
    assert all(piece.seed >= course.first_seed + course.pieces for piece in pieces)
    assert [piece.genre.name for piece in pieces[:4]] == [piece.genre.name for piece in pieces[4:]]
    assert len(set(prompts_of(pieces))) == 8


def test_what_is_lost_does_not_depend_on_the_level() -> None:
    tone = np.sin(2 * np.pi * 440 * np.arange(44_100) / 44_100).astype(np.float32)
    loud, soft = round_trip(tone, 0), round_trip(0.01 * tone, 0)
    assert soft.spectral_convergence == pytest.approx(loud.spectral_convergence, abs=0.01)
    assert soft.log_mel_db == pytest.approx(loud.log_mel_db, abs=0.1)


def test_figures_are_recorded_beside_untouched_weights(tmp_path: Path) -> None:
    path = Path(shutil.copy(WEIGHTS, tmp_path / "tiny.safetensors"))
    figure = Beside(0.9, 0.25, Estimate(0.65, 0.5, 0.8))
    record(path, PromptFollowing(40, figure, figure))

    notes = read_notes(path)
    assert notes["prompts"] == "40"
    assert notes["genre_share_difference"] == "0.650 [0.500, 0.800]"
    assert notes["steps"] == read_notes(WEIGHTS)["steps"]
    assert fingerprint(load_file(path)) == fingerprint(load_file(WEIGHTS))
