"""The shipped files against the code that is said to have made them."""

from __future__ import annotations

import csv
import struct

import ffmpeg
import numpy as np
import pytest

from generation.baselines.loops.library import COLUMNS, SHIPPED, read_loops
from generation.baselines.loops.make.__main__ import rows, written
from generation.baselines.loops.make.canvas import RATE_HZ
from generation.baselines.loops.make.families import FAMILIES
from generation.media.command import url
from generation.media.decode import decode_stream

SKETCHES = {f"{family.name}-{sketch.name}": (family, sketch) for family in FAMILIES for sketch in family.sketches}


def shipped(name: str) -> np.ndarray:
    source = ffmpeg.input(url(SHIPPED / f"{name}.opus")).audio
    return decode_stream(source, sample_rate_hz=RATE_HZ, channels=2)


def test_the_table_is_the_one_that_is_written() -> None:
    with (SHIPPED / "loops.csv").open(newline="", encoding="utf-8") as file:
        assert [tuple(row) for row in csv.reader(file)] == [COLUMNS, *rows()]


@pytest.mark.parametrize("name", ["funk-beat", "break-lead", "folk-bass", "funk-guitar"])
def test_the_code_still_writes_what_is_shipped(name: str) -> None:
    made, heard = written(*SKETCHES[name]), shipped(name)
    assert made.shape == heard.shape
    assert np.abs(made).max() <= 0.89
    # A codec keeps the wave where there is energy, not sample by sample.
    alike = float(np.vdot(made, heard) / np.sqrt(np.vdot(made, made) * np.vdot(heard, heard)))
    assert alike > 0.9


def test_one_seed_writes_one_loop() -> None:
    family, sketch = SKETCHES["funk-beat"]
    assert np.array_equal(written(family, sketch), written(family, sketch))


def test_every_shipped_file_promises_exactly_its_bars() -> None:
    for loop in read_loops(""):
        content = loop.path.read_bytes()
        # RFC 7845: the last page's granule position counts samples at 48 kHz, those to be skipped included.
        (skipped,) = struct.unpack_from("<H", content, content.index(b"OpusHead") + 10)
        (counted,) = struct.unpack_from("<q", content, content.rindex(b"OggS") + 6)
        assert counted - skipped == round(loop.seconds * RATE_HZ)
