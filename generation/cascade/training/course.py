"""Train parts of a cascade one after the other, and write each when it is done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from generation.cascade.cascade import LEARNS_FROM, PARTS, Cascade
from generation.cascade.checkpoint import part_path, save_part, write_manifest
from generation.cascade.presets import Preset
from generation.cascade.training.dataset import make_world_set
from generation.cascade.training.features import with_features
from generation.cascade.training.loop import Schedule, run
from generation.cascade.training.parts import RECIPES, Material
from generation.cascade.training.ranks import first_rank_first, rank
from generation.cascade.training.shards import Shards
from generation.contracts import GenerationError

WORLD_PIECES, WORLD_HELD_OUT = 3072, 160
"""Pieces of the self-made world that ``tiny`` is trained and evaluated on."""


@dataclass(frozen=True, slots=True)
class Trained:
    """One part that was trained: its weight file and figures, with ``steps`` and ``seconds`` among them."""

    part: str
    path: Path
    figures: Mapping[str, float]


def train_parts(
    preset: Preset,
    train: Shards,
    held_out: Shards,
    *,
    parts: Sequence[str],
    out: Path,
    work: Path,
    seed: int,
    minutes: float | None = None,
    device: str | torch.device = "cpu",
) -> list[Trained]:
    """Train parts in order and write each when it is done: ``out/<preset>/<part>.safetensors`` and the manifest.

    minutes: wall time of all the parts together; each has its usual share. work: a folder a part for checkpoint,
    log and curves; a run that was stopped or killed goes on there. Parts left out are taken from ``out``.
    Raises GenerationError when a set lacks what a part learns from, or an earlier part is not there.
    """
    unknown = [part for part in parts if part not in RECIPES]
    if unknown:
        raise GenerationError(f"no part {', '.join(unknown)}; the parts are {', '.join(RECIPES)}")
    chosen = [part for part in RECIPES if part in parts]
    for part in chosen:
        for shards in (train, held_out):
            _look_for(part, shards)
    scale = 1.0 if minutes is None else minutes / sum(RECIPES[part].minutes for part in chosen)
    trained = []
    for part in chosen:
        recipe = RECIPES[part]
        cascade = Cascade(preset, device, out)
        with first_rank_first():
            sets = [with_features(shards, cascade, recipe.features) for shards in (train, held_out)]
        network = _network(part, cascade, seed)
        learnt_from = cascade.identities(LEARNS_FROM.get(part, ()))
        with first_rank_first():
            _claim(work / part, {"config": preset.config_of(recipe.saves or part), **learnt_from})
        lesson = recipe.build(Material(preset, cascade, *sets), network)
        own_minutes = recipe.minutes * scale
        schedule = Schedule(
            minutes=own_minutes,
            # Looking at everything held out, with every set of features, takes a stage a minute or two.
            evaluate_every_minutes=max(1.0, own_minutes / 4),
            learning_rate=recipe.rate,
            weight_decay=recipe.weight_decay,
            betas=recipe.betas,
            bf16=recipe.bf16,
        )
        figures = run(lesson.task, schedule, work / part, seed=seed, device=device)
        with torch.inference_mode():
            figures |= lesson.finish(torch.Generator().manual_seed(seed))
        path = part_path(preset.name, recipe.saves or part, out)
        if rank() == 0:
            notes = {
                "part": part,
                "seed": str(seed),
                "figures": json.dumps(figures, sort_keys=True),
                "learnt_from": json.dumps(learnt_from, sort_keys=True),
                "trained_on": f"{len(train)} examples of {train.cutting.segment_s:g} s",
                "sources": _sources_digest(),
            }
            save_part(path, network, config=preset.config_of(recipe.saves or part), notes=notes)
            write_manifest(out)
        trained.append(Trained(part, path, figures))
    return trained


def world_sets(work: Path, preset: Preset) -> tuple[Shards, Shards]:
    """Training and held-out pieces of the self-made world, made in ``work`` where they are not there yet."""
    with first_rank_first():
        return (
            make_world_set(work / "train", preset, WORLD_PIECES),
            make_world_set(work / "held-out", preset, WORLD_HELD_OUT, purpose="held-out"),
        )


def _look_for(part: str, shards: Shards) -> None:
    if RECIPES[part].needs == "paired" and shards.kind == "audio":
        raise GenerationError(
            f"{part} learns from pairs of video and music, and {shards.folder} holds music alone; "
            "make a set of videos, without --audio-only"
        )


def _network(part: str, cascade: Cascade, seed: int) -> nn.Module:
    """The network that a part trains: a new one, or for ``decoder`` the codec that is there."""
    torch.manual_seed(seed)
    if part == "decoder":
        network: nn.Module = cascade.codec
    else:
        network = PARTS[part](cascade.preset)
        cascade.load(LEARNS_FROM.get(part, ()))
        # The stages read codes as the codec's own vectors, which they get here.
        cascade.adopt(part, network)
    return network.requires_grad_(True)


def _claim(folder: Path, made_of: Mapping[str, str]) -> None:
    """Note what a run is made of. Raises GenerationError when the folder has a run made of something else."""
    note, text = folder / "made-of.json", json.dumps(made_of, sort_keys=True, indent=1)
    if note.exists() and note.read_text(encoding="utf-8") != text:
        was = json.loads(note.read_text(encoding="utf-8"))
        differing = [name for name in sorted({*was, *made_of}) if was.get(name) != made_of.get(name)]
        raise GenerationError(
            f"{folder} holds a run with another {', '.join(differing)}; delete it or name another work folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    note.write_text(text, encoding="utf-8")


def _sources_digest() -> str:
    """Of the sources of the cascade and of the world, which together decide what training gives."""
    digest = hashlib.sha256()
    room = Path(__file__).parents[2]
    for folder in ("cascade", "world"):
        for path in sorted((room / folder).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()
