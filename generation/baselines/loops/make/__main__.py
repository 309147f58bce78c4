"""Write the shipped library of loops: ``python -m generation.baselines.loops.make FOLDER``.

The same code and ffmpeg give the same files.
"""

from __future__ import annotations

import csv
import sys
import zlib
from pathlib import Path

import ffmpeg
import numpy as np
import numpy.typing as npt

from generation.baselines.loops.library import COLUMNS, TABLE
from generation.baselines.loops.make.canvas import RATE_HZ, Canvas
from generation.baselines.loops.make.families import FAMILIES
from generation.baselines.loops.make.sketch import Family, Sketch
from generation.media.command import BITEXACT_OUTPUT, run, url, whole_file
from generation.media.decode import interleaved
from generation.media.loudness import measure_array

LICENCE = "CC0-1.0"
_LUFS = {"drums": -17.0, "bass": -20.0, "chords": -21.5, "lead": -22.0, "texture": -27.0}
_KBIT = {"drums": 60, "bass": 36, "chords": 58, "lead": 48, "texture": 40}
_PEAK = 0.89


def main(folder: Path) -> None:
    """Write every loop of every family and the table of them."""
    for family in FAMILIES:
        for sketch in family.sketches:
            path = folder / file_name(family, sketch)
            _encode(path, written(family, sketch), _KBIT[sketch.role])
            print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB")
    with whole_file(folder / TABLE) as part, part.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows()])


def rows() -> list[tuple[str, ...]]:
    """The table below its header."""
    return [
        (
            file_name(family, sketch),
            ", ".join((*family.tags, *sketch.tags)),
            sketch.role,
            str(family.bpm),
            family.key if sketch.pitched else "",
            str(sketch.bars),
            LICENCE,
        )
        for family in FAMILIES
        for sketch in family.sketches
    ]


def file_name(family: Family, sketch: Sketch) -> str:
    """Family and loop, as in house-bass.opus."""
    return f"{family.name}-{sketch.name}.opus"


def written(family: Family, sketch: Sketch) -> npt.NDArray[np.float32]:
    """One loop at the loudness of its role, float32 [2, samples], exactly its bars long."""
    seed = zlib.crc32(f"{family.name} {sketch.name}".encode())
    canvas = Canvas(family.bpm, sketch.bars, seed, swing=family.swing, swing_steps=family.swing_steps)
    sketch.write(canvas)
    sound = canvas.sound - canvas.sound.mean(1, keepdims=True)
    # Twice round: the meter's windows then see the seam, and a loop of two bars is long enough for its gates.
    loudness = measure_array(np.tile(sound, 2).astype(np.float32), RATE_HZ).integrated_lufs
    sound = sound * 10 ** ((_LUFS[sketch.role] - loudness) / 20)
    over = np.abs(sound) > 0.6
    bent = np.sign(sound) * (0.6 + (_PEAK - 0.6) * np.tanh((np.abs(sound) - 0.6) / (_PEAK - 0.6)))
    return np.asarray(np.where(over, bent, sound), dtype=np.float32)


def _encode(path: Path, sound: npt.NDArray[np.float32], kbit: int) -> None:
    source = ffmpeg.input("pipe:0", format="f32le", ar=RATE_HZ, ac=2)
    with whole_file(path) as part:
        coding = {"acodec": "libopus", "vbr": "constrained", "audio_bitrate": f"{kbit}k", "flags": "+bitexact"}
        run(source.audio.output(url(part), format="ogg", **coding, **BITEXACT_OUTPUT), feed=interleaved(sound))


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m generation.baselines.loops.make FOLDER")
    main(Path(sys.argv[1]))
