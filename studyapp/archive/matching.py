"""Clips, systems and stimuli of an archive: those that are here already, if they are the same, else new rows."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from generation import registry
from studyapp import media_store
from studyapp.archive.checking import Archive
from studyapp.archive.columns import BadArchive
from studyapp.errors import DuetError
from studyapp.models import Clip, Stimulus, System
from studyapp.tokens import new_token

# What tables and tests of a study rest on; the rest may be edited in each Duet as it likes.
_SAME_SYSTEM = ("key", "preset", "label")
_SAME_CLIP = ("master_sha256", "audio_sha256", "genre", "tags", "duration_s")
_SAME_STIMULUS = ("file_sha256", "lufs", "gain_db", "seed", "duration_s")


def system(row: Mapping[str, Any]) -> System:
    """Matched by its slug, and by what its settings come to: the archive's digest may be of another registry.

    Raises BadArchive for another system of that name, or one that Duet does not know.
    """
    if row["key"] not in registry.SYSTEMS:
        raise BadArchive(f"the system {row['slug']} is a {row['key']!r}, which this Duet does not have; update it")
    there = System.objects.filter(slug=row["slug"]).first()
    if there is None:
        made = System(**row)
        made.clean_fields()
        _must_be_possible(made)
        made.digest = registry.settings_digest(made.key, made.preset, made.settings)
        made.save(force_insert=True)
        return made
    settled = registry.same_settings(there.key, there.settings, row["settings"])
    _must_be_same(f"the system {there}", there, row, _SAME_SYSTEM if settled else (*_SAME_SYSTEM, "settings"))
    return there


def clip(row: Mapping[str, Any]) -> Clip:
    """Matched by collection and id. Raises BadArchive for another clip of that name."""
    fields = {name: value for name, value in row.items() if name != "chosen"}
    there = Clip.objects.filter(dataset=row["dataset"], clip_id=row["clip_id"]).first()
    if there is None:
        audio = row["audio_sha256"]
        made = Clip(
            **fields,
            master_file=_by_digest("clips", row["master_sha256"], ".mp4"),
            audio_file=_by_digest("audio", audio, ".wav") if audio else "",
        )
        # Clips and systems are everybody's: one that a page cannot show would stand in the way of all.
        made.clean_fields()
        made.save(force_insert=True)
        return made
    _must_be_same(f"the clip {there.dataset}/{there}", there, row, _SAME_CLIP)
    return there


def stimulus(row: Mapping[str, Any]) -> tuple[Stimulus, bool]:
    """Matched by its key, and whether it was made. Raises BadArchive where the key gave another file, or none yet.

    ``row``: fields of the model, its references already those of this database.
    """
    there = Stimulus.objects.filter(key=row["key"]).first()
    if there is None:
        name, progress = (f"stimuli/{new_token()}.mp4", 1.0) if row["file_sha256"] else ("", 0.0)
        return Stimulus.objects.create(**row, file=name, progress=progress), True
    if not there.file_sha256 and row["file_sha256"]:
        raise BadArchive(f"the stimulus {there} is still to be made here; wait until it is ready, then read again")
    _must_be_same(f"the stimulus {there}", there, row, _SAME_STIMULUS)
    return there, False


def place_media(archive: Archive, clips: Sequence[int], stimuli: Sequence[int]) -> int:
    """Put the videos and soundtracks that the archive holds where rows miss their files; returns how many.

    Names are our own, or follow from the digest, never from the archive. A file without a row, should the
    transaction fail, is harmless.
    """
    held = archive.media()
    placed = 0
    for name, digest in _wanted(clips, stimuli) if held else ():
        if digest in held and not (media_store.root() / name).exists():
            with tempfile.TemporaryDirectory(dir=media_store.root(), prefix="import-") as folder:
                made = Path(folder) / os.path.basename(name)
                with archive.open(held[digest]) as source, made.open("wb") as target:
                    shutil.copyfileobj(source, target)
                media_store.put(made, name)
            placed += 1
    return placed


def _wanted(clips: Sequence[int], stimuli: Sequence[int]) -> Iterator[tuple[str, str]]:
    for pk in clips:
        one = Clip.objects.get(pk=pk)
        yield one.master_file, one.master_sha256
        if one.audio_file:
            yield one.audio_file, one.audio_sha256
    for pk in stimuli:
        other = Stimulus.objects.get(pk=pk)
        if other.file:
            yield other.file, other.file_sha256


def _by_digest(room: str, digest: str, suffix: str) -> str:
    # As media_store.keep names files, so that one that is brought later is found.
    if not _is_digest(digest):
        raise BadArchive(f"{digest[:80]!r} is no SHA-256; the file was changed, fetch it again")
    return f"{room}/{digest[:2]}/{digest}{suffix}"


def _must_be_possible(system: System) -> None:
    """Raises BadArchive for a preset or settings that the registry does not know, or files that lie elsewhere."""
    try:
        registry.effective_settings(system.key, system.settings)
        _ = system.placed_settings
    except (ValueError, DuetError) as error:
        raise BadArchive(f"the system {system} cannot be made here: {error}") from None
    presets = registry.spec(system.key).presets
    if system.preset not in presets:
        raise BadArchive(
            f"the system {system} has no preset {system.preset!r} here; there are {', '.join(presets)}"
        )


def _is_digest(text: str) -> bool:
    return len(text) == 64 and set(text) <= set("0123456789abcdef")


def _must_be_same(what: str, there: object, row: Mapping[str, Any], names: Sequence[str]) -> None:
    for name in names:
        if getattr(there, name) != row[name]:
            here, archived = f"{getattr(there, name)!s:.40}", f"{row[name]!s:.40}"
            raise BadArchive(
                f"{what} has another {name.replace('_', ' ')} here ({here}) than in the archive ({archived}); "
                "rename the one that is here, or read the archive into an empty Duet"
            )
