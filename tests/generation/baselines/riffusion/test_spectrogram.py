"""Sound to picture: sizes, the published mapping, and where notes lie."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from generation.baselines.riffusion.parameters import PUBLISHED, SpectrogramParameters
from generation.baselines.riffusion.spectrogram import magnitudes_of, mel_filters, picture_of, pixels, png

RATE_HZ = 44_100


def tone(hz: float, seconds: float = 1.0) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE_HZ)) / RATE_HZ).astype(np.float32)


def test_sizes_are_the_published_ones() -> None:
    assert (PUBLISHED.hop, PUBLISHED.window, PUBLISHED.fft, PUBLISHED.bins) == (441, 4_410, 17_640, 8_821)
    assert PUBLISHED.phase_rate_hz == 21_000


@pytest.mark.parametrize(
    ("duration_s", "columns"), [(10.0, 1024), (5.1, 512), (10.24, 1088), (1.0, 128), (30, 3008)]
)
def test_a_clip_is_one_picture_wide_enough(duration_s: float, columns: int) -> None:
    assert PUBLISHED.columns(duration_s) == columns
    assert (columns - 1) * PUBLISHED.hop >= duration_s * RATE_HZ


def test_other_parameters_give_other_sizes() -> None:
    halved = SpectrogramParameters(sample_rate_hz=22_000, hop_ms=20)
    assert (halved.hop, halved.window, halved.fft) == (440, 2_200, 8_800)


def test_bands_are_triangles_one_high_on_the_htk_scale() -> None:
    filters = mel_filters(PUBLISHED).double()
    frequency = torch.arange(len(filters)) * 2.5
    centres = (filters * frequency[:, None]).sum(0) / filters.sum(0)

    step = 2595 * np.log10(1 + 10_000 / 700) / 513
    expected = 700 * (10 ** (step * torch.arange(1, 513) / 2595) - 1)
    assert len(filters) == 4_001  # up to 10 kHz
    assert (filters.sum(0) > 0).all()
    torch.testing.assert_close(centres[200:].float(), expected[200:].float(), rtol=1e-3, atol=0.0)
    between = filters[(frequency > expected[0]) & (frequency < expected[-1])]
    torch.testing.assert_close(between.sum(1), torch.ones(len(between), dtype=torch.float64), atol=1e-4, rtol=0)


def test_pixels_follow_the_published_formula_upside_down() -> None:
    magnitudes = torch.tensor([[16.0, 1.0], [0.0, 0.0625]])  # low band first
    assert pixels(magnitudes).tolist() == [[255, 191], [0, 128]]  # 255 - 255 (m / 16) ** 0.25


def test_grey_levels_come_back_as_magnitudes() -> None:
    picture = np.arange(256, dtype=np.uint8).reshape(2, 128)
    assert (pixels(magnitudes_of(picture)) == picture - picture.min()).all()


def test_a_high_note_lies_above_a_low_one() -> None:
    low, high = (int(picture_of(tone(hz))[:, 50].argmin()) for hz in (110.0, 3_520.0))
    assert high < low
    centre = 2595 * np.log10(1 + 3_520 / 700) / (2595 * np.log10(1 + 10_000 / 700)) * 513
    assert abs((512 - high) - centre) <= 1


def test_silence_is_white() -> None:
    assert (picture_of(np.zeros(RATE_HZ, np.float32)) == 255).all()


def test_png_holds_the_picture() -> None:
    picture = picture_of(tone(440.0, 0.5))
    read = cv2.imdecode(np.frombuffer(png(picture), np.uint8), cv2.IMREAD_UNCHANGED)
    assert (read == picture).all()
