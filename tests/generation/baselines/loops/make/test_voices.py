from __future__ import annotations

import numpy as np
import pytest

from generation.baselines.loops.make import drums
from generation.baselines.loops.make.canvas import RATE_HZ
from generation.baselines.loops.make.score import Voice
from generation.baselines.loops.make.strings import bars_of_metal, distorted, piano, plucked
from generation.baselines.loops.make.synths import brass, electric_piano, ensemble, filtered, flute, organ

VOICES: dict[str, Voice] = {
    "plucked": plucked(), "piano": piano(), "vibraphone": bars_of_metal(), "guitar": distorted(plucked()),
    "saw": filtered(), "square": filtered(shape="square", detune_cents=12), "electric piano": electric_piano(),
    "organ": organ(), "strings": ensemble(), "flute": flute(), "brass": brass(),
}  # fmt: skip


@pytest.mark.parametrize("name", VOICES)
def test_voices_are_in_tune_and_without_clicks(name: str) -> None:
    hz = 220.0
    wave = VOICES[name](hz, 1.0, 0.8, np.random.default_rng(3))
    assert np.isfinite(wave).all()
    assert 0.05 < np.abs(wave).max() < 3
    assert max(abs(wave[0]), abs(wave[-1])) < 0.03
    spectrum = np.abs(np.fft.rfft(wave[:RATE_HZ] * np.hanning(len(wave[:RATE_HZ])), 16 * RATE_HZ))
    bins = np.arange(len(spectrum)) / 16
    near = (bins > hz * 0.97) & (bins < hz * 1.03)
    found = bins[near][spectrum[near].argmax()]
    assert abs(1200 * np.log2(found / hz)) < 9


@pytest.mark.parametrize("name", VOICES)
def test_high_notes_do_not_fold_back(name: str) -> None:
    wave = VOICES[name](1567.98, 0.5, 0.8, np.random.default_rng(3))
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)))) ** 2
    hz = np.fft.rfftfreq(len(wave), 1 / RATE_HZ)
    below = spectrum[(hz > 60) & (hz < 600)].sum() if name not in ("organ", "guitar") else 0.0
    assert below < 0.02 * spectrum.sum()
    assert spectrum[hz > 20_000].sum() < 1e-3 * spectrum.sum()


HITS = {
    "kick": drums.kick(), "snare": drums.snare(), "clap": drums.clap(), "rim": drums.rim(), "hat": drums.hat(),
    "ride": drums.ride(), "shaker": drums.shaker(), "brush": drums.brush(),
    "conga": drums.conga(), "tom": drums.tom(),
}  # fmt: skip


def centre_hz(wave: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(wave)) ** 2
    return float((np.fft.rfftfreq(len(wave), 1 / RATE_HZ) * spectrum).sum() / spectrum.sum())


@pytest.mark.parametrize("name", HITS)
def test_hits_peak_at_one_begin_and_end_in_silence_and_die_away(name: str) -> None:
    wave = HITS[name]
    assert np.abs(wave).max() == pytest.approx(1.0)
    assert max(abs(wave[0]), abs(wave[-1])) < 1e-3
    third = len(wave) // 3
    assert np.abs(wave[2 * third :]).max() < 0.5 * np.abs(wave[: 2 * third]).max()


def test_a_kit_spans_the_spectrum_in_its_order() -> None:
    order = ("kick", "tom", "conga", "snare", "hat")
    centres = [centre_hz(HITS[name]) for name in order]
    assert centres == sorted(centres)
    assert centres[0] < 150
    assert centres[-1] > 7000
