import numpy as np
import pytest

from generation.metrics.likeness import GenreSpace

DRAW = np.random.default_rng(0)
CENTRES = np.eye(3, 8) * 6
GENRES = ["rock", "reggae", "hip hop"] * 10
MUSIC = (CENTRES[[0, 1, 2] * 10] + 0.3 * DRAW.standard_normal((30, 8))).astype(np.float32)


def test_music_is_nearest_to_its_own_genre() -> None:
    assert GenreSpace(MUSIC, GENRES).nearest_genres(MUSIC) == GENRES


def test_a_clip_is_not_compared_with_its_own_music() -> None:
    lone = np.concatenate([MUSIC, 20 * np.ones((1, 8), dtype=np.float32)])
    space = GenreSpace(lone, [*GENRES, "opera"])
    assert space.nearest_genres(lone)[-1] != "opera"
    assert space.genre_scores(lone)[-1, space.names.index("opera")] == -1


def test_scores_move_with_the_music() -> None:
    space = GenreSpace(MUSIC, GENRES)
    scores = space.genre_scores(MUSIC)
    assert [space.names[index] for index in scores.argmax(1)] == GENRES
    moved = space.genre_scores(np.roll(MUSIC, 1, 0))
    assert [space.names[index] for index in moved.argmax(1)] == [GENRES[-1], *GENRES[:-1]]


def test_one_clip_is_too_little() -> None:
    with pytest.raises(ValueError, match="at least two"):
        GenreSpace(MUSIC[:1], GENRES[:1])
