"""``evaluate`` and ``listen``: what systems play, in figures and pictures."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from generation import registry
from generation.commands.asking import bar, names_from_outside

if TYPE_CHECKING:
    from generation.cascade.training.shards import Shards
    from generation.commands import Commands


def add(commands: Commands) -> None:
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

    listening = commands.add_parser("listen", help="draw and measure what every system makes of a few clips")
    listening.add_argument("folder", type=Path, help="clips with their manifest, of demo-material say")
    listening.add_argument("--clips", type=int, default=3, help="how many are scored; all lend their music (3)")
    listening.add_argument("--preset", default="tiny")
    listening.add_argument("--systems", nargs="+", help="only these")
    listening.add_argument("--out", required=True, type=Path, help="folder of the pictures")
    listening.add_argument("--page", required=True, type=Path, help="Markdown page with pictures and figures")
    listening.add_argument("--device", default="cpu", help="cpu (default) or cuda")
    listening.set_defaults(command=listen)


def evaluate(options: argparse.Namespace) -> None:
    """Measure a trained preset on clips that training never saw."""
    from generation.cascade.cascade import Cascade
    from generation.cascade.presets import preset
    from generation.cascade.training.shards import Shards
    from generation.metrics.evaluate import SYSTEMS, evaluate, world_sets, write_results
    from generation.metrics.tables import markdown

    with names_from_outside():
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


def listen(options: argparse.Namespace) -> None:
    """Draw and measure what every system makes of a few clips."""
    import torch

    from generation.metrics.listening import SYSTEMS, draw, page, prompts_of, score

    systems = options.systems or SYSTEMS
    torch.set_num_threads(1)
    with names_from_outside(), bar() as progress:
        videos, donors, prompts = prompts_of(options.folder, options.clips)
        scored = score(videos, donors, systems, prompts, options.preset, options.device, progress)
    pictures = draw(scored, options.out)
    options.page.write_text(page(scored, pictures, prompts, options.preset, options.page.parent), encoding="utf-8")
    size = sum(path.stat().st_size for path in pictures.values())
    print(f"{options.page}: {len(pictures)} pictures, {size / 1e6:.2f} MB")
