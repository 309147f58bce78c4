"""A small library of tones, as a researcher might make one."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from generation.baselines.loops.library import COLUMNS
from generation.media.decode import write_wav

RATE_HZ = 48_000
Row = tuple[str, str, str, str, str, str, str]

ROWS: tuple[Row, ...] = (
    ("beat.wav", "techno, drums", "drums", "120", "", "1", "CC0"),
    ("bass.wav", "techno, dark", "bass", "120", "A minor", "1", "CC0"),
    ("keys.wav", "techno, bright", "chords", "120", "C major", "2", "CC0"),
)
HZ = {"beat.wav": 100.0, "bass.wav": 220.0, "keys.wav": 440.0}


def tone(hz: float, seconds: float) -> npt.NDArray[np.float32]:
    """A stereo tone, loud at first, [2, N]."""
    time = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    return np.tile(0.3 * np.sin(2 * np.pi * hz * time), (2, 1)).astype(np.float32)


def write_table(folder: Path, rows: tuple[Row, ...], columns: tuple[str, ...] = COLUMNS) -> None:
    with (folder / "loops.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([columns, *rows])


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three loops at 120 beats a minute, where a bar is two seconds."""
    folder = tmp_path_factory.mktemp("loops") / "mine"
    folder.mkdir()
    for row in ROWS:
        write_wav(folder / row[0], tone(HZ[row[0]], 2.0 * int(row[5])), RATE_HZ)
    write_table(folder, ROWS)
    return folder


@pytest.fixture
def library(made: Path, tmp_path: Path) -> Path:
    """A copy of the small library that a test may break."""
    return Path(shutil.copytree(made, tmp_path / "mine"))


@pytest.fixture
def with_row(library: Path) -> Callable[..., Path]:
    """The library with some cells of its second row changed, by column name."""

    def change(**cells: str) -> Path:
        row = dict(zip(COLUMNS, ROWS[1], strict=True)) | cells
        write_table(library, (ROWS[0], tuple(row[column] for column in COLUMNS), ROWS[2]))  # type: ignore[arg-type]
        return library

    return change
