"""Visual beats: moments at which motion in a video is stopped or turned, and the tempo they keep.

Davis & Agrawala 2018, Visual Rhythm and Beat (ACM TOG 37, 4), with the constants that CMT uses. The tempo is found
as Ellis 2007, Beat Tracking by Dynamic Programming, weights it: an octave around 120 BPM.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
from scipy import ndimage, signal

Values = npt.NDArray[np.float64]

USUAL_BPM = 120.0
"""The tempo of a video in which nothing repeats."""
SLOWEST_BPM, FASTEST_BPM = 30.0, 320.0
_SLOWEST_PULSE_S = 0.8
_TEMPO_WINDOW_S, _PAIR_WINDOW_S = 8.0, 5.0
_NEAREST_S, _FURTHEST_S = 0.25, 3.75
_AROUND, _AVERAGED, _ABOVE, _WAIT = 2, 5, 0.015, 2
_FORBIDDEN = -1e6
_LEAST_IMPACT = 0.01
"""Share of the mean motion below which its stops are the flow's own noise: a steady pan has 0.003 to 0.007, calm
films 0.02 and dancers 0.25. Without it, weights being relative, noise would count as beats."""


@dataclass(frozen=True, slots=True)
class VisualBeat:
    """A moment in seconds and how hard the motion is stopped, 1 at the 99th percentile of the clip."""

    time_s: float
    weight: float


def impact_envelope(directogram: Values, rate_hz: float) -> Values:
    """How much motion is slowed down at each frame [T], 0 to 1, without its slow changes.

    directogram: [directions, T]. Zeros where nothing moves or stops, and for less than 34 frames.
    """
    frames = directogram.shape[1]
    smooth = ndimage.median_filter(cv2.GaussianBlur(directogram, (5, 3), 0), size=3)
    change = np.diff(smooth, axis=1, prepend=smooth[:, :1])
    slowing = np.maximum(-change, 0).mean(0)
    section = signal.butter(5, 1 / _SLOWEST_PULSE_S, "highpass", fs=rate_hz, output="sos")
    if frames <= 33 or slowing.max() < 1e-9:
        return np.zeros(frames)
    fast = np.maximum(signal.sosfiltfilt(section, slowing), 0)
    high, top = np.percentile(fast, [98, 99])
    if top < _LEAST_IMPACT * directogram.mean():
        return np.zeros(frames)
    cut = np.where(fast > top, high, fast)
    repeated = np.concatenate([[False], (cut[1:] == high) & (cut[:-1] == high)])
    return np.asarray(np.where(repeated, 0.0, cut) / top, dtype=np.float64)


def tempo_bpm(envelope: Values, rate_hz: float) -> float:
    """The tempo that the envelope repeats at, or USUAL_BPM where it does not."""
    likeness = _autocorrelation(envelope, round(_TEMPO_WINDOW_S * rate_hz))
    lags = np.arange(1, len(likeness))
    tempi = 60 * rate_hz / lags
    inside = (tempi >= SLOWEST_BPM) & (tempi <= FASTEST_BPM)
    if not inside.any() or likeness[1:][inside].max() <= 0:
        return USUAL_BPM
    liking = np.maximum(likeness[1:], 0) * np.exp(-0.5 * np.log2(tempi / USUAL_BPM) ** 2)
    best = int(np.where(inside, liking, -1).argmax())
    return float(tempi[best])


def visual_beats(envelope: Values, rate_hz: float) -> list[VisualBeat]:
    """The peaks of the envelope that lie best in step: the best path through all of them, in order of time."""
    peaks = _peaks(envelope)
    if not len(peaks):
        return []
    window = round(_PAIR_WINDOW_S * rate_hz / 2)
    likeness = [_autocorrelation(envelope[max(0, at - window) : at + window + 1], 2 * window) for at in peaks]
    score, before = np.zeros(len(peaks)), np.full(len(peaks), -1)
    for later in range(1, len(peaks)):
        gaps = peaks[later] - peaks[:later]
        pairs = np.where(
            gaps < len(likeness[later]), likeness[later][np.minimum(gaps, len(likeness[later]) - 1)], 0
        )
        apart = gaps / rate_hz
        pairs = np.where((apart < _NEAREST_S) | (apart > _FURTHEST_S), _FORBIDDEN, pairs)
        reached = score[:later] + pairs
        best = int(reached.argmax())
        if reached[best] > 0:
            score[later], before[later] = reached[best], best
    path = [int(score.argmax())]
    while before[path[-1]] >= 0:
        path.append(int(before[path[-1]]))
    return [VisualBeat(float(peaks[at] / rate_hz), float(envelope[peaks[at]])) for at in reversed(path)]


def _peaks(envelope: Values) -> npt.NDArray[np.int64]:
    """Frames that are the highest around and stand out of the mean; of two close ones the first."""
    highest = ndimage.maximum_filter1d(envelope, 2 * _AROUND + 1, mode="nearest")
    mean = ndimage.uniform_filter1d(envelope, 2 * _AVERAGED + 1, mode="nearest")
    found: list[int] = []
    for at in np.flatnonzero((envelope == highest) & (envelope >= mean + _ABOVE)):
        if not found or at - found[-1] > _WAIT:
            found.append(int(at))
    return np.array(found, dtype=np.int64)


def _autocorrelation(values: Values, longest: int) -> Values:
    """Up to so many lags, centred, 1 at lag 0 [min(T, longest + 1)]; zeros where nothing changes."""
    centred = values - values.mean() if len(values) else values
    power = float(centred @ centred)
    if power < 1e-12:
        return np.zeros(max(1, min(len(values), longest + 1)))
    whole = signal.correlate(centred, centred)[len(values) - 1 :]
    return np.asarray(whole[: longest + 1] / power, dtype=np.float64)
