"""Another clip's original music: good sound that has nothing to do with the picture.

The chance level of visual relevance: the audio of the clips is shuffled by a seeded derangement, so that
at one seed no clip keeps its own audio and each clip's audio is heard under exactly one clip with audio.
Where clips differ in length, each draws among those whose audio is long enough for it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from types import MappingProxyType

from generation.baselines.fit import MISSING_S, fit
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
        facts = ClipFacts(
            request.clip_id, request.duration_s, frozenset(request.original_audio), audio_s=request.audio_s
        )
        donor = self.draw(request.clip_id, long_enough(facts), request.seed)
        if donor is None:
            raise GenerationError(without_others(facts, self.name))
        progress(0.0, "reading another clip's audio")
        waveform = audio(request.original_audio[donor], sample_rate_hz=RATE_HZ, channels=2)
        return Soundtrack(fit(waveform, RATE_HZ, request.duration_s, f"the original audio of {donor}"), RATE_HZ)


def build(preset: str, settings: Settings, device: str) -> Borrowed:
    """The one shuffle there is; its seed comes with the request."""
    return Borrowed(donor_of, NAME)


def refusal(facts: ClipFacts, settings: Settings) -> str | None:
    """Refuses where no other clip has original audio that is long enough."""
    return None if long_enough(facts) - {facts.clip_id} else without_others(facts, NAME)


def donors(facts: ClipFacts, settings: Settings, seed: int) -> tuple[str, ...]:
    """The one clip whose audio ``generate`` will use; empty where there is none."""
    donor = donor_of(facts.clip_id, long_enough(facts), seed)
    return () if donor is None else (donor,)


def long_enough(facts: ClipFacts) -> frozenset[str]:
    """The clips whose original audio lasts as long as this clip, up to the silence that may be added."""
    return _long_enough(facts.audio_clip_ids, facts.audio_s, facts.duration_s)


# A study asks for thousands of clips, most of one length.
@lru_cache(maxsize=64)
def _long_enough(pool: frozenset[str], audio_s: frozenset[tuple[str, float]], wanted_s: float) -> frozenset[str]:
    return pool - {clip for clip, lasts_s in audio_s if wanted_s - lasts_s > MISSING_S}


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


def without_others(facts: ClipFacts, name: str) -> str:
    """The sentence for a clip that nothing can be borrowed for."""
    others = facts.audio_clip_ids - {facts.clip_id}
    if not others:
        return f"no clip other than {facts.clip_id} has original audio; add clips with sound or leave {name} out"
    longest_s = max(lasts_s for clip, lasts_s in facts.audio_s if clip in others)
    return (
        f"{facts.clip_id} lasts {facts.duration_s:.2f} s and the longest original audio of another clip "
        f"{longest_s:.2f} s; add clips as long as it is, cut it shorter or leave {name} out"
    )
