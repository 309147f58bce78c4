"""Sentences about the music."""

from dataclasses import replace

import numpy as np
import pytest

from generation.world import GENRES, HUES, music_caption, plan


def captions(piece, count: int = 300) -> list[str]:  # type: ignore[no-untyped-def]
    return [music_caption(piece, np.random.default_rng(seed)) for seed in range(count)]


@pytest.mark.parametrize("genre", GENRES, ids=lambda genre: genre.name)
def test_a_genre_is_described_in_hundreds_of_ways(genre) -> None:  # type: ignore[no-untyped-def]
    draw = np.random.default_rng(0)
    assert len({music_caption(plan(seed, genre=genre), draw) for seed in range(1000)}) > 700


def test_the_same_draw_gives_the_same_words() -> None:
    assert captions(plan(3), 20) == captions(plan(3), 20)


def test_captions_say_what_is_heard_and_never_the_opposite() -> None:
    fast = replace(plan(1, genre=GENRES[0], hue=0, brightness=2), sixteenth_frames=5, density=2)
    slow = replace(plan(1, genre=GENRES[1], hue=4, brightness=0), sixteenth_frames=10, density=0)
    for piece, said, unsaid in (
        (fast, ("fast", "energetic", "happy", "bright", "C major", "150 BPM"), ("slow", "calm", "sad", "dark")),
        (slow, ("slow", "calm", "sad", "dark", "A minor", "75 BPM"), ("fast", "energetic", "happy", "bright")),
    ):
        text = " | ".join(captions(piece))
        assert all(word in text for word in said)
        assert not any(word in text for word in unsaid)


def test_captions_leave_the_picture_out() -> None:
    colours = {hue.name for hue in HUES}
    for seed in range(50):
        words = music_caption(plan(seed), np.random.default_rng(seed)).lower().replace(",", " ").split()
        assert not colours & set(words)
