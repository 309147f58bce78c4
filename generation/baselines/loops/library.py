"""A folder of loops and the table of them. Nothing here imports torch."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from generation import places
from generation.contracts import GenerationError
from generation.media.errors import MediaError
from generation.media.probe import probe
from generation.places import path_of

SHIPPED = Path(__file__).parents[2] / "loops"
TABLE = "loops.csv"
COLUMNS = ("file", "tags", "role", "bpm", "key", "bars", "licence")
ROLES = ("drums", "bass", "chords", "lead", "texture")
BEATS_PER_BAR = 4
OFF_S = 0.03
"""How far a file's length may be from what its tempo and bars say: an MP3's padding is more, and would drift."""

_PITCHES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")
_FLATS = {"Db": "C#", "Eb": "D#", "Gb": "F#", "Ab": "G#", "Bb": "A#"}


@dataclass(frozen=True, slots=True)
class Loop:
    """One row of the table.

    key: "A minor" say, empty for what has no pitch. signature: pitch class of the major key with the same notes,
    None without a key. seconds: as tempo and bars say.
    """

    path: Path
    tags: tuple[str, ...]
    role: str
    bpm: float
    key: str
    bars: int
    licence: str

    @property
    def seconds(self) -> float:
        return self.bars * BEATS_PER_BAR * 60 / self.bpm

    @property
    def signature(self) -> int | None:
        return signature(self.key) if self.key else None


def table(library: str) -> Path:
    """The table of a library; "" is the shipped one. Raises GenerationError when folder or table is missing."""
    folder = path_of("library", library) if library.strip() else SHIPPED
    if not places.is_dir("library", folder):
        raise GenerationError(f"the folder {library!r} does not exist; set `library` to a folder with {TABLE}")
    path = folder / TABLE
    if not places.is_file("library", path):
        raise GenerationError(f"{folder.name} holds no {TABLE}; write one with the columns {', '.join(COLUMNS)}")
    return path


def read_loops(library: str) -> tuple[Loop, ...]:
    """Every loop of a library. Raises GenerationError naming the row, the file and what is wrong."""
    path = table(library)
    # A study asks once a clip; a folder's own time changes when a file comes or goes.
    return _read(path, path.stat().st_mtime_ns, path.stat().st_size, path.parent.stat().st_mtime_ns)


def check_sound(loop: Loop) -> None:
    """Raises GenerationError unless the file is sound and as long as its tempo and bars say."""
    _check_sound(loop, *version(loop))


def version(loop: Loop) -> tuple[int, int]:
    """When the file last changed, in nanoseconds, and its size. Raises GenerationError when it is gone."""
    try:
        stat = loop.path.stat()
    except OSError as error:
        raise unreadable(loop) from error
    return stat.st_mtime_ns, stat.st_size


def check_length(loop: Loop, seconds: float) -> None:
    """Raises GenerationError unless a file that lasts ``seconds`` can be the loop its row says."""
    if abs(seconds - loop.seconds) > OFF_S:
        raise GenerationError(
            f"{TABLE}: {loop.path.name} lasts {seconds:.3f} s, but {loop.bars} bars of four beats at "
            f"{loop.bpm:g} bpm are {loop.seconds:.3f} s; correct bpm or bars, or cut the file"
        )


def unreadable(loop: Loop) -> GenerationError:
    """What to say of a file that holds no sound."""
    return GenerationError(
        f"{TABLE}: {loop.path.name} is not audio that can be read; replace it or take its row out"
    )


def signature(key: str) -> int:
    """ "A minor" and "C major" are 0, for they have the same notes. Raises ValueError on what is not a key."""
    tonic, _, mode = key.partition(" ")
    pitch = _PITCHES.index(_FLATS.get(tonic, tonic))
    if mode not in ("major", "minor"):
        raise ValueError(key)
    return pitch if mode == "major" else (pitch + 3) % 12


@lru_cache(maxsize=8)
def _read(path: Path, changed_ns: int, size: int, folder_changed_ns: int) -> tuple[Loop, ...]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
            if missing:
                raise GenerationError(f"{TABLE} lacks the column {missing[0]}; it needs {', '.join(COLUMNS)}")
            # The line a researcher's editor shows: the header is line 1.
            loops = tuple(_loop(path.parent, row, reader.line_num) for row in reader)
    except OSError as error:
        raise GenerationError(f"{path} cannot be read ({error.strerror}); let this server read it") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise GenerationError(f"{TABLE} is not a CSV file in UTF-8 ({error}); export it again") from error
    if not loops:
        raise GenerationError(f"{TABLE} lists no loop; add rows with {', '.join(COLUMNS)}")
    return loops


# Planning asks once a clip, with the same library: a file is looked into once, until it changes.
@lru_cache(maxsize=4096)
def _check_sound(loop: Loop, changed_ns: int, size: int) -> None:
    try:
        info = probe(loop.path)
    except MediaError as error:
        raise unreadable(loop) from error
    if not info.has_audio:
        raise unreadable(loop)
    check_length(loop, info.duration_s)


def _loop(folder: Path, row: Mapping[str, str | None], line: int) -> Loop:
    cells = {column: (row[column] or "").strip() for column in COLUMNS}
    where = f"{TABLE} line {line} ({cells['file'] or 'no file'})"
    path = folder / cells["file"]
    tags = tuple(tag.strip().lower() for tag in cells["tags"].split(",") if tag.strip())
    # A table is data: a row must not reach outside the folder it describes.
    if (
        not cells["file"]
        or not path.resolve().is_relative_to(folder.resolve())
        or not places.is_file("library", path)
    ):
        raise GenerationError(f"{where}: there is no such file in {folder.name}; add it or take the row out")
    if not tags:
        raise GenerationError(f"{where} has no tags; give a few words, separated by commas")
    if cells["role"] not in ROLES:
        raise GenerationError(f"{where}: role {cells['role']!r} is not one of {', '.join(ROLES)}")
    bpm = _number(cells["bpm"])
    if bpm is None or not 20 <= bpm <= 400:
        raise GenerationError(f"{where}: bpm {cells['bpm']!r} is not a number between 20 and 400")
    bars = _number(cells["bars"])
    if bars is None or not 1 <= bars <= 64 or bars != int(bars):
        raise GenerationError(f"{where}: bars {cells['bars']!r} is not a whole number between 1 and 64")
    key = cells["key"]
    if key and not _is_key(key):
        raise GenerationError(
            f"{where}: key {key!r} is not like 'A minor' or 'Bb major'; leave it empty for drums"
        )
    return Loop(path, tags, cells["role"], bpm, key, int(bars), cells["licence"])


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _is_key(key: str) -> bool:
    try:
        signature(key)
    except ValueError:
        return False
    return True
