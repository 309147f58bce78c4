"""What a visual feature knows of the self-made world: linear probes on pieces that were held out."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from generation.cascade.training.shards import Shards
from generation.cascade.visual.clip import Clip
from generation.cascade.visual.i3d import I3d
from generation.cascade.visual.vit_vqgan import VitVqgan
from generation.world.piece import FRAME_HZ, Piece, Section
from generation.world.scenes import SCENES

_LEARNT_ON = 400
_RIDGE = 10.0


def probe_figures(network: Clip | I3d | VitVqgan, known: Shards, held_out: Shards) -> dict[str, float]:
    """Share of held-out examples whose labels a ridge regression on the features names, between 0 and 1.

    Of whole clips, from the mean of their seconds: genre, pace, hue, brightness. Of single seconds: scene and
    density of the section. Tokens are counted, each a feature of its own. Empty for sets not of the world.
    """
    pieces = _pieces(known, _LEARNT_ON), _pieces(held_out, len(held_out))
    if not all(pieces):
        return {}
    features = tuple(
        _features(network, shards, len(made)) for shards, made in zip((known, held_out), pieces, strict=True)
    )
    figures = {}
    for name, labels in _of_clips(pieces).items():
        means = features[0].mean(1), features[1].mean(1)
        figures[f"{network.kind}_{name}"] = probe(means[0], labels[0], means[1], labels[1])
    for name, labels in _of_seconds(pieces, features[0].shape[1]).items():
        each = features[0].flatten(0, 1), features[1].flatten(0, 1)
        figures[f"{network.kind}_{name}"] = probe(each[0], labels[0], each[1], labels[1])
    return figures


def probe(known: Tensor, known_labels: Tensor, asked: Tensor, asked_labels: Tensor) -> float:
    """Share of ``asked`` [n, D] that the best linear map from ``known`` [m, D] to its labels [m] names rightly."""
    mean, deviation = known.mean(0), known.std(0).clamp(min=1e-4)
    x, y = (known - mean) / deviation, (asked - mean) / deviation
    classes = int(torch.cat([known_labels, asked_labels]).max()) + 1
    target = F.one_hot(known_labels, classes).float()
    prior = target.mean(0)
    gram = x.T @ x + _RIDGE * torch.eye(x.shape[1])
    weights = torch.linalg.solve(gram, x.T @ (target - prior))
    return float(((y @ weights + prior).argmax(1) == asked_labels).float().mean())


def section_at(piece: Piece, time_s: float) -> Section:
    """The section that is on screen at a time."""
    return [s for s in piece.sections if s.start_frame <= time_s * FRAME_HZ + 1e-6][-1]


def _pieces(shards: Shards, most: int) -> list[Piece]:
    found = [shards.piece(index) for index in range(min(most, len(shards)))]
    return [piece for piece in found if piece is not None]


def _features(network: Clip | I3d | VitVqgan, shards: Shards, count: int) -> Tensor:
    """[count, S, D] on the CPU."""
    device = next(network.parameters()).device
    seen = "flow" if isinstance(network, I3d) else "pictures"
    rows = [network(shards.take(seen, [index])[0].to(device)).cpu() for index in range(count)]
    if isinstance(network, VitVqgan):
        tokens = network.config.tokens
        rows = [torch.stack([row.flatten().bincount(minlength=tokens) for row in each]).float() for each in rows]
    return torch.stack(rows)


def _of_clips(pieces: Sequence[Sequence[Piece]]) -> dict[str, list[Tensor]]:
    genres = sorted({piece.genre.name for each in pieces for piece in each})
    return {
        "genre": [torch.tensor([genres.index(piece.genre.name) for piece in each]) for each in pieces],
        "pace": [torch.tensor([piece.sixteenth_frames for piece in each]) for each in pieces],
        "hue": [torch.tensor([piece.hue for piece in each]) for each in pieces],
        "brightness": [torch.tensor([piece.brightness for piece in each]) for each in pieces],
    }


def _of_seconds(pieces: Sequence[Sequence[Piece]], seconds: int) -> dict[str, list[Tensor]]:
    scenes = list(SCENES)
    sections = [
        [section_at(piece, second + 0.5) for piece in each for second in range(seconds)] for each in pieces
    ]
    return {
        "scene": [torch.tensor([scenes.index(section.scene) for section in each]) for each in sections],
        "density": [torch.tensor([section.density for section in each]) for each in sections],
    }
