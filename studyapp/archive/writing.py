"""A study's rows into one zip file, as they stream from the database: memory does not grow with the answers."""

from __future__ import annotations

import hashlib
import json
import zipfile
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from studyapp.archive.columns import Column, Kind
from studyapp.archive.manifest import NAME, Manifest, Member
from studyapp.archive.tables import TABLES, Table, media_files
from studyapp.errors import DuetError
from studyapp.models import Study
from studyapp.results.exports import further_columns, ratings_pieces

_AT_ONCE = 2000
_COPIED_AT_ONCE = 1 << 20
# The zip format's earliest moment: the same study gives the same bytes whenever it is written.
_NO_TIME = (1980, 1, 1, 0, 0, 0)
_RATINGS = {"ratings": False, "pilot": True}


class Lines:
    """Which line of a table's file holds the row with a key of the database: 8 bytes a row."""

    def __init__(self) -> None:
        self._keys = array("q")

    def add(self, key: int) -> None:
        """Keys come in ascending order."""
        self._keys.append(key)

    def of(self, key: int) -> int:
        """From 1."""
        place = bisect_left(self._keys, key)
        assert self._keys[place] == key, f"no row {key} was written"
        return place + 1

    def __len__(self) -> int:
        return len(self._keys)


def write(study: Study, target: Path, *, files: Mapping[str, bytes], media: bool = False) -> Manifest:
    """Write a study to ``target``. ``files`` go beside the tables as they are; ``media``: also videos and music.

    What is written is Psych-DS too: the ratings, and those of the pilot apart, lie in ``data/``.
    """
    with zipfile.ZipFile(target, "x", zipfile.ZIP_DEFLATED) as pack:
        made = _Pack(pack)
        lines: dict[str, Lines] = {}
        for table in TABLES.values():
            lines[table.name] = Lines()
            made.put(table.file, _table(table, study, lines))
        data = [made.put(name, _ratings(study, pilot)) for name, pilot in _data(study)]
        for name, content in {**files, **_described(study, data)}.items():
            made.put(name, [content])
        if media:
            for name, path in media_files(study):
                member = made.put(name, _chunks(path), packed=False)
                if member.sha256 not in name:
                    raise DuetError(
                        f"{path.name} is not the file that was made; make it again, or leave media out"
                    )
        rows = {name: len(written) for name, written in lines.items()}
        manifest = Manifest(study.slug, study.title, study.state, rows, tuple(made.members))
        made.put(NAME, [manifest.text().encode()])
    return manifest


class _Pack:
    """A zip file that notes size and digest of everything put into it."""

    def __init__(self, pack: zipfile.ZipFile) -> None:
        self._pack = pack
        self.members: list[Member] = []

    def put(self, name: str, content: Iterable[bytes], *, packed: bool = True) -> Member:
        digest = hashlib.sha256()
        size = 0
        entry = zipfile.ZipInfo(name, date_time=_NO_TIME)
        entry.compress_type = zipfile.ZIP_DEFLATED if packed else zipfile.ZIP_STORED
        entry.external_attr = 0o644 << 16
        # Its size is not known before: without zip64 a file of over 2 GiB would fail at its end.
        with self._pack.open(entry, "w", force_zip64=True) as file:
            for piece in content:
                file.write(piece)
                digest.update(piece)
                size += len(piece)
        member = Member(name, size, digest.hexdigest())
        self.members.append(member)
        return member


def _table(table: Table, study: Study, lines: Mapping[str, Lines]) -> Iterator[bytes]:
    """A table's rows as lines of JSON, by key."""
    lookups = list(dict.fromkeys([*(c.source for c in table.columns if c.told is None), *table.needs]))
    own = lines[table.name]
    for row in table.rows(study).order_by("pk").values("pk", *lookups).iterator(_AT_ONCE):
        own.add(row["pk"])
        told = {column.name: _value(column, study, row, lines) for column in table.columns}
        yield (json.dumps(told, ensure_ascii=False, allow_nan=False) + "\n").encode()


def _value(column: Column, study: Study, row: Mapping[str, Any], lines: Mapping[str, Lines]) -> Any:
    value = column.told(study, row) if column.told else row[column.source]
    if column.kind == Kind.REFERENCE:
        return None if value is None else lines[column.to].of(value)
    if column.kind == Kind.REFERENCES:
        return [lines[column.to].of(one) for one in value]
    return column.written(value)


def _data(study: Study) -> Iterator[tuple[str, bool]]:
    """What the tables in ``data/`` are called, and whether they are the pilot's."""
    from analysis.package import data_name

    for what, pilot in _RATINGS.items():
        yield f"data/{data_name(study.slug, what)}", pilot


def _ratings(study: Study, pilot: bool) -> Iterator[bytes]:
    """The bytes of a dataset's ratings.csv with simulated answers in it, piece by piece."""
    from analysis import schema
    from analysis.files import csv_text

    header = ",".join([*schema.COLUMN_NAMES, *(column.name for column in further_columns(study))]) + "\n"
    yield header.encode()
    for frame in ratings_pieces(study, include_simulated=True, of_pilot=pilot):
        yield csv_text(frame).partition("\n")[2].encode()


def _described(study: Study, data: Iterable[Member]) -> dict[str, bytes]:
    """The metadata of the tables in ``data/``."""
    from analysis.package import DataFile, metadata
    from analysis.schema import COLUMNS

    told = metadata(
        (*COLUMNS, *further_columns(study)),
        [DataFile(member.path, member.bytes, member.sha256) for member in data],
        title=study.title,
        description=f"The whole study “{study.title}”: {NAME} and tables/ are read back by Duet.",
    )
    return {name: text.encode() for name, text in told.items()}


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_COPIED_AT_ONCE):
            yield chunk
