"""Pictures and sound of a file as arrays, and arrays as WAV files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import ffmpeg
import numpy as np
import numpy.typing as npt

from generation.media.command import file_input, run, url, whole_file
from generation.media.errors import MediaError, NoAudio, Truncated
from generation.media.probe import probe, require_video

SCALER = "bicubic+accurate_rnd+full_chroma_int+bitexact"


def frames(path: Path, *, fps: float, width: int, height: int) -> npt.NDArray[np.uint8]:
    """The picture as RGB, uint8 [T, height, width, 3] with T = round(duration · fps), at least 1.

    Frame k is what is on screen at k / fps seconds. The whole picture is stretched to the given size.
    Raises MediaError and its kinds.
    """
    count = max(1, round(require_video(path).duration_s * fps))
    return _pictures(path, _steady(path, fps), count, width, height)


def squares(path: Path, *, fps: float, side: int, duration_s: float) -> npt.NDArray[np.uint8]:
    """The central square of the picture as RGB, uint8 [T, side, side, 3].

    T = round(fps · d), at least 1, where d is the video's duration or ``duration_s``, whichever is shorter. Frame
    k is what is on screen at k / fps seconds. Raises MediaError and its kinds.
    """
    info = require_video(path)
    shown = min(info.width, info.height)
    # As shares of the stored picture, whose pixels need not be square.
    width, height = f"iw*{shown}/{info.width}", f"ih*{shown}/{info.height}"
    stream = _steady(path, fps).filter("crop", width, height, exact=1)
    count = max(1, round(min(info.duration_s, duration_s) * fps))
    return _pictures(path, stream, count, side, side)


def greys(path: Path, *, fps: float, width: int, height: int, duration_s: float) -> npt.NDArray[np.uint8]:
    """The whole picture without colour, uint8 [T, height, width]; T as for ``squares``. Raises MediaError."""
    count = max(1, round(min(require_video(path).duration_s, duration_s) * fps))
    return _pictures(path, _steady(path, fps), count, width, height, colour=False)[..., 0]


def _steady(path: Path, fps: float) -> Any:
    """The upright picture at a steady rate, without end."""
    return (
        file_input(path)
        .video.filter("fps", fps=fps, start_time=0, round="up")
        .filter("tpad", stop=-1, stop_mode="clone")
    )


def _pictures(
    path: Path, stream: Any, count: int, width: int, height: int, *, colour: bool = True
) -> npt.NDArray[np.uint8]:
    """uint8 [count, height, width, 3], or of one channel without colour."""
    channels = 3 if colour else 1
    scaled = stream.filter("scale", width, height, flags=SCALER).output(
        "pipe:1", format="rawvideo", pix_fmt="rgb24" if colour else "gray", **{"frames:v": count}
    )
    pixels = np.frombuffer(run(scaled).stdout, dtype=np.uint8)
    size = height * width * channels
    if pixels.size != count * size:
        raise Truncated(f"{path.name} gave {pixels.size // size} of {count} frames; copy or download it again")
    return pixels.reshape(count, height, width, channels)


def audio(
    path: Path, *, sample_rate_hz: int, channels: int, start_s: float = 0.0, duration_s: float | None = None
) -> npt.NDArray[np.float32]:
    """The first audio stream, float32 [channels, samples], resampled and mixed to 1 or 2 channels.

    All of it from ``start_s`` on, or ``duration_s`` of it where there is as much. Raises NoAudio where there is no
    audio stream, MediaError where it cannot be read.
    """
    if not probe(path).has_audio:
        raise NoAudio(f"{path.name} has no sound; give a file with an audio track")
    part = {"ss": start_s} if start_s else {}
    if duration_s is not None:
        part["t"] = duration_s
    source = file_input(path, **part)
    return decode_stream(source.audio, sample_rate_hz=sample_rate_hz, channels=channels)


def resample(
    waveform: npt.NDArray[np.float32], rate_hz: int, *, sample_rate_hz: int, channels: int
) -> npt.NDArray[np.float32]:
    """float32 [C, N] at ``rate_hz`` as [channels, ≈ N · sample_rate_hz / rate_hz]."""
    source = ffmpeg.input("pipe:0", format="f32le", ar=rate_hz, ac=waveform.shape[0])
    return decode_stream(
        source.audio, sample_rate_hz=sample_rate_hz, channels=channels, feed=interleaved(waveform)
    )


def decode_stream(
    stream: object, *, sample_rate_hz: int, channels: int, feed: bytes | None = None
) -> npt.NDArray[np.float32]:
    """An ffmpeg-python audio stream as float32 [channels, samples]."""
    output = ffmpeg.output(stream, "pipe:1", format="f32le", acodec="pcm_f32le", ar=sample_rate_hz, ac=channels)
    samples = np.frombuffer(run(output, feed=feed).stdout, dtype="<f4")
    return np.ascontiguousarray(samples.reshape(-1, channels).T, dtype=np.float32)


def interleaved(waveform: npt.NDArray[np.float32]) -> bytes:
    """float32 [C, N] as the little-endian sample frames ffmpeg reads as ``f32le``."""
    return np.ascontiguousarray(waveform.T, dtype="<f4").tobytes()


def write_wav(path: Path, waveform: npt.NDArray[np.float32], rate: int) -> None:
    """Write float32 [C, N] as a 32-bit float WAV, whole or not at all. Raises MediaError on a wrong shape."""
    if waveform.ndim != 2 or waveform.shape[0] not in (1, 2):
        raise MediaError(f"a waveform has shape [1 or 2 channels, samples], not {list(waveform.shape)}")
    source = ffmpeg.input("pipe:0", format="f32le", ar=rate, ac=waveform.shape[0])
    with whole_file(path) as part:
        run(
            source.audio.output(url(part), format="wav", acodec="pcm_f32le", map_metadata=-1, fflags="+bitexact"),
            feed=interleaved(waveform),
        )
