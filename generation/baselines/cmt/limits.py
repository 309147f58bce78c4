"""For which clips CMT can write music, and what outside the project decides its sound; torch-free."""

from __future__ import annotations

from pathlib import Path

from generation.contracts import ClipFacts, GenerationError, Settings

SHORTEST_S, LONGEST_S = 1.0, 180.0


def refusal(facts: ClipFacts, settings: Settings) -> str | None:
    """Why not this clip, in one sentence, or None."""
    if facts.duration_s < SHORTEST_S:
        return f"the clip lasts {facts.duration_s:.2f} s; CMT needs at least {SHORTEST_S:g} s of picture"
    if facts.duration_s > LONGEST_S:
        return f"the clip lasts {facts.duration_s:.2f} s; CMT takes up to {LONGEST_S:g} s, so cut it shorter"
    try:
        inputs(facts, settings)
    except GenerationError as error:
        return str(error)
    return None


def inputs(facts: ClipFacts, settings: Settings) -> tuple[Path | str, ...]:
    """The sound font, and which synthesiser plays it. Raises GenerationError when one is missing."""
    from generation.baselines.cmt.band import font, synthesiser  # brings scipy, which listing systems does without

    return font(str(settings["font"])), synthesiser()
