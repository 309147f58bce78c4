from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from generation.baselines.loops.arrange import Arrangement, Span
from generation.baselines.loops.choose import Chosen
from generation.baselines.loops.library import Loop, read_loops
from generation.baselines.loops.mix import PEAK, mix
from generation.contracts import GenerationError
from generation.media.decode import write_wav

from .conftest import RATE_HZ, tone


def chosen(library: Path, bpm: float = 120.0) -> Chosen:
    return Chosen(bpm, "A minor", {loop.role: loop for loop in read_loops(str(library))}, None)


def test_a_span_sounds_from_its_bar_line_and_an_open_end_fades(library: Path) -> None:
    plan = Arrangement(2.0, 1.0, (Span("bass", 2, 8),))
    sound = mix(chosen(library), plan, 7.0)
    assert sound.shape == (2, 7 * RATE_HZ)
    level = np.abs(sound[0]).reshape(70, -1).max(1)
    assert level[:19].max() == 0.0
    before = np.abs(sound[0, 2 * RATE_HZ - 384 : 2 * RATE_HZ])
    assert 0 < before[:100].max() < before[-100:].max()
    assert level[20:60] == pytest.approx(0.3, abs=0.01)
    assert level[69] < 0.02


def test_what_ends_before_the_music_does_is_silent_from_its_bar_line(library: Path) -> None:
    sound = mix(chosen(library), Arrangement(2.0, 0.1, (Span("bass", 0, 3),)), 6.0)
    level = np.abs(sound[0]).reshape(60, -1).max(1)
    assert level[:29].min() > 0.29
    assert level[30:].max() == 0.0


def test_a_loop_returns_without_a_step(library: Path) -> None:
    # 110.3 Hz does not come round within two seconds: its end and beginning do not fit.
    write_wav(library / "bass.wav", tone(110.3, 2.0), RATE_HZ)
    sound = mix(chosen(library), Arrangement(2.0, 0.1, (Span("bass", 0, 6),)), 6.0)[0]
    steps = np.abs(np.diff(sound))
    assert steps[2 * RATE_HZ - 1] <= 1.1 * np.median(np.sort(steps)[-2000:])


def test_loops_of_another_tempo_are_stretched_and_keep_their_pitch(library: Path) -> None:
    plan = Arrangement(240 / 126, 0.1, (Span("chords", 0, 12),))
    sound = mix(chosen(library, 126.0), plan, 10.0)[0]
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    assert np.argmax(spectrum) / 10 == pytest.approx(440, abs=1)
    level = np.abs(sound).reshape(100, -1).max(1)
    assert level[:98].min() > 0.2


def test_bars_stay_where_the_tempo_puts_them_however_often_a_loop_returns(tmp_path: Path) -> None:
    # At 131 beats a minute a bar is 87 938.93 samples: counting whole ones would drift by a sample a turn.
    click = np.zeros((2, 87_939), dtype=np.float32)
    click[:, 100] = 0.5
    write_wav(tmp_path / "click.wav", click, RATE_HZ)
    loop = Loop(tmp_path / "click.wav", ("tick",), "drums", 131.0, "", 1, "CC0")
    sound = mix(
        Chosen(131.0, "", {"drums": loop}, None), Arrangement(240 / 131, 0.01, (Span("drums", 0, 80),)), 60.0
    )
    heard = np.flatnonzero(sound[0] > 0.4)
    wanted = np.arange(len(heard)) * 240 / 131 * RATE_HZ + 100
    assert len(heard) == 33
    assert np.abs(heard - wanted).max() <= 1


def test_the_sum_never_clips(library: Path) -> None:
    for name in ("beat.wav", "bass.wav"):
        write_wav(library / name, 3 * tone(220, 2.0), RATE_HZ)
    sound = mix(chosen(library), Arrangement(2.0, 0.1, (Span("drums", 0, 4), Span("bass", 0, 4))), 4.0)
    assert np.abs(sound).max() == pytest.approx(PEAK, abs=1e-3)


def test_a_file_that_was_broken_since_planning_is_named(library: Path) -> None:
    band = chosen(library)
    (library / "bass.wav").write_text("not sound")
    with pytest.raises(GenerationError, match=r"bass\.wav is not audio"):
        mix(band, Arrangement(2.0, 0.1, (Span("bass", 0, 4),)), 4.0)
    (library / "bass.wav").unlink()
    with pytest.raises(GenerationError, match=r"bass\.wav is not audio"):
        mix(band, Arrangement(2.0, 0.1, (Span("bass", 0, 4),)), 4.0)
