"""Text to tags: the words of a vocabulary that lie nearest to a prompt, as Mubert-Text-to-Music does it.

That notebook takes the three tags with the highest cosine between MiniLM's embeddings of prompt and tag. The
vocabulary below is ours: theirs has 213 entries and no licence.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

CHOSEN = 3

VOCABULARY = (
    # genres
    "acoustic", "afrobeat", "ambient", "big band", "blues", "bossa nova", "breakbeat", "chillout", "cinematic",
    "classical", "country", "disco", "downtempo", "drum and bass", "dub", "dubstep", "electronic", "folk", "funk",
    "gospel", "hard rock", "hip hop", "house", "indie", "jazz", "latin", "lo-fi", "lounge", "metal", "new age",
    "orchestral", "pop", "punk", "r&b", "rap", "reggae", "rock", "salsa", "soul", "swing", "synthwave", "techno",
    "trance", "trap", "world music",
    # moods
    "aggressive", "anxious", "atmospheric", "bouncy", "bright", "calm", "carefree", "cheerful", "confident",
    "dark", "deep", "dramatic", "dreamy", "driving", "elegant", "emotional", "energetic", "epic", "funny",
    "futuristic", "groovy", "happy", "heroic", "inspiring", "intense", "laid-back", "mellow", "mysterious",
    "nostalgic", "peaceful", "playful", "powerful", "relaxed", "romantic", "sad", "scary", "serious", "soft",
    "suspense", "tender", "uplifting", "vintage", "warm",
    # instruments
    "acoustic guitar", "bass guitar", "bells", "brass", "cello", "choir", "claps", "distorted guitar",
    "double bass", "drum machine", "drums", "electric guitar", "electric piano", "flute", "harp", "organ", "pad",
    "percussion", "piano", "saxophone", "sitar", "strings", "synth", "synth bass", "trumpet", "vibraphone",
    "violin",
    # what it is for, and where
    "action", "advertising", "beach", "celebration", "children", "club", "cooking", "dance", "documentary",
    "fashion", "film score", "gaming", "island", "meditation", "nature", "night", "ocean", "party", "racing",
    "rain", "running", "science", "sleep", "space", "sport", "street", "study", "summer", "sunset", "technology",
    "travel", "wedding", "winter", "workout",
    # pace
    "fast", "slow",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Match:
    """A tag and how near it lies to the prompt: the cosine, in [-1, 1]."""

    tag: str
    cosine: float


def nearest_tags(prompt: str, vocabulary: Sequence[str] = VOCABULARY, count: int = CHOSEN) -> tuple[Match, ...]:
    """The ``count`` nearest tags, nearest first.

    Raises GenerationError for a prompt that the text encoder cannot read, and without its weights.
    """
    cosines = cosines_to(prompt, tuple(vocabulary))
    order = np.argsort(-cosines, kind="stable")[:count]
    return tuple(Match(vocabulary[index], round(float(cosines[index]), 4)) for index in order)


def cosines_to(prompt: str, words: tuple[str, ...]) -> npt.NDArray[np.float64]:
    """The cosine between a prompt and each of some words, [N]. Raises GenerationError as ``nearest_tags`` does."""
    from generation.text.minilm import embed  # torch: not before music is asked for

    return np.asarray(_embedded(words) @ embed([prompt])[0], dtype=np.float64)


@lru_cache(maxsize=4)
def _embedded(words: tuple[str, ...]) -> npt.NDArray[np.float32]:
    from generation.text.minilm import embed

    return embed(words)
