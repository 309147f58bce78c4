"""Which system is which, for who looks on: by its name only for who may see names and asks to.

Whoever watches a study by name can, without meaning to, tell raters or stop it at a moment that suits. So what is
planned and made says System A, B, C … by default, and what tells of answers says Pair 1, 2, 3 …: in a study of one
system against all others, the letter that is in every pair would be that system. Letters and numbers are drawn for
each study, apart, and say nothing of the order in which systems were made.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from django.db.models import CharField, Model, TextField

from studyapp.models import Clip, Study, StudyText, System, Trial
from studyapp.presentation import Side

GOLD = ("Gold pairs: the better", "Gold pairs: the foil")
IDENTICAL = "Identical pair"
_WRITTEN_IN: tuple[type[Model], ...] = (Study, StudyText, Clip)
AS_WRITTEN = frozenset(
    {"by", "clip", "clips", "member", "name", "reason", "tag", "tags", "url", "what"}
    | {one.name for model in _WRITTEN_IN for one in model._meta.fields if isinstance(one, CharField | TextField)}
)
"""Keys whose values people wrote or are called: they stand as they are, as digests do. With letters put in,
whoever writes a name somewhere would read there whose letter is whose."""
HYPOTHESES_KEPT_BACK = "(told to those who may see the names of systems, for it may name some)"
KEPT_BACK = "It failed. Why is told to those who may see the names of systems, for the reason may name one."


def names(study: Study, slugs: Iterable[str], *, shown: bool) -> dict[str, str]:
    """What a page calls each system: its slug where names are shown.

    Otherwise “System A”, “System B” …, the same on every page of one study; a system that is in gold pairs alone
    is called by its part in them. For pages that tell nothing of answers: those call ``pairs`` by number.
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


def pairs(study: Study, compared: Iterable[tuple[str, str]], *, shown: bool) -> dict[tuple[str, str], str]:
    """What a page that tells of answers calls each pair, in the order to show them in.

    “cmt vs v2meow” where names are shown, else “Pair 1”, “Pair 2” …: neither says which pairs share a system.
    Numbers are of the pairs that the study compares. One version beside itself is “Identical pair”, and what a
    pilot compared and the study no longer does is “Another pair”; they come last.
    """
    found = set(compared)
    if shown:
        return {pair: " vs ".join(pair) for pair in sorted(found)}
    own = {frozenset(pair) for pair in study.pairs.values_list("system_1__slug", "system_2__slug")}
    drawn = sorted(
        own | {frozenset(pair) for pair in found},
        key=lambda pair: (pair not in own, _place(study, " ".join(sorted(pair)))),
    )
    called = {
        pair: f"Pair {number}" if pair in own else IDENTICAL if len(pair) == 1 else "Another pair"
        for number, pair in enumerate(drawn, start=1)
    }
    return {pair: called[frozenset(pair)] for pair in sorted(found, key=lambda pair: drawn.index(frozenset(pair)))}


def without_names(study: Study) -> Callable[[Any], Any]:
    """Puts what ``names`` calls a system in place of every slug in a text, list or mapping.

    A slug counts where it stands by itself: “an” is none in “answer”, nor in “anna-an”. A system that the study
    does not compare is “another system”. Values of ``AS_WRITTEN`` and digests stand as they are, and so do before
    and after of an amendment of such a field; hypotheses are kept back. What named systems is sorted by letter: in
    a pair the system that was made first comes first.
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
            return {masked(key): of_key(_field(one, key), inside) for key, inside in one.items()}
        if isinstance(one, list | tuple):
            inside = [masked(part) for part in one]
            return inside if inside == list(one) else sorted(inside, key=str)
        return one

    def of_key(key: Any, inside: Any) -> Any:
        if key == "hypotheses":
            return HYPOTHESES_KEPT_BACK if inside else inside
        return inside if _stands(key) else masked(inside)

    return masked


def previewed(study: Study, trial: Trial, side: Side) -> Side:
    """The side whose version a preview plays in place of ``side``, by a draw of its own for each trial.

    So what somebody hears in a preview, and keeps, tells nothing of what raters were shown as A.
    """
    if _place(study, trial.token)[0] % 2:
        return side
    return "left" if side == "right" else "right"


def hypotheses(study: Study) -> str:
    """What stands in their place for who may not see names; empty where none is written down."""
    return HYPOTHESES_KEPT_BACK if study.hypotheses.strip() else ""


def _field(told: Mapping[Any, Any], key: Any) -> Any:
    """The key by which a value is judged: before and after of an amendment are values of the field it is of."""
    of = told.get("what")
    return of.partition("__")[0] if key in ("before", "after") and isinstance(of, str) else key


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
