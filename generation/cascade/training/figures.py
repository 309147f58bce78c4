"""Held-out figures of the stages: how often the next token is right, and how much of that is owed to the video."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from generation.cascade.checkpoint import Cascade
from generation.cascade.stages import VisualStreams
from generation.cascade.training.stages import Tokens, shifted


@torch.inference_mode()
def stage_figures(cascade: Cascade, tokens: Tokens, stage: str) -> dict[str, float]:
    """Accuracy and nats per token on held-out clips, true past given; stages 1 and 2 also with others' videos.

    ``*_shuffled_*`` uses the video of the clip half-way round the held-out set.
    """
    cascade.eval()
    scored = {"true": _score(cascade, tokens, stage, 0)}
    if stage != "stage3":
        scored["shuffled"] = _score(cascade, tokens, stage, len(tokens.clip) // 2)
    return {
        f"{stage}_{which}_{name}": value
        for which, (accuracy, nats) in scored.items()
        for name, value in (("accuracy", accuracy), ("nats", nats))
    }


def _score(cascade: Cascade, tokens: Tokens, stage: str, roll: int) -> tuple[float, float]:
    quantum, coarse = cascade.preset.visual.quantum, cascade.preset.grid.coarse_levels
    right, loss, count = 0.0, 0.0, 0
    clip = (tokens.clip.roll(roll, 0) / quantum).round() * quantum
    flow = (tokens.flow.roll(roll, 0) / quantum).round() * quantum
    for part in torch.split(torch.arange(len(tokens.clip)), 10):
        streams = VisualStreams(clip[part], flow[part])
        semantic, codes = tokens.semantic[part].long(), tokens.codes[part].long()
        logits, wanted = _predict(cascade, stage, streams, semantic, codes, coarse)
        flat = logits.flatten(0, -2)
        right += float((flat.argmax(-1) == wanted.flatten()).sum())
        loss += float(F.cross_entropy(flat, wanted.flatten(), reduction="sum"))
        count += wanted.numel()
    return right / count, loss / count


def _predict(
    cascade: Cascade, stage: str, streams: VisualStreams, semantic: Tensor, codes: Tensor, coarse: int
) -> tuple[Tensor, Tensor]:
    if stage == "stage1":
        return cascade.stage1(streams, shifted(semantic, cascade.stage1.start)), semantic
    if stage == "stage2":
        wanted = codes[:, :coarse]
        return cascade.stage2(streams, semantic, wanted[:, :, :-1], wanted), wanted
    chunk = codes[:, :, : cascade.preset.grid.fine_chunk_frames]
    wanted = chunk[:, coarse:]
    return cascade.stage3(chunk[:, :coarse], wanted[:, :, :-1], wanted), wanted
