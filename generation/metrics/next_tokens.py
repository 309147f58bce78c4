"""How well each stage guesses the next token of held-out clips, and what of that it owes to the video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from generation.cascade.cascade import Cascade
from generation.cascade.training.features import with_features
from generation.cascade.training.stages import (
    Score,
    StageRun,
    TokenScores,
    audio_coarse_score,
    coarse_score,
    fine_score,
    semantic_score,
    token_scores,
)
from generation.metrics.clips import First
from generation.variants import Kind, SecondStage, Variant


@dataclass(frozen=True, slots=True)
class TokenFigures:
    """Teacher-forced scores of one stage: nats a token (lower is better) and share guessed right (higher).

    seen: what it sees. other: with the video of the clip half the set away; None where it sees none.
    """

    stage: str
    seen: str
    own: TokenScores
    other: TokenScores | None


def next_token_figures(cascade: Cascade, clips: First, variants: Sequence[Variant]) -> list[TokenFigures]:
    """Every stage in each way that one of these variants uses it. GenerationError when a part is missing."""
    parts = dict.fromkeys(part for variant in variants for part in variant.parts)
    cascade.load([*parts, "semantic"])
    names = [part for part in parts if part in ("clip", "i3d", "vit")]
    first = First(with_features(clips.shards, cascade, [*names, "semantic", "codes"]), clips.count)
    grid = cascade.preset.grid
    window_s = min(grid.window_s, int(clips.shards.cutting.segment_s))
    run = StageRun(window_s=window_s, held_out_most=len(first))

    def scored(stage: str, seen: Sequence[str], tokens: Sequence[str], score: Score) -> TokenFigures:
        names = (*seen, *tokens)
        own = token_scores(first, names, score, run, grid)
        other = token_scores(first, names, score, run, grid, shuffled=True) if seen else None
        return TokenFigures(stage, " + ".join(seen), own, other)

    def seen_by(*second_stages: SecondStage) -> list[tuple[Kind, ...]]:
        chosen = [variant.kinds for variant in variants if variant.second_stage in second_stages]
        return list(dict.fromkeys(chosen))

    coarse = ("semantic", "codes")
    figures = [
        scored("1", kinds, ("semantic",), semantic_score(cascade.stage1, kinds))
        for kinds in seen_by("video", "audio")
    ]
    figures += [scored("2", kinds, coarse, coarse_score(cascade.stage2, kinds)) for kinds in seen_by("video")]
    figures += [
        scored("2, no semantic tokens", kinds, coarse, coarse_score(cascade.stage2, kinds, semantic=False))
        for kinds in seen_by("direct")
    ]
    if seen_by("audio"):
        figures.append(scored("2, decoder only", (), coarse, audio_coarse_score(cascade.stage2_audio)))
    figures.append(scored("3", (), ("codes",), fine_score(cascade.stage3, grid)))
    return figures
