"""The demo's clips: finished videos with their music, and a manifest that the import reads.

The music is played with TimGM6mb, a General MIDI font under the GPL-2, which is installed with the pretty_midi
wheel and not shipped with this project.
"""

from __future__ import annotations

import csv
import hashlib
import io
import multiprocessing
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

import cv2
import ffmpeg
import numpy as np
from scipy.io import wavfile

from generation.media.binaries import ffmpeg_path
from generation.world.music import render_music
from generation.world.pictures import render_frames
from generation.world.piece import GENRES, HUES, Piece, plan

WIDTH, HEIGHT, FPS, SAMPLE_RATE_HZ = 640, 360, 25, 48_000
LICENCE = "CC0-1.0"
COLUMNS = ("file", "clip_id", "genre", "caption", "licence")

Progress = Callable[[float, str], None]


def demo_pieces(clips: int, seed: int) -> list[Piece]:
    """``clips`` different pieces: genres in turn, hues and brightness spread evenly over each genre.

    ``seed`` stays below 1 000, which keeps the demo apart from what the networks are trained on.
    """
    if not 0 <= seed < 1000:
        raise ValueError(f"demo seed {seed} is not in 0..999; training uses the seeds above")
    if clips < 1:
        raise ValueError(f"{clips} clips asked for; ask for at least one")
    return [
        plan(
            1000 * seed + index,
            genre=GENRES[index % len(GENRES)],
            hue=(seed + index + index // len(GENRES)) % len(HUES),
            brightness=(1 + index // len(GENRES) + index) % 3,
        )
        for index in range(clips)
    ]


def write_demo(
    folder: Path, clips: int = 12, *, seed: int = 0, progress: Progress | None = None, processes: int = 2
) -> Path:
    """Write ten-second clips (640x360, 25 frames a second, H.264 and AAC) and ``manifest.csv``; gives its path.

    What is already there is kept: a file's name holds a digest of its piece and settings, and files appear whole.
    """
    folder.mkdir(parents=True, exist_ok=True)
    pieces = demo_pieces(clips, seed)
    names = [_file_name(piece, index) for index, piece in enumerate(pieces)]
    missing = [
        (piece, folder / name) for piece, name in zip(pieces, names, strict=True) if not (folder / name).exists()
    ]
    done = clips - len(missing)
    if missing:
        # A forked child of a process that has used threads may hang; a spawned one starts clean.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(min(processes, len(missing)), mp_context=context) as pool:
            for finished in as_completed([pool.submit(write_clip, piece, path) for piece, path in missing]):
                finished.result()
                done += 1
                if progress is not None:
                    progress(done / clips, f"demo clip {done} of {clips}")
    manifest = folder / "manifest.csv"
    _replace(manifest, _manifest(pieces, names).encode())
    return manifest


def write_clip(piece: Piece, path: Path) -> None:
    """Render one piece into an MP4 file, which appears whole or not at all."""
    cv2.setNumThreads(1)
    wave, rate = render_music(piece, SAMPLE_RATE_HZ)
    with tempfile.TemporaryDirectory(prefix="duet-world-", dir=path.parent) as room:
        sound, video = Path(room) / "music.wav", Path(room) / "clip.mp4"
        wavfile.write(sound, rate, np.round(wave.T * 32767).astype(np.int16))
        pictures = ffmpeg.input(
            "pipe:0", format="rawvideo", pix_fmt="rgb24", s=f"{WIDTH}x{HEIGHT}", framerate=FPS
        ).video
        command = ffmpeg.output(
            pictures,
            ffmpeg.input(str(sound)).audio,
            str(video),
            vcodec="libx264",
            preset="veryfast",
            crf=19,
            threads=1,
            pix_fmt="yuv420p",
            acodec="aac",
            audio_bitrate="160k",
            movflags="+faststart",
            t=piece.duration_s,
            fflags="+bitexact",
            loglevel="error",
        )
        process = ffmpeg.run_async(command, cmd=ffmpeg_path(), pipe_stdin=True, quiet=False)
        try:
            for picture in render_frames(piece, WIDTH, HEIGHT, FPS):
                process.stdin.write(picture.tobytes())
        except BrokenPipeError:
            # ffmpeg has died; its exit status below says so, its message is on stderr.
            pass
        finally:
            process.stdin.close()
        if process.wait() != 0:
            raise OSError(f"ffmpeg ended with status {process.returncode} while writing {path.name}")
        os.replace(video, path)


def _file_name(piece: Piece, index: int) -> str:
    settings = (piece, WIDTH, HEIGHT, FPS, SAMPLE_RATE_HZ, _VERSION)
    digest = hashlib.sha256(repr(settings).encode()).hexdigest()[:8]
    genre = piece.genre.name.lower().replace(" ", "-")
    return f"{genre}-{index + 1:02d}-{digest}.mp4"


_VERSION = 2
"""Raised when scenes or instruments change, so that files drawn before are not taken for current ones."""


def _manifest(pieces: list[Piece], names: list[str]) -> str:
    table = io.StringIO()
    rows = csv.writer(table, lineterminator="\n")
    rows.writerow(COLUMNS)
    for piece, name in zip(pieces, names, strict=True):
        rows.writerow((name, name.removesuffix(".mp4"), piece.genre.name, piece.caption, LICENCE))
    return table.getvalue()


def _replace(path: Path, content: bytes) -> None:
    fresh = path.with_name(f".{path.name}.new")
    fresh.write_bytes(content)
    os.replace(fresh, path)
