"""Another clip's original music: good sound that has nothing to do with the picture.

The chance level of visual relevance: the audio of the clips is shuffled by a seeded derangement, so that
at one seed no clip keeps its own audio and each clip's audio is heard under exactly one clip with audio.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from types import MappingProxyType

from generation.baselines.fit import fit
from generation.contracts import ClipFacts, GenerationError, Progress, Request, Settings, Soundtrack
from generation.media.decode import audio

RATE_HZ = 48_000
NAME = "random-shuffle"


Draw = Callable[[str, Iterable[str], int], str | None]
"""Of clip, pool and seed the clip whose audio is borrowed; None without another clip."""


@dataclass(frozen=True, slots=True)
class Borrowed:
    """Plays back the original audio of the clip that is drawn at this seed. name: of the system, for the error."""

    draw: Draw
    name: str

    def generate(self, request: Request, progress: Progress) -> Soundtrack:
        """48 kHz stereo, ``request.duration_s`` long. Raises GenerationError without another clip's audio."""
        donor = self.draw(request.clip_id, request.original_audio, request.seed)
        if donor is None:
            raise GenerationError(without_others(request.clip_id, self.name))
        progress(0.0, "reading another clip's audio")
        waveform = audio(request.original_audio[donor], sample_rate_hz=RATE_HZ, channels=2)
        return Soundtrack(fit(waveform, RATE_HZ, request.duration_s, f"the original audio of {donor}"), RATE_HZ)


def build(preset: str, settings: Settings, device: str) -> Borrowed:
    """The one shuffle there is; its seed comes with the request."""
    return Borrowed(donor_of, NAME)


def refusal(facts: ClipFacts, settings: Settings) -> str | None:
    """Refuses where no other clip has original audio."""
    return None if facts.audio_clip_ids - {facts.clip_id} else without_others(facts.clip_id, NAME)


def donors(facts: ClipFacts, settings: Settings, seed: int) -> tuple[str, ...]:
    """The one clip whose audio ``generate`` will use; empty where there is none."""
    donor = donor_of(facts.clip_id, facts.audio_clip_ids, seed)
    return () if donor is None else (donor,)


def donor_of(clip_id: str, pool: Iterable[str], seed: int) -> str | None:
    """Whose audio the clip is given: a pure function of clip, pool and seed; None without another clip.

    Ask with one seed for all clips of a study: the derangement holds within a seed and a pool.
    A clip of the pool follows the pool's derangement; one without audio of its own draws any donor.
    """
    members = frozenset(pool)
    if not members - {clip_id}:
        return None
    if clip_id not in members:
        return min(members, key=lambda other: _ticket(seed, clip_id, other))
    return derangement(members, seed)[clip_id]


# A study asks once for each of its thousands of clips, always with the same pool.
@lru_cache(maxsize=8)
def derangement(pool: frozenset[str], seed: int) -> Mapping[str, str]:
    """Clip to donor without a fixed point, uniform over all derangements of two or more clips.

    Whole shuffles are drawn until one has no fixed point (2.7 draws on average). They are ordered by hash
    and not by a random generator, so that no library's next version changes a study. Raises ValueError on
    a pool of fewer than two.
    """
    clips = sorted(pool)
    if len(clips) < 2:
        raise ValueError(f"a derangement needs two or more clips, not {clips}")
    for attempt in count():
        shuffled = sorted(clips, key=lambda clip: _ticket(seed, attempt, clip))
        if all(clip != donor for clip, donor in zip(clips, shuffled, strict=True)):
            return MappingProxyType(dict(zip(clips, shuffled, strict=True)))
    raise AssertionError("unreachable: a pool of two or more has a derangement")


def _ticket(*parts: object) -> bytes:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).digest()


def without_others(clip_id: str, name: str) -> str:
    """The sentence for a clip that nothing can be borrowed for."""
    return f"no clip other than {clip_id} has original audio; add clips with sound or leave {name} out"
