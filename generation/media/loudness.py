"""Loudness and true peak after ITU-R BS.1770, measured by ffmpeg's ebur128."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg
import numpy as np
import numpy.typing as npt

from generation.media.command import file_input, run
from generation.media.decode import interleaved
from generation.media.errors import MediaError, NoAudio
from generation.media.probe import probe

SILENCE_LUFS = -70.0
"""BS.1770's absolute gate: what measures this low has no loudness."""


@dataclass(frozen=True, slots=True)
class Loudness:
    """integrated_lufs: gated, over the whole file, -70 for silence. true_peak_dbtp: -inf for digital silence."""

    integrated_lufs: float
    true_peak_dbtp: float
    loudness_range_lu: float


def measure(path: Path) -> Loudness:
    """Loudness of a file's first audio stream. Raises NoAudio or MediaError."""
    if not probe(path).has_audio:
        raise NoAudio(f"{path.name} has no sound to measure; give a file with an audio track")
    return _ebur128(file_input(path).audio, None)


def measure_array(waveform: npt.NDArray[np.float32], sample_rate_hz: int) -> Loudness:
    """Loudness of float32 [C, N], C of 1 or 2. Raises MediaError when a sample is not finite."""
    if not np.isfinite(waveform).all():
        raise MediaError("a waveform with samples that are not finite has no loudness; repair its source")
    source = ffmpeg.input("pipe:0", format="f32le", ar=sample_rate_hz, ac=waveform.shape[0])
    return _ebur128(source.audio, interleaved(waveform))


def _ebur128(stream: Any, feed: bytes | None) -> Loudness:
    # The summary rounds to 0.1; the frames' metadata carry three decimals, but leave out a last tenth
    # of a second that is not whole, where only the summary sees a peak.
    metered = stream.filter("ebur128", peak="true", metadata=1, framelog="verbose").filter(
        "ametadata", mode="print", file="-"
    )
    done = run(metered.output("pipe:1", format="null"), feed=feed, log_level="info")
    lines = done.stdout.decode()
    summary = done.stderr.rpartition("Summary:")[2]
    peaks = [float(value) for value in re.findall(r"lavfi\.r128\.true_peaks_ch\d+=(\S+)", lines)]
    fine_db = 20 * math.log10(max(peaks)) if peaks and max(peaks) > 0 else -math.inf
    coarse = re.search(r"True peak:\s+Peak:\s+(\S+) dBFS", summary)
    integrated = re.findall(r"lavfi\.r128\.I=(\S+)", lines)
    spread = re.findall(r"lavfi\.r128\.LRA=(\S+)", lines)
    if coarse is None or not integrated:
        raise MediaError("ffmpeg measured no loudness; give at least 0.4 s of sound")
    coarse_db = float(coarse.group(1))
    return Loudness(
        integrated_lufs=max(SILENCE_LUFS, _finite(integrated[-1], SILENCE_LUFS)),
        true_peak_dbtp=coarse_db if coarse_db > fine_db + 0.06 else fine_db,
        loudness_range_lu=_finite(spread[-1], 0.0) if spread else 0.0,
    )


def _finite(text: str, otherwise: float) -> float:
    value = float(text)
    return value if math.isfinite(value) else otherwise
