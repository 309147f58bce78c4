"""An archive's own account of itself: which format, which study, and the digest of every file in it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import Any

from studyapp.archive.columns import BadArchive
from studyapp.field_values import unstorable

NAME = "archive.json"
FORMAT = "duet-archive"
VERSION = 1
"""Raised with every change of a table's columns; a reader takes its own version and no other."""
MOST_BYTES = 32 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """One file: its size unpacked, in bytes, and the SHA-256 of its content."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """``rows`` are the lines of each table."""

    study: str
    title: str
    state: str
    rows: Mapping[str, int]
    members: tuple[Member, ...]
    written_by: str = ""

    def text(self) -> str:
        told = {"format": FORMAT, "version": VERSION, **asdict(self), "written_by": _program()}
        return json.dumps(told, ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def read(cls, content: bytes) -> Manifest:
        """Raises BadArchive for anything but a manifest of this version."""
        try:
            told: Any = json.loads(content)
        except (ValueError, RecursionError):
            raise BadArchive(f"{NAME} in it is not JSON; the file is damaged, fetch it again") from None
        if not isinstance(told, dict) or (wrong := unstorable(told)):
            said = wrong if isinstance(told, dict) else "it is no JSON object"
            raise BadArchive(f"{NAME} in it cannot be read: {said}; choose an archive that Duet wrote")
        version = told.get("version")
        if told.get("format") != FORMAT or not isinstance(version, int):
            raise BadArchive(f"{NAME} in it does not say “{FORMAT}”; choose an archive that Duet wrote")
        if version != VERSION:
            writer = told.get("written_by", "unknown")
            if version > VERSION:
                writer, way = f"a newer Duet ({writer})", "update this one"
            else:
                writer, way = f"an older Duet ({writer})", "read it into that one, update it, and archive again"
            raise BadArchive(f"it is of format {version}, by {writer}; this one reads format {VERSION}: {way}")
        try:
            members = tuple(
                Member(str(one["path"]), int(one["bytes"]), str(one["sha256"])) for one in told["members"]
            )
            rows = {str(name): int(count) for name, count in told["rows"].items()}
            return cls(
                study=str(told["study"]),
                title=str(told["title"]),
                state=str(told["state"]),
                rows=rows,
                members=members,
                written_by=str(told.get("written_by", "")),
            )
        except (KeyError, TypeError, ValueError, AttributeError):
            raise BadArchive(f"{NAME} in it is incomplete; the file is damaged, fetch it again") from None


def _program() -> str:
    try:
        return f"duet {metadata.version('duet')}"
    except metadata.PackageNotFoundError:  # run from a checkout
        return "duet"
