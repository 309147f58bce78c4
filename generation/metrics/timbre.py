"""Timbre and level: is there hiss, is it quiet between the notes, how loud is the whole.

Neither high nor low is better: each is compared with own music's. Waves are float32 [samples] in [-1, 1].
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from generation.media.loudness import measure_array

Wave = npt.NDArray[np.float32]

_FRAME_S, _WINDOW_S = 0.05, 0.064
_QUIETEST = 10
_FLOOR = 1e-10
SILENCE_DB = -100.0
INAUDIBLE_DB = -60.0
"""Against the whole; what lies lower between notes counts as this, so that rests do not outweigh all else."""


def flatness(wave: Wave, sample_rate_hz: int) -> float:
    """Spectral flatness, geometric over arithmetic mean of the power spectrum, mean over 64-ms frames.

    0 for a tone; exp(-0.577) = 0.56 for white noise, whose single spectra are not flat. Silent frames do not
    count; silence has 0.
    """
    size = round(_WINDOW_S * sample_rate_hz)
    frames = _frames(wave, size, size // 2) * np.hanning(size)
    power = np.square(np.abs(np.fft.rfft(frames)))[:, 1:-1]
    sounding = power.mean(1) > _FLOOR * size
    if not sounding.any():
        return 0.0
    heard = power[sounding] + 1e-12
    return float(np.mean(np.exp(np.log(heard).mean(1)) / heard.mean(1)))


def level_between_notes_db(wave: Wave, sample_rate_hz: int) -> float:
    """Level of the quietest tenth of 50-ms frames against that of the whole, in dB: 0 where nothing changes.

    Music with rests lies far below 0; hiss that fills them lifts it. INAUDIBLE_DB at the least.
    """
    size = round(_FRAME_S * sample_rate_hz)
    power = np.square(_frames(wave, size, size)).mean(1)
    if power.mean() <= _FLOOR:
        return INAUDIBLE_DB
    quiet = float(np.percentile(power, _QUIETEST) / power.mean())
    return max(INAUDIBLE_DB, 10 * float(np.log10(max(quiet, 1e-30))))


def rms_db(wave: Wave) -> float:
    """Level in dB of full scale, SILENCE_DB at the least."""
    return max(SILENCE_DB, 10 * float(np.log10(max(np.square(wave, dtype=np.float64).mean(), 1e-30))))


def loudness_lufs(wave: Wave, sample_rate_hz: int) -> float:
    """Integrated loudness of mono sound in LUFS (ITU-R BS.1770), -70 for silence. MediaError below 0.4 s."""
    return measure_array(wave[None], sample_rate_hz).integrated_lufs


def _frames(wave: Wave, size: int, hop: int) -> npt.NDArray[np.float64]:
    """Whole frames [n, size]; a sound shorter than one is filled up with silence."""
    padded = np.pad(wave.astype(np.float64), (0, max(0, size - len(wave))))
    return np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
