"""Music and the words that stand for it."""

from __future__ import annotations

import numpy as np
import pytest

from generation.baselines.cmt.training.band import compose
from generation.baselines.cmt.words import (
    BAR,
    BEAT,
    DENSITY,
    NOTE,
    PART,
    RHYTHM,
    SHARE,
    STRENGTH,
    TICK,
    TYPE,
    VOCABULARY,
    Note,
    decode,
    encode,
    onsets_per_bar,
)

CHORD = [Note(0, 1, 60, 4), Note(0, 1, 64, 4), Note(0, 0, 36, 1), Note(6, 3, 40, 2), Note(17, 2, 50, 16)]


def test_a_bar_says_how_many_of_its_ticks_something_begins_on() -> None:
    words = encode(CHORD, bars=3)
    bars = words[words[:, BEAT] == BAR]
    assert (bars[:, DENSITY] - 1).tolist() == onsets_per_bar(CHORD, 3) == [2, 1, 0]
    assert bars[:, TICK].tolist() == [0, 16, 32]


def test_a_beat_names_its_instrument_its_notes_and_the_ticks_still_to_come() -> None:
    words = encode(CHORD, bars=2)
    beats = words[(words[:, TYPE] == RHYTHM) & (words[:, BEAT] != BAR)]
    assert beats[:, [BEAT, DENSITY, PART, STRENGTH]].tolist() == [
        [1, 2, 1, 1],
        [1, 2, 2, 2],
        [7, 1, 4, 1],
        [2, 1, 3, 1],
    ]


def test_the_share_of_the_piece_counts_hundredths_from_one() -> None:
    words = encode(CHORD, bars=2)
    assert words[0, SHARE] == 1
    assert words[words[:, TYPE] == NOTE][-1, SHARE] == round(100 * 17 / 32) + 1


@pytest.mark.parametrize("seed", range(6))
def test_the_bands_music_survives_the_way_there_and_back(seed: int) -> None:
    _, notes = compose(seed, bars=6)
    assert decode(encode(notes, bars=6)) == sorted(set(notes))


@pytest.mark.parametrize("seed", range(20))
def test_any_notes_give_words_within_the_vocabulary(seed: int) -> None:
    draw = np.random.default_rng(seed)
    notes = [
        Note(*(int(draw.integers(low, high)) for low, high in ((0, 64), (0, 5), (0, 128), (1, 17))))
        for _ in range(int(draw.integers(0, 400)))
    ]
    words = encode(notes, bars=4)
    assert (words[:, :8] < np.array(VOCABULARY)).all()
    assert (words >= 0).all()
    assert set(decode(words)) <= set(notes)


def test_words_that_sound_nothing_are_passed_over() -> None:
    nothing = np.array(
        [[0, NOTE, 0, 0, 5, 1, 0, 1, 0], [0, NOTE, 0, 60, 1, 1, 0, 1, 0], [0, NOTE, 0, 60, 5, 0, 0, 1, 0]]
    )
    assert decode(nothing) == []


def test_the_band_begins_on_as_many_ticks_as_it_was_told() -> None:
    """Its bars cover every density, or the model could not learn to play them."""
    densities = {count for seed in range(40) for count in onsets_per_bar(compose(seed, 8)[1], 8)}
    assert densities == set(range(17))


def test_the_band_is_in_one_key() -> None:
    _, notes = compose(3, bars=12)
    classes = {note.pitch % 12 for note in notes if note.part != 0}
    assert len(classes) <= 7
