import numpy as np
import pytest

from generation.metrics.fidelity import log_mel_distance, si_sdr_db
from tests.generation.metrics.sounds import RATE, clicks, noise, silence, tone


def test_a_copy_is_perfect_and_half_the_level_is_six_decibels_off() -> None:
    wave = noise()
    assert log_mel_distance(wave, wave, RATE) == 0
    assert log_mel_distance(wave / 2, wave, RATE) == pytest.approx(np.log10(2), abs=1e-3)


def test_scale_does_not_matter_to_si_sdr_and_noise_does() -> None:
    wave, disturbed = tone(), tone() + noise(0.3 / np.sqrt(2) / 10)
    assert si_sdr_db(2 * wave, wave) > 100
    assert si_sdr_db(disturbed, wave) == pytest.approx(20, abs=0.1)
    assert si_sdr_db(0.1 * disturbed, wave) == pytest.approx(20, abs=0.1)
    assert si_sdr_db(clicks(120), wave) < -20


def test_a_silent_original_is_refused() -> None:
    with pytest.raises(ValueError, match="silent"):
        si_sdr_db(tone(), silence())
