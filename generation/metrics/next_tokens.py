"""How well each stage guesses the next token of held-out clips, and what of that it owes to the video."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from generation.cascade.cascade import Cascade
from generation.cascade.training.features import with_features
from generation.cascade.training.stages import (
    KINDS,
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


@dataclass(frozen=True, slots=True)
class TokenFigures:
    """Teacher-forced scores of one stage: nats a token (lower is better) and share guessed right (higher).

    seen: what it sees. other: with the video of the clip half the set away; None where it sees none.
    """

    stage: str
    seen: str
    own: TokenScores
    other: TokenScores | None


def next_token_figures(cascade: Cascade, clips: First) -> list[TokenFigures]:
    """Every trained stage in each way that some system uses it. Raises GenerationError when a part is missing."""
    first = First(with_features(clips.shards, cascade, ("clip", "i3d", "vit", "semantic", "codes")), clips.count)
    grid = cascade.preset.grid
    window_s = min(grid.window_s, int(clips.shards.cutting.segment_s))
    run = StageRun(window_s=window_s, held_out_most=len(first))
    # The stages read codes as the codec's own vectors.
    cascade.load(["codec", "stage1", "stage2", "stage2_audio", "stage3"])

    def scored(stage: str, seen: Sequence[str], tokens: Sequence[str], score: Score) -> TokenFigures:
        names = (*seen, *tokens)
        own = token_scores(first, names, score, run, grid)
        other = token_scores(first, names, score, run, grid, shuffled=True) if seen else None
        return TokenFigures(stage, " + ".join(seen), own, other)

    coarse = ("semantic", "codes")
    figures = [scored("1", kinds, ("semantic",), semantic_score(cascade.stage1, kinds)) for kinds in KINDS]
    figures += [scored("2", kinds, coarse, coarse_score(cascade.stage2, kinds)) for kinds in KINDS]
    direct = coarse_score(cascade.stage2, ("clip",), semantic=False)
    figures.append(scored("2, no semantic tokens", ("clip",), coarse, direct))
    figures.append(scored("2, decoder only", (), coarse, audio_coarse_score(cascade.stage2_audio)))
    figures.append(scored("3", (), ("codes",), fine_score(cascade.stage3, grid)))
    return figures
