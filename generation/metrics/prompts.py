"""Whether a prompt moves the music towards what it says: each clip is asked for another genre than its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from generation.metrics.clips import Clip
from generation.metrics.following import SEED, Beside, clip_embeddings
from generation.metrics.heard import Heard
from generation.metrics.intervals import mean_difference
from generation.metrics.likeness import GenreSpace


@dataclass(frozen=True, slots=True)
class Steering:
    """With the prompt (own) beside the same system and seed without it (other); higher is better.

    asked_share: music that lies nearest to the centroid of the asked genre. asked_cosine: cosine to that centroid.
    """

    asked_share: Beside
    asked_cosine: Beside


def asked_genres(clips: Sequence[Clip]) -> list[str]:
    """Another genre for each clip, every other one in turn. Raises ValueError when all clips have one genre."""
    names = sorted({clip.genre for clip in clips})
    if len(names) < 2:
        raise ValueError(f"all clips are {names[0]}; a prompt needs another genre to ask for")
    asked, seen = [], dict.fromkeys(names, 0)
    for clip in clips:
        others = [name for name in names if name != clip.genre]
        asked.append(others[seen[clip.genre] % len(others)])
        seen[clip.genre] += 1
    return asked


def prompt_for(genre: str) -> str:
    """The prompt is the genre's name and nothing else."""
    return genre.lower()


def steering(
    prompted: Sequence[Heard], unprompted: Sequence[Heard], asked: Sequence[str], space: GenreSpace
) -> Steering:
    """Compare soundtracks with and without a prompt for the genre ``asked`` of each clip."""
    wanted = np.array([space.names.index(genre) for genre in asked])
    everyone = np.arange(len(wanted))
    scores = [space.genre_scores(clip_embeddings(heard)) for heard in (prompted, unprompted)]
    hits = [(each.argmax(1) == wanted).astype(np.float64) for each in scores]
    cosines = [each[everyone, wanted] for each in scores]
    share, cosine = (
        Beside(float(with_it.mean()), float(without.mean()), mean_difference(with_it, without, SEED))
        for with_it, without in (hits, cosines)
    )
    return Steering(share, cosine)
