"""The audio that an outside system wrote: looked at with suspicion, then as long as the clip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from generation.baselines.fit import fit
from generation.contracts import GenerationError
from generation.media.command import ffprobe_json
from generation.media.decode import audio
from generation.media.errors import MediaError

RATE_HZ = 48_000
LOUDEST = 1000.0
"""60 dB above full scale; what is beyond is no music in a wrong scale but a model that has burst."""

MOST_BYTES = 200 * 10**6
SPARE_S = 1.0
"""How much beyond the clip's end is decoded: an hour of FLAC silence is a small file and a big array."""

SUFFIXES = {
    "wav": ".wav",
    "w64": ".w64",
    "flac": ".flac",
    "mp3": ".mp3",
    "ogg": ".ogg",
    "aac": ".aac",
    "aiff": ".aiff",
    "caf": ".caf",
    "au": ".au",
    "mov,mp4,m4a,3gp,3g2,mj2": ".m4a",
    "matroska,webm": ".webm",
}
"""ffmpeg's names of the formats that are read. Playlists are not among them: they make ffmpeg open other files."""


def suffix_of(path: Path, who: str) -> str:
    """The file name suffix of the audio format that a file is in.

    who: what wrote it, for the errors. Raises GenerationError when it is no audio, with what ffprobe makes of it.
    """
    if path.stat().st_size == 0:
        raise GenerationError(f"{who} gave an empty file; let it write audio")
    if path.stat().st_size > MOST_BYTES:
        raise GenerationError(
            f"{who} gave {size(path.stat().st_size)}, more than {size(MOST_BYTES)}; let it write less"
        )
    try:
        seen = ffprobe_json(path, "-show_format", "-show_streams", formats=SUFFIXES)
    except MediaError as error:
        raise _no_audio(who, str(error), path) from None
    kinds = [stream.get("codec_type") for stream in seen.get("streams", [])]
    name = str(seen.get("format", {}).get("format_name"))
    if "audio" not in kinds:
        raise _no_audio(who, f"ffprobe finds {name} with {', '.join(map(str, kinds)) or 'nothing'} in it", path)
    return SUFFIXES[name]


def waveform_of(path: Path, who: str, duration_s: float) -> npt.NDArray[np.float32]:
    """48 kHz stereo of exactly ``duration_s``, float32 [2, N].

    Raises GenerationError when the file is no audio, ends more than 0.5 s early, or holds NaN, infinity or samples
    beyond LOUDEST.
    """
    suffix_of(path, who)
    try:
        heard = audio(path, sample_rate_hz=RATE_HZ, channels=2, duration_s=duration_s + SPARE_S)
    except MediaError as error:
        raise _no_audio(who, str(error), path) from None
    broken = heard.size - int(np.isfinite(heard).sum())
    if broken:
        raise GenerationError(
            f"{broken} of {heard.size} samples from {who} are not numbers (NaN or infinite); mend the model"
        )
    loudest = float(np.abs(heard).max(initial=0.0))
    if loudest > LOUDEST:
        raise GenerationError(f"samples from {who} reach {loudest:.0e} where 1 is full scale; scale the output")
    return fit(heard, RATE_HZ, duration_s, f"the audio from {who}")


def size(count: int) -> str:
    """A number of bytes to read."""
    return f"{count / 10**6:.0f} MB"


def _no_audio(who: str, reason: str, path: Path) -> GenerationError:
    with path.open("rb") as file:
        begin = file.read(40)
    shown = begin.decode("ascii", "replace") if begin.isascii() else f"the bytes {begin[:8].hex(' ')}"
    return GenerationError(f"{who} gave no audio: {reason}. It begins with {shown!r}; give WAV, FLAC, MP3 or Ogg")
