"""Why soundtracks fail: one cause has one sentence, once the clip's name and numbers are out of it. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection

_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_WORD = re.compile(r"\w[\w.\-]*")
_GAP = "…"


def cause(error: str, clip_id: str, others: Collection[str] = ()) -> str:
    """An error's sentence without what differs from clip to clip: the clip's name, those of others, numbers.

    others: ids of further clips that the sentence may name, such as one whose audio is borrowed.
    """
    own = re.compile(rf"(?<!\w){re.escape(clip_id)}(?!\w)")
    text = own.sub(_GAP, error)
    text = _WORD.sub(lambda word: _without(word.group(), others), text)
    return " ".join(_NUMBER.sub(_GAP, text).split())


def key_of(salt: str, reason: str) -> str:
    """A cause's name in addresses and forms, which does not tell the cause itself."""
    return hashlib.sha256(f"{salt}/{reason}".encode()).hexdigest()[:16]


def _without(word: str, others: Collection[str]) -> str:
    bare = word.rstrip(".")  # the end of a sentence is no part of a name
    return _GAP + word[len(bare) :] if bare in others else word
