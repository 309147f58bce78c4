"""The files of a clip, cut from its source and kept by content, before any row says so."""

from __future__ import annotations

import errno
import tempfile
from dataclasses import dataclass
from pathlib import Path

from django.db import OperationalError

from generation.contracts import GenerationError
from generation.media.master import extract_audio, make_master
from generation.media.probe import probe
from studyapp.errors import DuetError
from studyapp.manifest import Entry
from studyapp.media_store import keep, root, sha256

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
# A film of one segment alone may be this much longer than the list says: downloads are cut between key frames.
_SEGMENT_SLACK_S = 1.5


class DiskFull(DuetError):
    """There is no room left where media are kept."""

    def __init__(self) -> None:
        super().__init__(
            "The disk is full. What was imported so far stays, whole; nothing is there of the rest. Make room, or "
            "move the media folder to a larger disk, and import the same again: it goes on where it stopped."
        )


@dataclass(frozen=True, slots=True)
class Stored:
    """A source that was cut and put into the media folder; files relative to it."""

    source_sha256: str
    start_s: float
    duration_s: float
    frame_rate: int
    width: int
    height: int
    master_file: str
    master_sha256: str
    master_bytes: int
    audio_file: str
    audio_sha256: str


def stored_or_reason(entry: Entry, length_s: float) -> Stored | str:
    """The clip's files, or why there can be none. Raises DiskFull, when nothing further can be made either."""
    if entry.segment_s is not None and entry.segment_s < length_s:
        return (
            f"the listed segment is {entry.segment_s:g} s long and clips of {length_s:g} s were asked for; "
            "import with a shorter length, or take the line out."
        )
    try:
        return _store(entry, length_s)
    except GenerationError as error:
        # ffmpeg's own words, where it was ffmpeg that found no room.
        if "No space left on device" in str(error):
            raise DiskFull from None
        return str(error)
    except OSError as error:
        if error.errno in _FULL:
            raise DiskFull from None
        return f"{error.strerror or error}; check the file's permissions."


def is_full(error: OperationalError) -> bool:
    """Whether a database says that it has no room: SQLite's and PostgreSQL's words."""
    return "disk is full" in str(error) or "No space left on device" in str(error)


def _store(entry: Entry, length_s: float) -> Stored:
    source_sha256 = sha256(entry.file)
    start_s = _start_s(entry)
    with tempfile.TemporaryDirectory(prefix="import-", dir=root()) as folder:
        work = Path(folder)
        master = make_master(entry.file, work / "master.mp4", start_s=start_s, duration_s=length_s)
        audio = extract_audio(entry.file, work / "audio.wav", start_s=start_s, duration_s=master.duration_s)
        master_bytes = master.path.stat().st_size
        master_file, master_sha256 = keep(master.path, "clips")
        audio_file, audio_sha256 = keep(audio, "audio") if audio is not None else ("", "")
    return Stored(
        source_sha256=source_sha256,
        start_s=start_s,
        duration_s=master.duration_s,
        frame_rate=master.frame_rate,
        width=master.width,
        height=master.height,
        master_file=master_file,
        master_sha256=master_sha256,
        master_bytes=master_bytes,
        audio_file=audio_file,
        audio_sha256=audio_sha256,
    )


def _start_s(entry: Entry) -> float:
    """Where the clip begins in its file, which may be the whole video or the listed segment alone."""
    if entry.segment_s is None or not entry.start_s:
        return entry.start_s
    alone = probe(entry.file).duration_s <= entry.segment_s + _SEGMENT_SLACK_S
    return 0.0 if alone else entry.start_s
