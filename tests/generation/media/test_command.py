from __future__ import annotations

import time
from pathlib import Path

import ffmpeg
import pytest

from generation.media.command import last_useful_line, run, url, whole_file
from generation.media.errors import MediaError


def test_failure_carries_the_last_useful_line(tmp_path: Path) -> None:
    stream = ffmpeg.input(url(tmp_path / "none.mp4")).output("pipe:1", format="null")
    with pytest.raises(MediaError, match=r"ffmpeg failed: .*No such file or directory"):
        run(stream)


def test_prefixes_and_closing_remarks_are_left_out() -> None:
    stderr = "[mov,mp4 @ 0x55d] [warning] moov atom not found\nConversion failed!\n\n"
    assert last_useful_line(stderr) == "moov atom not found"
    assert last_useful_line("") == "no reason given"


def test_run_that_takes_too_long_is_stopped() -> None:
    endless = ffmpeg.input("testsrc2=s=64x64:r=25", format="lavfi", re=None)
    started = time.monotonic()
    with pytest.raises(MediaError, match="ffmpeg was stopped after 1 s"):
        run(endless.output("pipe:1", format="null"), timeout_s=1)
    assert time.monotonic() - started < 10


def test_file_name_that_looks_like_an_option_or_protocol_is_a_file(tmp_path: Path) -> None:
    path = tmp_path / "-i concat:x|y 100%.wav"
    run(ffmpeg.input("sine=d=0.1", format="lavfi").output(url(path)))
    assert path.stat().st_size > 0


def test_failed_block_leaves_the_old_file_and_no_rest(tmp_path: Path) -> None:
    out = tmp_path / "out.txt"
    out.write_text("old")
    with pytest.raises(RuntimeError), whole_file(out) as part:  # noqa: PT012 - the block is what fails
        part.write_text("half of the new")
        raise RuntimeError
    assert out.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.txt"]
