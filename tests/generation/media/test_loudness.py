from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from generation.media.decode import write_wav
from generation.media.errors import MediaError, NoAudio
from generation.media.loudness import SILENCE_LUFS, measure, measure_array
from generation.media.master import Master


def sine(level_db: float, *, hz: float = 997.0, seconds: float = 5.0, phase: float = 0.0) -> np.ndarray:
    time = np.arange(round(48_000 * seconds)) / 48_000
    wave = 10 ** (level_db / 20) * np.sin(2 * np.pi * hz * time + phase)
    return np.tile(wave, (2, 1)).astype(np.float32)


def test_reference_tone_of_ebu_tech_3341() -> None:
    # EBU Tech 3341, case 1: a stereo 1 kHz sine at -23 dBFS reads -23.0 ± 0.1 LUFS; case 2 the same at -33.
    assert measure_array(sine(-23.0), 48_000).integrated_lufs == pytest.approx(-23.0, abs=0.1)
    assert measure_array(sine(-33.0), 48_000).integrated_lufs == pytest.approx(-33.0, abs=0.1)


def test_true_peak_sees_between_the_samples() -> None:
    # EBU Tech 3341, cases 15 and after: a sine at a quarter of the rate, 45° off, peaks 3 dB above its samples.
    wave = sine(-6.0, hz=12_000, phase=np.pi / 4)
    wave[:, :480] *= np.linspace(0, 1, 480, dtype=np.float32)  # a hard start would peak by itself
    assert 20 * np.log10(np.abs(wave).max()) == pytest.approx(-9.0, abs=0.1)
    assert measure_array(wave, 48_000).true_peak_dbtp == pytest.approx(-6.0, abs=0.3)


def test_quiet_passages_are_gated_and_counted_as_range() -> None:
    # EBU Tech 3341, case 3: -36, -23, -36 LUFS reads -23; the quiet parts do not pull it down.
    wave = np.concatenate([sine(-36), sine(-23, seconds=20), sine(-36)], axis=1)
    loudness = measure_array(wave, 48_000)
    assert loudness.integrated_lufs == pytest.approx(-23.0, abs=0.1)
    assert loudness.loudness_range_lu > 8


def test_file_and_array_measure_alike(tmp_path: Path) -> None:
    wave = np.random.default_rng(0).normal(0, 0.1, (2, 48_000)).astype(np.float32)
    write_wav(tmp_path / "a.wav", wave, 48_000)
    assert measure(tmp_path / "a.wav") == measure_array(wave, 48_000)


def test_a_peak_in_the_last_moment_counts() -> None:
    wave = np.pad(sine(-30.0, seconds=1.0), ((0, 0), (0, 2_000)))
    wave[:, -100] = 0.9
    assert measure_array(wave, 48_000).true_peak_dbtp == pytest.approx(20 * np.log10(0.9), abs=0.5)


def test_silence_has_no_loudness_and_no_peak() -> None:
    loudness = measure_array(np.zeros((2, 48_000), np.float32), 48_000)
    assert (loudness.integrated_lufs, loudness.true_peak_dbtp) == (SILENCE_LUFS, -np.inf)


def test_what_cannot_be_measured_is_refused(master: Master) -> None:
    with pytest.raises(NoAudio, match="no sound to measure"):
        measure(master.path)
    with pytest.raises(MediaError, match="not finite"):
        measure_array(np.full((1, 48_000), np.nan, np.float32), 48_000)
    with pytest.raises(MediaError, match=r"at least 0.4 s"):
        measure_array(np.ones((1, 10), np.float32), 48_000)
