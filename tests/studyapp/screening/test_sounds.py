"""The sounds of the checks are what their sources say, and no file tells by its size or edges what is in it."""

from __future__ import annotations

import io
import wave
from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.signal import resample_poly

from generation.media.loudness import measure_array
from studyapp.screening import sounds
from studyapp.screening.sounds import RATE_HZ

Samples = NDArray[np.float64]
BEGIN = round(0.5 * RATE_HZ)
SECOND = RATE_HZ
GAP = RATE_HZ // 2


def samples(content: bytes) -> Samples:
    """(n, 2), full scale 1."""
    with wave.open(io.BytesIO(content)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE_HZ)
        raw = np.frombuffer(file.readframes(file.getnframes()), "<i2")
    return raw.reshape(-1, 2) / 32767


def intervals(content: bytes) -> list[Samples]:
    """The three intervals without their ramps."""
    whole = samples(content)
    ramp = RATE_HZ // 10
    starts = [BEGIN + place * (SECOND + GAP) for place in range(3)]
    return [whole[start + ramp : start + SECOND - ramp] for start in starts]


def level_db(signal: Samples) -> float:
    return float(10 * np.log10(np.mean(signal**2) + 1e-20))


def loudness(sound: Samples) -> float:
    return measure_array(
        np.ascontiguousarray(resample_poly(sound, 3, 1, axis=0).T).astype(np.float32), 48_000
    ).integrated_lufs


@pytest.mark.parametrize(("quiet", "antiphase"), [order[:2] for order in permutations((1, 2, 3))])
def test_antiphase_tones_cancel_in_one_place_and_one_other_is_six_decibels_down(
    quiet: int, antiphase: int
) -> None:
    parts = intervals(sounds.antiphase(quiet=quiet, antiphase=antiphase))
    plain = 6 - quiet - antiphase
    for place, part in enumerate(parts, start=1):
        left, right = part.T
        cancels = level_db(left + right) - level_db(left)
        assert cancels < -60 if place == antiphase else cancels == pytest.approx(6.02, abs=0.01)
    level = {place: level_db(parts[place - 1][:, 0]) for place in (1, 2, 3)}
    assert level[plain] - level[quiet] == pytest.approx(6.0, abs=0.05)
    assert level[plain] == pytest.approx(level[antiphase], abs=0.01)
    spectrum = np.abs(np.fft.rfft(parts[0][:, 0]))
    assert np.argmax(spectrum) * RATE_HZ / len(parts[0]) == pytest.approx(200.0, abs=1.3)


@pytest.mark.parametrize("pitched", [1, 2, 3])
def test_the_hidden_tone_exists_only_between_the_ears(pitched: int) -> None:
    flatness: list[float] = []
    notches: list[float] = []
    for seed in range(40):
        parts = intervals(sounds.huggins(pitched=pitched, seed=seed))
        for place, part in enumerate(parts, start=1):
            left, right = part.T
            if place != pitched:
                assert np.array_equal(left, right)
                continue
            frequencies = np.fft.rfftfreq(len(left), 1 / RATE_HZ)
            one, other = np.fft.rfft(left * np.hanning(len(left))), np.fft.rfft(right * np.hanning(len(left)))
            band = (frequencies > 564) & (frequencies < 636)
            beside = ((frequencies > 400) & (frequencies < 540)) | ((frequencies > 660) & (frequencies < 800))
            centre = (frequencies > 588) & (frequencies < 612)
            flatness.append(float(np.mean(np.abs(other[band]) ** 2) / np.mean(np.abs(other[beside]) ** 2)))
            # Both channels in one ear: opposite at the centre, so that a loudspeaker leaves a hole and no tone.
            added, apart = np.abs(one + other)[centre] ** 2, np.abs(2 * one)[centre] ** 2
            notches.append(float(np.mean(added) / np.mean(apart)))
            far = (frequencies > 100) & (frequencies < 500)
            turned = np.angle(one[far] * np.conj(other[far]))
            strong = np.abs(one[far]) > np.median(np.abs(one[far]))
            assert np.median(np.abs(turned[strong])) < 0.01
    assert 10 * np.log10(np.mean(flatness)) == pytest.approx(0.0, abs=0.6)
    assert 10 * np.log10(np.mean(notches)) == pytest.approx(-10.6, abs=1.0)


def test_the_phase_between_the_ears_turns_once_around_600_hz() -> None:
    whole = samples(sounds.huggins(pitched=1, seed=7))[BEGIN : BEGIN + SECOND]
    # The ramps are the same on both sides; over many noises their smearing averages out.
    turned = np.zeros(SECOND // 2 + 1, complex)
    for seed in range(200):
        whole = samples(sounds.huggins(pitched=1, seed=seed))[BEGIN : BEGIN + SECOND]
        left, right = (np.fft.rfft(channel) for channel in whole.T)
        turned += right * np.conj(left)
    degrees = np.degrees(np.unwrap(np.angle(turned)))
    assert degrees[560] - degrees[500] == pytest.approx(0, abs=3)
    assert degrees[600] - degrees[500] == pytest.approx(180, abs=6)
    assert degrees[700] - degrees[500] == pytest.approx(360, abs=6)


def test_the_three_noises_are_equally_loud() -> None:
    for seed in range(10):
        levels = [level_db(part) for part in intervals(sounds.huggins(pitched=2, seed=seed))]
        assert max(levels) - min(levels) < 0.5


def test_a_file_tells_nothing_by_its_length() -> None:
    tones = {len(sounds.antiphase(quiet=quiet, antiphase=other)) for quiet, other, _ in permutations((1, 2, 3))}
    noises = {len(sounds.huggins(pitched=place, seed=seed)) for place in (1, 2, 3) for seed in (1, 2)}
    assert len(tones) == len(noises) == len({len(sounds.bells(count)) for count in range(1, 6)}) == 1


@pytest.mark.parametrize("lufs", [-23.0, -16.0, -30.0])
def test_the_passage_has_the_loudness_that_the_study_has(lufs: float) -> None:
    sound = samples(sounds.passage(lufs))
    assert loudness(sound) == pytest.approx(lufs, abs=0.2)
    assert len(sound) == 8 * RATE_HZ
    assert np.abs(sound).max() < 10 ** (-1 / 20)


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_the_strokes_of_the_bell_can_be_counted_and_are_as_loud_as_the_passage(count: int) -> None:
    sound = samples(sounds.bells(count))
    envelope = np.abs(sound[:, 0]).reshape(-1, RATE_HZ // 100).max(axis=1)
    envelope = np.concatenate([[0.0], envelope])
    # A stroke: the envelope comes out of what the one before has left.
    strokes = np.flatnonzero((envelope[1:] > 3 * envelope[:-1]) & (envelope[1:] > 0.3 * envelope.max()))
    assert len(strokes) == count
    # Up to the next stroke they are the same, whatever the count.
    second = BEGIN + RATE_HZ * 9 // 10
    assert np.array_equal(sound[:second], samples(sounds.bells(1))[:second])
    assert loudness(samples(sounds.bells(1))[BEGIN : BEGIN + RATE_HZ]) == pytest.approx(-23.0, abs=0.2)


@pytest.mark.parametrize(
    "content", [sounds.antiphase(quiet=1, antiphase=2), sounds.huggins(pitched=1, seed=1), sounds.bells(2)]
)
def test_an_output_has_half_a_second_to_wake_up_before_anything_is_to_be_heard(content: bytes) -> None:
    sound = samples(content)
    assert not sound[: BEGIN - 1].any()
    assert sound[BEGIN : BEGIN + RATE_HZ // 10].any()


def test_nothing_clips_or_clicks() -> None:
    for content in (
        sounds.antiphase(quiet=1, antiphase=2),
        sounds.huggins(pitched=3, seed=3),
        sounds.passage(),
        sounds.bells(5),
    ):
        sound = samples(content)
        assert np.abs(sound).max() < 0.99
        edge = RATE_HZ // 1000
        assert np.abs(sound[:edge]).max() < 0.02
        assert np.abs(sound[-edge:]).max() < 0.02


def test_the_same_request_gives_the_same_bytes() -> None:
    assert sounds.huggins(pitched=2, seed=5) == sounds.huggins(pitched=2, seed=5)
    assert sounds.huggins(pitched=2, seed=5) != sounds.huggins(pitched=2, seed=6)


@pytest.mark.parametrize(("quiet", "antiphase"), [(1, 1), (0, 2), (4, 1)])
def test_tones_that_cannot_be_placed_are_refused_by_name(quiet: int, antiphase: int) -> None:
    with pytest.raises(ValueError, match="two different places"):
        sounds.antiphase(quiet=quiet, antiphase=antiphase)


def test_what_would_clip_is_refused() -> None:
    with pytest.raises(ValueError, match="fewer LUFS"):
        sounds.passage(-5.0)
