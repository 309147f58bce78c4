"""Which system is which, for who looks on: by its name only for who may see names and asks to.

Whoever watches a study by name can, without meaning to, tell raters or stop it at a moment that suits. So every
page about results says A, B, C … by default; the letters are drawn for each study and say nothing of the order in
which systems were made.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from studyapp.models import Study, System

GOLD = ("Gold pairs: the better", "Gold pairs: the foil")
AS_WRITTEN = frozenset({"by", "member", "name", "reason"})
"""Keys whose values people wrote or are called, and never a system: they stand as they are, as digests do."""
KEPT_BACK = "It failed. Why is told to who may see the names of systems, for the reason may name one."


def names(study: Study, slugs: Iterable[str], *, shown: bool) -> dict[str, str]:
    """What a page calls each system: its slug where names are shown.

    Otherwise “System A”, “System B” …, the same on every page of one study; a system that is in gold pairs alone
    is called by its part in them.
    """
    known = sorted(set(slugs))
    if shown:
        return {slug: slug for slug in known}
    pairs = study.pairs.values_list("system_1__slug", "system_2__slug")
    compared = {slug for pair in pairs for slug in pair}
    gold = [one.slug if one else "" for one in (study.gold_truth, study.gold_foil)]
    checks = {slug: label for slug, label in zip(gold, GOLD, strict=True) if slug and slug not in compared}
    drawn = sorted(compared | (set(known) - set(checks)), key=lambda slug: _place(study, slug))
    lettered = {slug: f"System {_letter(number)}" for number, slug in enumerate(drawn)}
    return {slug: checks.get(slug) or lettered[slug] for slug in known}


def without_names(study: Study) -> Callable[[Any], Any]:
    """Puts what ``names`` calls a system in place of every slug in a text, list or mapping.

    A slug counts where it stands by itself: “an” is none in “answer”, nor in “anna-an”. A system that the study
    does not compare is “another system”. Values of ``AS_WRITTEN`` and digests stand as they are. What named
    systems is sorted by letter, for in a pair the system that was made first comes first.
    """
    slugs = list(System.objects.values_list("slug", flat=True))
    pairs = study.pairs.values_list("system_1__slug", "system_2__slug")
    own = {slug for pair in pairs for slug in pair}
    own |= {one.slug for one in (study.gold_truth, study.gold_foil) if one}
    called = {**dict.fromkeys(slugs, "another system"), **names(study, own, shown=False)}
    told = _told(called)

    def masked(one: Any) -> Any:
        if isinstance(one, str):
            return told(one)
        if isinstance(one, Mapping):
            return {masked(key): inside if _stands(key) else masked(inside) for key, inside in one.items()}
        if isinstance(one, list | tuple):
            inside = [masked(part) for part in one]
            return inside if inside == list(one) else sorted(inside, key=str)
        return one

    return masked


def _told(called: Mapping[str, str]) -> Callable[[str], str]:
    """A text with what its slugs are called, pairs of them in the order of what they are called."""
    slug = re.compile(rf"(?<![\w-])(?:{_any_of(called)})(?![\w-])")
    label = _any_of(called.values())
    pair = re.compile(rf"({label})( vs | and )({label})(?!\w)")

    def told(text: str) -> str:
        said = slug.sub(lambda found: called[found[0]], text)
        return said if said == text else pair.sub(lambda found: found[2].join(sorted(found.group(1, 3))), said)

    return told


def _any_of(words: Iterable[str]) -> str:
    # The longest first, for one word may begin another.
    return "|".join(re.escape(word) for word in sorted(set(words), key=len, reverse=True)) or r"(?!)"


def lettered_pairs(study: Study, slugs: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs by letter, in an order that says nothing of which system was made first."""
    found = list(slugs)
    called = names(study, (slug for pair in found for slug in pair), shown=False)
    return [(one, other) for one, other in sorted(sorted(called[slug] for slug in pair) for pair in found)]


def _stands(key: Any) -> bool:
    return isinstance(key, str) and (key in AS_WRITTEN or key.endswith("sha256"))


def _place(study: Study, slug: str) -> bytes:
    return hashlib.sha256(f"{study.salt}/{slug}".encode()).digest()


def _letter(number: int) -> str:
    """A … Z, AA, AB …"""
    head, tail = divmod(number, 26)
    return (_letter(head - 1) if head else "") + chr(ord("A") + tail)
