"""For which clips the cascade can write music. Nothing here imports torch."""

from __future__ import annotations

from generation.contracts import ClipFacts, Settings

SHORTEST_S = 1.0
LONGEST_S = 60.5


def refusal(facts: ClipFacts, settings: Settings) -> str | None:
    """Why not this clip, in one sentence, or None. ``settings`` change nothing here."""
    if facts.duration_s < SHORTEST_S:
        return f"the clip lasts {facts.duration_s:.2f} s; V2Meow needs at least {SHORTEST_S:g} s of picture"
    if facts.duration_s > LONGEST_S:
        return f"the clip lasts {facts.duration_s:.2f} s; V2Meow writes up to 60 s, so cut it shorter"
    return None
