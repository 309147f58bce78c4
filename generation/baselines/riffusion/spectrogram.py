"""Sound to picture: mel magnitudes as grey levels, low notes at the bottom, silence white."""

from __future__ import annotations

import math
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from generation.baselines.riffusion.parameters import PUBLISHED, SpectrogramParameters

Picture = npt.NDArray[np.uint8]
"""Grey levels [mels, columns]; the published model sees them three times, as red, green and blue."""


def picture_of(wave: npt.NDArray[np.float32], parameters: SpectrogramParameters = PUBLISHED) -> Picture:
    """Mono sound [samples], over 0.2 s, to its picture [mels, 1 + samples // hop], the loudest point black."""
    return pixels(mel_magnitudes(torch.from_numpy(wave), parameters), parameters)


def pixels(magnitudes: Tensor, parameters: SpectrogramParameters = PUBLISHED) -> Picture:
    """Mel magnitudes [mels, T] to 255 - 255 (m / max) ** power, upside down; silence is all white."""
    relative = magnitudes / magnitudes.max().clamp(min=1e-12)
    grey = 255 - 255 * relative.pow(parameters.power)
    return np.asarray(grey.round().flip(0).to(torch.uint8).numpy(), dtype=np.uint8)


def magnitudes_of(picture: Picture, parameters: SpectrogramParameters = PUBLISHED) -> Tensor:
    """The inverse of ``pixels`` up to rounding: mel magnitudes [mels, T] from 0 to 1."""
    darkness = 1 - torch.from_numpy(np.array(picture, dtype=np.float32)) / 255
    return darkness.flip(0).pow(1 / parameters.power)


def mel_magnitudes(wave: Tensor, parameters: SpectrogramParameters = PUBLISHED) -> Tensor:
    """Sound [samples] to magnitudes [mels, 1 + samples // hop], frames centred on their hop."""
    window = torch.hann_window(parameters.window)
    spectrum = torch.stft(
        wave, parameters.fft, parameters.hop, parameters.window, window, center=True, return_complex=True
    )
    heard = mel_filters(parameters)
    return heard.T @ spectrum[: len(heard)].abs()  # bins above the highest band are in no band


@lru_cache(maxsize=4)
def mel_filters(parameters: SpectrogramParameters) -> Tensor:
    """Triangles [heard bins, mels], each one high at its centre, equally spaced on the HTK mel scale.

    Without a norm, as torchaudio's ``MelScale(norm=None)``. Bins above the highest frequency are left out.
    """
    low, high = (2595 * math.log10(1 + hz / 700) for hz in (parameters.lowest_hz, parameters.highest_hz))
    edges = 700 * (10 ** (torch.linspace(low, high, parameters.mels + 2, dtype=torch.float64) / 2595) - 1)
    bins = math.floor(parameters.highest_hz * parameters.fft / parameters.sample_rate_hz) + 1
    frequency = torch.arange(bins, dtype=torch.float64)[:, None] * parameters.sample_rate_hz / parameters.fft
    rising = (frequency - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequency) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0).float()


def png(picture: Picture) -> bytes:
    """The picture as a PNG file."""
    written, content = cv2.imencode(".png", picture)
    assert written
    return content.tobytes()
