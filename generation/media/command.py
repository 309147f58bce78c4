"""Running ffmpeg and ffprobe: no stdin, captured messages, a time limit, files that appear whole or not at all."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ffmpeg

from generation.media.binaries import ffmpeg_path, ffprobe_path
from generation.media.errors import MediaError, UnreadFormat
from generation.media.formats import FORMATS

TIMEOUT_S = 300.0

PROTOCOLS = ("file", "pipe")
_UNREAD = re.compile(r"^\[(\S+) @ [^\]]*\] Format not on whitelist", re.MULTILINE)
_SAYS_NOTHING = ("Invalid data found when processing input", "Invalid argument")

BITEXACT_OUTPUT: dict[str, Any] = {
    "map_metadata": -1,
    "map_chapters": -1,
    "fflags": "+bitexact",
    "threads": 1,
}
"""Output options that leave out every tag and make the same input give the same bytes."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What ffmpeg wrote to its two outputs."""

    stdout: bytes
    stderr: str


def time_limit_s(duration_s: float) -> float:
    """How long encoding a clip may take before ffmpeg counts as stuck: far more than a busy machine needs."""
    return TIMEOUT_S + 20 * duration_s


def url(path: Path) -> str:
    """A path ffmpeg can only read as a local file, whatever characters are in its name."""
    return f"file:{path.absolute()}"


def file_input(path: Path, **options: Any) -> Any:
    """A file as an input of ffmpeg-python that reads nothing but this file, whatever is in it."""
    return ffmpeg.input(
        url(path), format_whitelist=",".join(FORMATS), protocol_whitelist=",".join(PROTOCOLS), **options
    )


def run(
    stream: Any, *, feed: bytes | None = None, log_level: str = "error", timeout_s: float = TIMEOUT_S
) -> Finished:
    """Run a graph built with ffmpeg-python.

    feed: bytes for an input named ``pipe:0``. Raises UnreadFormat, or MediaError with ffmpeg's own last useful
    line.
    """
    head = [ffmpeg_path(), "-nostdin", "-hide_banner", "-nostats", "-v", log_level, "-y"]
    command: list[str] = ffmpeg.compile(stream, cmd=head)
    return _call(command, feed, timeout_s)


def ffprobe_json(
    path: Path, *options: str, formats: Iterable[str] = FORMATS, timeout_s: float = TIMEOUT_S
) -> dict[str, Any]:
    """ffprobe's answer as JSON. Raises UnreadFormat, or MediaError with ffprobe's own last useful line."""
    allowed = ["-format_whitelist", ",".join(formats), "-protocol_whitelist", ",".join(PROTOCOLS)]
    command = [ffprobe_path(), "-hide_banner", "-v", "error", "-of", "json", *allowed, *options, url(path)]
    answer: dict[str, Any] = json.loads(_call(command, None, timeout_s).stdout)
    return answer


@contextmanager
def whole_file(out: Path) -> Iterator[Path]:
    """A temporary path beside ``out`` that takes its name when the block succeeds and vanishes when not."""
    out.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=".part-", suffix=out.suffix, dir=out.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        # mkstemp's 0600 would keep the web server, another user, from reading what a worker made.
        part.chmod(0o644)
        os.replace(part, out)
    finally:
        part.unlink(missing_ok=True)


def _call(command: list[str], feed: bytes | None, timeout_s: float) -> Finished:
    stdin: dict[str, Any] = {"stdin": subprocess.DEVNULL} if feed is None else {"input": feed}
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout_s, check=False, **stdin)
    except subprocess.TimeoutExpired:
        raise MediaError(f"{Path(command[0]).name} was stopped after {timeout_s:.0f} s") from None
    stderr = done.stderr.decode("utf-8", "replace")
    if done.returncode == 0:
        return Finished(done.stdout, stderr)
    if unread := _UNREAD.search(stderr):
        raise UnreadFormat(f"files in the format {unread[1]} are not read here")
    raise MediaError(f"{Path(command[0]).name} failed: {last_useful_line(stderr)}")


def last_useful_line(stderr: str) -> str:
    """The last line that says something, without ffmpeg's ``[demuxer @ 0x…]`` prefixes and folder names."""
    lines = [re.sub(r"^(\[[^\]]*\]\s*)+", "", line).strip() for line in stderr.splitlines()]
    useful = [line for line in lines if line and not line.startswith("Conversion failed")]
    if not useful:
        return "no reason given"
    # ffmpeg's last word on an unreadable file says nothing; the line before it, if any, says why.
    telling = [line for line in useful if not line.endswith(_SAYS_NOTHING)]
    return re.sub(r"file:.*/", "", (telling or useful)[-1])
