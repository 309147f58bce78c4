"""A waveform at a glance: the largest sample of equal slices, read by ffmpeg without the sound in memory."""

from __future__ import annotations

import math
import re
from pathlib import Path

from generation.media.command import file_input, run
from generation.media.errors import NoAudio
from generation.media.probe import probe

SLICES = 120
_PEAK = "lavfi.astats.Overall.Peak_level"


def outline(path: Path, *, slices: int = SLICES) -> list[float]:
    """The largest absolute sample of each of ``slices`` equal parts of a file's sound, louder channel, 0 to 1.

    Three decimals. Sound beyond the picture's end counts to the last part; fewer numbers where there are fewer
    samples. Raises NoAudio or MediaError.
    """
    info = probe(path)
    if not info.has_audio:
        raise NoAudio(f"{path.name} has no sound to draw; give a file with an audio track")
    each = max(1, math.ceil(info.duration_s * info.audio_rate_hz / slices))
    metered = (
        file_input(path)
        .audio.filter("asetnsamples", n=each)
        .filter("astats", metadata=1, reset=1, measure_perchannel="none", measure_overall="Peak_level")
        .filter("ametadata", mode="print", key=_PEAK, file="-")
    )
    lines = run(metered.output("pipe:1", format="null")).stdout.decode()
    peaks = [_amplitude(float(level_db)) for level_db in re.findall(rf"{re.escape(_PEAK)}=(\S+)", lines)]
    head, rest = peaks[: slices - 1], peaks[slices - 1 :]
    return [*head, max(rest)] if rest else head


def _amplitude(level_db: float) -> float:
    """From dBFS, minus infinity for silence; what overshoots full scale after decoding counts as full."""
    return round(min(1.0, 10 ** (level_db / 20)), 3)
