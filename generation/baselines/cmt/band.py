"""A MIDI file played by a General MIDI sound font: FluidSynth where it is installed, TinySoundFont otherwise.

tinysoundfont's wheel carries its synthesiser; it asks for PyAudio, which playing into memory does not need, and
which cannot be built without PortAudio, so it is installed without its dependencies.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
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
    return path


def synthesiser() -> str:
    """Which synthesiser will play, with its version. Raises GenerationError when there is none."""
    program = shutil.which("fluidsynth")
    if program:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=20, check=False)
        return next(iter(said.stdout.splitlines()), "FluidSynth")
    try:
        return f"TinySoundFont {version('tinysoundfont')}"
    except PackageNotFoundError:
        raise GenerationError(
            "nothing here plays a MIDI file: install FluidSynth, or pip install --no-deps tinysoundfont==0.3.7"
        ) from None


def play(midi: bytes, path: Path, duration_s: float) -> Wave:
    """A MIDI file as float32 [2, round(duration_s · RATE_HZ)], faded out over its last 50 ms.

    Raises GenerationError where the font cannot be read, or plays nothing at all.
    """
    played = (
        _by_fluidsynth(midi, path) if shutil.which("fluidsynth") else _by_tinysoundfont(midi, path, duration_s)
    )
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


def _by_fluidsynth(midi: bytes, path: Path) -> Wave:
    with tempfile.TemporaryDirectory(prefix="duet-midi-") as room:
        score, sound = Path(room) / "music.mid", Path(room) / "music.wav"
        score.write_bytes(midi)
        command = ["fluidsynth", "-ni", "-q", "-g", "0.5", "-r", str(RATE_HZ), "-T", "wav", "-O", "float"]
        try:
            done = subprocess.run(
                [*command, "-F", str(sound), str(path), str(score)],
                stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=_TIMEOUT_S, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            raise GenerationError(f"FluidSynth was stopped after {_TIMEOUT_S:.0f} s with {path.name}") from None
        if done.returncode or not sound.is_file():
            raise GenerationError(f"FluidSynth could not play {path.name}: {done.stderr.strip()[-200:]}")
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
    except tinysoundfont.SoundFontException as error:
        raise GenerationError(f"the sound font {path.name} cannot be read: {error}; take another") from error
    events: list[tuple[int, int, int, int, int]] = []
    for channel, track in enumerate(pretty_midi.PrettyMIDI(io.BytesIO(midi)).instruments):
        synth.program_select(channel, loaded, 128 if track.is_drum else 0, track.program, track.is_drum)
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
