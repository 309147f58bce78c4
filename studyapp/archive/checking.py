"""What can be known of an archive before a row of it is stored: it is whole, safe, and of this version."""

from __future__ import annotations

import hashlib
import json
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from studyapp.archive.columns import BadArchive
from studyapp.archive.manifest import MOST_BYTES, NAME, Manifest
from studyapp.archive.tables import MEDIA, TABLES, Table

MOST_MEMBERS = 100_000
# Lines of JSON shrink to a tenth or a fortieth; what swells further was made to fill a disk or a day.
MOST_SWELLING = 200
# Every file is read through to check its digest; videos are stored as they are and cannot swell.
MOST_UNPACKED = 4 << 30
_SMALL = 1 << 20
LONGEST_LINE = 8 << 20
_AT_ONCE = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*(/[A-Za-z0-9][A-Za-z0-9_.-]*)?")
_MEDIA_NAME = re.compile(rf"{MEDIA}/([0-9a-f]{{64}})\.[a-z0-9]{{2,4}}")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Archive:
    """A checked archive, open for reading."""

    def __init__(self, pack: zipfile.ZipFile, manifest: Manifest) -> None:
        self._pack = pack
        self.manifest = manifest

    def lines(self, table: Table) -> Iterator[dict[str, Any]]:
        """A table's rows as they were written, typed; references are still numbers of lines. Raises BadArchive."""
        columns = {column.name: column for column in table.columns}
        with self._pack.open(table.file) as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE + 1), b""), start=1):
                row = _parsed(line, table, number)
                if row.keys() != columns.keys():
                    odd = sorted(row.keys() ^ columns.keys())[0]
                    missing = "is missing" if odd in columns else "is not known here"
                    raise BadArchive(f"{table.file}, line {number}: the column {odd!r} {missing}")
                typed = {}
                for name, column in columns.items():
                    try:
                        typed[name] = column.read(row[name])
                    except ValueError as error:
                        raise BadArchive(
                            f"{table.file}, line {number}, {name!r}: {error}; it must be {column.kind.value}"
                        ) from None
                yield typed

    def digest(self, name: str) -> str | None:
        """SHA-256 of a file that lies beside the tables, or None where there is none."""
        return next((member.sha256 for member in self.manifest.members if member.path == name), None)

    def media(self) -> dict[str, str]:
        """SHA-256 of every video and soundtrack in it, and its name."""
        found = (_MEDIA_NAME.fullmatch(member.path) for member in self.manifest.members)
        return {match[1]: match[0] for match in found if match}

    def open(self, name: str) -> IO[bytes]:
        return self._pack.open(name)


@contextmanager
def opened(path: Path) -> Iterator[Archive]:
    """An archive, once names, sizes, version, tables and every digest have been checked. Raises BadArchive."""
    try:
        with _open(path) as pack:
            manifest = _checked(pack, path)
            yield Archive(pack, manifest)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, EOFError, NotImplementedError) as error:
        raise BadArchive(f"this is no whole zip file ({error}); fetch it again") from None


def _open(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (ValueError, struct.error) as error:
        raise BadArchive(f"this is no whole zip file ({error}); fetch it again") from None


def _checked(pack: zipfile.ZipFile, path: Path) -> Manifest:
    members = pack.infolist()
    if len(members) > MOST_MEMBERS:
        raise BadArchive(f"it holds {len(members)} files; an archive has at most {MOST_MEMBERS}")
    for member in members:
        # Nothing is ever unpacked under a name from the file; one that tries is not from Duet.
        if not _NAME.fullmatch(member.filename) or ".." in member.filename:
            raise BadArchive(f"it holds a file named {member.filename[:80]!r}, which Duet never writes")
        if member.flag_bits & 1 or member.compress_type not in _METHODS:
            raise BadArchive(f"{member.filename} in it is encrypted or packed in a way that Duet never writes")
    names = [member.filename for member in members]
    if len(set(names)) < len(names):
        raise BadArchive("it holds two files of one name; fetch it again from where it was made")
    size = sum(member.file_size for member in members)
    unpacked = size - sum(member.file_size for member in members if member.compress_type == zipfile.ZIP_STORED)
    if unpacked > MOST_UNPACKED:
        raise BadArchive(f"it would unpack to {unpacked >> 30} GiB; {MOST_UNPACKED >> 30} GiB are the most")
    if size > _SMALL and size > MOST_SWELLING * path.stat().st_size:
        raise BadArchive(
            f"it would swell to {size // path.stat().st_size} times its size; no archive of answers does"
        )
    if NAME not in names:
        raise BadArchive(f"this is a zip file without {NAME}, so no archive; choose one that Duet wrote")
    if pack.getinfo(NAME).file_size > MOST_BYTES:
        raise BadArchive(f"{NAME} in it is too large to be true; fetch the file again")
    manifest = Manifest.read(pack.read(NAME))
    _check_members(pack, manifest)
    return manifest


def _check_members(pack: zipfile.ZipFile, manifest: Manifest) -> None:
    """What is there is what the manifest lists, size and digest, and every table is among it."""
    sizes = {member.filename: member.file_size for member in pack.infolist() if member.filename != NAME}
    listed = {member.path: member for member in manifest.members}
    for name in sorted(sizes.keys() ^ listed.keys()):
        raise BadArchive(
            f"{name} is in the file but not in its list; somebody changed it"
            if name in sizes
            else f"{name} is listed but missing; the file was cut or changed, fetch it again"
        )
    for table in TABLES.values():
        if table.file not in listed or table.name not in manifest.rows:
            raise BadArchive(f"the table {table.file} is missing; the file was changed, fetch it again")
    for name, member in listed.items():
        digest = hashlib.sha256()
        left = member.bytes
        with pack.open(name) as file:
            while left >= 0 and (chunk := file.read(_AT_ONCE)):
                digest.update(chunk)
                left -= len(chunk)
        media = _MEDIA_NAME.fullmatch(name)
        if left or digest.hexdigest() != member.sha256 or (media and media[1] != member.sha256):
            raise BadArchive(f"{name} is not what {NAME} says it is (SHA-256 or size); fetch the file again")


def _parsed(line: bytes, table: Table, number: int) -> dict[str, Any]:
    if len(line) > LONGEST_LINE:
        raise BadArchive(f"{table.file}, line {number} is longer than {LONGEST_LINE} bytes")
    try:
        row = json.loads(line, parse_constant=_refused)
    except (ValueError, RecursionError):
        raise BadArchive(f"{table.file}, line {number} is not JSON") from None
    if not isinstance(row, dict):
        raise BadArchive(f"{table.file}, line {number} is not a row")
    return row


def _refused(constant: str) -> float:
    raise ValueError(constant)
