"""Soundtracks that are known to be wrong, for checking raters: beside them the ground truth is the right answer.

``foil-other-clip`` is another clip's original music; ``foil-shifted`` is the right music at the wrong time, which
only a rater who watches and listens at once can tell.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import count
from types import MappingProxyType

import numpy as np
import numpy.typing as npt

from generation.baselines import random_shuffle
from generation.baselines.fit import fit
from generation.baselines.random_shuffle import Borrowed, long_enough, without_others
from generation.contracts import ClipFacts, GenerationError, Progress, Request, Settings, Soundtrack
from generation.media.decode import audio

RATE_HZ = 48_000
NAME = "foil-other-clip"
SHORTEST_CLIP_S = 4.0
"""Music that goes round comes back: of a shorter clip, a shift by 3 s would be a shift by less than 1 s."""

LEAST_SHIFT_S, MOST_SHIFT_S = 1.0, 3.0
"""Far out of step: broadcasters accept sound from 0.09 s early to 0.185 s late (ITU-R BT.1359)."""

CROSSFADE_S = 0.05


@dataclass(frozen=True, slots=True)
class Shifted:
    """Plays back the clip's own original audio 1 to 3 s too early or too late."""

    def generate(self, request: Request, progress: Progress) -> Soundtrack:
        """48 kHz stereo, ``request.duration_s`` long. Raises GenerationError without sound or time enough."""
        problem = _unfit(request.clip_id, request.duration_s, request.original_audio)
        if problem:
            raise GenerationError(problem)
        progress(0.0, "shifting the original audio")
        source, name = request.original_audio[request.clip_id], f"the original audio of {request.clip_id}"
        waveform = audio(source, sample_rate_hz=RATE_HZ, channels=2)
        whole = fit(waveform, RATE_HZ, request.duration_s, name)
        # The silence that fit may have added stays at the end: turned round, it would be a hole in the middle.
        played = rotated(whole[:, : waveform.shape[1]], round(shift_s(request.clip_id, request.seed) * RATE_HZ))
        return Soundtrack(fit(played, RATE_HZ, request.duration_s, name), RATE_HZ)


def build_other_clip(preset: str, settings: Settings, device: str) -> Borrowed:
    """The one foil of this kind; its seed comes with the request."""
    return Borrowed(donor_of, NAME)


def build_shifted(preset: str, settings: Settings, device: str) -> Shifted:
    """The one foil of this kind; its seed comes with the request."""
    return Shifted()


def refusal_other_clip(facts: ClipFacts, settings: Settings) -> str | None:
    """Refuses where no other clip has original audio that is long enough."""
    return None if long_enough(facts) - {facts.clip_id} else without_others(facts, NAME)


def refusal_shifted(facts: ClipFacts, settings: Settings) -> str | None:
    """Refuses clips without original audio, and clips too short to shift."""
    return _unfit(facts.clip_id, facts.duration_s, facts.audio_clip_ids)


def donors_other_clip(facts: ClipFacts, settings: Settings, seed: int) -> tuple[str, ...]:
    """The one clip whose audio ``generate`` will use; empty where there is none."""
    donor = donor_of(facts.clip_id, long_enough(facts), seed)
    return () if donor is None else (donor,)


def donors_shifted(facts: ClipFacts, settings: Settings, seed: int) -> tuple[str, ...]:
    """The clip itself."""
    return (facts.clip_id,)


def donor_of(clip_id: str, pool: Iterable[str], seed: int) -> str | None:
    """Whose audio the clip is given: a pure function of clip, pool and seed; None without another clip.

    With three or more clips to choose from it is not the donor that random-shuffle gives this clip at this seed,
    so that a study may have both; with fewer there is no choice. A clip without audio of its own draws any donor.
    """
    members = frozenset(pool)
    if not members - {clip_id}:
        return None
    taken = random_shuffle.donor_of(clip_id, members, seed)
    if clip_id not in members:
        return min(members - {taken} or members, key=lambda other: _ticket("foil", seed, clip_id, other))
    return taken if len(members) == 2 else derangement(members, seed)[clip_id]


# A study asks once for each of its thousands of clips, always with the same pool.
@lru_cache(maxsize=8)
def derangement(pool: frozenset[str], seed: int) -> Mapping[str, str]:
    """Clip to donor, nowhere the clip itself nor its donor in ``random_shuffle.derangement``; three or more clips.

    Uniform over all there are: whole shuffles are drawn until one fits (about e² = 7.4 draws), ordered by hash as
    there. Raises ValueError on a pool of fewer than three, which has none.
    """
    clips = sorted(pool)
    if len(clips) < 3:
        raise ValueError(f"a second derangement needs three or more clips, not {clips}")
    first = random_shuffle.derangement(pool, seed)
    for attempt in count():
        shuffled = sorted(clips, key=lambda clip: _ticket("foil", seed, attempt, clip))
        if all(donor not in (clip, first[clip]) for clip, donor in zip(clips, shuffled, strict=True)):
            return MappingProxyType(dict(zip(clips, shuffled, strict=True)))
    raise AssertionError("unreachable: every 2 by n Latin rectangle with n ≥ 3 can be given a third row")


def shift_s(clip_id: str, seed: int) -> float:
    """Seconds by which the music comes too late, or too early where negative; uniform over ±[1, 3]."""
    ticket = int.from_bytes(_ticket("shift", seed, clip_id)[:8], "big")
    share = (ticket >> 1) / 2**63
    size = LEAST_SHIFT_S + (MOST_SHIFT_S - LEAST_SHIFT_S) * share
    return -size if ticket & 1 else size


def rotated(waveform: npt.NDArray[np.float32], shift: int) -> npt.NDArray[np.float32]:
    """float32 [C, N] turned round by ``shift`` samples, later where positive, as [C, N].

    End and beginning meet under an equal-power crossfade of 50 ms: neither a click nor a gap says where.
    """
    length, fade = waveform.shape[1], round(CROSSFADE_S * RATE_HZ)
    if shift > 0:
        # The beginning is heard exactly ``shift`` late once it is faded in; the end leads up to that.
        before, after = waveform[:, length - shift - fade :], waveform[:, : length - shift]
    else:
        before, after = waveform[:, -shift:], waveform[:, : fade - shift]
    angle = (np.arange(fade, dtype=np.float32) + 0.5) / fade * (np.pi / 2)
    seam = before[:, -fade:] * np.cos(angle) + after[:, :fade] * np.sin(angle)
    return np.concatenate([before[:, :-fade], seam.astype(np.float32), after[:, fade:]], axis=1)


def _ticket(*parts: object) -> bytes:
    return hashlib.sha256("\0".join(map(str, parts)).encode()).digest()


def _unfit(clip_id: str, duration_s: float, with_sound: Iterable[str]) -> str | None:
    if clip_id not in with_sound:
        return f"{clip_id} has no original audio to shift; leave foil-shifted out for it or import it with sound"
    if duration_s < SHORTEST_CLIP_S:
        return (
            f"{clip_id} lasts {duration_s:.2f} s and its music cannot be shifted by up to {MOST_SHIFT_S:.0f} s; "
            f"give clips of {SHORTEST_CLIP_S:.0f} s or more, or leave foil-shifted out"
        )
    return None
