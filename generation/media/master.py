"""The silent picture every system scores and every stimulus shows, and the clip's own sound beside it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from generation.media.command import BITEXACT_OUTPUT, file_input, run, time_limit_s, url, whole_file
from generation.media.decode import SCALER
from generation.media.errors import MediaError, TooShort, Truncated
from generation.media.loudness import SILENCE_LUFS, measure
from generation.media.probe import ENDS_EARLY_S, require_video

LONG_SIDE, SHORT_SIDE = 1280, 720
RATES = (10, 12, 15, 20, 24, 25, 30)
MISSING_TAIL_S = 0.25
"""How much of a clip's end may be filled by its last picture: containers round, cameras stop between frames."""
AUDIO_RATE_HZ = 48_000


@dataclass(frozen=True, slots=True)
class Master:
    """A silent master: H.264 High, yuv420p, constant ``frame_rate``, ``frames`` pictures, no tags."""

    path: Path
    duration_s: float
    frame_rate: int
    frames: int
    width: int
    height: int


def make_master(source: Path, out: Path, *, start_s: float = 0.0, duration_s: float = 10.0) -> Master:
    """Cut ``duration_s`` from ``source`` into a silent master, upright, with square pixels and even sides.

    The size keeps its aspect within 1280 × 720 (720 × 1280 upright) and is never enlarged. The frame rate is
    the source's average, halved while above 30, at the nearest of ``RATES``: 23.976 becomes 24, 29.97 and 60
    become 30. The duration is the nearest whole number of frames. The same source gives the same bytes
    with the same ffmpeg.

    Raises MediaError, NotAVideo, TooShort (the source ends before start + duration) or Truncated.
    """
    info = require_video(source)
    if start_s < 0 or duration_s <= 0:
        raise MediaError(f"start {start_s} s and duration {duration_s} s: give a start ≥ 0 and a duration > 0")
    missing_s = start_s + duration_s - info.duration_s
    if missing_s > MISSING_TAIL_S:
        raise TooShort(
            f"{source.name} is {info.duration_s:.2f} s long and {duration_s:.2f} s from {start_s:.2f} s on "
            "were asked for; give a longer video, an earlier start or a shorter duration"
        )
    rate = master_rate(info.frame_rate)
    count = max(1, round(duration_s * rate))
    width, height = master_size(info.width, info.height)
    picture = (
        _input(source, start_s)
        .video.filter("fps", fps=rate, start_time=0)
        # A little more than may be missing, so that a decoder that stops far too early still shows.
        .filter("tpad", stop_duration=ENDS_EARLY_S, stop_mode="clone")
        .filter("scale", width, height, flags=SCALER, out_range="tv")
        .filter("setsar", 1)
        .filter("format", "yuv420p")
    )
    with whole_file(out) as part:
        run(
            picture.output(
                url(part),
                format="mp4",
                vcodec="libx264",
                preset="veryfast",
                crf=19,
                profile="high",
                # Decoding order is showing order: no edit list, one time origin in every player.
                bf=0,
                g=2 * rate,
                movflags="+faststart",
                # ffmpeg names its encoder here otherwise; an empty value would bring the name back.
                **{"metadata:s:v:0": "encoder=H.264", "flags:v": "+bitexact", "frames:v": count},
                # x264 writes its version and options into an SEI message; no player needs it.
                **{"bsf:v": "filter_units=remove_types=6"},
                **BITEXACT_OUTPUT,
            ),
            timeout_s=time_limit_s(duration_s),
        )
        made = require_video(part)
        if abs(made.duration_s - count / rate) > 0.5 / rate:
            raise Truncated(
                f"{source.name} is truncated: it promises {info.duration_s:.2f} s of video and only "
                f"{start_s + made.duration_s - ENDS_EARLY_S:.2f} s decode; copy or download it again"
            )
    return Master(out, count / rate, rate, count, width, height)


def extract_audio(source: Path, out_wav: Path, *, start_s: float = 0.0, duration_s: float = 10.0) -> Path | None:
    """Cut the source's own sound into a 48 kHz stereo float WAV, round(duration_s · 48000) samples long.

    The first audio stream, kept in step with the picture, mixed to stereo, padded with silence.
    None where there is no audio stream, or nothing but silence in it: then there is no ground truth.
    Raises MediaError when the stream cannot be decoded.
    """
    info = require_video(source)
    if not info.has_audio:
        return None
    samples = round(duration_s * AUDIO_RATE_HZ)
    sound = (
        _input(source, start_s)
        .audio.filter("aresample", AUDIO_RATE_HZ, **{"async": 1, "first_pts": 0})
        .filter("aformat", sample_fmts="flt", channel_layouts="stereo")
        .filter("apad", whole_len=samples)
        .filter("atrim", end_sample=samples)
    )
    with whole_file(out_wav) as part:
        run(sound.output(url(part), format="wav", acodec="pcm_f32le", **BITEXACT_OUTPUT))
        heard = measure(part).integrated_lufs > SILENCE_LUFS
    if heard:
        return out_wav
    out_wav.unlink()
    return None


def master_rate(average: float) -> int:
    """The constant frame rate of the master of a source with this average rate."""
    while average > RATES[-1] + 1:
        average /= 2
    return min(RATES, key=lambda rate: abs(rate - average))


def master_size(width: int, height: int) -> tuple[int, int]:
    """Upright, square-pixel source size to the master's: within the bound, aspect kept, even."""
    shrink = min(1.0, LONG_SIDE / max(width, height), SHORT_SIDE / min(width, height))
    return max(2, round(width * shrink / 2) * 2), max(2, round(height * shrink / 2) * 2)


def _input(source: Path, start_s: float) -> Any:
    return file_input(source, ss=start_s) if start_s else file_input(source)
