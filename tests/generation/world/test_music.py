"""The music of the world."""

import numpy as np
import pytest

from generation.world import GENRES, plan, render_music
from generation.world.music import events
from generation.world.piece import HUES, SCALES
from generation.world.synth import note


def onset_strength(wave: np.ndarray, rate: int) -> np.ndarray:
    """Rise of spectral energy at 100 Hz."""
    hop = rate // 100
    frames = np.lib.stride_tricks.sliding_window_view(wave, 4 * hop)[::hop] * np.hanning(4 * hop)
    spectrum = np.log1p(50 * np.abs(np.fft.rfft(frames)))
    return np.maximum(np.diff(spectrum, axis=0), 0).sum(1)


@pytest.mark.parametrize("genre", GENRES, ids=lambda genre: genre.name)
def test_music_keeps_the_planned_beat(genre) -> None:  # type: ignore[no-untyped-def]
    piece = plan(7, genre=genre)
    wave, rate = render_music(piece, 16_000)
    strength = onset_strength(wave.mean(0), rate)
    strength = strength - strength.mean()
    likeness = [float(strength[lag:] @ strength[: len(strength) - lag]) for lag in range(30, 500)]
    bar = 16 * 2 * piece.sixteenth_frames
    best = int(np.argmax(likeness[: bar + 10])) + 30
    eighth = bar / 8
    assert abs(best / eighth - round(best / eighth)) * eighth <= 2
    assert likeness[bar - 30] > 0.5 * float(strength @ strength)


def test_waveform_is_exact_audible_and_not_clipped() -> None:
    for seed in range(8):
        wave, rate = render_music(plan(seed))
        assert wave.shape == (2, 480_000)
        assert wave.dtype == np.float32
        assert rate == 48_000
        assert 0.05 < float(np.sqrt(np.mean(wave**2))) < 0.5
        assert float(np.abs(wave).max()) < 0.99


def test_notes_belong_to_the_key_of_the_hue() -> None:
    for seed in range(12):
        piece = plan(seed)
        hue = HUES[piece.hue]
        allowed = {(hue.tonic + step) % 12 for step in SCALES[hue.mode]}
        pitched = [event for event in events(piece) if event.midi and event.instrument != "overdriven guitar"]
        assert {event.midi % 12 for event in pitched} <= allowed


def test_genres_and_densities_are_about_equally_loud() -> None:
    levels = []
    for genre in GENRES:
        waves = [render_music(plan(seed, genre=genre, duration_s=15.0), 16_000)[0] for seed in range(6)]
        levels.append(10 * np.log10(np.mean([np.mean(wave**2) for wave in waves])))
    assert max(levels) - min(levels) < 2.0


def test_a_note_is_the_same_samples_each_time_it_sounds() -> None:
    first = note("electric piano", 60, 8000, 16_000).copy()
    note.cache_clear()
    assert np.array_equal(first, note("electric piano", 60, 8000, 16_000))
    assert len(first) == 8000
    assert abs(float(first[-1])) < 1e-3


def test_a_note_has_its_pitch_at_every_rate() -> None:
    for rate in (16_000, 48_000):
        spectrum = np.abs(np.fft.rfft(note("square synth", 69, rate, rate)))
        assert int(spectrum.argmax()) == pytest.approx(440, abs=3)


def test_busier_pieces_have_more_notes() -> None:
    counts: dict[int, list[float]] = {0: [], 1: [], 2: []}
    for seed in range(90):
        piece = plan(seed)
        counts[piece.density].append(len(list(events(piece))) * piece.sixteenth_frames)
    assert np.mean(counts[0]) < np.mean(counts[1]) < np.mean(counts[2])


def test_brighter_pieces_lie_higher() -> None:
    def centre(brightness: int) -> float:
        wave, rate = render_music(plan(4, genre=GENRES[0], brightness=brightness), 16_000)
        power = np.abs(np.fft.rfft(wave.mean(0))) ** 2
        return float((power * np.fft.rfftfreq(wave.shape[1], 1 / rate)).sum() / power.sum())

    assert centre(0) < centre(1) < centre(2)


def test_odd_sample_rate_is_refused() -> None:
    with pytest.raises(ValueError, match="11025 Hz"):
        render_music(plan(0), 11_025)
