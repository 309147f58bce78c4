"""Two studies' settings side by side, as rows of what one has and the other, long texts word by word."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

from django.utils.text import capfirst

from studyapp.documents.schema import HEADINGS, TEXT_SETTINGS, ClipEntry, StudyDocument, SystemEntry
from studyapp.documents.writing import lines_of
from studyapp.languages import LANGUAGES
from studyapp.models import Study

_LONG = 60
_MOST_WORDS = 3_000
_LISTED = 8


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words that both texts have, or only one of them."""

    kind: Literal["both", "one", "other"]
    words: str


@dataclass(frozen=True, slots=True)
class Row:
    """One setting of both studies. pieces: the two texts run together, where they are long and differ."""

    label: str
    one: str
    other: str
    pieces: tuple[Piece, ...] = ()

    @property
    def differs(self) -> bool:
        return self.one != self.other


@dataclass(frozen=True, slots=True)
class Section:
    label: str
    rows: tuple[Row, ...]

    @property
    def differing(self) -> tuple[Row, ...]:
        return tuple(row for row in self.rows if row.differs)


def compare(one: StudyDocument, other: StudyDocument) -> tuple[Section, ...]:
    """Every setting under its heading, systems, pairs and clips first."""
    sections = [
        Section("Systems", _by_name(one.systems, other.systems, lambda entry: entry.slug, _system)),
        Section("Pairs", _by_name(_pairs(one), _pairs(other), lambda pair: pair, lambda pair: "compared")),
        Section("Clips", _clips(one, other)),
    ]
    for heading in HEADINGS:
        # A code is nobody's difference: every study has its own.
        fields = [setting.field for setting in heading.settings if not setting.code]
        rows = [_row(_label(field), _said(one.value(field)), _said(other.value(field))) for field in fields]
        sections.append(Section(heading.label, tuple(rows)))
    return (*sections, Section("Languages and their texts", _texts(one, other)))


def words_apart(one: str, other: str) -> tuple[Piece, ...]:
    """Two texts run together, word by word; whole texts where they are too long for that."""
    left, right = _words(one), _words(other)
    if len(left) + len(right) > _MOST_WORDS:
        return (Piece("one", one), Piece("other", other))
    pieces: list[Piece] = []
    for tag, start, end, other_start, other_end in SequenceMatcher(
        None, left, right, autojunk=False
    ).get_opcodes():
        if tag == "equal":
            pieces.append(Piece("both", "".join(left[start:end])))
            continue
        if end > start:
            pieces.append(Piece("one", "".join(left[start:end])))
        if other_end > other_start:
            pieces.append(Piece("other", "".join(right[other_start:other_end])))
    return tuple(pieces)


def _words(text: str) -> list[str]:
    return re.findall(r"\S+\s*|\s+", text)


def _row(label: str, one: str, other: str) -> Row:
    long = max(len(one), len(other)) > _LONG and one and other
    return Row(label, one, other, words_apart(one, other) if long and one != other else ())


def _by_name(
    one: Iterable[Any], other: Iterable[Any], name: Callable[[Any], str], says: Callable[[Any], str]
) -> tuple[Row, ...]:
    left, right = ({name(item): says(item) for item in items} for items in (one, other))
    return tuple(Row(key, left.get(key, ""), right.get(key, "")) for key in {**left, **right})


def _system(entry: SystemEntry) -> str:
    settings = ", ".join(f"{name} {value}" for name, value in entry.settings.items())
    return f"{entry.label} ({settings})" if settings else entry.label


def _pairs(document: StudyDocument) -> list[str]:
    return [" vs ".join(sorted(pair)) for pair in document.compared()]


def _clips(one: StudyDocument, other: StudyDocument) -> tuple[Row, ...]:
    left, right = _clip_names(one), _clip_names(other)
    rows = [Row("Number of clips", str(len(left)), str(len(right)))]
    shared = left.keys() & right.keys()
    changed = sorted(name for name in shared if left[name] != right[name])
    only = [sorted(left.keys() - shared), sorted(right.keys() - shared)]
    if any(only):
        rows.append(Row("Only here", _some(only[0]), _some(only[1])))
    if changed:
        rows.append(Row("Same name, another picture", _some(changed), "another picture"))
    return tuple(rows)


def _clip_names(document: StudyDocument) -> dict[str, str]:
    clips: Sequence[ClipEntry] = document.clips if isinstance(document.clips, tuple) else ()
    return {f"{entry.dataset}/{entry.clip_id}": entry.sha256 for entry in clips}


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    return ", ".join(names[:_LISTED]) + more


def _texts(one: StudyDocument, other: StudyDocument) -> tuple[Row, ...]:
    known = dict(LANGUAGES)
    rows = [Row("Language of the study's own texts", known[one.language], known[other.language])]
    left, right = ({text.language: text.values for text in document.texts} for document in (one, other))
    for language in {**left, **right}:
        for setting in TEXT_SETTINGS:
            said = [_said(texts.get(language, {}).get(setting.field, "")) for texts in (left, right)]
            if any(said):
                rows.append(_row(f"{known[language]}: {_label(setting.field).lower()}", *said))
    return tuple(rows)


def _label(field: str) -> str:
    return str(capfirst(getattr(Study._meta.get_field(field), "verbose_name", field)))


def _said(value: Any) -> str:
    """A value as one would write it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return "; ".join(" vs ".join(sorted(pair)) for pair in value)
    return lines_of(str(value))
