"""The shipped band, from video to sound."""

from __future__ import annotations

import io
import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pretty_midi
import pytest

from generation import registry
from generation.baselines.cmt import band
from generation.baselines.cmt.band import RATE_HZ, font, play, synthesiser
from generation.baselines.cmt.compose import Sampling, compose, nucleus
from generation.baselines.cmt.controls import Controls, free
from generation.baselines.cmt.midi import midi_file
from generation.baselines.cmt.network import CMT
from generation.baselines.cmt.system import Cmt, build
from generation.baselines.cmt.words import (
    BAR,
    BEAT,
    DENSITY,
    PART,
    RHYTHM,
    STRENGTH,
    TICK,
    TICKS,
    TYPE,
    Note,
    decode,
    onsets_per_bar,
)
from generation.contracts import ClipFacts, GenerationError, Request

from .test_controls import write_pan

SETTINGS = {"genre": "pop", "control": "on", "font": ""}
FACTS = ClipFacts("forest", 10.0, frozenset())


@pytest.fixture(scope="module")
def system() -> Cmt:
    return build("tiny", SETTINGS, "cpu")


@pytest.fixture(scope="module")
def network(system: Cmt) -> CMT:
    return system.network


def asked(*densities: int, beats: tuple[tuple[int, int], ...] = ()) -> Controls:
    return Controls(120.0, TICKS * len(densities), densities, beats)


def test_the_shipped_band_plays_as_densely_as_it_is_told(network: CMT) -> None:
    played = {}
    for density in (2, 8, 14):
        words = compose(network, asked(*[density] * 6), genre=5, seed=1, control=1.0)
        played[density] = float(np.mean(onsets_per_bar(decode(words), 6)))
    assert played[2] + 2 < played[8]
    assert played[8] + 2 < played[14]
    assert abs(played[8] - 8) < 3


def test_every_visual_beat_is_struck_by_drums_piano_and_guitar(network: CMT) -> None:
    wanted = ((4, 5), (16, 3), (27, 6), (40, 4))
    words = compose(network, asked(8, 8, 8, beats=wanted), genre=6, seed=2)
    for tick, strength in wanted:
        struck = words[(words[:, TICK] == tick) & (words[:, TYPE] == RHYTHM) & (words[:, BEAT] != BAR)]
        told = {(int(row[PART]), int(row[STRENGTH])) for row in struck}
        assert {(1, strength), (2, strength), (3, strength)} <= told
    notes = decode(words)
    struck_notes = [sum(note.tick == tick for note in notes) for tick, _ in wanted]
    others = [sum(note.tick == tick for note in notes) for tick in range(48) if tick not in dict(wanted)]
    assert np.mean(struck_notes) > 2 * np.mean(others)


def test_with_full_control_every_bar_says_the_videos_density(network: CMT) -> None:
    words = compose(network, asked(3, 9, 5, 12), genre=5, seed=3, control=1.0)
    assert (words[words[:, BEAT] == BAR][:, DENSITY] - 1).tolist() == [3, 9, 5, 12]


def test_time_never_runs_backwards_and_the_last_bar_is_whole(network: CMT) -> None:
    words = compose(network, free(8.0), genre=0, seed=4, control=0.0)
    assert (np.diff(words[:, TICK]) >= 0).all()
    assert words[:, TICK].max() >= 3 * TICKS
    assert (words[:, BEAT] == BAR).sum() == 4


def test_one_seed_one_piece_another_seed_another(network: CMT) -> None:
    first, again, other = (compose(network, asked(8, 8), genre=5, seed=seed) for seed in (7, 7, 8))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_nucleus_keeps_the_likeliest_and_only_what_is_allowed() -> None:
    scores = np.log(np.array([0.5, 0.3, 0.15, 0.05]))
    everything = np.ones(4, dtype=bool)
    assert nucleus(scores, everything, Sampling(1.0, 0.7)) == pytest.approx([0.625, 0.375, 0, 0])
    assert nucleus(scores, everything, Sampling(1.0, 1.0)) == pytest.approx([0.5, 0.3, 0.15, 0.05])
    assert nucleus(scores, np.array([False, True, True, False]), Sampling()) == pytest.approx([0, 2 / 3, 1 / 3, 0])
    assert nucleus(scores, everything, Sampling(1e-3, 0.9)) == pytest.approx([1, 0, 0, 0])


def test_five_tracks_at_the_videos_tempo_and_nothing_beyond_the_end() -> None:
    notes = [Note(0, 0, 36, 1), Note(0, 1, 60, 16), Note(4, 3, 40, 4), Note(30, 4, 64, 16), Note(40, 2, 60, 2)]
    music = pretty_midi.PrettyMIDI(io.BytesIO(midi_file(notes, 90.0, 6.0)))
    assert [track.name for track in music.instruments if track.notes] == ["Drums", "Piano", "Bass", "Strings"]
    assert [track.program for track in music.instruments if track.notes] == [0, 0, 33, 41]
    assert music.get_tempo_changes()[1][0] == pytest.approx(90.0, abs=0.01)
    strings = music.instruments[-1].notes[0]
    assert strings.start == pytest.approx(30 / 4 * 60 / 90, abs=2e-3)
    assert music.get_end_time() <= 6.0 + 2e-3


def test_a_note_sounds_at_its_pitch_when_it_should(system: Cmt) -> None:
    wave = play(midi_file([Note(8, 1, 69, 8)], 120.0, 3.0), system.font, 3.0)
    assert wave.shape == (2, 3 * RATE_HZ)
    assert np.abs(wave[:, : RATE_HZ - 100]).max() < 1e-3
    sounding = wave.mean(0)[RATE_HZ : 2 * RATE_HZ]
    peak = np.abs(np.fft.rfft(sounding * np.hanning(len(sounding)))).argmax()
    assert min(abs(peak - 440 * multiple) for multiple in (1, 2)) <= 4


@pytest.fixture
def _without_fluidsynth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(band.shutil, "which", lambda name: None)


@pytest.fixture
def fluidsynth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """``fluidsynth("shell code")`` is what is installed under that name."""
    program = tmp_path / "fluidsynth"

    def install(code: str) -> None:
        program.write_text(f"#!/bin/sh\n{code}\n")
        program.chmod(0o755)
        monkeypatch.setattr(band.shutil, "which", lambda name: str(program))
        band._version_of.cache_clear()

    return install


@pytest.mark.parametrize("code", ["exec sleep 60", "exit 127", "kill -SEGV $$"])
def test_a_fluidsynth_that_does_not_work_is_passed_over(
    code: str, fluidsynth: Callable[[str], None], system: Cmt, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(band, "_VERSION_TIMEOUT_S", 0.5)
    fluidsynth(code)
    assert registry.refusal("cmt", FACTS, {}) is None
    assert synthesiser().startswith("TinySoundFont ")
    assert np.abs(play(midi_file([Note(0, 1, 69, 8)], 120.0, 1.0), system.font, 1.0)).max() > 0.01


def test_a_fluidsynth_that_cannot_be_started_is_passed_over(
    fluidsynth: Callable[[str], None], tmp_path: Path
) -> None:
    fluidsynth("")
    (tmp_path / "fluidsynth").write_bytes(b"#!/no/such/interpreter\n")
    assert synthesiser().startswith("TinySoundFont ")


def test_fluidsynth_is_asked_for_its_version_once_until_it_changes(
    fluidsynth: Callable[[str], None], tmp_path: Path
) -> None:
    asked = tmp_path / "asked"
    fluidsynth(f"echo x >> {asked}; echo FluidSynth 2.3")
    assert [synthesiser() for _ in range(3)] == ["FluidSynth 2.3"] * 3
    assert asked.read_text() == "x\n"
    os.utime(tmp_path / "fluidsynth", ns=(1, 1))
    synthesiser()
    assert asked.read_text() == "x\nx\n"


@pytest.mark.parametrize(
    ("code", "says"),
    [("exit 3", r"could not play font\.sf2: exit status 3"), ('echo "bad $9" >&2; exit 1', r"font\.sf2: bad")],
)
def test_a_fluidsynth_that_cannot_play_is_told(
    code: str, says: str, fluidsynth: Callable[[str], None], tmp_path: Path
) -> None:
    fluidsynth(f'[ "$1" = --version ] && echo FluidSynth && exit; {code}')
    with pytest.raises(GenerationError, match=says) as raised:
        play(midi_file([Note(0, 1, 69, 8)], 120.0, 1.0), tmp_path / "font.sf2", 1.0)
    assert str(tmp_path) not in str(raised.value)


def junk(size: int) -> bytes:
    """Called a sound font, of the size it says it has, and nothing in it."""
    return b"RIFF" + (size - 8).to_bytes(4, "little") + b"sfbk" + bytes(range(256)) * (size // 256)


@pytest.mark.usefixtures("_without_fluidsynth")
@pytest.mark.parametrize("content", [font("").read_bytes()[:2_000_000], junk(4096), b"RIFF\4\0\0\0sfbk"])
def test_a_font_that_cannot_be_read_is_named_without_its_folder(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "damaged.sf2").write_bytes(content)
    with pytest.raises(GenerationError, match=r"the sound font damaged\.sf2 cannot be read") as raised:
        play(midi_file([Note(8, 1, 69, 8)], 120.0, 1.0), tmp_path / "damaged.sf2", 1.0)
    assert str(tmp_path) not in str(raised.value)


@pytest.mark.usefixtures("_without_fluidsynth")
def test_a_font_without_one_of_the_instruments_is_named_with_it(tmp_path: Path) -> None:
    content = bytearray(font("").read_bytes())
    at = content.index(b"phdr") + 8
    size = int.from_bytes(content[at - 4 : at], "little")
    for preset in range(at + 20, at + size, 38):  # SoundFont 2.04, 7.2: twenty bytes of name, then the program
        if content[preset] == 33:
            content[preset] = 32
    (tmp_path / "bassless.sf2").write_bytes(content)
    with pytest.raises(GenerationError, match=r"bassless\.sf2 has no Bass \(General MIDI program 34\)"):
        play(midi_file([Note(0, 3, 40, 4)], 120.0, 1.0), tmp_path / "bassless.sf2", 1.0)


def test_a_font_that_was_cut_off_is_refused_before_any_work(tmp_path: Path) -> None:
    (tmp_path / "cut.sf2").write_bytes(font("").read_bytes()[:-1])
    refused = registry.refusal("cmt", FACTS, {"font": str(tmp_path / "cut.sf2")})
    assert refused is not None
    assert "the sound font cut.sf2 is cut off: it promises" in refused


@pytest.mark.skipif(shutil.which("fluidsynth") is None, reason="FluidSynth is not installed")
def test_fluidsynth_plays_where_it_is_installed_and_says_when_a_font_is_empty(system: Cmt, tmp_path: Path) -> None:
    assert "FluidSynth" in synthesiser()
    midi = midi_file([Note(8, 1, 69, 8)], 120.0, 3.0)
    assert np.array_equal(play(midi, system.font, 3.0), play(midi, system.font, 3.0))
    (tmp_path / "empty.sf2").write_bytes(b"RIFF\0\0\0\0sfbk")
    with pytest.raises(GenerationError, match=r"empty\.sf2"):
        play(midi, tmp_path / "empty.sf2", 3.0)


@pytest.mark.usefixtures("_without_fluidsynth")
def test_a_font_without_the_instruments_is_named(system: Cmt) -> None:
    """A drum's key that no kit has sounds nothing, as all keys of a font without kits."""
    with pytest.raises(GenerationError, match=r"nothing sounds with the sound font TimGM6mb\.sf2"):
        play(midi_file([Note(0, 0, 2, 1)], 120.0, 1.0), system.font, 1.0)


def test_a_video_becomes_a_soundtrack_with_its_score_beside_it(system: Cmt, tmp_path: Path) -> None:
    write_pan(tmp_path / "clip.mp4")
    request = Request("clip", tmp_path / "clip.mp4", 1.0, 5)
    shares: list[float] = []
    made = system.generate(request, lambda share, doing: shares.append(share))
    assert made.waveform.shape == (2, RATE_HZ)
    assert np.abs(made.waveform).max() > 0.05
    assert shares == sorted(shares)
    score = pretty_midi.PrettyMIDI(io.BytesIO(made.artefacts["music.mid"]))
    assert sum(len(track.notes) for track in score.instruments) > 5
    again = system.generate(request, lambda share, doing: None)
    assert np.array_equal(made.waveform, again.waveform)


def test_what_decides_the_sound_is_in_the_digest_of_inputs(tmp_path: Path) -> None:
    other = tmp_path / "other.sf2"
    other.write_bytes(font("").read_bytes() + b"\0")
    own = registry.inputs_digest("cmt", "tiny", FACTS, {})
    assert registry.inputs_digest("cmt", "tiny", FACTS, {"font": str(other)}) != own
    assert registry.inputs_digest("cmt", "tiny", FACTS, {}) == own


@pytest.mark.parametrize(
    ("chosen", "says"), [("missing.sf2", "is not there; set `font`"), ("notes.txt", "is no SoundFont 2 file")]
)
def test_a_sound_font_that_cannot_be_used_is_refused_before_any_work(
    chosen: str, says: str, tmp_path: Path
) -> None:
    (tmp_path / "notes.txt").write_text("do re mi fa so la")
    refused = registry.refusal("cmt", FACTS, {"font": str(tmp_path / chosen)})
    assert refused is not None
    assert says in refused


def test_without_any_synthesiser_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise band.PackageNotFoundError(name)

    monkeypatch.setattr(band.shutil, "which", lambda name: None)
    monkeypatch.setattr(band, "version", missing)
    with pytest.raises(GenerationError, match=r"pip install --no-deps tinysoundfont==0\.3\.7"):
        synthesiser()


def test_clips_too_short_or_too_long_are_refused() -> None:
    assert "at least 1 s" in (registry.refusal("cmt", replace(FACTS, duration_s=0.5), {}) or "")
    assert "up to 180 s" in (registry.refusal("cmt", replace(FACTS, duration_s=200.0), {}) or "")
    assert registry.refusal("cmt", FACTS, {}) is None


def test_a_file_that_is_no_video_is_told_in_a_sentence(system: Cmt, tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_text("not a video")
    with pytest.raises(GenerationError, match="the video cannot be looked at"):
        system.generate(Request("clip", tmp_path / "clip.mp4", 1.0, 5), lambda share, doing: None)
