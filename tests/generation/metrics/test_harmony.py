import numpy as np
import pytest

from generation.metrics import harmony
from tests.generation.metrics.sounds import RATE, chord, noise, silence, tone


@pytest.mark.parametrize(("hertz", "pitch_class"), [(440.0, 9), (261.63, 0), (311.13, 3), (880.0, 9)])
def test_a_tone_sounds_on_its_pitch_class(hertz: float, pitch_class: int) -> None:
    heard = harmony.chroma(tone(hertz), RATE)
    assert heard.argmax() == pitch_class
    assert heard[pitch_class] > 0.95
    assert harmony.chroma_entropy(heard) < 0.4


def test_noise_and_silence_are_as_even_as_can_be() -> None:
    assert harmony.chroma_entropy(harmony.chroma(noise(), RATE)) > 3.5
    nothing = harmony.chroma(silence(), RATE)
    assert harmony.chroma_entropy(nothing) == pytest.approx(np.log2(12), abs=1e-6)
    assert harmony.key_clarity(nothing) == 0
    assert harmony.in_key(nothing, 0, "major") == pytest.approx(7 / 12)


def test_a_triad_fits_its_key_and_not_the_one_a_tritone_away() -> None:
    c_major = harmony.chroma(chord(60, 64, 67, 72), RATE)
    cluster = harmony.chroma(chord(*range(60, 72)), RATE)
    assert harmony.in_key(c_major, 0, "major") > 0.95
    assert harmony.in_key(c_major, 6, "major") < 0.1
    assert harmony.key_clarity(c_major) > 0.8 > 0.6 > harmony.key_clarity(cluster)


def test_a_minor_triad_tells_the_modes_apart() -> None:
    c_minor = harmony.chroma(chord(60, 63, 67), RATE)
    assert harmony.in_key(c_minor, 0, "minor") > 0.95 > 0.8 > harmony.in_key(c_minor, 0, "major")


def test_another_mode_is_refused() -> None:
    with pytest.raises(KeyError, match="dorian"):
        harmony.in_key(harmony.chroma(tone(), RATE), 0, "dorian")
