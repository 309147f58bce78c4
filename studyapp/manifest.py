"""Reading what is to be imported: a folder of videos, or a manifest that says more about each of them."""

from __future__ import annotations

import csv
import json
import math
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from studyapp.errors import DuetError

MANIFEST_NAMES = ("manifest.csv", "manifest.jsonl")
UNLABELLED = "unlabelled"
COLUMNS = ("file", "clip_id", "genre", "caption", "licence", "start")
_ALSO = {
    "clip": "clip_id",
    "id": "clip_id",
    "filename": "file",
    "license": "licence",
    "start_s": "start",
    "start_time": "start",
    "start_time_s": "start",
}
EXPORTED = ("clip_id", "genre")
"""What a researcher writes freely and every exported table repeats."""
# A minus sign before letters and digits alone is let through, for many a video's id at YouTube begins with one:
# with nothing in it that calls or joins, a spreadsheet can do no worse than show it as an error.
_FORMULA = re.compile(r"[=+@\t\r]|-(?![\w-]*$)")
_LONGEST = {"clip_id": 120, "genre": 80, "licence": 200}
_VIDEO = frozenset(
    {".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv"}
    | {".ts", ".vob", ".webm", ".wmv"}
)
# Tried too, so that somebody who brings sound in place of video is told.
_AUDIO = frozenset({".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One clip to be made; genre, caption and licence are empty where nothing is said.

    ``where`` is how a message points at it: a file's name or a manifest's line.
    """

    where: str
    file: Path
    clip_id: str
    genre: str = ""
    caption: str = ""
    licence: str = ""
    start_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """One file or line that was not taken: what is wrong with it and what to do."""

    where: str
    reason: str

    def __str__(self) -> str:
        return f"{self.where}: {self.reason}"


@dataclass(slots=True)
class Listing:
    """Everything a folder or manifest names, sorted into what can be tried and what cannot.

    ignored: names in a folder that do not look like media at all.
    """

    entries: list[Entry] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    ignored: list[str] = field(default_factory=list)


class _BadLine(Exception):
    """A manifest line that cannot be used."""


def read(source: Path) -> Listing:
    """List the clips of a folder, of the manifest inside a folder, or of a manifest.

    A folder that holds ``manifest.csv`` or ``manifest.jsonl`` is read by that manifest and nothing else in it is
    looked at. Raises DuetError when there is nothing to read at all.
    """
    if not source.exists():
        raise DuetError(f"{source} does not exist; give a folder of videos, or a manifest (.csv or .jsonl).")
    if source.is_dir():
        manifests = [source / name for name in MANIFEST_NAMES if (source / name).is_file()]
        if len(manifests) > 1:
            raise DuetError(f"{source} holds {' and '.join(MANIFEST_NAMES)}; name the one you mean.")
        listing = _read_manifest(manifests[0]) if manifests else _read_folder(source)
    else:
        listing = _read_manifest(source)
    if not listing.entries and not listing.refused:
        raise DuetError(f"{source} names no video; give a folder of videos, or a manifest (.csv or .jsonl).")
    return _without_duplicates(listing)


def _read_folder(folder: Path) -> Listing:
    listing = Listing()
    for file in sorted(folder.iterdir()):
        if file.name.startswith("."):
            continue
        if not file.is_file() or file.suffix.lower() not in _VIDEO | _AUDIO:
            listing.ignored.append(_shown(file.name))
        elif not file.name.isprintable():
            listing.refused.append(
                Refusal(_shown(file.name), "the name holds characters that cannot be read; rename the file.")
            )
        elif is_formula(file.stem):
            listing.refused.append(Refusal(file.name, formula_refused("clip_id", file.stem)))
        else:
            listing.entries.append(Entry(where=file.name, file=file, clip_id=file.stem[: _LONGEST["clip_id"]]))
    return listing


def is_formula(value: str) -> bool:
    """Whether a spreadsheet that opens an exported table would reckon with this instead of showing it."""
    return _FORMULA.match(value) is not None


def formula_refused(name: str, value: str) -> str:
    return (
        f"the {name.replace('_', ' ')} “{value}” begins with “{value[0]}”, as a spreadsheet's formula does; "
        "begin it with a letter or digit."
    )


def _shown(name: str) -> str:
    """A name as it can be printed and stored: bytes that are no UTF-8 come out of the disk as lone surrogates."""
    return name.encode("utf-8", "backslashreplace").decode()


def _read_manifest(manifest: Path) -> Listing:
    readers = {".csv": _csv_rows, ".jsonl": _json_rows, ".ndjson": _json_rows}
    if manifest.suffix.lower() not in readers:
        raise DuetError(
            f"{manifest.name} is neither a folder nor a manifest; a manifest ends in {', '.join(readers)}."
        )
    listing = Listing()
    for line, row in readers[manifest.suffix.lower()](manifest):
        where = f"{manifest.name} line {line}"
        if isinstance(row, str):
            listing.refused.append(Refusal(where, row))
            continue
        try:
            listing.entries.append(_entry(where, row, manifest.parent))
        except _BadLine as error:
            listing.refused.append(Refusal(where, str(error)))
    return listing


_Rows = Iterator[tuple[int, dict[str, str] | str]]
"""Line number, and the line's values by column, or what is wrong with the line."""


def _csv_rows(manifest: Path) -> _Rows:
    try:
        with manifest.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.reader(handle, strict=True)
            header = [_column(name) for name in next(reader, [])]
            if "file" not in header:
                raise DuetError(
                    f"{manifest.name} has no column “file” in its first line; "
                    f"the columns are {', '.join(COLUMNS)}, separated by commas."
                )
            for name in sorted(set(header)):
                if header.count(name) > 1:
                    raise DuetError(f"{manifest.name} has the column “{name}” twice; keep one of them.")
            for name in header:
                if name not in COLUMNS:
                    yield 1, _unknown_column(name)
            for cells in reader:
                if not any(cell.strip() for cell in cells):
                    continue
                if len(cells) != len(header):
                    yield (
                        reader.line_num,
                        (
                            f"{len(cells)} values for {len(header)} columns; "
                            "put quotes around a value with a comma in it."
                        ),
                    )
                    continue
                row = dict(zip(header, cells, strict=True))
                yield reader.line_num, {name: row[name].strip() for name in COLUMNS if name in row}
    except (UnicodeDecodeError, csv.Error) as error:
        raise DuetError(
            f"{manifest.name} cannot be read as UTF-8 CSV ({error}); save it as “CSV UTF-8”."
        ) from None


def _json_rows(manifest: Path) -> _Rows:
    try:
        lines = manifest.read_text(encoding="utf-8-sig").split("\n")
    except UnicodeDecodeError as error:
        raise DuetError(f"{manifest.name} is not UTF-8 text ({error}); save it as UTF-8.") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values: Any = json.loads(line)
        except ValueError as error:
            yield number, f"not JSON ({error}); write one object a line."
            continue
        yield number, _json_row(values)


def _json_row(values: Any) -> dict[str, str] | str:
    if not isinstance(values, dict):
        return "not a JSON object; write one object with the key “file” a line."
    row: dict[str, str] = {}
    for name, value in values.items():
        column = _column(name)
        if column not in COLUMNS:
            return _unknown_column(name)
        if isinstance(value, bool) or not isinstance(value, str | int | float | None):
            return f"“{name}” is {json.dumps(value)}; give text or a number."
        row[column] = "" if value is None else str(value).strip()
    return row


def _column(name: str) -> str:
    plain = re.sub(r"[\s\-]+", "_", name.strip().lower())
    return _ALSO.get(plain, plain)


def _unknown_column(name: str) -> str:
    return f"the column “{name}” is not known; rename or remove it. The columns are {', '.join(COLUMNS)}."


def _entry(where: str, row: Mapping[str, str], folder: Path) -> Entry:
    for name, value in row.items():
        if "\0" in value or _shown(value) != value:
            raise _BadLine(f"{name} holds a character that cannot be stored; write it anew.")
    if not row.get("file"):
        raise _BadLine("names no file; fill in the column “file”.")
    file = folder / row["file"]
    if not os.path.isfile(file):  # unlike Path.is_file, also says no to names no file could have
        raise _BadLine(f"there is no file “{row['file']}” beside the manifest; correct the name or copy it there.")
    clip_id = row.get("clip_id") or file.stem
    if not clip_id.isprintable() or "/" in clip_id or "\\" in clip_id:
        raise _BadLine(f"the clip id {clip_id!r} holds a slash or an unprintable character; choose a plain name.")
    values = {"clip_id": clip_id, "genre": row.get("genre", ""), "licence": row.get("licence", "")}
    for name in EXPORTED:
        if is_formula(values[name]):
            raise _BadLine(formula_refused(name, values[name]))
    for name, value in values.items():
        if len(value) > _LONGEST[name]:
            raise _BadLine(f"{name} has {len(value)} characters; shorten it to at most {_LONGEST[name]}.")
    return Entry(
        where=where, file=file, caption=row.get("caption", ""), start_s=_seconds(row.get("start", "")), **values
    )


def _seconds(value: str) -> float:
    """Seconds, or minutes:seconds, or hours:minutes:seconds."""
    if not value:
        return 0.0
    total = 0.0
    for part in value.split(":"):
        try:
            total = total * 60 + float(part)
        except ValueError:
            total = math.nan
    if not math.isfinite(total) or total < 0 or "-" in value or value.count(":") > 2:
        raise _BadLine(f"the start “{value}” is not a time; give seconds, as in 12.5, or minutes, as in 1:12.5.")
    return total


def _without_duplicates(listing: Listing) -> Listing:
    """The first of several entries with one clip id stays; the others are refused by name."""
    first: dict[str, Entry] = {}
    for entry in listing.entries:
        known = first.setdefault(entry.clip_id, entry)
        if known is not entry:
            listing.refused.append(
                Refusal(
                    entry.where,
                    f"the clip id “{entry.clip_id}” is already taken by {known.where}; "
                    "give each clip an id of its own in a manifest.",
                )
            )
    listing.entries = list(first.values())
    return listing
