"""What a media file is, before anything is done with it."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from generation.media.command import ffprobe_json
from generation.media.errors import MediaError, NotAVideo, Truncated, UnreadFormat

ENDS_EARLY_S = 0.5
"""How much sooner than promised a file may end before it counts as truncated: containers round, decoders delay."""

STILL = frozenset({"png", "mjpeg", "bmp", "gif", "webp", "tiff", "jpegls", "svg"})
"""Codecs of single pictures; in a file with a duration they are real video, Motion JPEG above all."""


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """One media file.

    duration_s: what can be played, from the picture's packets where there is a picture.
    width, height: as shown: upright and with square pixels; 0 without video.
    rotation: degrees clockwise the stored picture is turned for showing: 0, 90, 180 or 270.
    frame_rate: average frames a second; 0 without video.
    pixel_format: ffmpeg's name, "yuv420p10le" say; empty without video.
    """

    duration_s: float
    has_video: bool
    width: int
    height: int
    rotation: int
    frame_rate: float
    pixel_format: str
    video_codec: str
    has_audio: bool
    audio_codec: str
    audio_rate_hz: int
    audio_channels: int


def probe(path: Path) -> MediaInfo:
    """Read a file's headers and the times of its picture's packets, decoding nothing.

    Audio-only files pass; ``require_video`` refuses them. Raises MediaError (missing or empty file),
    NotAVideo (not a media file) or Truncated (the index is missing, or the data ends early).
    """
    try:
        size = path.stat().st_size if path.is_file() else None
    except OSError as error:
        raise MediaError(
            f"{path.name[:80]} cannot be looked at ({error.strerror}); let this server read it"
        ) from None
    if size is None:
        raise MediaError(f"{path.name} is not a file; check the path")
    if size == 0:
        raise MediaError(f"{path.name} is empty (0 bytes); copy or download it again")
    try:
        answer = ffprobe_json(path, "-show_format", "-show_streams")
    except MediaError as error:
        raise _unreadable(path, error) from error
    streams: list[dict[str, Any]] = answer.get("streams", [])
    video = next((stream for stream in streams if _is_moving_picture(stream)), None)
    audio = next((stream for stream in streams if stream.get("codec_type") == "audio"), None)
    if video is None and audio is None:
        raise NotAVideo(f"{path.name} holds neither video nor audio; give a video file")
    promised_s = _number(answer.get("format", {}).get("duration"))
    if video is None:
        return _info(promised_s, 0.0, {}, audio)
    picture_s, frames = _picture_span(path, int(video["index"]))
    if frames == 0:
        raise Truncated(f"{path.name} holds no picture data; copy or download it again")
    promised_picture_s = _number(video.get("duration")) or (promised_s if audio is None else 0.0)
    if promised_picture_s - picture_s > ENDS_EARLY_S:
        raise Truncated(
            f"{path.name} is truncated: it promises {promised_picture_s:.2f} s of video and holds "
            f"{picture_s:.2f} s; copy or download it again"
        )
    return _info(picture_s, frames / picture_s, video, audio)


def require_video(path: Path) -> MediaInfo:
    """``probe``, and NotAVideo for a file without a moving picture."""
    info = probe(path)
    if not info.has_video:
        raise NotAVideo(f"{path.name} holds only audio; give a file with a moving picture")
    return info


def _unreadable(path: Path, error: MediaError) -> MediaError:
    # ffmpeg misses the index in anything that is called .mp4; only a real one begins with one of its boxes.
    if "moov atom not found" in str(error) and _first_box(path) in (b"ftyp", b"mdat", b"wide", b"free"):
        return Truncated(f"{path.name} is truncated: its index is missing; copy or download it again")
    if isinstance(error, UnreadFormat):
        return NotAVideo(f"{path.name}: {error}; convert it to MP4, or sound alone to WAV")
    reason = "" if "Invalid data found" in str(error) else f" ({error})"
    return NotAVideo(f"{path.name} is not a media file{reason}; give a video file")


def _first_box(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)[4:]


def _is_moving_picture(stream: dict[str, Any]) -> bool:
    if stream.get("codec_type") != "video" or stream.get("disposition", {}).get("attached_pic"):
        return False
    codec = stream.get("codec_name")
    return not (codec in STILL and not _number(stream.get("duration")))


def _picture_span(path: Path, index: int) -> tuple[float, int]:
    """Seconds from the first to the end of the last shown frame, and how many frames there are."""
    answer = ffprobe_json(
        path, "-select_streams", str(index), "-show_entries", "packet=pts_time,dts_time,duration_time"
    )
    shown: list[tuple[float, float]] = []
    for packet in answer.get("packets", []):
        time = packet.get("pts_time", packet.get("dts_time"))
        if time is not None:
            shown.append((float(time), _number(packet.get("duration_time"))))
    if not shown:
        return 0.0, 0
    first_s = min(shown)[0]
    last_s, last_duration_s = max(shown)
    if not last_duration_s and len(shown) > 1:
        last_duration_s = (last_s - first_s) / (len(shown) - 1)
    # Pictures before zero are cut off by the file's own edit list.
    return last_s - max(first_s, 0.0) + last_duration_s, len(shown)


def _info(duration_s: float, frame_rate: float, video: dict[str, Any], audio: dict[str, Any] | None) -> MediaInfo:
    rotation = _rotation(video)
    width, height = int(video.get("width", 0)), int(video.get("height", 0))
    width = round(width * _aspect(video))
    if rotation % 180:
        width, height = height, width
    sound = audio or {}
    return MediaInfo(
        duration_s=duration_s,
        has_video=bool(video),
        width=width,
        height=height,
        rotation=rotation,
        frame_rate=frame_rate,
        pixel_format=str(video.get("pix_fmt", "")),
        video_codec=str(video.get("codec_name", "")),
        has_audio=audio is not None,
        audio_codec=str(sound.get("codec_name", "")),
        audio_rate_hz=int(sound.get("sample_rate", 0)),
        audio_channels=int(sound.get("channels", 0)),
    )


def _rotation(video: dict[str, Any]) -> int:
    """Clockwise degrees, from the display matrix (counter-clockwise there) or the old ``rotate`` tag."""
    for side_data in video.get("side_data_list", []):
        if "rotation" in side_data:
            return round(-float(side_data["rotation"]) / 90) * 90 % 360
    return round(_number(video.get("tags", {}).get("rotate")) / 90) * 90 % 360


def _aspect(video: dict[str, Any]) -> float:
    across, _, down = str(video.get("sample_aspect_ratio", "1:1")).partition(":")
    if not int(across or 0) or not int(down or 0):
        return 1.0
    ratio = float(Fraction(int(across), int(down)))
    # Encoders write 1280:1281 for an 854 wide 16:9 picture; following it would only blur.
    return 1.0 if abs(ratio - 1) < 0.01 else ratio


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return 0.0
