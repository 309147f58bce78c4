"""The plan of an invented clip."""

import pytest

from generation.world import GENRES, HUES, plan
from generation.world.demo import demo_pieces


def test_same_seed_gives_the_same_piece_and_others_differ() -> None:
    assert plan(5) == plan(5)
    assert len({repr(plan(seed)) for seed in range(40)}) == 40


def test_sections_fill_the_piece_without_gaps_and_cuts_lie_on_bars() -> None:
    for seed in range(60):
        piece = plan(seed)
        ends = [section.start_frame + section.frames for section in piece.sections]
        assert [section.start_frame for section in piece.sections] == [0, *ends[:-1]]
        assert ends[-1] == 500
        assert all(section.start_frame % (16 * piece.sixteenth_frames) == 0 for section in piece.sections)
        assert all(section.frames >= 75 for section in piece.sections)


def test_tempo_counts_four_sixteenths_a_beat() -> None:
    piece = plan(1, genre=GENRES[0])
    assert piece.tempo_bpm == pytest.approx(60 / (4 * piece.sixteenth_frames * 0.02))
    assert piece.beat_s * piece.tempo_bpm == pytest.approx(60)


def test_caption_names_what_is_heard_and_seen() -> None:
    piece = plan(3, genre=GENRES[2], hue=4, brightness=2)
    assert "reggae in A minor" in piece.caption
    assert piece.caption.startswith("A bright blue ")
    assert piece.key == "A minor"


def test_demo_spreads_over_genres_and_hues() -> None:
    pieces = demo_pieces(12, seed=0)
    assert {piece.genre.name for piece in pieces} == {genre.name for genre in GENRES}
    assert {piece.hue for piece in pieces} == set(range(len(HUES)))
    assert len({repr(piece) for piece in pieces}) == 12


def test_demo_seed_that_would_meet_training_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.\.999"):
        demo_pieces(12, seed=1000)
