"""Music made to follow its clips, and music made not to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from generation.metrics.clips import Clip
from generation.metrics.following import clip_embeddings, following, sound
from generation.metrics.harmony import SCALES
from generation.metrics.heard import Heard
from generation.metrics.likeness import GenreSpace
from generation.metrics.prompts import asked_genres, prompt_for, steering

DRAW = np.random.default_rng(0)
NAMES = ("Rock", "Reggae", "Hip hop music")
CENTRES = {name: 5 * np.eye(3, 12)[index] for index, name in enumerate(NAMES)}


def _clip(index: int) -> Clip:
    return Clip(NAMES[index % 3], float(index), (75.0, 100.0, 140.0)[index // 3 % 3], index % 12, "major")


def _heard(genre: str, rate: float, tempo_bpm: float | None, tonic: int) -> Heard:
    chroma = np.full(12, 0.2 / 5)
    chroma[[(tonic + step) % 12 for step in SCALES["major"]]] = 0.8 / 7
    patches = (CENTRES[genre] + 0.3 * DRAW.standard_normal((3, 12))).astype(np.float32)
    return Heard(rate, 0.8, tempo_bpm, chroma, 3.0, 0.7, 0.01, -20.0, -18.0, patches)


CLIPS = [_clip(index) for index in range(45)]
OBEDIENT = [_heard(clip.genre, clip.motion + 1, clip.tempo_bpm, clip.tonic or 0) for clip in CLIPS]
SPACE = GenreSpace(clip_embeddings(OBEDIENT), [clip.genre for clip in CLIPS])


def test_music_that_follows_its_video_is_told_from_chance() -> None:
    found = following(OBEDIENT, CLIPS, SPACE)
    assert found.motion.own == pytest.approx(1)
    assert abs(found.motion.other) < 0.5
    assert found.motion.difference.above_zero
    assert found.own_genre.own == 1
    assert found.own_genre.other < 0.6
    assert found.own_genre.difference.above_zero
    assert found.tempo_strict.own == 1
    assert found.tempo_error.own == 0
    assert found.tempo_error.other > 0.2
    assert found.in_key is not None
    assert found.in_key.own == pytest.approx(0.8)
    assert found.in_key.other < 0.75


def test_music_of_nobodys_video_shows_nothing() -> None:
    order = DRAW.permutation(len(CLIPS))
    found = following([OBEDIENT[index] for index in order], CLIPS, SPACE)
    assert not found.motion.difference.above_zero
    assert not found.own_genre.difference.above_zero


def test_what_is_unknown_is_left_out() -> None:
    unkeyed = [replace(clip, tonic=None, mode=None, tempo_bpm=None if number < 5 else clip.tempo_bpm)
               for number, clip in enumerate(CLIPS)]  # fmt: skip
    found = following([replace(heard, tempo_bpm=None) for heard in OBEDIENT], unkeyed, SPACE)
    assert found.in_key is None
    assert found.tempo_octaves.own == 0
    assert found.tempo_error_folded.own == 0.5


def test_sound_is_the_mean_over_clips() -> None:
    louder = [
        replace(heard, loudness_lufs=-10.0 if number % 3 else -16.0) for number, heard in enumerate(OBEDIENT)
    ]
    found = sound(louder, None)
    assert found.loudness_lufs == pytest.approx(-12)
    assert found.fad is None
    patches = np.concatenate([heard.embeddings for heard in louder])
    assert sound(louder, patches).fad == pytest.approx(0, abs=1e-3)


def test_another_genre_is_asked_for_and_all_of_them_in_turn() -> None:
    asked = asked_genres(CLIPS)
    assert all(genre != clip.genre for genre, clip in zip(asked, CLIPS, strict=True))
    for_rock = [genre for genre, clip in zip(asked, CLIPS, strict=True) if clip.genre == "Rock"]
    assert abs(for_rock.count("Reggae") - for_rock.count("Hip hop music")) <= 1
    assert prompt_for("Hip hop music") == "hip hop music"
    with pytest.raises(ValueError, match="all clips are Rock"):
        asked_genres([clip for clip in CLIPS if clip.genre == "Rock"])


def test_prompts_that_work_are_told_from_those_that_do_not() -> None:
    asked = asked_genres(CLIPS)
    moved = [_heard(genre, 1.0, 100.0, 0) for genre in asked]
    found = steering(moved, OBEDIENT, asked, SPACE)
    assert (found.asked_share.own, found.asked_share.other) == (1, 0)
    assert found.asked_cosine.difference.above_zero
    nothing = steering(OBEDIENT, OBEDIENT, asked, SPACE)
    assert not nothing.asked_share.difference.above_zero
    assert nothing.asked_cosine.difference.value == 0
