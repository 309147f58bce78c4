"""Progress for eyes on a terminal, and for a log."""

from __future__ import annotations

import io

import pytest

from studyapp.work import progress
from studyapp.work.progress import Bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_terminal_sees_what_is_done_how_far_it_is_and_what_is_left() -> None:
    out = Terminal()
    with Bar("Importing", unit="clip", out=out) as bar:
        assert not bar.shown
        bar.step(0, 4, "first {clip}")
        bar.step(1, 4, "second")
        assert bar.shown
    last = out.getvalue().replace("\n", "\r").rstrip("\r").rpartition("\r")[2]
    assert last.startswith("Importing ##")
    assert "1/4 clips" in last
    assert "gone" in last
    assert "left   second" in last


def test_log_gets_a_plain_line_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "LOG_EVERY_S", 0.0)
    out = io.StringIO()
    with Bar("Importing", unit="clip", out=out) as bar:
        bar.step(1, 4, "a")
        bar.step(2, 4, "b")
    lines = out.getvalue().splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("Importing: 2/4 clips, ")
    assert lines[1].endswith("left   b")
    assert "\r" not in out.getvalue()


def test_short_work_leaves_a_log_alone() -> None:
    out = io.StringIO()
    with Bar("Importing", unit="clip", out=out) as bar:
        bar.step(1, 1, "a")
    assert out.getvalue() == ""
