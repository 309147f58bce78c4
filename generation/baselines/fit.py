"""Bringing finished audio to a clip's exact length."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from generation.contracts import GenerationError

MISSING_S = 0.5
"""How much silence may be added at the end: encoders drop a little, nobody drops half a second."""


def fit(
    waveform: npt.NDArray[np.float32], sample_rate_hz: int, duration_s: float, name: str
) -> npt.NDArray[np.float32]:
    """Cut float32 [C, N] to round(duration_s · rate) samples, or pad it with up to 0.5 s of silence.

    name: what the audio is, for the error. Raises GenerationError when more is missing.
    """
    wanted = round(duration_s * sample_rate_hz)
    missing = wanted - waveform.shape[1]
    if missing > MISSING_S * sample_rate_hz:
        raise GenerationError(too_short(name, waveform.shape[1] / sample_rate_hz, duration_s))
    return np.pad(waveform[:, :wanted], ((0, 0), (0, max(0, missing))))


def too_short(name: str, duration_s: float, wanted_s: float) -> str:
    """The sentence for audio that ends too early."""
    return (
        f"{name} lasts {duration_s:.2f} s and the clip {wanted_s:.2f} s; "
        f"give audio at least {wanted_s - MISSING_S:.2f} s long"
    )
