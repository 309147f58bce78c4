"""``train``, ``weights`` and ``install-cmt``: networks trained here or published elsewhere."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from generation import registry
from generation.commands.asking import UsageError, check, names_from_outside

if TYPE_CHECKING:
    from generation.commands import Commands


def add(commands: Commands) -> None:
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

    installing = commands.add_parser("install-cmt", help="keep CMT's published checkpoint as the preset published")
    installing.add_argument("checkpoint", type=Path, help="loss_8_params.pt, from where the authors' README says")
    installing.add_argument(
        "--out", type=Path, default=registry.ROOM / "weights" / "cmt" / "published.safetensors"
    )
    installing.set_defaults(command=install_cmt)


def install_cmt(options: argparse.Namespace) -> None:
    """Check CMT's published checkpoint tensor by tensor and keep it where the system looks for it."""
    from generation.baselines.cmt.published import install

    path = install(options.checkpoint, options.out)
    print(f"{path}: installed, {path.stat().st_size / 1e6:.1f} MB")


def train(options: argparse.Namespace) -> None:
    """Train parts of the cascade, on a set that was made before or on the self-made world."""
    import torch

    from generation.cascade.presets import PRESETS, preset
    from generation.cascade.training.course import train_parts, world_sets
    from generation.cascade.training.parts import RECIPES
    from generation.cascade.training.ranks import joined, rank
    from generation.cascade.training.shards import Shards

    check([options.preset], PRESETS, "preset to train")
    check(options.parts or (), RECIPES, "part of the cascade")
    if (options.data is None) != (options.held_out is None):
        raise UsageError("--data and --held-out come together: what is trained on and what is kept for evaluation")
    sizes = preset(options.preset)
    torch.set_num_threads(options.threads)
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


def weights(options: argparse.Namespace) -> None:
    """Say of every part of a preset where its weights come from, after installing the published ones asked for."""
    from generation.cascade.presets import preset
    from generation.cascade.published.install import install, status
    from generation.cascade.published.resolve import from_hub
    from generation.cascade.training.shards import Shards

    with names_from_outside():
        sizes = preset(options.preset)
    music = None if options.music is None else Shards(options.music)
    fetch = from_hub if options.fetch else None
    for part in options.install or ():
        path = install(sizes, part, options.folder, options.weights, fetch=fetch, music=music)
        print(f"{path}: installed, {path.stat().st_size / 1e6:.1f} MB")
    for row in status(sizes, options.folder, options.weights):
        print(f"{row.part}: {row.state}\n    {row.origin}; {row.licence}{f'; {row.note}' if row.note else ''}")
