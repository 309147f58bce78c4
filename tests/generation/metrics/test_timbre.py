import numpy as np
import pytest

from generation.metrics import timbre
from tests.generation.metrics.sounds import RATE, clicks, noise, silence, tone


def test_noise_is_flat_and_a_tone_is_not() -> None:
    assert timbre.flatness(noise(), RATE) == pytest.approx(np.exp(-0.5772), abs=0.02)
    assert timbre.flatness(tone(), RATE) < 0.001
    assert timbre.flatness(silence(), RATE) == 0
    assert timbre.flatness(noise(0.001), RATE) == pytest.approx(timbre.flatness(noise(), RATE), abs=0.01)


def test_hiss_lifts_the_level_between_notes() -> None:
    clean, hissing = clicks(120), clicks(120) + noise(0.01)
    assert timbre.level_between_notes_db(clean, RATE) == timbre.INAUDIBLE_DB
    # Clicks of some -24 dB RMS over hiss of -40.
    expected = -40 - timbre.rms_db(hissing)
    assert timbre.level_between_notes_db(hissing, RATE) == pytest.approx(expected, abs=0.8)
    assert timbre.level_between_notes_db(tone(), RATE) == pytest.approx(0, abs=0.1)
    assert timbre.level_between_notes_db(silence(), RATE) == timbre.INAUDIBLE_DB


def test_levels_of_a_sine() -> None:
    assert timbre.rms_db(tone(1000, 1.0)) == pytest.approx(-3.01, abs=0.01)
    # BS.1770: a full-scale 1-kHz sine in one channel is -3.01 LUFS.
    assert timbre.loudness_lufs(tone(997, 1.0), RATE) == pytest.approx(-3.01, abs=0.15)
    assert timbre.rms_db(silence()) == timbre.SILENCE_DB
    assert timbre.loudness_lufs(silence(), RATE) == -70
