"""How far soundtracks follow their own videos, each figure beside the same with another clip's video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from generation.metrics.clips import Clip
from generation.metrics.fad import frechet_distance
from generation.metrics.harmony import in_key
from generation.metrics.heard import SOUND, Embeddings, Heard
from generation.metrics.intervals import (
    Estimate,
    correlation_difference,
    derangements,
    mean_difference,
    rank_correlation,
)
from generation.metrics.likeness import GenreSpace
from generation.metrics.onsets import tempo_error_octaves, tempo_matches

SEED = 0


@dataclass(frozen=True, slots=True)
class Beside:
    """A figure with the clips' own videos, others' on average, and the paired difference with its interval."""

    own: float
    other: float
    difference: Estimate


@dataclass(frozen=True, slots=True)
class Following:
    """What the music has to do with the video. motion and own_genre are the declared primary measures.

    tempo_*: shares within 4 %, and mean errors in octaves. in_key: None where no key is known.
    """

    motion: Beside
    own_genre: Beside
    tempo_strict: Beside
    tempo_octaves: Beside
    tempo_error: Beside
    tempo_error_folded: Beside
    in_key: Beside | None


def following(soundtracks: Sequence[Heard], clips: Sequence[Clip], space: GenreSpace) -> Following:
    """Compare soundtrack i with clip i, and with the clips that seeded shuffles pair it with, on average.

    ``space`` is made of the clips' own music, one embedding a clip. Clips whose tempo is unknown are left out of
    the tempo measures.
    """
    orders = derangements(len(clips), SEED)
    rates = np.array([heard.onset_rate for heard in soundtracks])
    motion = np.array([clip.motion for clip in clips])
    nearest = space.nearest_genres(clip_embeddings(soundtracks))

    def beside(score: Callable[[int, Clip], float], among: Sequence[int]) -> Beside:
        scores = np.array([[score(index, clips[other]) for other in among] for index in among])
        own = scores.diagonal()
        shuffled = [scores[np.arange(len(among)), order] for order in derangements(len(among), SEED)]
        other = np.mean(shuffled, axis=0)
        return Beside(float(own.mean()), float(other.mean()), mean_difference(own, other, SEED))

    def tempo(judge: Callable[[float | None, float], float]) -> Beside:
        known = [index for index, clip in enumerate(clips) if clip.tempo_bpm is not None]
        return beside(lambda index, clip: judge(soundtracks[index].tempo_bpm, clip.tempo_bpm or 0.0), known)

    everything = range(len(clips))
    keyed = all(clip.tonic is not None for clip in clips)
    return Following(
        motion=Beside(
            rank_correlation(rates, motion),
            float(np.mean([rank_correlation(rates, motion[order]) for order in orders])),
            correlation_difference(rates, motion, motion[orders], SEED),
        ),
        own_genre=beside(lambda index, clip: float(nearest[index] == clip.genre), everything),
        tempo_strict=tempo(lambda found, true: float(tempo_matches(found, true, octaves=False))),
        tempo_octaves=tempo(lambda found, true: float(tempo_matches(found, true, octaves=True))),
        tempo_error=tempo(lambda found, true: tempo_error_octaves(found, true, folded=False)),
        tempo_error_folded=tempo(lambda found, true: tempo_error_octaves(found, true, folded=True)),
        in_key=beside(
            lambda index, clip: in_key(soundtracks[index].chroma, clip.tonic or 0, clip.mode or "major"),
            everything,
        )
        if keyed
        else None,
    )


@dataclass(frozen=True, slots=True)
class Sound:
    """Means over clips of what the music sounds like, whatever is on screen. fad: None without training music."""

    beat_strength: float
    onset_rate: float
    chroma_entropy: float
    key_clarity: float
    flatness: float
    level_between_notes_db: float
    loudness_lufs: float
    fad: float | None


def sound(soundtracks: Sequence[Heard], training: Embeddings | None) -> Sound:
    """training: embeddings of all patches of as much training music [patches, 200]."""
    means = {name: float(np.mean([getattr(heard, name) for heard in soundtracks])) for name in SOUND}
    patches = np.concatenate([heard.embeddings for heard in soundtracks])
    return Sound(**means, fad=None if training is None else frechet_distance(patches, training))


def clip_embeddings(soundtracks: Sequence[Heard]) -> Embeddings:
    """One embedding a clip, the mean over its patches: [N, 200]."""
    return np.stack([heard.embeddings.mean(0) for heard in soundtracks])
