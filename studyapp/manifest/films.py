"""Finding the film that a list means by an id: downloads are named in several usual ways."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from studyapp.manifest.listing import BadLine

VIDEO = frozenset(
    {".3gp", ".avi", ".flv", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf", ".ogv"}
    | {".ts", ".vob", ".webm", ".wmv"}
)
# Tried too, so that somebody who brings sound in place of video is told.
AUDIO = frozenset({".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wma"})
# yt-dlp writes “Title [id].mp4” unless it is told otherwise.
_BRACKETED = re.compile(r"\[([\w-]{11})\]$")


class Films:
    """The videos in a folder and in the folders right below it, by name without ending; looked through once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._by_stem: dict[str, list[Path]] = {}
        for file in _videos(folder):
            self._by_stem.setdefault(file.stem, []).append(file)
            if bracketed := _BRACKETED.search(file.stem):
                self._by_stem.setdefault(f"[{bracketed[1]}]", []).append(file)

    def named(self, *stems: str) -> Path | None:
        """The film of the first name that there is one of. Raises BadLine where there are two of that name."""
        for stem in stems:
            found = sorted(set(self._by_stem.get(stem, [])))
            if len(found) > 1:
                names = " and ".join(str(file.relative_to(self.folder)) for file in found[:3])
                raise BadLine(f"“{stem}” may be {names}; keep one of them.")
            if found:
                return found[0]
        return None


def _videos(folder: Path) -> Iterator[Path]:
    with os.scandir(folder) as inside:
        entries = sorted(inside, key=lambda entry: entry.name)
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir():
            with os.scandir(entry.path) as below:
                yield from (Path(one.path) for one in below if _is_video(one))
        elif _is_video(entry):
            yield Path(entry.path)


def _is_video(entry: os.DirEntry[str]) -> bool:
    return os.path.splitext(entry.name)[1].lower() in VIDEO and entry.is_file()
