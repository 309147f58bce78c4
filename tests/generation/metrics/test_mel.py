import numpy as np
import pytest
import torch

from generation.cascade.spectra import slaney_filters
from generation.metrics.mel import mel_power
from tests.generation.metrics.sounds import RATE, tone


def test_filters_have_unit_area_and_slaneys_centres() -> None:
    filters = slaney_filters(8192 // 2 + 1, 40, RATE)
    assert (filters.sum(0) * RATE / 8192).tolist() == pytest.approx([1] * 40, abs=0.02)
    # Linear below 1 kHz: 8 kHz is 45.245 mel, so a step is 45.245 / 41 * 200 / 3 Hz.
    step_hz = (15 + 27 * np.log(8) / np.log(6.4)) / 41 * 200 / 3
    centres = filters.argmax(0) * RATE / 8192
    assert centres[:10].tolist() == pytest.approx((np.arange(1, 11) * step_hz).tolist(), abs=2)


def test_a_tone_lands_in_its_band_with_its_power() -> None:
    filters = slaney_filters(512 // 2 + 1, 96, RATE).float()
    power = mel_power(torch.from_numpy(tone(1000, 1.0))[None], RATE, fft=512, hop=256, mels=96)
    assert power.shape == (1, 1 + 10 * RATE // 256, 96)
    band = int(power[0, 100].argmax())
    assert band == int(filters[32].argmax())
    # Parseval: one side of the spectrum holds half the windowed energy times the window's length.
    spectrum = torch.fft.rfft(torch.from_numpy(tone(1000, 1.0))[:512] * torch.hann_window(512)).abs().square()
    assert float(power[0, 100].sum()) == pytest.approx(float((spectrum @ filters).sum()), rel=0.02)
