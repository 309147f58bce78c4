"""A soundtrack and a silent master become one file that gives nothing away but its sound."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path

import ffmpeg
import numpy as np
import numpy.typing as npt

from generation.contracts import Soundtrack
from generation.media.command import BITEXACT_OUTPUT, file_input, run, time_limit_s, url, whole_file
from generation.media.decode import interleaved, resample
from generation.media.errors import MediaError, UnfitSoundtrack
from generation.media.loudness import Loudness, measure, measure_array
from generation.media.peaks import limit
from generation.media.probe import require_video

RATE_HZ = 48_000
BIT_RATE = 192_000
PEAK_DBTP = -1.0
NEAR_LU = 0.1
QUIETEST_LUFS = -60.0
"""What is quieter than this is noise floor; bringing it up would make raters judge hiss."""
LOWEST_PEAK_DBTP = -120.0
"""What the peak of digital silence is written down as, for no table holds minus infinity."""
LENGTH_TOLERANCE_S = 0.002
ROUNDS = 12
DEEPEST_LIMITING_DB = 15.0
"""Peaks turned down by more than this are no longer the sound the system wrote."""

SIZE_STEP = 64 * 1024
AUDIO_BUDGET = 1.1 * BIT_RATE / 8
"""Bytes a second kept free for AAC; white noise, the densest sound, takes 1.02 of the rate, index included."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """A finished stimulus file. Loudness and peak are those of the encoded sound.

    gain_db: the one gain the soundtrack was played with. limiter_db: how far peaks were turned down beyond
    that at the deepest point, 0.0 where the limiter was not needed.
    """

    path: Path
    sha256: str
    size_bytes: int
    lufs: float
    true_peak_dbtp: float
    gain_db: float
    limiter_db: float
    duration_s: float


def padded_size(master_bytes: int, duration_s: float) -> int:
    """The size of every file of a clip, whatever the system: it depends on the clip's master alone."""
    needed = master_bytes + math.ceil(AUDIO_BUDGET * duration_s) + SIZE_STEP // 2
    return math.ceil(needed / SIZE_STEP) * SIZE_STEP


def render(
    master: Path,
    soundtrack: Soundtrack,
    out: Path,
    *,
    target_lufs: float | None = -23.0,
    pad_to_bytes: int | None = None,
) -> Rendered:
    """Mux a soundtrack onto a silent master at one loudness; the picture is copied as it is.

    The sound becomes 48 kHz stereo AAC at ``target_lufs`` ± 0.1 LU with a true peak ≤ -1 dBTP, both measured
    on the encoded file (ITU-R BS.1770). One gain does it; peaks that stay too high are limited. Without a target,
    for what has no loudness to match, the sound is encoded as it is. The file is
    as long as the master, carries no tags, and with ``pad_to_bytes`` is exactly that big. The same input
    gives the same bytes with the same ffmpeg.

    Raises UnfitSoundtrack (not finite, wrong length, silent or too quiet, peaks that cannot be tamed) or
    MediaError (the file does not fit into ``pad_to_bytes``).
    """
    duration_s = require_video(master).duration_s
    waveform = _stereo(soundtrack, duration_s)
    before = measure_array(waveform, RATE_HZ)
    if target_lufs is not None and before.integrated_lufs < QUIETEST_LUFS:
        raise UnfitSoundtrack(
            f"the soundtrack is silent or too quiet: {before.integrated_lufs:.1f} LUFS, at least "
            f"{QUIETEST_LUFS:.0f} LUFS is needed; let the system write another one"
        )
    with whole_file(out) as part:
        if target_lufs is None:
            _encode(master, waveform, part)
            after, gain_db, limiter_db = measure(part), 0.0, 0.0
        else:
            after, gain_db, limiter_db = _at_loudness(master, waveform, part, before, target_lufs)
        if pad_to_bytes is not None:
            pad(part, pad_to_bytes)
        content = part.read_bytes()
    return Rendered(
        path=out,
        sha256=hashlib.sha256(content).hexdigest(),
        size_bytes=len(content),
        lufs=after.integrated_lufs,
        true_peak_dbtp=max(after.true_peak_dbtp, LOWEST_PEAK_DBTP),
        gain_db=gain_db,
        limiter_db=limiter_db,
        duration_s=duration_s,
    )


def pad(path: Path, size_bytes: int) -> None:
    """Append an MP4 ``free`` box (ISO/IEC 14496-12, 8.1.2) so that the file is exactly ``size_bytes`` big.

    Raises MediaError when the file is too big for that.
    """
    missing = size_bytes - path.stat().st_size
    if missing == 0:
        return
    if missing < 8:
        raise MediaError(
            f"the file has {path.stat().st_size} bytes and cannot be padded to {size_bytes}; "
            "take a bigger size for all files of this clip"
        )
    with path.open("ab") as file:
        file.write(missing.to_bytes(4, "big") + b"free" + bytes(missing - 8))


def _stereo(soundtrack: Soundtrack, duration_s: float) -> npt.NDArray[np.float32]:
    """The soundtrack as float32 [2, round(duration_s · 48000)]."""
    waveform = soundtrack.waveform
    if waveform.ndim != 2 or waveform.shape[0] not in (1, 2):
        raise UnfitSoundtrack(f"a soundtrack has shape [1 or 2, samples], not {list(waveform.shape)}")
    broken = int(waveform.size - np.isfinite(waveform).sum())
    if broken:
        raise UnfitSoundtrack(f"{broken} of {waveform.size} samples are not finite; mend the system")
    if abs(soundtrack.duration_s - duration_s) > LENGTH_TOLERANCE_S:
        raise UnfitSoundtrack(
            f"the soundtrack lasts {soundtrack.duration_s:.3f} s and the clip {duration_s:.3f} s; "
            "they must be equally long"
        )
    stereo = resample(
        np.asarray(waveform, dtype=np.float32), soundtrack.sample_rate_hz, sample_rate_hz=RATE_HZ, channels=2
    )
    count = round(duration_s * RATE_HZ)
    short = max(0, count - stereo.shape[1])
    return np.ascontiguousarray(np.pad(stereo[:, :count], ((0, 0), (0, short))))


def _at_loudness(
    master: Path, waveform: npt.NDArray[np.float32], part: Path, before: Loudness, target_lufs: float
) -> tuple[Loudness, float, float]:
    """Encode, measure, correct, until loudness and peak are right. Gives the measure, gain and limiting."""
    gain_db = target_lufs - before.integrated_lufs
    ceiling_dbtp = math.inf
    for _ in range(ROUNDS):
        louder = waveform * np.float32(10 ** (gain_db / 20))
        limited, limiter_db = limit(louder, RATE_HZ, ceiling_dbtp)
        _encode(master, limited, part)
        after = measure(part)
        off_lu = target_lufs - after.integrated_lufs
        over_db = after.true_peak_dbtp - PEAK_DBTP
        if abs(off_lu) <= NEAR_LU / 2 and over_db <= 0:
            return after, gain_db, limiter_db
        if limiter_db > DEEPEST_LIMITING_DB:
            break
        # Of each dB of gain, limited sound keeps only a part.
        gain_db += off_lu * (1.6 if limiter_db else 1.0)
        if over_db > 0:
            # AAC smears peaks, so the ceiling before encoding lies lower than the limit after it.
            ceiling_dbtp = min(PEAK_DBTP, ceiling_dbtp - over_db) - 0.1
    raise UnfitSoundtrack(
        f"the soundtrack cannot be brought to {target_lufs:.1f} LUFS with a true peak of {PEAK_DBTP:.1f} dBTP: "
        f"with its peaks limited by {limiter_db:.1f} dB it has {after.integrated_lufs:.1f} LUFS and "
        f"{after.true_peak_dbtp:.1f} dBTP; "
        "lower the study's target loudness"
    )


def _encode(master: Path, waveform: npt.NDArray[np.float32], part: Path) -> None:
    picture = file_input(master).video
    sound = ffmpeg.input("pipe:0", format="f32le", ar=RATE_HZ, ac=2).audio
    run(
        ffmpeg.output(
            picture,
            sound,
            url(part),
            format="mp4",
            vcodec="copy",
            acodec="aac",
            movflags="+faststart",
            # Noise substitution would leave part of the sound, and its loudness, to the decoder.
            # No strict rate (bt=0): ffmpeg 7.0's encoder then never ends on sound with silences.
            aac_pns=0,
            **{"b:a": BIT_RATE, "flags:a": "+bitexact"},
            **{"metadata:s:v:0": "encoder=H.264"},
            **BITEXACT_OUTPUT,
        ),
        feed=interleaved(waveform),
        timeout_s=time_limit_s(waveform.shape[1] / RATE_HZ),
    )
