from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from generation import registry
from generation.contracts import ClipFacts, GenerationError, Request

from .conftest import CLIPS, tone

POOL = frozenset(CLIPS)


def generate(request: Request) -> np.ndarray:
    system = registry.build("ground-truth", "default", {})
    return system.generate(request, lambda share, what: None).waveform


def test_plays_the_clips_own_original(originals: dict[str, Path]) -> None:
    heard = generate(Request("forest", Path("unused.mp4"), 1.0, 7, original_audio=originals))
    assert np.array_equal(heard, tone(CLIPS.index("forest")))


def test_is_cut_or_padded_to_the_clip(originals: dict[str, Path]) -> None:
    cut = generate(Request("forest", Path("unused.mp4"), 0.75, 0, original_audio=originals))
    padded = generate(Request("forest", Path("unused.mp4"), 1.25, 0, original_audio=originals))
    assert (cut.shape, padded.shape) == ((2, 36_000), (2, 60_000))
    assert not padded[:, 48_000:].any()


def test_original_that_ends_too_early_is_refused_with_both_lengths(originals: dict[str, Path]) -> None:
    with pytest.raises(GenerationError, match=r"audio of forest lasts 1.00 s and the clip 2.00 s"):
        generate(Request("forest", Path("unused.mp4"), 2.0, 0, original_audio=originals))


def test_clip_without_sound_is_refused_before_and_during(originals: dict[str, Path]) -> None:
    facts = ClipFacts("silent", 1.0, POOL)
    sentence = registry.refusal("ground-truth", facts, {})
    assert sentence is not None
    assert "silent has no original audio" in sentence
    with pytest.raises(GenerationError, match="silent has no original audio"):
        generate(Request("silent", Path("unused.mp4"), 1.0, 0, original_audio=originals))


def test_donor_is_the_clip_itself() -> None:
    facts = ClipFacts("forest", 1.0, POOL)
    assert registry.refusal("ground-truth", facts, {}) is None
    assert registry.donors("ground-truth", facts, {}, 3) == ("forest",)
