"""What a document names, found in this Duet: clips by name and digest, systems by slug and settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from generation import registry
from studyapp.documents.clip_rule import Drawn, draw
from studyapp.documents.problems import Problem
from studyapp.documents.schema import ClipEntry, ClipRule, StudyDocument, SystemEntry
from studyapp.models import Clip, System

_NAMED = 5


def clips_of(document: StudyDocument, problems: list[Problem], drawn: Drawn | None) -> list[Clip]:
    """The rows of a document's clips; those that are missing or another picture are added to the problems."""
    if isinstance(document.clips, ClipRule):
        drawn = drawn or draw(document.clips)
        return list(Clip.objects.filter(pk__in=drawn.clip_pks))
    by_dataset: dict[str, dict[str, ClipEntry]] = {}
    for entry in document.clips:
        by_dataset.setdefault(entry.dataset, {})[entry.clip_id] = entry
    found: list[Clip] = []
    for dataset, entries in by_dataset.items():
        rows = {clip.clip_id: clip for clip in Clip.objects.filter(dataset=dataset) if clip.clip_id in entries}
        found += rows.values()
        lacking = [clip_id for clip_id in entries if clip_id not in rows]
        other = [
            clip_id for clip_id, clip in rows.items() if entries[clip_id].sha256 not in ("", clip.master_sha256)
        ]
        path = f"clips.list.{dataset}"
        if lacking:
            message = f"{_counted(lacking, entries)} not here: {_some(lacking)}; import them as “{dataset}”"
            problems.append(problem(document, f"{path}.{lacking[0]}", message))
        if other:
            message = (
                f"{_counted(other, entries)} here with another picture (SHA-256): {_some(other)}; import the same "
                "videos, cut to the same length, or empty the digest in the file to take the clip as it is"
            )
            problems.append(problem(document, f"{path}.{other[0]}", message))
    return found


def differences(row: System, entry: SystemEntry) -> str:
    """What a system of the same slug has otherwise here, “here … , in the file …”; empty for the same system."""
    here: dict[str, Any] = {"system": row.key, "preset": row.preset, **_effective(row.key, row.settings)}
    there = {"system": entry.key, "preset": entry.preset, **_effective(entry.key, entry.settings)}
    names = [name for name in {**here, **there} if here.get(name) != there.get(name)]
    return "; ".join(f"{name}: here {here.get(name)!r}, in the file {there.get(name)!r}" for name in names)


def _effective(key: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """With the registry's defaults, so that what is left out equals what is written out."""
    try:
        return registry.effective_settings(key, settings)
    except (KeyError, ValueError):
        return dict(settings)


def problem(document: StudyDocument, path: str, message: str) -> Problem:
    """A problem at a place of the document, with its line where it has one."""
    return Problem(path, message, document.lines.get(path))


def _counted(some: Collection[str], of: Mapping[str, object]) -> str:
    number = len(some)
    return f"{number} of {len(of)} clips {'is' if number == 1 else 'are'}"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
    return ", ".join(names[:_NAMED]) + more
