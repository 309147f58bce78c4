"""Everything that is measured of one soundtrack by itself, before it is compared with anything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from generation.metrics.harmony import Chroma, chroma, chroma_entropy, key_clarity
from generation.metrics.onsets import beat_strength, onset_rate, tempo_bpm
from generation.metrics.tagger import SAMPLE_RATE_HZ, Tagger, tag
from generation.metrics.timbre import flatness, level_between_notes_db, loudness_lufs

Wave = npt.NDArray[np.float32]
Embeddings = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Heard:
    """Measures of one soundtrack; units and directions stand with the functions that make them.

    chroma: [12]. embeddings: the tagger's, [patches, 200].
    """

    onset_rate: float
    beat_strength: float
    tempo_bpm: float | None
    chroma: Chroma
    chroma_entropy: float
    key_clarity: float
    flatness: float
    level_between_notes_db: float
    loudness_lufs: float
    embeddings: Embeddings


SOUND = (
    "beat_strength",
    "onset_rate",
    "chroma_entropy",
    "key_clarity",
    "flatness",
    "level_between_notes_db",
    "loudness_lufs",
)
"""The measures that say what music sounds like, whatever is on screen."""


def listen_to(wave: Wave, sample_rate_hz: int, tagger: Tagger) -> Heard:
    """Measure float32 [samples] of at least three seconds. Raises ValueError at another rate than the tagger's."""
    if sample_rate_hz != SAMPLE_RATE_HZ:
        raise ValueError(f"sound at {sample_rate_hz} Hz cannot be tagged; resample it to {SAMPLE_RATE_HZ}")
    tonal = chroma(wave, sample_rate_hz)
    return Heard(
        onset_rate=onset_rate(wave, sample_rate_hz),
        beat_strength=beat_strength(wave, sample_rate_hz),
        tempo_bpm=tempo_bpm(wave, sample_rate_hz),
        chroma=tonal,
        chroma_entropy=chroma_entropy(tonal),
        key_clarity=key_clarity(tonal),
        flatness=flatness(wave, sample_rate_hz),
        level_between_notes_db=level_between_notes_db(wave, sample_rate_hz),
        loudness_lufs=loudness_lufs(wave, sample_rate_hz),
        embeddings=tag(tagger, wave).embeddings,
    )
