"""The listening page: what every system makes of the same clips, as pictures of the sound and in numbers."""

from __future__ import annotations

import csv
import os
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import numpy.typing as npt

from generation import registry
from generation.contracts import GenerationError, Progress, Request
from generation.media.decode import resample
from generation.media.master import extract_audio, make_master
from generation.metrics.onsets import beat_strength, onset_rate
from generation.metrics.timbre import flatness, level_between_notes_db, loudness_lufs

Wave = npt.NDArray[np.float32]

RATE_HZ = 16_000
"""At which all soundtracks are drawn and measured; the cascade's own."""

SYSTEMS = (
    "ground-truth",
    "random-shuffle",
    "v2meow-clip",
    "v2meow-i3d",
    "v2meow-vit",
    "v2meow-vit-i3d",
    "v2meow-clip-i3d",
    "v2meow-clip-text",
    "v2meow-i3d-text",
    "v2meow-vit-text",
    "v2meow-vit-i3d-text",
    "v2meow-clip-i3d-text",
    "v2meow-clip-audio-stage2",
    "v2meow-clip-no-semantic",
)
CLIP_S = 10.0

_FFT, _HOP = 1024, 160
_DYNAMIC_DB = 80


@dataclass(frozen=True, slots=True)
class Scored:
    """One soundtrack, mono at RATE_HZ."""

    system: str
    clip: str
    wave: Wave


def prompts_of(folder: Path, count: int) -> tuple[list[Path], list[Path], dict[str, str]]:
    """The first clips of a folder with a manifest, the other clips, and for each of the first another genre.

    Raises GenerationError when there is no manifest, or too few clips or genres to choose from.
    """
    manifest = folder / "manifest.csv"
    if not manifest.is_file():
        raise GenerationError(
            f"{folder} has no manifest.csv; make clips with `python -m generation demo-material`"
        )
    with manifest.open(encoding="utf-8", newline="") as file:
        rows = [(folder / row["file"], row["genre"]) for row in csv.DictReader(file)]
    genres = list(dict.fromkeys(genre for _, genre in rows))
    if len(rows) <= count or len(genres) < 2:
        raise GenerationError(
            f"{folder} has {len(rows)} clips of {len(genres)} genres; listening to {count} needs more clips than "
            "that, and two genres"
        )
    asked = {path.stem: genres[(genres.index(genre) + 1) % len(genres)].lower() for path, genre in rows[:count]}
    paths = [path for path, _ in rows]
    return paths[:count], paths[count:], asked


def score(
    videos: Sequence[Path],
    donors: Sequence[Path],
    systems: Sequence[str],
    prompts: Mapping[str, str],
    preset: str,
    device: str,
    progress: Progress,
) -> list[Scored]:
    """Let every system score every video, seed 0, as a study would.

    donors: further videos whose music random-shuffle may take. prompts: clip, by file stem, to what systems that
    read text are asked for. Raises GenerationError as the systems do, or when a video has no sound.
    """
    done: list[Scored] = []
    with tempfile.TemporaryDirectory(prefix="duet-listening-") as scratch:
        room = Path(scratch)
        masters = {
            video.stem: make_master(video, room / f"{video.stem}.mp4", start_s=0.0, duration_s=CLIP_S)
            for video in videos
        }
        audio = {video.stem: _sound(video, room) for video in [*videos, *donors]}
        for key in systems:
            spec = registry.spec(key)
            system = registry.build(key, preset if preset in spec.presets else spec.presets[0], {}, device)
            for clip, master in masters.items():
                progress(len(done) / (len(systems) * len(masters)), f"{key}: {clip}")
                text = prompts[clip] if spec.reads_text else None
                request = Request(clip, master.path, master.duration_s, 0, text, audio if spec.donors else {})
                sound = system.generate(request, lambda share, words: None)
                mono = resample(sound.waveform, sound.sample_rate_hz, sample_rate_hz=RATE_HZ, channels=2).mean(0)
                done.append(Scored(key, clip, np.asarray(mono, dtype=np.float32)))
    return done


def _sound(video: Path, room: Path) -> Path:
    sound = extract_audio(video, room / video.stem / "audio.wav", start_s=0.0, duration_s=CLIP_S)
    if sound is None:
        raise GenerationError(f"{video.name} has no sound; give clips that come with their music")
    return sound


def draw(scored: Sequence[Scored], folder: Path) -> dict[str, Path]:
    """One picture a system, a column a clip: waveform above spectrogram. System to path.

    Raises GenerationError without matplotlib, which is in the extra ``training``.
    """
    if find_spec("matplotlib") is None:
        raise GenerationError("pictures need matplotlib; install it with `pip install duet[training]`")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    folder.mkdir(parents=True, exist_ok=True)
    pictures = {}
    for system in dict.fromkeys(each.system for each in scored):
        row = [each for each in scored if each.system == system]
        figure = Figure(figsize=(3.4 * len(row), 2.7), layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.subplots(
            2, len(row), sharex=True, sharey="row", squeeze=False, gridspec_kw={"height_ratios": (1, 2.2)}
        )
        for column, each in enumerate(row):
            length_s = len(each.wave) / RATE_HZ
            low, high = _outline(each.wave, 600)
            above, below = axes[0, column], axes[1, column]
            above.fill_between(np.linspace(0, length_s, len(low)), low, high, linewidth=0, color="#33415c")
            above.set_ylim(-1, 1)
            above.set_title(each.clip, fontsize=8)
            below.imshow(
                _spectrogram_db(each.wave),
                origin="lower",
                aspect="auto",
                extent=(0, length_s, 0, RATE_HZ / 2000),
                vmin=-_DYNAMIC_DB,
                vmax=0,
                cmap="magma",
                interpolation="nearest",
            )
            for axis in (above, below):
                axis.tick_params(labelsize=7)
        axes[1, 0].set_ylabel("kHz", fontsize=7)
        axes[1, -1].set_xlabel("s", fontsize=7)
        pictures[system] = folder / f"{system}.jpg"
        figure.savefig(pictures[system], dpi=92, pil_kwargs={"quality": 78, "optimize": True})
    return pictures


def page(
    scored: Sequence[Scored], pictures: Mapping[str, Path], prompts: Mapping[str, str], preset: str, beside: Path
) -> str:
    """The page itself, Markdown; picture links are relative to the folder ``beside``."""
    clips = list(dict.fromkeys(each.clip for each in scored))
    commands = (
        "    python -m generation demo-material var/demo --clips 4",
        f"    python -m generation listen var/demo --preset {preset} --out docs/images/listening "
        "--page docs/listening.md",
        f"    python -m generation render --system v2meow-clip-i3d --video var/demo/{clips[0]}.mp4 -o out.mp4",
    )
    asked = "; ".join(f"{clip}: “{prompts[clip]}”" for clip in clips)
    blocks = [
        "# What the systems play",
        _filled(
            f"The same {len(clips)} clips of the demo, which no network was trained on, scored by every system of "
            f"the preset `{preset}` with seed 0. Pictures show the waveform and, below it, the spectrogram up to "
            f"8 kHz, over {_DYNAMIC_DB} dB. They do not replace ears; the last command writes a finished video."
        ),
        "\n".join(commands),
        _filled(f"Systems that read text were asked for another genre than the video's: {asked}."),
        "\n".join([*_HEAD, *(_row(each) for each in scored)]),
        _filled(
            "`ground-truth` is the music that belongs to the clip: what the other rows are to be compared with. "
            "The measures are those of [the evaluation](evaluation.md)."
        ),
    ]
    for system, picture in pictures.items():
        label = registry.spec(system).label
        link = Path(os.path.relpath(picture, beside)).as_posix()
        blocks += [f"## {label}", f"`{system}`", f"![{label}]({link})"]
    return "\n\n".join(blocks) + "\n"


_HEAD = (
    "| system | clip | LUFS | onset autocorrelation peak | onsets, 1/s | flatness | between notes, dB |",
    "| --- | --- | --- | --- | --- | --- | --- |",
)


def _filled(text: str) -> str:
    return textwrap.fill(text, 118, break_long_words=False, break_on_hyphens=False)


def _row(each: Scored) -> str:
    values = (
        f"{loudness_lufs(each.wave, RATE_HZ):.1f}",
        f"{beat_strength(each.wave, RATE_HZ):.2f}",
        f"{onset_rate(each.wave, RATE_HZ):.1f}",
        f"{flatness(each.wave, RATE_HZ):.4f}",
        f"{level_between_notes_db(each.wave, RATE_HZ):.1f}",
    )
    return f"| `{each.system}` | {each.clip} | " + " | ".join(values) + " |"


def _outline(wave: Wave, columns: int) -> tuple[Wave, Wave]:
    """Lowest and highest sample of each of ``columns`` stretches."""
    stretches = wave[: len(wave) // columns * columns].reshape(columns, -1)
    return stretches.min(1), stretches.max(1)


def _spectrogram_db(wave: Wave) -> npt.NDArray[np.float64]:
    """Level of every bin [bins, frames] against a full-scale sine."""
    padded = np.pad(wave, (_FFT // 2, _FFT))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP] * np.hanning(_FFT)
    level = np.abs(np.fft.rfft(frames)) * (4 / _FFT)
    return np.asarray(20 * np.log10(level + 1e-6).T, dtype=np.float64)
