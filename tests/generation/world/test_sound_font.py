"""Notes out of a sound font."""

from pathlib import Path

import numpy as np
import pytest

from generation.world.sound_font import DRUM_BANK, SoundFont
from generation.world.synth import PROGRAMS, font_path


@pytest.fixture(scope="module")
def font() -> SoundFont:
    return SoundFont(font_path())


@pytest.mark.parametrize("instrument", PROGRAMS)
@pytest.mark.parametrize("key", [40, 57, 69])
def test_every_instrument_of_the_world_is_in_tune(font: SoundFont, instrument: str, key: int) -> None:
    wave = font.play(0, PROGRAMS[instrument], key, 1.0, 44_100)
    spectrum = np.abs(np.fft.rfft(wave * np.hanning(len(wave)), 1 << 18)) ** 0.5
    shifts = np.arange(-600, 601, 5)
    partials = np.array([[(harmonic + 1) * 2 ** (cents / 1200) for harmonic in range(6)] for cents in shifts])
    places = np.round(partials * 440 * 2 ** ((key - 69) / 12) * (1 << 18) / 44_100).astype(int)
    assert abs(int(shifts[spectrum[places].sum(1).argmax()])) <= 15


def test_notes_sustain_and_drums_die_away(font: SoundFont) -> None:
    organ, kick = font.play(0, 16, 60, 2.0, 44_100), font.play(DRUM_BANK, 0, 36, 2.0, 44_100)
    assert organ[-4410:].std() > 0.3 * organ[4410:8820].std()
    assert kick[-4410:].std() < 1e-3 * kick[:4410].std()


def test_unknown_preset_is_a_key_error(font: SoundFont) -> None:
    with pytest.raises(KeyError):
        font.play(77, 0, 60, 0.1, 44_100)


def test_another_file_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "noise.sf2"
    path.write_bytes(b"RIFF0000WAVEfmt ")
    with pytest.raises(ValueError, match=r"noise\.sf2 is not a SoundFont"):
        SoundFont(path)
