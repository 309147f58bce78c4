from __future__ import annotations

import pytest

from generation.baselines.loops.make.score import arpeggio, comp, line, roots, voiced


def test_a_line_is_pitches_lengths_and_loudness() -> None:
    first, second, third = line("A4:4 r:2 C#4:2! Bb3:8,")
    assert (first.step, first.midi, first.velocity) == (0, 69, 0.8)
    assert (second.step, second.midi, second.velocity) == (6, 61, 1.0)
    assert (third.step, third.midi, third.velocity) == (8, 58, 0.5)


@pytest.mark.parametrize(
    ("name", "pitches"),
    [
        ("C", {0, 4, 7}),
        ("Am7", {9, 0, 4, 7}),
        ("Bbmaj7", {10, 2, 5, 9}),
        ("F#m", {6, 9, 1}),
        ("G13", {7, 11, 5, 9, 4}),
    ],
)
def test_chords_have_their_notes_within_an_octave(name: str, pitches: set[int]) -> None:
    found = voiced(name, 55)
    assert {pitch % 12 for pitch in found} == pitches
    assert all(55 <= pitch < 67 for pitch in found)


def test_a_rhythm_strikes_holds_and_rests() -> None:
    notes = comp("C:8 F:8", "x---o-..", 60)
    assert sorted({note.step for note in notes}) == [0, 4, 8, 12]
    assert {note.midi % 12 for note in notes if note.step >= 8} == {5, 9, 0}
    assert next(note for note in notes if note.step == 0).steps == pytest.approx(3.84)
    assert next(note for note in notes if note.step == 4).velocity == 0.5


def test_a_bass_plays_root_fifth_and_octave() -> None:
    assert [note.midi for note in roots("Am:16", "x...5...8.......", 33)] == [33, 40, 45]
    assert roots("G:4", "x---", 33)[0].midi == 43


def test_an_arpeggio_climbs_past_the_chord_by_octaves() -> None:
    assert [note.midi for note in arpeggio("C:4", "xxxx", 60, (0, 1, 2, 3))] == [60, 64, 67, 72]
