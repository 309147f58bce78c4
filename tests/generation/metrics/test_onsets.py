import numpy as np
import pytest

from generation.metrics import onsets
from generation.world import plan, render_music
from generation.world.facts import facts, onsets_s
from tests.generation.metrics.sounds import RATE, clicks, noise, silence, tone


@pytest.mark.parametrize("bpm", [75.0, 93.75, 125.0, 150.0])
def test_clicks_are_counted_and_their_tempo_is_found(bpm: float) -> None:
    wave = clicks(bpm)
    assert onsets.onset_rate(wave, RATE) == pytest.approx(bpm / 60, abs=0.15)
    found = onsets.tempo_bpm(wave, RATE)
    assert onsets.tempo_matches(found, bpm, octaves=False)
    assert onsets.beat_strength(wave, RATE) > 0.8


def test_clicks_begin_where_they_begin() -> None:
    found = onsets.onsets_s(clicks(120), RATE)
    assert np.abs(found - np.arange(0.25, 9.8, 0.5)).max() < 0.04


def test_steady_sound_has_no_onsets_and_no_beat() -> None:
    assert onsets.onset_rate(tone(), RATE) <= 0.1
    assert onsets.onset_rate(noise(), RATE) <= 0.6
    assert onsets.beat_strength(noise(), RATE) < 0.2


def test_silence_has_neither_onsets_nor_tempo() -> None:
    assert onsets.onset_rate(silence(), RATE) == 0
    assert onsets.beat_strength(silence(), RATE) == 0
    assert onsets.tempo_bpm(silence(), RATE) is None


def test_loudness_hardly_changes_what_is_counted() -> None:
    assert onsets.onset_rate(0.3 * clicks(150), RATE) == pytest.approx(
        onsets.onset_rate(clicks(150), RATE), abs=0.1
    )


def test_onsets_of_the_worlds_music_are_those_of_its_score() -> None:
    hits, heard, written = 0, 0, 0
    for seed in range(1_600_000, 1_600_006):
        piece = plan(seed)
        music, _ = render_music(piece, RATE)
        true, found = np.array(onsets_s(piece)), onsets.onsets_s(music.mean(0), RATE)
        hits += sum(bool((np.abs(found - each) <= 0.05).any()) for each in true)
        heard, written = heard + len(found), written + len(true)
        assert onsets.tempo_matches(onsets.tempo_bpm(music.mean(0), RATE), facts(piece).tempo_bpm, octaves=True)
    assert hits / written > 0.9
    assert heard / written < 1.1


def test_tempo_errors_are_octaves_and_fold() -> None:
    assert onsets.tempo_error_octaves(150, 75, folded=False) == pytest.approx(1)
    assert onsets.tempo_error_octaves(150, 75, folded=True) == pytest.approx(0)
    assert onsets.tempo_error_octaves(75 * 2**0.25, 75, folded=True) == pytest.approx(0.25)
    assert onsets.tempo_error_octaves(None, 75, folded=False) == 1
    assert onsets.tempo_matches(225, 75, octaves=True)
    assert not onsets.tempo_matches(150, 75, octaves=False)
    assert not onsets.tempo_matches(79, 75, octaves=True)
    assert not onsets.tempo_matches(None, 75, octaves=True)
