"""A study file as text: headings in their order, a comment before each, long texts as blocks."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import yaml

from studyapp.documents.schema import (
    FORMAT,
    HEADINGS,
    TEXT_SETTINGS,
    ClipEntry,
    ClipRule,
    Pairs,
    StudyDocument,
    SystemEntry,
)

_WIDTH = 110
_OPENING = (
    "A study of Duet: systems, pairs, clips, settings and texts, and no answers. “New study → From a file”, or "
    "`manage.py study_file import`, makes a draft of it. docs/study-file.md tells what each line means."
)
_SYSTEMS = (
    "Each system by its key in the registry, preset and settings; those that are not there are made. Pairs, gold "
    "pairs and the analysis plan name them by their slugs."
)
_PAIRS = "Which systems are compared: a list of two slugs each, “each_with: [slug]”, or “all”."
_CLIPS = (
    "Each clip by dataset and id, with the SHA-256 of its silent master, which must be the same where the study "
    "is made; an empty one takes the clip as it is there. Or a rule that draws them."
)
_TEXTS = "What raters read in further languages; the texts above are in the study's own."


class _Dumper(yaml.SafeDumper):
    """Block style, indented lists, blocks for texts of several lines."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


@dataclass(frozen=True, slots=True)
class _Row:
    """A list that is written on one line."""

    items: tuple[str, ...]


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    style = "|" if "\n" in value or len(value) > 100 else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=style)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(
    _Row, lambda dumper, row: dumper.represent_sequence("tag:yaml.org,2002:seq", row.items, True)
)
_Dumper.add_representer(
    Decimal, lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:float", f"{value:.2f}")
)
_Dumper.add_representer(type(None), lambda dumper, value: dumper.represent_scalar("tag:yaml.org,2002:null", ""))


def write(document: StudyDocument) -> str:
    """The file. Reading it gives an equal document, and writing that the same text."""
    parts = [_comment(_OPENING), _dump({"duet_study": FORMAT})]
    if document.head:
        head = {"name": document.head.name, "describes": document.head.describes, "source": document.head.source}
        parts.append(_dump({"template": head}))
    study = {"title": document.title, "short_name": document.slug, "language": document.language}
    if document.made_from:
        study["made_from"] = document.made_from
    parts.append(_dump({"study": {name: value for name, value in study.items() if value or not document.head}}))
    parts.append(_comment(_SYSTEMS) + _dump({"systems": [_system(entry) for entry in document.systems]}))
    parts.append(_comment(_PAIRS) + _dump({"pairs": _pairs(document.pairs)}))
    parts.append(_comment(_CLIPS) + _dump({"clips": _clips(document.clips)}))
    for heading in HEADINGS:
        given = {
            setting.name: _value(document.settings[setting.field])
            for setting in heading.settings
            if setting.field in document.settings
        }
        if given:
            parts.append(_comment(heading.comment) + _dump({heading.key: given}))
    if document.texts:
        texts = {
            entry.language: {
                setting.name: _value(entry.values[setting.field])
                for setting in TEXT_SETTINGS
                if setting.field in entry.values
            }
            for entry in document.texts
        }
        parts.append(_comment(_TEXTS) + _dump({"texts": texts}))
    return "\n".join(parts)


def lines_of(text: str) -> str:
    """A text with the line ends of a file: browsers send them as two characters."""
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _comment(words: str) -> str:
    return "".join(f"# {line}\n" for line in textwrap.wrap(words, _WIDTH - 2, break_long_words=False))


def _dump(value: Mapping[str, Any]) -> str:
    # Wider than any line: a long line of a text must not be broken where somebody reads it.
    text: str = yaml.dump(value, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)
    return re.sub(r": $", ":", text, flags=re.MULTILINE)


def _value(value: Any) -> Any:
    """Text with plain line ends; pairs of slugs on a line each."""
    if isinstance(value, str):
        return lines_of(value)
    if isinstance(value, list | tuple):
        return [_Row(tuple(item)) if isinstance(item, list | tuple) else item for item in value]
    return value


def _system(entry: SystemEntry) -> dict[str, Any]:
    written: dict[str, Any] = {"slug": entry.slug, "system": entry.key, "preset": entry.preset}
    if entry.settings:
        written["settings"] = dict(entry.settings)
    if entry.label:
        written["label"] = entry.label
    if entry.instead:
        written["instead"] = _system(entry.instead)
    return written


def _pairs(pairs: Pairs) -> Any:
    if pairs.everything:
        return "all"
    if pairs.each_with:
        return {"each_with": _Row(pairs.each_with)}
    return [_Row(pair) for pair in pairs.listed]


def _clips(clips: tuple[ClipEntry, ...] | ClipRule) -> dict[str, Any]:
    if isinstance(clips, ClipRule):
        numbers = {"per_genre": clips.per_genre, "in_all": clips.in_all, "seed": clips.seed}
        words = {"datasets": clips.datasets, "genres": clips.genres, "tags": clips.tags}
        rule = {name: list(chosen) for name, chosen in words.items() if chosen}
        return {"rule": {**rule, **{name: number for name, number in numbers.items() if number is not None}}}
    listed: dict[str, dict[str, str | None]] = {}
    for entry in clips:
        listed.setdefault(entry.dataset, {})[entry.clip_id] = entry.sha256 or None
    return {"list": listed}
