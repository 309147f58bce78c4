"""What a training set is cut from: a folder of files, or pieces of the self-made world."""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from generation.cascade.training.shards import Kind, LeftOut
from generation.contracts import GenerationError
from generation.media.errors import MediaError
from generation.media.master import MISSING_TAIL_S
from generation.media.probe import probe, require_video

Purpose = Literal["training", "held-out", "evaluation"]

FIRST_SEEDS: dict[Purpose, int] = {"training": 1_000_000, "held-out": 9_000_000, "evaluation": 9_500_000}
"""Of the world's pieces; the demo's lie below all. Training looks at what is held out, and is changed for what it
sees there; the evaluation's pieces are looked at when everything is done."""
_SEEDS = 500_000

MANIFEST = "manifest.csv"
_ALSO = {"clip": "clip_id", "id": "clip_id", "filename": "file", "license": "licence", "start_s": "start"}


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of one file."""

    path: Path
    start_s: float
    genre: str = ""
    caption: str = ""


@dataclass(frozen=True, slots=True)
class _File:
    path: Path
    start_s: float = 0.0
    genre: str = ""
    caption: str = ""


def world_seeds(count: int, purpose: Purpose = "training") -> range:
    """Seeds of the world's pieces; those of different purposes never meet."""
    if not 1 <= count <= _SEEDS:
        raise GenerationError(f"{count} pieces of the world were asked for; ask for 1 to {_SEEDS}")
    return range(FIRST_SEEDS[purpose], FIRST_SEEDS[purpose] + count)


def segments(folder: Path, kind: Kind, segment_s: float) -> Iterator[list[Segment] | LeftOut]:
    """Of every file its whole segments, one after the other, or why there are none.

    Files of folders inside the folder count too. Where there is a ``manifest.csv`` (columns file, genre, caption,
    start; those of the study site's import) only its files are read. Raises GenerationError when there is no file.
    """
    for file in _listed(folder):
        try:
            info = require_video(file.path) if kind == "paired" else probe(file.path)
        except MediaError as error:
            yield LeftOut(_name(file.path, folder), str(error))
            continue
        if not info.has_audio:
            yield LeftOut(_name(file.path, folder), "has no sound")
            continue
        count = int((info.duration_s - file.start_s + MISSING_TAIL_S) // segment_s)
        if count < 1:
            yield LeftOut(
                _name(file.path, folder),
                f"has {info.duration_s - file.start_s:.1f} s, less than one segment of {segment_s:g} s",
            )
            continue
        yield [
            Segment(file.path, file.start_s + index * segment_s, file.genre, file.caption)
            for index in range(count)
        ]


def count_files(folder: Path) -> int:
    return len(_listed(folder))


def digest_of(parts: list[Segment]) -> str:
    """Changes when a file of these segments, or what is said of it, does."""
    digest = hashlib.sha256()
    for part in parts:
        status = part.path.stat()
        digest.update(repr((part, status.st_size, status.st_mtime_ns)).encode())
    return digest.hexdigest()


def world_digest() -> str:
    """Changes when the sources of the self-made world do."""
    import generation.world

    digest = hashlib.sha256()
    room = Path(next(iter(generation.world.__path__)))
    for path in sorted(room.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _listed(folder: Path) -> list[_File]:
    if not folder.is_dir():
        raise GenerationError(f"{folder} is not a folder; give one with videos or music")
    manifest = folder / MANIFEST
    files = _from_manifest(manifest) if manifest.is_file() else _from_folder(folder)
    if not files:
        raise GenerationError(f"{folder} holds no file; give a folder of videos or music")
    return files


def _from_folder(folder: Path) -> list[_File]:
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    return [
        _File(path) for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts)
    ]


def _from_manifest(manifest: Path) -> list[_File]:
    files = []
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as handle:
            rows = csv.DictReader(handle, strict=True)
            for row in rows:
                values = {
                    _ALSO.get(name.strip().lower(), name.strip().lower()): (value or "").strip()
                    for name, value in row.items()
                    if isinstance(name, str) and not isinstance(value, list)
                }
                if not values.get("file"):
                    raise GenerationError(
                        f"{manifest} line {rows.line_num} names no file; fill in the column file"
                    )
                start_s = float(values.get("start") or 0)
                path = manifest.parent / values["file"]
                files.append(_File(path, start_s, values.get("genre", ""), values.get("caption", "")))
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise GenerationError(
            f"{manifest} cannot be read ({error}); save it as UTF-8 CSV, starts in seconds"
        ) from error
    return files


def _name(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.name
