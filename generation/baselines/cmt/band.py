"""A MIDI file played by a General MIDI sound font: FluidSynth where it is installed, TinySoundFont otherwise.

tinysoundfont's wheel carries its synthesiser; it asks for PyAudio, which playing into memory does not need, and
which cannot be built without PortAudio, so it is installed without its dependencies.
"""

from __future__ import annotations

import io
import os
import shutil
import subprocess
import tempfile
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
import numpy.typing as npt

from generation.contracts import GenerationError
from generation.media.decode import audio
from generation.places import is_file, path_of
from generation.world.synth import font_path

Wave = npt.NDArray[np.float32]

RATE_HZ = 44_100
_LEVEL_DB = -6.0
_FADE_S = 0.05
_TIMEOUT_S = 120.0
_VERSION_TIMEOUT_S = 5.0
_RIFF_HEAD_BYTES = 8
_FAINTEST = 1e-4


def font(chosen: str) -> Path:
    """The sound font of a setting, or TimGM6mb (GPL-2) of the pretty_midi wheel. Raises GenerationError."""
    try:
        path = path_of("font", chosen) if chosen.strip() else font_path()
    except FileNotFoundError as error:
        raise GenerationError(str(error)) from None
    if not is_file("font", path):
        raise GenerationError(
            f"the sound font {path.name} is not there; set `font` to an .sf2 file on the server, or leave it empty"
        )
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] != b"RIFF" or head[8:] != b"sfbk":
        raise GenerationError(f"{path.name} is no SoundFont 2 file; set `font` to an .sf2 file, or leave it empty")
    promised, held = int.from_bytes(head[4:8], "little") + _RIFF_HEAD_BYTES, path.stat().st_size
    if held < promised:
        raise GenerationError(
            f"the sound font {path.name} is cut off: it promises {promised} bytes and has {held}; copy it again"
        )
    return path


def synthesiser() -> str:
    """Which synthesiser will play, with its version. Raises GenerationError when there is none.

    A FluidSynth that does not tell its version is passed over, and looked at again once its file has changed.
    """
    fluidsynth = _fluidsynth()
    if fluidsynth:
        return fluidsynth[1]
    try:
        return f"TinySoundFont {version('tinysoundfont')}"
    except PackageNotFoundError:
        mend = "mend FluidSynth, which does not tell its version" if _program() else "install FluidSynth"
        raise GenerationError(
            f"nothing here plays a MIDI file: {mend}, or pip install --no-deps tinysoundfont==0.3.7"
        ) from None


def play(midi: bytes, path: Path, duration_s: float) -> Wave:
    """A MIDI file as float32 [2, round(duration_s · RATE_HZ)], faded out over its last 50 ms.

    Raises GenerationError where the font cannot be read, or plays nothing at all.
    """
    fluidsynth = _fluidsynth()
    played = _by_fluidsynth(fluidsynth[0], midi, path) if fluidsynth else _by_tinysoundfont(midi, path, duration_s)
    wanted = round(duration_s * RATE_HZ)
    wave = np.pad(played[:, :wanted], ((0, 0), (0, max(0, wanted - played.shape[1]))))
    fade = round(_FADE_S * RATE_HZ)
    wave[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    loudest = float(np.abs(wave).max())
    if loudest < _FAINTEST:
        raise GenerationError(
            f"nothing sounds with the sound font {path.name}; it is damaged or lacks the instruments: take another"
        )
    return wave * np.float32(0.99 / loudest) if loudest > 0.99 else wave


def _program() -> str | None:
    return shutil.which("fluidsynth")


def _fluidsynth() -> tuple[str, str] | None:
    """The program and its version; None where there is none, or none that works."""
    program = _program()
    if program is None:
        return None
    name = _version_of(program, os.stat(program).st_mtime_ns)
    return None if name is None else (program, name)


# Planning asks for each of thousands of clips.
@lru_cache(maxsize=8)
def _version_of(program: str, changed_ns: int) -> str | None:
    """What FluidSynth as of this change says of itself; None where it hangs, fails or cannot be started."""
    try:
        said = subprocess.run(
            [program, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace",
            timeout=_VERSION_TIMEOUT_S, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return None
    return None if said.returncode else next(iter(said.stdout.splitlines()), "FluidSynth")


def _by_fluidsynth(program: str, midi: bytes, path: Path) -> Wave:
    with tempfile.TemporaryDirectory(prefix="duet-midi-") as room:
        score, sound = Path(room) / "music.mid", Path(room) / "music.wav"
        score.write_bytes(midi)
        command = [program, "-ni", "-q", "-g", "0.5", "-r", str(RATE_HZ), "-T", "wav", "-O", "float"]
        try:
            done = subprocess.run(
                [*command, "-F", str(sound), str(path), str(score)],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S,
                check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise GenerationError(f"FluidSynth was stopped after {_TIMEOUT_S:.0f} s with {path.name}") from None
        except OSError as error:
            raise GenerationError(f"FluidSynth cannot be started: {error.strerror}; install it anew") from None
        if done.returncode or not sound.is_file():
            said = done.stderr.strip().replace(str(path), path.name)[-200:]
            raise GenerationError(
                f"FluidSynth could not play {path.name}: {said or f'exit status {done.returncode}'}"
            )
        return audio(sound, sample_rate_hz=RATE_HZ, channels=2)


def _by_tinysoundfont(midi: bytes, path: Path, duration_s: float) -> Wave:
    import pretty_midi

    try:
        import tinysoundfont
    except ImportError:
        synthesiser()
        raise
    synth = tinysoundfont.Synth(gain=_LEVEL_DB, samplerate=RATE_HZ)
    try:
        loaded = synth.sfload(str(path))
    except RuntimeError as error:  # Its words are the whole path.
        raise GenerationError(
            f"the sound font {path.name} cannot be read: it is damaged or no SoundFont 2 file; take another"
        ) from error
    events: list[tuple[int, int, int, int, int]] = []
    for channel, track in enumerate(pretty_midi.PrettyMIDI(io.BytesIO(midi)).instruments):
        try:
            synth.program_select(channel, loaded, 128 if track.is_drum else 0, track.program, track.is_drum)
        except RuntimeError as error:
            raise GenerationError(
                f"the sound font {path.name} has no {track.name or 'instrument'} (General MIDI program "
                f"{track.program + 1}); take one with all instruments"
            ) from error
        for note in track.notes:
            # Ends come before beginnings of the same moment, or a repeated note would be cut at once.
            events.append((round(note.start * RATE_HZ), 1, channel, note.pitch, note.velocity))
            events.append((round(note.end * RATE_HZ), 0, channel, note.pitch, 0))
    parts, now = [], 0
    for at, begins, channel, pitch, velocity in [*sorted(events), (round(duration_s * RATE_HZ), 2, 0, 0, 0)]:
        if at > now:
            parts.append(np.frombuffer(bytes(synth.generate(at - now)), dtype=np.float32))
            now = at
        if begins == 1:
            synth.noteon(channel, pitch, velocity)
        elif begins == 0:
            synth.noteoff(channel, pitch)
    return np.ascontiguousarray(np.concatenate(parts).reshape(-1, 2).T)
