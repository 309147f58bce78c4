"""Own prompt against another's: the music of each prompt is heard by a tagger, then the prompts are swapped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from generation.baselines.loops.judging.prompts import HEARD, PROMPTS
from generation.contracts import Request, System
from generation.media.decode import resample
from generation.metrics.following import SEED, Beside
from generation.metrics.intervals import derangements, mean_difference
from generation.metrics.likeness import GenreSpace
from generation.metrics.tagger import SAMPLE_RATE_HZ, TAGS, Tagged, load_tagger, tag


@dataclass(frozen=True, slots=True)
class Swap:
    """Figures with own prompts beside swapped ones, and the difference with its interval over prompts.

    share: music that lies nearest to the centroid of what other prompts of the same kind gave; chance is one over
    the number of kinds. probability: the tagger's mean probability of the tags a kind should raise, over kinds
    that have any. Higher is better for both.
    """

    prompts: int
    share: Beside
    probability: Beside


def play_all(system: System, duration_s: float, seed: int = 0) -> tuple[list[str], list[Tagged]]:
    """The kind of each prompt and what the tagger hears in its music; every prompt has a seed of its own."""
    tagger = load_tagger()
    kinds: list[str] = []
    heard: list[Tagged] = []
    for kind, prompts in PROMPTS.items():
        for prompt in prompts:
            request = Request(prompt, Path("unused.mp4"), duration_s, seed + len(kinds), prompt)
            soundtrack = system.generate(request, lambda share, what: None)
            mono = resample(
                soundtrack.waveform, soundtrack.sample_rate_hz, sample_rate_hz=SAMPLE_RATE_HZ, channels=1
            )
            kinds.append(kind)
            heard.append(tag(tagger, mono[0].copy()))
    return kinds, heard


def swap_check(kinds: Sequence[str], heard: Sequence[Tagged], tags: Mapping[str, tuple[str, ...]] = HEARD) -> Swap:
    """Compare the music of each prompt with its own prompt's kind and with those that seeded shuffles give it."""
    space = GenreSpace(np.stack([each.embeddings.mean(0) for each in heard]), kinds)
    scores = space.genre_scores(np.stack([each.embeddings.mean(0) for each in heard]))
    nearest = [space.names[index] for index in scores.argmax(1)]
    hits = np.array([[float(name == kind) for kind in kinds] for name in nearest])
    known = [index for index, kind in enumerate(kinds) if kind in tags]
    raised = np.array([[_probability(heard[index], tags[kinds[other]]) for other in known] for index in known])
    return Swap(len(kinds), _beside(hits), _beside(raised))


def _beside(scores: npt.NDArray[np.float64]) -> Beside:
    """scores [music, prompt]: the diagonal beside the mean over shuffles that leave no prompt in its place."""
    own = scores.diagonal()
    everyone = np.arange(len(own))
    other = np.mean([scores[everyone, order] for order in derangements(len(own), SEED)], axis=0)
    return Beside(float(own.mean()), float(other.mean()), mean_difference(own, other, SEED))


def _probability(heard: Tagged, tags: tuple[str, ...]) -> float:
    return float(heard.probabilities[:, [TAGS.index(name) for name in tags]].mean())
