"""The measures that judge what the cascade plays, on sounds whose answer is known."""

import numpy as np

from generation.cascade.training import listening
from generation.cascade.training.material import mono
from generation.world import GENRES, plan

RATE = 16_000
NOISE = np.random.default_rng(0).standard_normal(10 * RATE).astype(np.float32) * 0.1
TONE = np.sin(2 * np.pi * 440 * np.arange(10 * RATE) / RATE).astype(np.float32) * 0.3


def test_worlds_music_has_a_beat_at_its_tempo_and_noise_has_none() -> None:
    pieces = [plan(seed, genre=GENRES[seed % 4]) for seed in range(8)]
    waves = [mono(piece, RATE) for piece in pieces]
    assert min(listening.beat_strength(wave, RATE) for wave in waves) > 0.5
    assert listening.beat_strength(NOISE, RATE) < 0.2
    right = [
        listening.tempo_frames(wave, RATE) == piece.sixteenth_frames
        for wave, piece in zip(waves, pieces, strict=True)
    ]
    assert sum(right) >= 6


def test_key_is_heard() -> None:
    piece = plan(4, genre=GENRES[0], hue=4)
    other = plan(4, genre=GENRES[0], hue=3)
    wave = mono(piece, RATE)
    assert listening.in_key(wave, RATE, piece) > 0.75
    assert listening.in_key(TONE, RATE, piece) > 0.95
    assert listening.in_key(wave, RATE, piece) > listening.in_key(wave, RATE, other)


def test_noise_and_tone_lie_at_the_ends_of_flatness_and_entropy() -> None:
    assert listening.flatness(NOISE) > 0.4 > 0.01 > listening.flatness(TONE)
    assert listening.chroma_entropy(NOISE, RATE) > 3.3
    assert listening.chroma_entropy(TONE, RATE) < 0.5
    assert abs(listening.centroid(TONE, RATE) - 440) < 40
