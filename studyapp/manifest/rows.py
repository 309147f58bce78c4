"""The lines of a manifest, whatever its format: CSV, JSON Lines, or plain names."""

from __future__ import annotations

import csv
import itertools
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from studyapp.errors import DuetError
from studyapp.manifest.values import ALSO

MOST_BYTES = 64 * 2**20
"""Of one manifest: half a million lines. What is larger is no list of clips."""
_YOUTUBE = ("ytid", "youtube_id", "yt_id", "video_id", "youtubeid", "videoid")
_LISTS_ALSO = {
    **dict.fromkeys(_YOUTUBE, "ytid"),
    "start_seconds": "start",
    "end_s": "end",
    "end_seconds": "end",
    "end_time": "end",
    "audioset_positive_labels": "labels",
    "positive_labels": "labels",
    "audioset_labels": "labels",
    "sequence_name": "sequence",
    "seq_name": "sequence",
}

Row = tuple[int, "dict[str, str] | str"]
"""Line number, and the line's values by column, or what is wrong with the line."""


@dataclass(frozen=True, slots=True)
class Table:
    """A manifest's columns, as they are known here, and its lines. rows can be read once.

    fixed: every line has the same columns, as in CSV; in JSON Lines each has its own.
    """

    header: tuple[str, ...]
    rows: Iterator[Row]
    fixed: bool


def column(name: str) -> str:
    """The name by which a column is known here: people write “Clip ID”, lists “start_s”."""
    plain = re.sub(r"[\s\-]+", "_", name.strip().lstrip("#").strip().lower())
    return ALSO.get(plain) or _LISTS_ALSO.get(plain, plain)


@contextmanager
def table(manifest: Path) -> Iterator[Table]:
    """Open a manifest by what its name ends in. Raises DuetError when it cannot be read at all."""
    if manifest.stat().st_size > MOST_BYTES:
        raise DuetError(f"{manifest.name} is larger than {MOST_BYTES // 2**20} MiB; split the list into parts.")
    readers = {".csv": _csv, ".jsonl": _json, ".ndjson": _json, ".txt": _names}
    try:
        # The end of a line may be part of a quoted value, which csv knows better.
        with manifest.open(encoding="utf-8-sig", newline="") as handle:
            yield readers[manifest.suffix.lower()](manifest.name, handle)
    except (UnicodeDecodeError, csv.Error) as error:
        raise DuetError(
            f"{manifest.name} cannot be read as UTF-8 {'CSV' if manifest.suffix.lower() == '.csv' else 'text'} "
            f"({error}); save it as “CSV UTF-8”."
        ) from None


def _csv(name: str, handle: Iterator[str]) -> Table:
    # AudioSet puts a blank behind each comma, which quotes must not come after.
    reader = csv.reader(handle, strict=True, skipinitialspace=True)
    first = next(reader, [])
    # AudioSet's own lists begin with remarks; the last of them is the header.
    while first and first[0].startswith("#") and "ytid" not in map(column, first):
        first = next(reader, [])
    header = tuple(column(cell) for cell in first)
    for known in sorted(set(header)):
        if header.count(known) > 1:
            raise DuetError(f"{name} has the column “{known}” twice; keep one of them.")
    return Table(header, _csv_rows(reader, header), fixed=True)


def _csv_rows(reader: Any, header: tuple[str, ...]) -> Iterator[Row]:
    for cells in reader:
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            wrong = f"{len(cells)} values for {len(header)} columns; put quotes around a value with a comma in it."
            yield reader.line_num, wrong
            continue
        yield reader.line_num, {key: cell.strip() for key, cell in zip(header, cells, strict=True)}


def _json(name: str, handle: Iterator[str]) -> Table:
    rows = _json_rows(handle)
    first = next(rows, None)
    # A first line that is bad says nothing of the shape: then the rest is read as Duet's own.
    header = tuple(first[1]) if first and isinstance(first[1], dict) else ("file",)
    return Table(header, itertools.chain([first] if first else [], rows), fixed=False)


def _json_rows(lines: Iterator[str]) -> Iterator[Row]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            values: Any = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield number, f"not JSON ({error}); write one object a line."
            continue
        yield number, _json_row(values)


def _json_row(values: Any) -> dict[str, str] | str:
    if not isinstance(values, dict):
        return "not a JSON object; write one object with the key “file” a line."
    row: dict[str, str] = {}
    for name, value in values.items():
        known = column(name)
        if known in ("tags", "labels") and isinstance(value, list) and all(isinstance(one, str) for one in value):
            value = ";".join(value)
        if known in ("is_balanced_subset", "is_audioset_eval") and isinstance(value, bool):
            value = str(value)
        if isinstance(value, bool) or not isinstance(value, str | int | float | None):
            return f"“{name}” is {json.dumps(value)}; give text or a number."
        row[known] = "" if value is None else str(value).strip()
    return row


def _names(name: str, handle: Iterator[str]) -> Table:
    """A name a line; lines that begin with # are remarks."""
    lines = ((number, line.strip()) for number, line in enumerate(handle, start=1))
    rows = ((number, {"sequence": line}) for number, line in lines if line and not line.startswith("#"))
    return Table(("sequence",), rows, fixed=True)
