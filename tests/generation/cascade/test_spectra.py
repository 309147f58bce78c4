"""Spectra and rates of the audio networks."""

from __future__ import annotations

import pytest
import torch

from generation.cascade.spectra import Bands, mel_filters, resample


def sine(hertz: float, rate_hz: int, seconds: float = 1.0) -> torch.Tensor:
    return torch.sin(2 * torch.pi * hertz * torch.arange(round(rate_hz * seconds), dtype=torch.float64) / rate_hz)


@pytest.mark.parametrize("rate_hz", [8_000, 24_000, 48_000, 22_000])
@pytest.mark.parametrize("hertz", [100.0, 1_000.0, 3_000.0])
def test_a_tone_is_the_same_tone_at_another_rate(rate_hz: int, hertz: float) -> None:
    heard = resample(sine(hertz, 16_000).float()[None], 16_000, rate_hz)[0]
    expected = sine(hertz, rate_hz).float()
    assert heard.shape == expected.shape
    inner = slice(rate_hz // 50, -rate_hz // 50)
    torch.testing.assert_close(heard[inner], expected[inner], atol=2e-3, rtol=0)


def test_what_the_lower_rate_cannot_hold_is_silent() -> None:
    heard = resample(sine(6_000, 16_000).float()[None], 16_000, 8_000)[0]
    assert heard[200:-200].abs().max() < 0.01


def test_a_length_that_is_not_whole_is_refused() -> None:
    with pytest.raises(ValueError, match="16001"):
        resample(torch.zeros(1, 16_001), 48_000, 16_000)


def test_the_same_rate_changes_nothing() -> None:
    wave = torch.randn(1, 100)
    assert resample(wave, 16_000, 16_000) is wave


def test_mel_filters_sum_to_one_and_cover_the_spectrum() -> None:
    filters = mel_filters(513, 40, 16_000)
    torch.testing.assert_close(filters.sum(0), torch.ones(40))
    assert (filters[2:-2].sum(1) > 0).all()


@pytest.mark.parametrize(("hertz", "semitone"), [(110.0, 12), (220.0, 24), (440.0, 36)])
def test_a_note_is_loudest_in_its_own_semitone(hertz: float, semitone: int) -> None:
    bands = Bands(16_000, 320, mels=20)(0.3 * sine(hertz, 16_000).float()[None])
    assert bands.shape == (1, 50, 20 + 48)
    assert int(bands[0, 25, 20:].argmax()) == semitone
