"""``list`` and ``render``: the systems, and one of them scoring one video."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from generation import registry
from generation.commands.asking import UsageError, bar, names_from_outside
from generation.contracts import Progress, Request, Settings, Soundtrack, SystemSpec

if TYPE_CHECKING:
    from generation.commands import Commands


def add(commands: Commands) -> None:
    listing = commands.add_parser("list", help="every system, its presets and what it needs")
    listing.set_defaults(command=list_systems)

    rendering = commands.add_parser("render", help="let a system write the soundtrack of one video")
    rendering.add_argument("--system", required=True, help="key of the system, or its slug with the preset")
    rendering.add_argument("--preset", help="size of the system; its first one by default")
    rendering.add_argument("--video", required=True, type=Path, help="any video ffmpeg reads")
    rendering.add_argument("--start", type=float, default=0.0, help="second at which to start (0)")
    rendering.add_argument("--duration", type=float, help="seconds to score (10, or all of a shorter video)")
    rendering.add_argument("--text", help="prompt, for systems that read text")
    rendering.add_argument("--seed", type=_seed, default=0, help="a whole number, 0 or more (0)")
    rendering.add_argument("--library", type=Path, help="folder of other videos or audio (random-shuffle)")
    rendering.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting")
    rendering.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    rendering.add_argument("-o", "--out", required=True, type=Path, help="out.wav or out.mp4")
    rendering.set_defaults(command=render)


def list_systems(options: argparse.Namespace) -> None:
    """One line a system and preset."""
    rows = [("SYSTEM", "PRESET", "NEEDS", "TEXT", "WHAT IT IS")]
    for spec in registry.SYSTEMS.values():
        text = "yes" if spec.reads_text else "no"
        rows += [(spec.slug(preset), preset, _needs(spec), text, spec.label) for preset in spec.presets]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    for row in rows:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]]))


def render(options: argparse.Namespace) -> None:
    """Let a system score a video; write the bare soundtrack (.wav) or the finished stimulus (.mp4)."""
    import torch

    spec, preset = _chosen(options.system, options.preset)
    if options.text is not None and not spec.reads_text:
        raise UsageError(f"{spec.key} reads no text; leave --text out")
    if options.out.suffix not in (".wav", ".mp4"):
        raise UsageError(f"--out {options.out} must end in .wav (soundtrack) or .mp4 (video with it)")
    with names_from_outside():
        settings = registry.effective_settings(spec.key, _settings(options.set, spec))
    with tempfile.TemporaryDirectory(prefix="duet-") as scratch, bar() as progress:
        request = _request(options, spec, Path(scratch), progress)
        progress(0.0, f"loading {spec.slug(preset)}")
        torch.set_num_threads(1)
        system = registry.build(spec.key, preset, settings, options.device)
        soundtrack = system.generate(request, progress)
        _write(soundtrack, request, options.out, spec, progress)
    print(f"{options.out}: {soundtrack.duration_s:.2f} s by {spec.slug(preset)}, seed {options.seed}")


def _chosen(name: str, preset: str | None) -> tuple[SystemSpec, str]:
    """A system by its key, or by the slug that ``list`` shows."""
    for spec in registry.SYSTEMS.values():
        for own in spec.presets:
            if name == spec.slug(own) and own != "default" and preset in (None, own):
                return spec, own
    with names_from_outside():
        spec = registry.spec(name)
    if preset is not None and preset not in spec.presets:
        raise UsageError(f"{spec.key} has no preset {preset!r}; there are {', '.join(spec.presets)}")
    return spec, preset or spec.presets[0]


def _needs(spec: SystemSpec) -> str:
    needs = [
        "original audio" if spec.donors else "",
        "files" if spec.inputs else "",
        "GPU if there is one" if spec.needs_accelerator else "",
    ]
    return ", ".join(filter(None, needs)) or "nothing"


def _settings(pairs: Sequence[str], spec: SystemSpec) -> Settings:
    """``name=value`` as the kind of value the spec's default is."""
    settings: dict[str, object] = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals:
            raise UsageError(f"--set {pair!r} is not of the form name=value")
        default = spec.settings.get(name, "")
        settings[name] = _read(name, value, type(default)) if isinstance(default, int | float) else value
    return settings


def _read(name: str, value: str, kind: type[int | float]) -> int | float:
    try:
        return kind(value)
    except ValueError:
        what = "a whole number" if kind is int else "a number"
        raise UsageError(f"--set: {name} {value!r} is not {what}") from None


def _seed(given: str) -> int:
    if not (given.isascii() and given.isdigit()):
        raise argparse.ArgumentTypeError(f"{given!r} is not a whole number, 0 or more")
    return int(given)


def _request(options: argparse.Namespace, spec: SystemSpec, scratch: Path, progress: Progress) -> Request:
    from generation.media.master import extract_audio, make_master
    from generation.media.probe import require_video

    video: Path = options.video
    progress(0.0, f"cutting {video.name}")
    duration_s = options.duration or min(10.0, require_video(video).duration_s - options.start)
    master = make_master(video, scratch / "master.mp4", start_s=options.start, duration_s=duration_s)
    original_audio: dict[str, Path] = {}
    if spec.donors:
        own = extract_audio(
            video, scratch / "own" / "audio.wav", start_s=options.start, duration_s=master.duration_s
        )
        if own:
            original_audio[video.stem] = own
        original_audio |= _library(options.library, video.stem, scratch, master.duration_s)
    return Request(video.stem, master.path, master.duration_s, options.seed, options.text, original_audio)


def _library(folder: Path | None, own_id: str, scratch: Path, duration_s: float) -> dict[str, Path]:
    """The sound of every file of a folder that has some and is long enough, by file stem."""
    from generation.media.decode import audio, write_wav
    from generation.media.errors import MediaError

    if folder is None:
        return {}
    if not folder.is_dir():
        raise UsageError(f"--library {folder} is not a folder")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if not path.is_file() or path.stem == own_id:
            continue
        try:
            waveform = audio(path, sample_rate_hz=48_000, channels=2)
        except MediaError as error:
            print(f"--library: left out {path.name}: {error}", file=sys.stderr)
            continue
        if waveform.shape[1] < (duration_s - 0.5) * 48_000:
            print(f"--library: left out {path.name}: shorter than {duration_s:.1f} s", file=sys.stderr)
            continue
        found[path.stem] = scratch / "library" / f"{path.stem}.wav"
        write_wav(found[path.stem], waveform, 48_000)
    return found


def _write(soundtrack: Soundtrack, request: Request, out: Path, spec: SystemSpec, progress: Progress) -> None:
    from generation.media.decode import write_wav
    from generation.media.mux import render as render_video

    progress(1.0, f"writing {out.name}")
    if out.suffix == ".wav":
        write_wav(out, soundtrack.waveform, soundtrack.sample_rate_hz)
    else:
        render_video(request.video, soundtrack, out, target_lufs=-23.0 if spec.loudness_matched else None)
    for name, content in soundtrack.artefacts.items():
        out.with_name(f"{out.stem}-{Path(name).name}").write_bytes(content)
