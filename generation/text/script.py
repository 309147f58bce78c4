"""Whether a text encoder that learnt English can read a prompt at all. Nothing here imports torch."""

from __future__ import annotations

import unicodedata

from generation.contracts import GenerationError


def prompt_of(clip_id: str, text: str | None) -> str:
    """The prompt of a clip for a system that needs one, without the space around it.

    Raises GenerationError where there is none, or none that a text encoder here can read.
    """
    prompt = (text or "").strip()
    if not prompt:
        raise GenerationError(
            f"{clip_id} has no caption, and this system plays what a text says; add one, or leave the system out"
        )
    require_readable(prompt)
    return prompt


def require_readable(text: str) -> None:
    """Raises GenerationError for a prompt without a letter, or with most letters outside Latin script."""
    letters = [sign for sign in text if sign.isalpha()]
    if not letters:
        raise GenerationError(f"the caption {_short(text)} has no word in it; describe the music in English")
    foreign = [sign for sign in letters if not unicodedata.name(sign, "").startswith("LATIN")]
    if 2 * len(foreign) > len(letters):
        script = unicodedata.name(foreign[0], "unknown").split(" ")[0].capitalize()
        raise GenerationError(
            f"the caption {_short(text)} is in {script} script, which this system's text encoder cannot "
            "read, for it learnt English; give the clip an English caption"
        )


def _short(text: str) -> str:
    return f"'{text}'" if len(text) <= 40 else f"'{text[:40]}…'"
