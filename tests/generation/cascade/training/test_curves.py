"""A run's log and the picture drawn from it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from generation.cascade.training.curves import Log, draw_curves, read_log


def logged(path: Path, steps: int) -> Log:
    log = Log(path, 0)
    for step in range(1, steps + 1):
        log.note(step, 3.0 * step, {"network": 10.0 / step, "critic": float(step)}, every=5)
        if step % 12 == 0:
            log.evaluation(step, 3.0 * step, {"accuracy": step / 120})
    return log


def test_log_holds_the_means_of_stretches(tmp_path: Path) -> None:
    logged(tmp_path / "log.jsonl", 12)
    lines = read_log(tmp_path / "log.jsonl")
    assert [line["step"] for line in lines] == [5, 10, 12]
    assert [line["losses"]["critic"] for line in lines[:2]] == [3.0, 8.0]
    assert lines[2]["held_out"] == {"accuracy": 0.1}


def test_resumed_log_drops_what_is_done_again(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    logged(path, 12)
    with path.open("a") as file:
        file.write('{"step": 15, "seco')  # cut by a kill
    Log(path, 7)
    assert [line["step"] for line in read_log(path)] == [5]
    Log(path, 0)
    assert read_log(path) == []


def test_curves_are_drawn(tmp_path: Path) -> None:
    logged(tmp_path / "log.jsonl", 60)
    drawn = draw_curves(tmp_path / "log.jsonl", tmp_path / "curves.png")
    assert drawn is not None
    picture = cv2.imread(str(drawn))
    assert picture is not None
    height, width, _ = picture.shape
    # Three panels side by side, each with a coloured line in it.
    for panel in np.split(picture[:, : width // 3 * 3], 3, axis=1):
        colourful = np.ptp(panel.astype(int), axis=2) > 60
        assert colourful.sum() > height / 2


def test_nothing_is_drawn_of_an_empty_log(tmp_path: Path) -> None:
    Log(tmp_path / "log.jsonl", 0)
    assert draw_curves(tmp_path / "log.jsonl", tmp_path / "curves.png") is None
    assert not (tmp_path / "curves.png").exists()
