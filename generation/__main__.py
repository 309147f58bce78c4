"""``python -m generation``: list systems, let one score a video, train the cascade, make demo material."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from generation import registry
from generation.contracts import GenerationError, Progress, Request, Settings, Soundtrack, SystemSpec
from generation.threads import use_threads

BAR_STEPS = 1000


class UsageError(GenerationError):
    """The command line asks for something that is not there."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command. Gives the exit status: 0 done, 1 refused with one sentence, 2 wrong usage."""
    options = _parser().parse_args(arguments)
    try:
        options.command(options)
    except (GenerationError, OSError) as error:
        print(f"{options.name}: {error}", file=sys.stderr)
        return 1
    return 0


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
    spec, preset = _chosen(options.system, options.preset)
    if options.text is not None and not spec.reads_text:
        raise UsageError(f"{spec.key} reads no text; leave --text out")
    if options.out.suffix not in (".wav", ".mp4"):
        raise UsageError(f"--out {options.out} must end in .wav (soundtrack) or .mp4 (video with it)")
    with _names_from_outside():
        settings = registry.effective_settings(spec.key, _settings(options.set, spec))
    with tempfile.TemporaryDirectory(prefix="duet-") as scratch, _bar() as progress:
        request = _request(options, spec, Path(scratch), progress)
        progress(0.0, f"loading {spec.slug(preset)}")
        use_threads(1)
        system = registry.build(spec.key, preset, settings, options.device)
        soundtrack = system.generate(request, progress)
        _write(soundtrack, request, options.out, progress)
    print(f"{options.out}: {soundtrack.duration_s:.2f} s by {spec.slug(preset)}, seed {options.seed}")


def dataset(options: argparse.Namespace) -> None:
    """Cut videos or music, or pieces of the self-made world, into a training set."""
    from generation.cascade.presets import preset
    from generation.cascade.training.dataset import make_set, make_world_set
    from generation.cascade.training.shards import Kind

    with _names_from_outside():
        sizes = preset(options.preset)
    kind: Kind = "audio" if options.audio_only else "paired"
    common = {"kind": kind, "segment_s": options.segment, "workers": options.workers}
    if options.world is None:
        if options.folder is None:
            raise UsageError("name a folder of videos or music, or --world COUNT")
        shards = make_set(options.folder, options.out, sizes, **common)
    else:
        shards = make_world_set(options.out, sizes, options.world, held_out=options.held_out, **common)
    for left in shards.left_out:
        print(f"left out {left.source}: {left.reason}", file=sys.stderr)
    print(f"{options.out}: {len(shards)} examples of {options.segment:g} s, {len(shards.left_out)} left out")


def train(options: argparse.Namespace) -> None:
    """Train parts of the cascade, on a set that was made before or on the self-made world."""
    from generation.cascade.presets import PRESETS, preset
    from generation.cascade.training.course import train_parts, world_sets
    from generation.cascade.training.parts import RECIPES
    from generation.cascade.training.ranks import joined, rank
    from generation.cascade.training.shards import Shards

    _check([options.preset], PRESETS, "preset to train")
    _check(options.parts or (), RECIPES, "part of the cascade")
    if (options.data is None) != (options.held_out is None):
        raise UsageError("--data and --held-out come together: what is trained on and what is kept for evaluation")
    sizes = preset(options.preset)
    use_threads(options.threads)
    work = options.work or Path("var") / "training" / options.preset
    with joined(options.device) as device:
        if options.data is None:
            sets = world_sets(work / "data", sizes)
        else:
            sets = Shards(options.data), Shards(options.held_out)
        trained = train_parts(
            sizes,
            *sets,
            parts=options.parts or list(RECIPES),
            out=options.out,
            work=work,
            seed=options.seed,
            minutes=options.minutes,
            device=device,
        )
        for each in trained if rank() == 0 else ():
            print(f"{each.path}: {each.path.stat().st_size / 1e6:.2f} MB, {_figures(each.figures)}")


def _figures(figures: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())


def evaluate(options: argparse.Namespace) -> None:
    """Measure a trained preset on clips that training never saw."""
    from generation.cascade.cascade import Cascade
    from generation.cascade.presets import preset
    from generation.cascade.training.shards import Shards
    from generation.metrics.evaluate import SYSTEMS, evaluate, world_sets, write_results
    from generation.metrics.tables import markdown

    with _names_from_outside():
        sizes = preset(options.preset)
    sets: tuple[Shards, Shards | None]
    if options.data is None:
        sets = world_sets(sizes, options.out, options.clips)
    else:
        sets = Shards(options.data), None if options.training is None else Shards(options.training)
    cascade = Cascade(sizes, options.device, options.weights)
    results = evaluate(cascade, options.systems or SYSTEMS, *sets, options.clips, options.out)
    for path in write_results(results, options.out, markdown(results)):
        print(path)


def weights(options: argparse.Namespace) -> None:
    """Say of every part of a preset where its weights come from, after installing the published ones asked for."""
    from generation.cascade.presets import preset
    from generation.cascade.published.install import install, status
    from generation.cascade.published.resolve import from_hub
    from generation.cascade.training.shards import Shards

    with _names_from_outside():
        sizes = preset(options.preset)
    music = None if options.music is None else Shards(options.music)
    fetch = from_hub if options.fetch else None
    for part in options.install or ():
        path = install(sizes, part, options.folder, options.weights, fetch=fetch, music=music)
        print(f"{path}: installed, {path.stat().st_size / 1e6:.1f} MB")
    for row in status(sizes, options.folder, options.weights):
        print(f"{row.part}: {row.state}\n    {row.origin}; {row.licence}{f'; {row.note}' if row.note else ''}")


def listen(options: argparse.Namespace) -> None:
    """Draw and measure what every system makes of a few clips."""
    from generation.metrics.listening import SYSTEMS, draw, page, prompts_of, score

    systems = options.systems or SYSTEMS
    use_threads(1)
    with _names_from_outside(), _bar() as progress:
        videos, donors, prompts = prompts_of(options.folder, options.clips)
        scored = score(videos, donors, systems, prompts, options.preset, options.device, progress)
    pictures = draw(scored, options.out)
    options.page.write_text(page(scored, pictures, prompts, options.preset, options.page.parent), encoding="utf-8")
    size = sum(path.stat().st_size for path in pictures.values())
    print(f"{options.page}: {len(pictures)} pictures, {size / 1e6:.2f} MB")


def demo_material(options: argparse.Namespace) -> None:
    """Make the self-made clips and their music."""
    from generation.world import write_demo
    from generation.world.demo import demo_pieces

    with _names_from_outside():
        demo_pieces(options.clips, options.seed)
    with _bar() as progress:
        write_demo(options.folder, clips=options.clips, seed=options.seed, progress=progress)
    print(f"{options.folder}: {options.clips} clips")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m generation", description=__doc__)
    commands = parser.add_subparsers(dest="name", required=True)

    listing = commands.add_parser("list", help="every system, its presets and what it needs")
    listing.set_defaults(command=list_systems)

    rendering = commands.add_parser("render", help="let a system write the soundtrack of one video")
    rendering.add_argument("--system", required=True, help="key of the system, or its slug with the preset")
    rendering.add_argument("--preset", help="size of the system; its first one by default")
    rendering.add_argument("--video", required=True, type=Path, help="any video ffmpeg reads")
    rendering.add_argument("--start", type=float, default=0.0, help="second at which to start (0)")
    rendering.add_argument("--duration", type=float, help="seconds to score (10, or all of a shorter video)")
    rendering.add_argument("--text", help="prompt, for systems that read text")
    rendering.add_argument("--seed", type=int, default=0)
    rendering.add_argument("--library", type=Path, help="folder of other videos or audio (random-shuffle)")
    rendering.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a setting")
    rendering.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    rendering.add_argument("-o", "--out", required=True, type=Path, help="out.wav or out.mp4")
    rendering.set_defaults(command=render)

    making = commands.add_parser("dataset", help="cut a folder of videos or music into a training set")
    making.add_argument("folder", nargs="?", type=Path, help="folder of videos, or of any music with --audio-only")
    making.add_argument("--world", type=int, metavar="COUNT", help="pieces of the self-made world instead")
    making.add_argument("--held-out", action="store_true", help="those of its pieces that training never sees")
    making.add_argument("--out", required=True, type=Path, help="folder of the set")
    making.add_argument("--preset", default="tiny", help="whose rates and picture sizes (tiny)")
    making.add_argument("--audio-only", action="store_true", help="music without pictures, for stages 2 and 3")
    making.add_argument("--segment", type=float, default=15.0, help="seconds an example (15)")
    making.add_argument("--workers", type=int, default=1, help="processes, of one thread each (1)")
    making.set_defaults(command=dataset)

    training = commands.add_parser("train", help="train parts of the cascade")
    training.add_argument("--preset", default="tiny")
    training.add_argument(
        "--data", type=Path, metavar="SET", help="set to train on; the self-made world by default"
    )
    training.add_argument("--held-out", type=Path, metavar="SET", help="set to evaluate on")
    training.add_argument("--parts", nargs="+", help="only these parts of the cascade")
    training.add_argument("--minutes", type=float, help="wall time for all of these parts together")
    training.add_argument("--out", type=Path, default=registry.ROOM / "weights", help="folder of the weights")
    training.add_argument("--work", type=Path, help="folder of checkpoints and curves (var/training/PRESET)")
    training.add_argument("--seed", type=int, default=0)
    training.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    training.add_argument("--threads", type=int, default=1, help="threads of torch a process on the CPU (1)")
    training.set_defaults(command=train)

    judging = commands.add_parser(
        "evaluate", help="measure a trained preset on held-out clips (docs/evaluation.md)"
    )
    judging.add_argument("--preset", default="tiny")
    judging.add_argument("--systems", nargs="+", help="only these; -text ones are asked with and without a prompt")
    judging.add_argument("--clips", type=int, default=100, help="how many clips (100)")
    judging.add_argument("--data", type=Path, metavar="SET", help="set of clips with genres; the world by default")
    judging.add_argument("--training", type=Path, metavar="SET", help="training music, for the Fréchet distance")
    judging.add_argument("--weights", type=Path, default=registry.ROOM / "weights", help="folder of the weights")
    judging.add_argument("--out", required=True, type=Path, help="folder of results and soundtracks")
    judging.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    judging.set_defaults(command=evaluate)

    giving = commands.add_parser("weights", help="say where each part's weights come from, install published ones")
    giving.add_argument("--preset", default="base")
    giving.add_argument(
        "--install", nargs="+", metavar="PART", help="write these parts from their published files"
    )
    giving.add_argument(
        "--folder", type=Path, default=Path("var/published"), help="where published files lie (var/published)"
    )
    giving.add_argument("--fetch", action="store_true", help="fetch what is not there from Hugging Face's hub")
    giving.add_argument(
        "--music", type=Path, metavar="SET", help="set that semantic tokens and feature scales are fitted to"
    )
    giving.add_argument("--weights", type=Path, default=registry.ROOM / "weights", help="folder of the weights")
    giving.set_defaults(command=weights)

    listening = commands.add_parser("listen", help="draw and measure what every system makes of a few clips")
    listening.add_argument("folder", type=Path, help="clips with their manifest, of demo-material say")
    listening.add_argument("--clips", type=int, default=3, help="how many are scored; all lend their music (3)")
    listening.add_argument("--preset", default="tiny")
    listening.add_argument("--systems", nargs="+", help="only these")
    listening.add_argument("--out", required=True, type=Path, help="folder of the pictures")
    listening.add_argument("--page", required=True, type=Path, help="Markdown page with pictures and figures")
    listening.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    listening.set_defaults(command=listen)

    demo = commands.add_parser("demo-material", help="make the demo's own clips with their music")
    demo.add_argument("folder", type=Path)
    demo.add_argument("--clips", type=int, default=12)
    demo.add_argument("--seed", type=int, default=0)
    demo.set_defaults(command=demo_material)
    return parser


def _chosen(name: str, preset: str | None) -> tuple[SystemSpec, str]:
    """A system by its key, or by the slug that ``list`` shows."""
    for spec in registry.SYSTEMS.values():
        for own in spec.presets:
            if name == spec.slug(own) and own != "default" and preset in (None, own):
                return spec, own
    with _names_from_outside():
        spec = registry.spec(name)
    if preset is not None and preset not in spec.presets:
        raise UsageError(f"{spec.key} has no preset {preset!r}; there are {', '.join(spec.presets)}")
    return spec, preset or spec.presets[0]


def _check(names: Sequence[str], there: Collection[str], what: str) -> None:
    for name in names:
        if name not in there:
            raise UsageError(f"no {what} {name!r}; there are {', '.join(there)}")


@contextmanager
def _names_from_outside() -> Iterator[None]:
    """A KeyError or ValueError about what a person has typed is that person's mistake, not a bug."""
    try:
        yield
    except (KeyError, ValueError) as error:
        raise UsageError(error.args[0]) from error


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
        settings[name] = type(default)(value) if isinstance(default, int | float) else value
    return settings


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


def _write(soundtrack: Soundtrack, request: Request, out: Path, progress: Progress) -> None:
    from generation.media.decode import write_wav
    from generation.media.mux import render as render_video

    progress(1.0, f"writing {out.name}")
    if out.suffix == ".wav":
        write_wav(out, soundtrack.waveform, soundtrack.sample_rate_hz)
    else:
        render_video(request.video, soundtrack, out)
    for name, content in soundtrack.artefacts.items():
        out.with_name(f"{out.stem}-{Path(name).name}").write_bytes(content)


@contextmanager
def _bar() -> Iterator[Progress]:
    """A progress bar that systems report their share to."""
    from tqdm import tqdm

    with tqdm(total=BAR_STEPS, bar_format="{desc:32.32} {percentage:3.0f}%|{bar}| {remaining} left") as bar:

        def progress(share: float, what: str) -> None:
            bar.set_description_str(what, refresh=False)
            bar.n = round(BAR_STEPS * min(1.0, max(0.0, share)))
            bar.refresh()

        yield progress


if __name__ == "__main__":
    sys.exit(main())
