"""Everything that decides what a stimulus file contains, and the key that follows from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import cache

from generation import registry
from generation.contracts import ClipFacts
from studyapp.errors import NotReady
from studyapp.models import Clip, System


@dataclass(frozen=True, slots=True)
class Recipe:
    """``key`` is the SHA-256 of the rest and of all files that are read; same key, same file.

    inputs: that of the outside files alone.
    """

    key: str
    text: str
    settings_digest: str
    weights_digest: str
    sources_digest: str
    reads_audio: bool
    inputs: str


def recipe_for(*, clip: Clip, system: System, seed: int, target_lufs: float, pool: Collection[Clip]) -> Recipe:
    """The recipe of one soundtrack; ``pool`` are the clips whose original audio the system may read.

    Only a system that reads text is given the caption. Raises NotReady when it needs a caption or audio that is
    missing, GenerationError when another file it is made from is.
    """
    spec = registry.spec(system.key)
    text = clip.caption if spec.reads_text else ""
    if spec.reads_text and not spec.text_optional and not text.strip():
        raise NotReady(
            f"{system} reads a text prompt and {clip} has no caption; add one, or take it without text."
        )
    audio = {member.clip_id: member.audio_sha256 for member in pool}
    facts = ClipFacts(clip.clip_id, clip.duration_s, frozenset(audio), clip.caption, audio_seconds(pool))
    donors = registry.donors(system.key, facts, system.placed_settings, seed)
    missing = [donor for donor in donors if donor not in audio]
    if missing:
        raise NotReady(f"{system} needs the original audio of {missing[0]}, which has none.")
    settings = registry.settings_digest(system.key, system.preset, system.settings)
    weights = _weights(system.key, system.preset)
    sources = _sources(system.key)
    inputs = registry.inputs_digest(system.key, system.preset, facts, system.placed_settings)
    decisive = {
        # The name as well: two clips may show the same picture, and a stimulus belongs to one of them.
        "clip": [clip.dataset, clip.clip_id, clip.master_sha256],
        "system": system.slug,
        "settings": settings,
        "weights": weights,
        "sources": sources,
        "rendering": _rendering(),
        "seed": seed,
        "text": text,
        "target_lufs": float(target_lufs),
        "donors": [audio[donor] for donor in donors],
        "inputs": inputs,
    }
    key = hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()
    return Recipe(key, text, settings, weights, sources, reads_audio=spec.donors is not None, inputs=inputs)


def audio_seconds(pool: Iterable[Clip]) -> frozenset[tuple[str, float]]:
    """How long the original audio of each clip lasts: it was cut with its picture."""
    return frozenset((member.clip_id, member.duration_s) for member in pool)


# Once a process: it goes on running the sources it was started with, whatever is on the disk by now.
_weights = cache(registry.weights_digest)
_sources = cache(registry.sources_digest)
_rendering = cache(registry.rendering_digest)
