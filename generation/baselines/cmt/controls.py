"""From motion to what the music must do: a density for every bar, a strength for every visual beat.

The thresholds are CMT's percentile tables of its own videos (Di et al. 2021, section 3.1, and their stat_mix).
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
import numpy.typing as npt

from generation.baselines.cmt.motion import Motion, look
from generation.baselines.cmt.visual_beats import USUAL_BPM, impact_envelope, tempo_bpm, visual_beats
from generation.baselines.cmt.words import TICKS, bars_in

FLOW_STEPS = (
    0.0082, 0.0203, 0.0298, 0.0410, 0.0709, 0.1051, 0.1427, 0.1910,
    0.5155, 0.7515, 0.9989, 1.2068, 1.6323, 2.0317, 2.4674, 2.8104,
)  # fmt: skip
"""Mean |flow| of a bar, in pixels of 360 lines, at which one tick more is played."""
WEIGHT_STEPS = (0.0, 0.2289, 0.4838, 0.7871, 0.8912, 0.9646, 0.9912, 0.9978, 0.9997, 0.9999)
"""Weight of a visual beat at which one note more is struck."""
WEAKEST = 2
"""Beats of strength 1 are left to the music, as in the published inference."""
LEAST = 1
"""A picture that stands still is given this many onsets a bar: it has asked for calm, not for silence."""
USUAL_DENSITY = 8


@dataclass(frozen=True, slots=True)
class Controls:
    """densities: ticks with an onset, one for each bar begun. beats: (tick, strength) in order, a tick once."""

    tempo_bpm: float
    ticks: int
    densities: tuple[int, ...]
    beats: tuple[tuple[int, int], ...]

    @property
    def tick_s(self) -> float:
        return 60.0 / self.tempo_bpm / 4


def watch(video: Path, duration_s: float) -> Controls:
    """What a video asks of the music. Raises MediaError and its kinds."""
    return controls(look(video, duration_s))


def controls(motion: Motion) -> Controls:
    """Tempo, densities and beats of the motion of a whole clip."""
    envelope = impact_envelope(motion.directogram, motion.rate_hz)
    tempo = tempo_bpm(envelope, motion.rate_hz)
    ticks = ticks_in(motion.duration_s, tempo)
    strongest: dict[int, int] = {}
    for beat in visual_beats(envelope, motion.rate_hz):
        tick, strength = round(beat.time_s / 60 * tempo * 4), steps_below(beat.weight, WEIGHT_STEPS)
        if strength >= WEAKEST and tick < ticks:
            strongest[tick] = max(strength, strongest.get(tick, 0))
    return Controls(tempo, ticks, _densities(motion, tempo, ticks), tuple(sorted(strongest.items())))


def free(duration_s: float) -> Controls:
    """No controls: so many bars at the usual tempo, of which only the first is told how dense to begin."""
    ticks = ticks_in(duration_s, USUAL_BPM)
    return Controls(USUAL_BPM, ticks, (USUAL_DENSITY,) * bars_in(ticks), ())


def ticks_in(duration_s: float, tempo: float) -> int:
    """Sixteenths begun within a clip."""
    return max(1, ceil(round(duration_s / 60 * tempo * 4, 6)))


def steps_below(value: float, steps: tuple[float, ...]) -> int:
    """How many of the thresholds a value has reached."""
    return sum(value >= step for step in steps)


def _densities(motion: Motion, tempo: float, ticks: int) -> tuple[int, ...]:
    bar_s = 60 / tempo / 4 * TICKS
    bar_of: npt.NDArray[np.int64] = (motion.speed_s // bar_s).astype(np.int64)
    found: list[int] = []
    for bar in range(bars_in(ticks)):
        inside = motion.speed[bar_of == bar]
        if len(inside):
            found.append(max(LEAST, steps_below(float(inside.mean()), FLOW_STEPS)))
        else:
            # The rest of a bar that ends with the clip may hold no measured pair.
            found.append(found[-1] if found else LEAST)
    return tuple(found)
