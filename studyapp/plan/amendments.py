"""A study's amendments for readers: rows of a table, sentences of a report. Reads only."""

from __future__ import annotations

import json
import re
from typing import Any

from django.core.exceptions import FieldDoesNotExist

from studyapp.models import Amendment, Study
from studyapp.plan.amendable import SECRET, Target

EXTENSION = "extension"
AMENDMENTS = "amendments.csv"
COLUMNS = ("number", "at", "by", "what", "before", "after", "reason", "sha256")
"""Of ``amendment_rows``, for a table without rows."""
_CELL = re.compile(r'("[^"]*(?:""[^"]*)*"|[^",\n]*)([,\n]|$)')
_SHORT = 80
"""Longer texts are not repeated in a sentence; the table of amendments has them."""


def amendment_rows(study: Study) -> list[dict[str, str | int]]:
    """The amendments as flat rows for ``amendments.csv``, first to last; values that are not text are JSON."""
    return [
        {
            "number": one.number,
            "at": one.at.isoformat(),
            "by": one.author,
            "what": one.what,
            "before": _plain(one.before),
            "after": _plain(one.after),
            "reason": one.reason,
            "sha256": one.sha256,
        }
        for one in study.amendments.select_related("by")
    ]


def without_authors(table: str) -> str:
    """``amendments.csv`` as it is given out: account names, often e-mail addresses, are for members."""
    header = table.partition("\n")[0].split(",")
    place = header.index("by")
    # Not by csv, whose cells are short: a text that was rewritten may be of any length.
    return "".join(
        ("" if number > place and number % len(header) == place else cell) + end
        for number, (cell, end) in enumerate(_CELL.findall(table))
    )


def deviation_sentences(study: Study) -> tuple[str, ...]:
    """What was changed after opening, a sentence each, for the report: when, after how many raters, and why."""
    people = study.sessions.counted().filter(simulated=False)
    sentences = []
    for one in study.amendments.all():
        begun = people.filter(consented_at__lt=one.at).count()
        raters = "1 rater had" if begun == 1 else f"{begun:,} raters had"
        sentences.append(
            f"Amendment {one.number} ({one.at:%-d %b %Y}, when {raters} begun): {change_in_words(one)}. "
            f"Reason: {one.reason.rstrip('.')}."
        )
    return tuple(sentences)


def label_of(what: str) -> str:
    """What an amendment is about, in words."""
    try:
        return Target.of(what).label
    except FieldDoesNotExist:
        return what


def change_in_words(amendment: Amendment) -> str:
    """“raters at most: from 40 to 60”, or that a text was rewritten."""
    before, after = told(amendment.before), told(amendment.after)
    label = label_of(amendment.what)
    if amendment.what == EXTENSION:
        return _extension(amendment.after)
    if amendment.what in SECRET:
        return f"{label}: changed, and kept out of the record"
    if max(len(before), len(after)) > _SHORT or "\n" in before + after:
        return f"{label}: rewritten"
    return f"{label}: from {before} to {after}"


def _extension(after: Any) -> str:
    if not isinstance(after, dict) or not {"further_ratings", "pairs", "block_numbers"} <= set(after):
        return f"the study was extended, {told(after)}"
    pairs = "every pair" if after["pairs"] == "all" else told(after["pairs"])
    first, last = after["block_numbers"]
    ratings = (
        "1 further rating" if after["further_ratings"] == 1 else f"{after['further_ratings']} further ratings"
    )
    return f"the study was extended by {ratings} of each comparison for {pairs}, blocks {first} to {last}"


def told(value: Any) -> str:
    """A stored value as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(" vs ".join(one) if isinstance(one, list) else str(one) for one in value) or "all"
    if isinstance(value, dict):
        return ", ".join(f"{name} {told(one)}" for name, one in value.items())
    return "nothing" if value in (None, "") else str(value)


def _plain(value: Any) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
