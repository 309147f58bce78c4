"""Loops to sound: played at the tempo, repeated without a click, opened and closed at bar lines, summed."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import ffmpeg
import numpy as np
import numpy.typing as npt

from generation.baselines.loops.arrange import HALVES, Arrangement
from generation.baselines.loops.choose import Chosen
from generation.baselines.loops.library import OFF_S, Loop, check_sound, unreadable, version
from generation.media.command import file_input
from generation.media.decode import decode_stream, interleaved
from generation.media.errors import MediaError

Wave = npt.NDArray[np.float32]

RATE_HZ = 48_000
PEAK = 0.89
_EDGE_S = 0.008
_SEAM_S = 0.004


def mix(chosen: Chosen, arrangement: Arrangement, duration_s: float) -> Wave:
    """48-kHz stereo [2, N], N = round(duration_s · 48 000), its peak at 0.89 or below.

    Raises GenerationError naming a file that is not sound or of a wrong length.
    """
    samples = round(duration_s * RATE_HZ)
    total = np.zeros((2, samples), dtype=np.float32)
    half_s = arrangement.bar_s / HALVES
    lines: dict[Path, Wave] = {}
    for span in arrangement.spans:
        loop = chosen.fill if span.fill and chosen.fill else chosen.loops[span.role]
        if loop.path not in lines:
            lines[loop.path] = _repeated(loop, chosen.bpm, samples)
        start, end = round(span.start * half_s * RATE_HZ), min(samples, round(span.end * half_s * RATE_HZ))
        # The ramp in ends on the bar line, so that what is struck there keeps its attack.
        edge = round(_EDGE_S * RATE_HZ)
        first, last = max(0, start - edge), min(samples, end)
        gate = np.ones(last - first, dtype=np.float32)
        gate[: start - first] = np.linspace(0, 1, start - first, dtype=np.float32)
        if end < samples:
            gate[-edge:] *= np.linspace(1, 0, len(gate[-edge:]), dtype=np.float32)
        total[:, first:last] += lines[loop.path][:, first:last] * gate
    fade = min(samples, round(arrangement.fade_s * RATE_HZ))
    total[:, samples - fade :] *= np.cos(np.linspace(0, np.pi / 2, fade, dtype=np.float32)) ** 2
    peak = float(np.abs(total).max(initial=0.0))
    return total * np.float32(PEAK / peak) if peak > PEAK else total


def _repeated(loop: Loop, bpm: float, samples: int) -> Wave:
    """A loop over and over from the first bar, [2, samples]: each turn begins where the tempo puts it."""
    once = _at_tempo(loop, bpm)
    # Turns begin on whole samples that lie a fraction off: one sample more than needed is at hand for each.
    longer = np.concatenate([once, once[:, :2]], axis=1)
    exact = loop.seconds * loop.bpm / bpm * RATE_HZ
    line = np.empty((2, samples), dtype=np.float32)
    turn = 0
    while (start := round(turn * exact)) < samples:
        end = min(samples, round((turn + 1) * exact))
        line[:, start:end] = longer[:, : end - start]
        turn += 1
    return line


def _at_tempo(loop: Loop, bpm: float) -> Wave:
    sound = _decoded(loop, *version(loop))
    if loop.bpm == bpm:
        return sound
    wanted = round(loop.seconds * loop.bpm / bpm * RATE_HZ)
    # Three turns are stretched and the middle one kept: its ends then fit each other.
    source = ffmpeg.input("pipe:0", format="f32le", ar=RATE_HZ, ac=2).audio.filter("atempo", bpm / loop.bpm)
    longer = decode_stream(source, sample_rate_hz=RATE_HZ, channels=2, feed=interleaved(np.tile(sound, 3)))
    return _closed(longer[:, wanted : 2 * wanted])


# A study renders thousands of clips from the same few loops; sixty of five seconds are 120 MB.
@lru_cache(maxsize=64)
def _decoded(loop: Loop, changed_ns: int, size: int) -> Wave:
    wanted = round(loop.seconds * RATE_HZ)
    try:
        # An hour that was listed by mistake is not read to its end.
        source = file_input(loop.path, t=loop.seconds + 1)
        sound = decode_stream(source.audio, sample_rate_hz=RATE_HZ, channels=2)
    except MediaError as error:
        raise unreadable(loop) from error
    if abs(sound.shape[1] - wanted) > OFF_S * RATE_HZ:
        check_sound(loop)
        raise unreadable(loop)
    sound = np.pad(sound[:, :wanted], ((0, 0), (0, max(0, wanted - sound.shape[1]))))
    if not np.isfinite(sound).all():
        raise unreadable(loop)
    sound = _closed(sound)
    sound.flags.writeable = False
    return sound


def _closed(sound: Wave) -> Wave:
    """End and beginning brought together over 4 ms each: a codec leaves a step where a loop returns."""
    count = min(round(_SEAM_S * RATE_HZ), sound.shape[1] // 4)
    after = 2 * sound[:, -1] - sound[:, -2]
    step = (sound[:, 0] - after)[:, None] / 2
    ramp = np.cos(np.linspace(0, np.pi / 2, count, dtype=np.float32)) ** 2
    closed = sound.copy()
    closed[:, :count] -= step * ramp
    closed[:, -count:] += step * ramp[::-1]
    return closed
