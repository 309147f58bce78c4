"""Sounds of the checks before the trials, made by arithmetic: tones and noises for headphones, a bell, a passage.

All are WAV files of 16-bit stereo at 16 kHz, deterministic, and within a family of one length whatever they hold,
so that no size tells an answer. The two headphone tests rest on the same fact: between two loudspeakers both ears
hear both channels, so what differs between the channels alone is lost, or cancelled.
"""

from __future__ import annotations

import io
import wave
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

RATE_HZ = 16_000
PLACES = 3
TONE_HZ = 200.0
QUIETER_DB = 6.0
PITCH_HZ = 600.0
PITCH_BAND = 0.06
"""Half the width of the band whose phase turns, as a share of its centre."""
_INTERVAL_S = 1.0
_GAP_S = 0.5
_RAMP_S = 0.1
# Wireless and HDMI outputs wake up with the first sound and swallow its beginning.
_WAKING_S = 0.5
_PEAK = 0.35
# What the passage and a stroke of the bell measure with a peak of 1 (ITU-R BS.1770-4; a test measures again).
_PASSAGE_LUFS = -10.60
_STROKE_LUFS = -12.09
_STROKES = 5
_STROKE_EVERY_S = 0.9

Stereo = NDArray[np.float64]
"""Samples by channels, (n, 2), full scale is 1."""


def antiphase(*, quiet: int, antiphase: int) -> bytes:
    """Three tones of 200 Hz: one 6 dB quieter, one with its channels in antiphase, one plain.

    Between loudspeakers the one in antiphase all but vanishes, and is taken for the quietest. After Woods et al.
    2017, "Headphone screening to facilitate web-based auditory experiments", doi:10.3758/s13414-017-1361-2.
    quiet, antiphase: their places, 1 to 3. Raises ValueError unless they are two different ones.
    """
    if quiet == antiphase or not {quiet, antiphase} <= set(range(1, PLACES + 1)):
        raise ValueError(f"quiet {quiet} and antiphase {antiphase}: choose two different places of 1 to {PLACES}")
    tone = _PEAK * np.sin(2 * np.pi * TONE_HZ * np.arange(round(_INTERVAL_S * RATE_HZ)) / RATE_HZ)
    softer = 10 ** (-QUIETER_DB / 20)
    parts = []
    for place in range(1, PLACES + 1):
        gain = softer if place == quiet else 1.0
        parts.append(np.column_stack([tone, -tone if place == antiphase else tone]) * gain)
    return _wav(_in_a_row(parts))


def huggins(*, pitched: int, seed: int) -> bytes:
    """Three broadband noises; in one, a faint tone of 600 Hz that only exists between the ears.

    In that one the phase of one channel turns by 360 degrees within 6 % around 600 Hz; each channel alone is plain
    noise. After Milne et al. 2020, "An online headphone screening test based on dichotic pitch",
    doi:10.3758/s13428-020-01514-0 (the pitch itself: Cramer and Huggins 1958).
    pitched: its place, 1 to 3; otherwise ValueError. seed: of the noise.
    """
    if not 1 <= pitched <= PLACES:
        raise ValueError(f"pitched {pitched}: choose a place of 1 to {PLACES}")
    rng = np.random.default_rng(seed)
    length = round(_INTERVAL_S * RATE_HZ)
    low, high = PITCH_HZ * (1 - PITCH_BAND), PITCH_HZ * (1 + PITCH_BAND)
    frequencies = np.fft.rfftfreq(length, 1 / RATE_HZ)
    turn = 2 * np.pi * np.clip((frequencies - low) / (high - low), 0.0, 1.0)
    parts = []
    for place in range(1, PLACES + 1):
        spectrum = np.fft.rfft(rng.standard_normal(length))
        left = np.fft.irfft(spectrum, length)
        right = np.fft.irfft(spectrum * np.exp(1j * turn), length) if place == pitched else left
        parts.append(np.column_stack([left, right]))
    # One gain for all three: their loudness must not tell them apart. Four sigma stay below full scale.
    return _wav(np.clip(_in_a_row(parts) * 0.12, -0.98, 0.98))


@lru_cache(maxsize=4)
def passage(lufs: float = -23.0) -> bytes:
    """Eight seconds of calm chords to set a volume by, at an integrated loudness of ``lufs``.

    lufs: at most -12, for the peaks. Raises ValueError above.
    """
    return _wav(_at(_chords(), lufs - _PASSAGE_LUFS))


@lru_cache(maxsize=16)
def bells(count: int, lufs: float = -23.0) -> bytes:
    """So many strokes of a soft bell, of 1 to 5, after half a second, then silence up to the length of five.

    Each stroke is as loud as the passage: the second that it takes measures ``lufs``. Raises ValueError for other
    counts.
    """
    if not 1 <= count <= _STROKES:
        raise ValueError(f"{count} strokes: choose 1 to {_STROKES}")
    every, tail, waking = (round(seconds * RATE_HZ) for seconds in (_STROKE_EVERY_S, 0.6, _WAKING_S))
    sound = np.zeros((waking + _STROKES * every + tail, 2))
    stroke = _stroke()
    for number in range(count):
        begin = waking + number * every
        sound[begin : begin + len(stroke)] += stroke[: len(sound) - begin]
    return _wav(_at(sound, lufs - _STROKE_LUFS))


def _chords() -> Stereo:
    """Plucked chords, peak 1: C, a minor, F, G over two seconds each, broken upwards."""
    chords = (
        (130.81, 261.63, 329.63, 392.00),
        (110.00, 220.00, 261.63, 329.63),
        (87.31, 220.00, 261.63, 349.23),
        (98.00, 246.94, 293.66, 392.00),
    )
    sound = np.zeros((8 * RATE_HZ, 2))
    for number, chord in enumerate(chords):
        for string, pitch_hz in enumerate(chord):
            begin = round((2.0 * number + 0.28 * string) * RATE_HZ)
            note = _note(pitch_hz, 2.0, brightness=0.45, decay_s=0.9)
            # A little to the left and right, as strings lie.
            pan = 0.5 + 0.12 * (string - 1.5)
            left = sound[begin : begin + len(note)]
            left += np.column_stack([note * (1 - pan), note * pan])[: len(left)]
    fade = round(0.4 * RATE_HZ)
    sound[-fade:] *= (0.5 + 0.5 * np.cos(np.linspace(0, np.pi, fade)))[:, None]
    return np.asarray(sound / np.abs(sound).max())


def _stroke() -> Stereo:
    """One stroke of a bell, peak 1, a second long."""
    partials = ((1.0, 1.0, 0.45), (2.0, 0.6, 0.3), (2.4, 0.35, 0.25), (3.0, 0.25, 0.2), (4.5, 0.12, 0.12))
    time_s = np.arange(RATE_HZ) / RATE_HZ
    sound = sum(
        level * np.exp(-time_s / decay_s) * np.sin(2 * np.pi * 523.25 * ratio * time_s)
        for ratio, level, decay_s in partials
    )
    shaped = np.asarray(sound) * _edges(RATE_HZ, 0.004, 0.1)
    return np.asarray(np.column_stack([shaped, shaped]) / np.abs(shaped).max())


def _note(pitch_hz: float, seconds: float, *, brightness: float, decay_s: float) -> NDArray[np.float64]:
    """A plucked string: harmonics that fade the faster the higher they are."""
    time_s = np.arange(round(seconds * RATE_HZ)) / RATE_HZ
    sound = np.zeros_like(time_s)
    for harmonic in range(1, 9):
        if harmonic * pitch_hz < 0.45 * RATE_HZ:
            fading = np.exp(-time_s * (0.6 + 0.4 * harmonic) / decay_s)
            sound += brightness ** (harmonic - 1) * fading * np.sin(2 * np.pi * harmonic * pitch_hz * time_s)
    return sound * _edges(len(sound), 0.006, 0.1)


def _in_a_row(parts: list[Stereo]) -> Stereo:
    """Intervals with soft edges and silence before, between and after them."""
    gap = np.zeros((round(_GAP_S * RATE_HZ), 2))
    row = [np.zeros((round(_WAKING_S * RATE_HZ), 2))]
    for part in parts:
        row += [part * _edges(len(part), _RAMP_S, _RAMP_S)[:, None], gap]
    return np.concatenate(row)


def _edges(length: int, rise_s: float, fall_s: float) -> NDArray[np.float64]:
    """Raised-cosine ramps at both ends, for sounds that do not click."""
    gain = np.ones(length)
    rise, fall = round(rise_s * RATE_HZ), round(fall_s * RATE_HZ)
    gain[:rise] = 0.5 - 0.5 * np.cos(np.linspace(0, np.pi, rise))
    gain[-fall:] *= 0.5 + 0.5 * np.cos(np.linspace(0, np.pi, fall))
    return gain


def _at(sound: Stereo, gain_db: float) -> Stereo:
    louder = sound * 10 ** (gain_db / 20)
    peak = float(np.abs(louder).max())
    if peak > 10 ** (-1 / 20):
        raise ValueError(f"that loud, the peaks would reach {20 * np.log10(peak):.1f} dBFS; choose fewer LUFS")
    return louder


def _wav(sound: Stereo) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(np.round(sound * 32767).astype("<i2").tobytes())
    return file.getvalue()
