"""``dataset`` and ``demo-material``: what is trained on, and what the demo shows."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from generation.commands.asking import UsageError, bar, names_from_outside

if TYPE_CHECKING:
    from generation.commands import Commands


def add(commands: Commands) -> None:
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

    demo = commands.add_parser("demo-material", help="make the demo's own clips with their music")
    demo.add_argument("folder", type=Path)
    demo.add_argument("--clips", type=int, default=12)
    demo.add_argument("--seed", type=int, default=0)
    demo.set_defaults(command=demo_material)


def dataset(options: argparse.Namespace) -> None:
    """Cut videos or music, or pieces of the self-made world, into a training set."""
    from generation.cascade.presets import preset
    from generation.cascade.training.dataset import make_set, make_world_set
    from generation.cascade.training.shards import Kind

    with names_from_outside():
        sizes = preset(options.preset)
    kind: Kind = "audio" if options.audio_only else "paired"
    common = {"kind": kind, "segment_s": options.segment, "workers": options.workers}
    if options.world is None:
        if options.folder is None:
            raise UsageError("name a folder of videos or music, or --world COUNT")
        shards = make_set(options.folder, options.out, sizes, **common)
    else:
        shards = make_world_set(
            options.out, sizes, options.world, purpose="held-out" if options.held_out else "training", **common
        )
    for left in shards.left_out:
        print(f"left out {left.source}: {left.reason}", file=sys.stderr)
    print(f"{options.out}: {len(shards)} examples of {options.segment:g} s, {len(shards.left_out)} left out")


def demo_material(options: argparse.Namespace) -> None:
    """Make the self-made clips and their music."""
    from generation.world import write_demo
    from generation.world.demo import demo_pieces

    with names_from_outside():
        demo_pieces(options.clips, options.seed)
    with bar() as progress:
        write_demo(options.folder, clips=options.clips, seed=options.seed, progress=progress)
    print(f"{options.folder}: {options.clips} clips")
