"""The languages of the raters' pages, each named in itself."""

from __future__ import annotations

from collections.abc import Collection

LANGUAGES = (
    ("en", "English"),
    ("de", "Deutsch"),
    ("es", "Español"),
    ("fr", "Français"),
    ("ja", "日本語"),
    ("zh-hans", "简体中文"),
    ("ar", "العربية"),
)


def preferred(offered: Collection[str], accepted: str, *, otherwise: str) -> str:
    """The one of ``offered`` that a browser's Accept-Language header likes best; ``otherwise`` without any."""
    best, best_weight = otherwise, 0.0
    for part in accepted.lower().split(",")[:20]:
        name, _, weight = part.strip().partition(";q=")
        for code in offered:
            # A browser asks for zh-CN, fr-CA or plain de; what is offered differs in script, not in country.
            same = name.split("-")[0] == code.split("-")[0]
            if same and (likes := _number(weight)) > best_weight:
                best, best_weight = code, likes
    return best


def _number(weight: str) -> float:
    try:
        return min(1.0, float(weight)) if weight else 1.0
    except ValueError:
        return 0.0
