"""Rhythm: where notes begin, how many there are, how steadily they repeat, and at what tempo.

All measures stand on one curve, the onset envelope: the mean rise of log mel bands, a spectral flux as in Boeck &
Widmer's SuperFlux (2013) without its vibrato filter. Waves are float32 [samples].
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import maximum_filter1d, uniform_filter1d

from generation.metrics.mel import mel_power

Wave = npt.NDArray[np.float32]
Curve = npt.NDArray[np.float64]

ENVELOPE_HZ = 100
SLOWEST_BPM, FASTEST_BPM = 50.0, 220.0

_MELS, _LAG = 64, 2
_COMPRESSION = 1e4
_THRESHOLD = 0.1
"""How far above its surroundings the envelope must rise to be an onset; one for all music, so that a soft hiss has
none. Chosen on the world's training pieces, whose onsets are known."""


def onset_envelope(wave: Wave, sample_rate_hz: int) -> Curve:
    """Mean rise of log10 mel bands over 20 ms, ENVELOPE_HZ values a second, at least 0."""
    hop = sample_rate_hz // ENVELOPE_HZ
    sound = torch.from_numpy(np.array(wave, dtype=np.float32))[None]
    power = mel_power(sound, sample_rate_hz, fft=4 * hop, hop=hop, mels=_MELS)[0].double().numpy()
    bands = np.log10(1 + _COMPRESSION * power)
    rise = np.zeros(len(bands))
    rise[_LAG:] = np.maximum(bands[_LAG:] - bands[:-_LAG], 0).mean(1)
    return rise


def onsets_s(wave: Wave, sample_rate_hz: int) -> Curve:
    """Times in seconds at which something begins: peaks of the envelope that stand out of 200 ms around them."""
    rise = onset_envelope(wave, sample_rate_hz)
    highest = maximum_filter1d(rise, 5, mode="constant")
    around = uniform_filter1d(rise, 21, mode="nearest")
    peaks = (rise == highest) & (rise > around + _THRESHOLD)
    return np.flatnonzero(peaks) / ENVELOPE_HZ


def onset_rate(wave: Wave, sample_rate_hz: int) -> float:
    """Onsets a second. Neither high nor low is better: it is compared with the video's motion or own music's."""
    return len(onsets_s(wave, sample_rate_hz)) / (len(wave) / sample_rate_hz)


def beat_strength(wave: Wave, sample_rate_hz: int) -> float:
    """Highest autocorrelation of the envelope between 0.2 and 1.7 s: 1 for a machine, near 0 without a beat."""
    return float(_autocorrelation(onset_envelope(wave, sample_rate_hz))[20:171].max(initial=0.0))


def tempo_bpm(wave: Wave, sample_rate_hz: int) -> float | None:
    """Beats a minute, or None where nothing repeats.

    The lag whose first four multiples repeat best, weighted towards 110 BPM by a log-normal curve one octave wide
    (the weighting of Ellis 2007, Beat Tracking by Dynamic Programming).
    """
    likeness = _autocorrelation(onset_envelope(wave, sample_rate_hz))
    tempi = np.exp(np.linspace(np.log(SLOWEST_BPM), np.log(FASTEST_BPM), 400))
    lags = 60 * ENVELOPE_HZ / tempi
    where = np.arange(len(likeness))
    multiples = np.arange(1, 5)[:, None] * lags
    repeats = np.interp(multiples, where, likeness, right=0.0).mean(0)
    weighted = repeats * np.exp(-0.5 * np.log2(tempi / 110) ** 2)
    best = int(weighted.argmax())
    return float(tempi[best]) if weighted[best] > 0 else None


def tempo_error_octaves(found_bpm: float | None, true_bpm: float, *, folded: bool) -> float:
    """|log2(found / true)|, lower is better; ``folded`` to the nearest octave, so at most one half.

    No tempo at all counts as one octave, or half of one folded.
    """
    if found_bpm is None:
        return 0.5 if folded else 1.0
    octaves = float(np.log2(found_bpm / true_bpm))
    return abs(octaves - round(octaves)) if folded else abs(octaves)


def tempo_matches(found_bpm: float | None, true_bpm: float, *, octaves: bool) -> bool:
    """Within 4 % of the truth; with ``octaves`` also of its half, double, third or triple (Gouyon et al. 2006)."""
    factors = (1, 2, 3, 1 / 2, 1 / 3) if octaves else (1,)
    return found_bpm is not None and any(abs(found_bpm / (true_bpm * factor) - 1) <= 0.04 for factor in factors)


def _autocorrelation(rise: Curve) -> Curve:
    """Of the centred envelope, unbiased, 1 at lag 0 [T]; all zeros where nothing ever rises."""
    centred = rise - rise.mean()
    size = 2 * len(centred)
    whole = np.fft.irfft(np.abs(np.fft.rfft(centred, size)) ** 2)[: len(centred)]
    if whole[0] <= 1e-9:
        return np.zeros(len(centred))
    overlap = np.arange(len(centred), 0, -1) / len(centred)
    return np.asarray(whole / overlap / whole[0], dtype=np.float64)
