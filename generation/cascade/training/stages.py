"""Train the stages on the tokens of paired clips, or of music alone where a stage needs no picture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.adaptors import Streams
from generation.cascade.stages import AudioCoarseStage, CoarseStage, FineStage, SemanticStage
from generation.cascade.time_grid import TimeGrid
from generation.cascade.training.loop import Draw
from generation.variants import VARIANTS, Kind

KINDS: tuple[tuple[Kind, ...], ...] = tuple(dict.fromkeys(variant.kinds for variant in VARIANTS.values()))
"""Every set of features that some system looks at; training takes them in turn by lot."""


class Features(Protocol):
    """Features and tokens of N examples by name: clip, i3d, vit, semantic, codes, joint (see training.shards)."""

    def __len__(self) -> int: ...

    def take(self, name: str, indices: Sequence[int]) -> Tensor:
        """The rows of some examples, [len(indices), ...]."""
        ...


@dataclass(frozen=True, slots=True)
class StageRun:
    """How a stage is trained. Shares are probabilities.

    unasked: examples whose control is left out, so that text stays optional.
    overruled: examples with a control whose video is another's: where the two disagree, what is asked for counts.
    forgotten: batches of stage 1 whose past is disturbed by any share. Music goes on as it has gone on, so a model
        that may read its past learns nothing from the video for a long time.
    imagined: batches of stage 1 whose past is, by any share, what the stage itself takes it for: at play it has
        nothing else (parallel scheduled sampling, Mihaylova & Martins 2019).
    no_semantic: batches of stage 2 without semantic tokens, for the system that has none.
    doubtful: batches of stage 2 with video whose semantic tokens and past are disturbed by any share, each by its
        own: where both are whole, the video tells nothing that they do not.
    feature_noise: in deviations of a feature. control_noise: length of the noise beside a unit embedding.
    disturbed: tokens of the past replaced by chance, since at play the past is not perfect either.
    held_out_most: examples looked at while training; `python -m generation evaluate` looks at all of them.
    """

    batch: int = 8
    window_s: int = 10
    unasked: float = 0.5
    overruled: float = 0.2
    forgotten: float = 0.4
    imagined: float = 0.3
    no_semantic: float = 0.15
    doubtful: float = 0.3
    feature_noise: float = 0.25
    control_noise: float = 0.3
    quantum: float = 0.5
    disturbed: float = 0.05
    held_out_batch: int = 20
    held_out_most: int = 40


class Stretches:
    """Draws stretches of whole seconds from N examples, each from a place of its own."""

    def __init__(self, features: Features, grid: TimeGrid, run: StageRun) -> None:
        self.features, self.grid, self.run = features, grid, run
        self.seconds = features.take("semantic", [0]).shape[1] // grid.semantic_hz
        if self.seconds < run.window_s:
            raise ValueError(
                f"examples of {self.seconds} s are shorter than the {run.window_s}-s window; cut longer ones"
            )

    def draw(self, draw: Draw, names: Sequence[str], seconds: int) -> dict[str, Tensor]:
        """Rows of some examples, by name, cut to one random stretch an example."""
        run = self.run
        which = torch.randint(len(self.features), (run.batch,), generator=draw.generator).tolist()
        first = torch.randint(self.seconds - seconds + 1, (run.batch,), generator=draw.generator).tolist()
        return {name: self._cut(name, which, first, seconds).to(draw.device) for name in names}

    def _cut(self, name: str, which: list[int], first: list[int], seconds: int) -> Tensor:
        rows = self.features.take(name, which)
        if name == "joint":
            return rows.float()
        rate = {"semantic": self.grid.semantic_hz, "codes": self.grid.acoustic_hz}.get(name, self.grid.visual_hz)
        axis = 1 if name == "codes" else 0
        cut = [row.narrow(axis, at * rate, seconds * rate) for row, at in zip(rows, first, strict=True)]
        stretch = torch.stack(cut)
        return stretch.float() if stretch.is_floating_point() else stretch.long()


def drawn_kinds(draw: Draw) -> tuple[Kind, ...]:
    """One of the systems' feature sets, by lot."""
    return KINDS[int(torch.randint(len(KINDS), (1,), generator=draw.generator))]


def noisy_streams(rows: Mapping[str, Tensor], kinds: Sequence[Kind], run: StageRun, draw: Draw) -> Streams:
    """Features disturbed as encoding a video disturbs them; control of some examples left out, or against them."""
    control = _noisy_control(rows["joint"], run, draw) if "joint" in rows else None
    features: dict[str, Tensor] = {}
    against = None if control is None else _overruled(control, run, draw)
    for kind in kinds:
        feature = rows[kind] if against is None else _exchanged(rows[kind], against)
        if kind == "vit":
            features[kind] = disturbed(feature, int(feature.max()) + 1, run.disturbed, draw)
        else:
            noise = torch.randn(feature.shape, generator=draw.generator).to(feature.device)
            features[kind] = ((feature + run.feature_noise * noise) / run.quantum).round() * run.quantum
    return Streams(features, control)


def _overruled(control: Tensor, run: StageRun, draw: Draw) -> Tensor:
    """Which examples [B] see another's video: some of those that ask for something."""
    chosen = torch.rand(len(control), generator=draw.generator) < run.overruled
    return chosen.to(control.device) & (control.square().sum(-1) > 0)


def _exchanged(feature: Tensor, against: Tensor) -> Tensor:
    """The examples' own feature [B, ...], or where ``against`` [B] that of the example before."""
    return torch.where(against.view(-1, *[1] * (feature.ndim - 1)), feature.roll(1, 0), feature)


def _noisy_control(joint: Tensor, run: StageRun, draw: Draw) -> Tensor:
    """Text and sound lie a little apart in the joint space; noise of that size makes one stand for the other."""
    noise = torch.randn(joint.shape, generator=draw.generator).to(joint.device) * joint.shape[-1] ** -0.5
    moved = F.normalize(joint + run.control_noise * noise, dim=-1)
    asked = torch.rand(len(joint), generator=draw.generator) >= run.unasked
    return moved * asked.to(joint.device)[:, None]


def disturbed(codes: Tensor, tokens: int, share: float, draw: Draw) -> Tensor:
    """Replace a share of the codes by random ones."""
    wrong = torch.rand(codes.shape, generator=draw.generator) < share
    chance = torch.randint(tokens, codes.shape, generator=draw.generator)
    return torch.where(wrong.to(codes.device), chance.to(codes.device), codes)


def shifted(tokens: Tensor, start: int) -> Tensor:
    """[B, N] moved one step later, with ``start`` first."""
    return torch.cat([torch.full_like(tokens[:, :1], start), tokens[:, :-1]], 1)


def cross_entropy(logits: Tensor, wanted: Tensor) -> Tensor:
    """Mean over all tokens: logits [..., K] and tokens [...]."""
    return F.cross_entropy(logits.float().flatten(0, -2), wanted.flatten())


@dataclass(frozen=True, slots=True)
class TokenScores:
    """Next token given the true past: mean cross-entropy in nats and the share of tokens guessed right."""

    nats: float
    accuracy: float


Score = Callable[[Mapping[str, Tensor], Mapping[str, Tensor]], tuple[Tensor, Tensor]]
"""Rows of the seen clips and rows of the heard ones to logits [..., K] and the true tokens [...]."""


@torch.inference_mode()
def token_scores(
    features: Features,
    names: Sequence[str],
    score: Score,
    run: StageRun,
    grid: TimeGrid,
    *,
    shuffled: bool = False,
) -> TokenScores:
    """Teacher-forced scores over the first window of ``run.held_out_most`` examples.

    shuffled: each clip is shown the video of another, half the set away; what the video gives is the difference.
    """
    nats, right, count = 0.0, 0, 0
    examples = min(len(features), run.held_out_most)
    window = _first_window(features, names, range(examples), run.window_s, grid)
    apart = examples // 2 if shuffled else 0
    seen = {name: value.roll(apart, 0) for name, value in window.items()}
    for start in range(0, examples, run.held_out_batch):
        part = slice(start, start + run.held_out_batch)
        logits, wanted = score(
            {name: value[part] for name, value in seen.items()},
            {name: value[part] for name, value in window.items()},
        )
        nats += float(cross_entropy(logits, wanted)) * wanted.numel()
        right += int((logits.argmax(-1) == wanted).sum())
        count += wanted.numel()
    return TokenScores(nats / count, right / count)


def _first_window(
    features: Features, names: Sequence[str], indices: Sequence[int], seconds: int, grid: TimeGrid
) -> dict[str, Tensor]:
    lengths = {"semantic": seconds * grid.semantic_hz, "codes": seconds * grid.acoustic_hz, "joint": None}
    window = {}
    for name in names:
        rows = features.take(name, indices)
        length = lengths.get(name, seconds)
        if length is not None:
            rows = rows.narrow(2 if name == "codes" else 1, 0, length)
        window[name] = rows.float() if rows.is_floating_point() else rows.long()
    return window


def semantic_score(stage: SemanticStage, kinds: Sequence[Kind]) -> Score:
    """Stage 1 without control: the harder half of its task, and what a study without text plays."""

    def score(seen: Mapping[str, Tensor], heard: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        wanted = heard["semantic"]
        return stage(Streams({kind: seen[kind] for kind in kinds}), shifted(wanted, stage.start)), wanted

    return score


def coarse_score(stage: CoarseStage, kinds: Sequence[Kind], *, semantic: bool = True) -> Score:
    """Stage 2 with the video; ``semantic`` False is the ablation without semantic tokens."""

    def score(seen: Mapping[str, Tensor], heard: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        codes = heard["codes"][:, : stage.grid.coarse_levels]
        given = heard["semantic"] if semantic else None
        return stage(Streams({kind: seen[kind] for kind in kinds}), given, codes[:, :, :-1], codes), codes

    return score


def audio_coarse_score(stage: AudioCoarseStage) -> Score:
    """Stage 2 on semantic tokens alone."""

    def score(seen: Mapping[str, Tensor], heard: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        codes = heard["codes"][:, : stage.grid.coarse_levels]
        return stage(heard["semantic"], codes[:, :, :-1], codes), codes

    return score


def fine_score(stage: FineStage, grid: TimeGrid) -> Score:
    """Stage 3 on the first chunk of each window."""

    def score(seen: Mapping[str, Tensor], heard: Mapping[str, Tensor]) -> tuple[Tensor, Tensor]:
        codes = heard["codes"][:, :, : grid.fine_chunk_frames]
        coarse, fine = codes[:, : grid.coarse_levels], codes[:, grid.coarse_levels :]
        return stage(coarse, fine[:, :, :-1], fine), fine

    return score


class SemanticTask:
    """Stage 1 on whole windows, as in the paper: pictures and control to semantic tokens."""

    def __init__(
        self, stage: SemanticStage, train: Features, held_out: Features, grid: TimeGrid, run: StageRun
    ) -> None:
        self.stage, self.held_out, self.grid, self.run = stage, held_out, grid, run
        self.stretches = Stretches(train, grid, run)
        self.optimised: Mapping[str, nn.Module] = {"stage1": stage}
        self.kept: nn.Module = stage

    def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
        """Cross-entropy of the next semantic token."""
        kinds = drawn_kinds(draw)
        rows = self.stretches.draw(draw, (*kinds, "joint", "semantic"), self.run.window_s)
        streams = noisy_streams(rows, kinds, self.run, draw)
        past = self._past(streams, rows["semantic"], draw)
        yield "stage1", cross_entropy(self.stage(streams, shifted(past, self.stage.start)), rows["semantic"])

    def _past(self, streams: Streams, tokens: Tensor, draw: Draw) -> Tensor:
        """The true tokens [B, N], disturbed a little, or by any share: by chance, or as the stage itself errs."""
        luck, share = torch.rand(2, generator=draw.generator).tolist()
        if luck < self.run.forgotten:
            return disturbed(tokens, self.stage.start, share, draw)
        if luck < self.run.forgotten + self.run.imagined:
            wrong = torch.rand(tokens.shape, generator=draw.generator) < share
            return torch.where(wrong.to(tokens.device), self._imagined(streams, tokens, draw), tokens)
        return disturbed(tokens, self.stage.start, self.run.disturbed, draw)

    @torch.no_grad()
    def _imagined(self, streams: Streams, tokens: Tensor, draw: Draw) -> Tensor:
        """A token drawn for each step [B, N], as if all before it were true."""
        scores = self.stage(streams, shifted(tokens, self.stage.start)).float()
        noise = torch.empty(scores.shape).exponential_(generator=draw.generator).log().neg()
        drawn: Tensor = (scores + noise.to(scores.device)).argmax(-1)
        return drawn

    def evaluate(self) -> dict[str, float]:
        """Held-out scores a feature set, with the clip's own video and with another's."""
        figures: dict[str, float] = {}
        for kinds in KINDS:
            names = (*kinds, "semantic")
            for shuffled in (False, True):
                scores = token_scores(
                    self.held_out, names, semantic_score(self.stage, kinds), self.run, self.grid, shuffled=shuffled
                )
                figures |= _figures("+".join(kinds), scores, shuffled)
        return figures


class CoarseTask:
    """Stage 2 with the video: mostly half windows, which cost half the attention, every fourth time the whole."""

    def __init__(
        self, stage: CoarseStage, train: Features, held_out: Features, grid: TimeGrid, run: StageRun
    ) -> None:
        self.stage, self.held_out, self.grid, self.run = stage, held_out, grid, run
        self.stretches = Stretches(train, grid, run)
        self.optimised: Mapping[str, nn.Module] = {"stage2": stage}
        self.kept: nn.Module = stage

    def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
        """Cross-entropy of the coarse codes of the next frame."""
        kinds = drawn_kinds(draw)
        rows = self.stretches.draw(draw, (*kinds, "semantic", "codes"), _window(self.run, draw))
        codes = rows["codes"][:, : self.grid.coarse_levels]
        direct, doubtful, *shares = torch.rand(4, generator=draw.generator).tolist()
        wrong_semantic, wrong_past = (
            shares if doubtful < self.run.doubtful else (self.run.disturbed / 2, self.run.disturbed)
        )
        semantic = (
            None
            if direct < self.run.no_semantic
            else disturbed(rows["semantic"], self.stage.semantic.num_embeddings, wrong_semantic, draw)
        )
        before = disturbed(codes[:, :, :-1], self.stage.codes.books.shape[1], wrong_past, draw)
        logits = self.stage(noisy_streams(rows, kinds, self.run, draw), semantic, before, codes)
        yield "stage2", cross_entropy(logits, codes)

    def evaluate(self) -> dict[str, float]:
        """Held-out scores a feature set with own and other video, and without semantic tokens."""
        figures: dict[str, float] = {}
        for kinds in KINDS:
            names = (*kinds, "semantic", "codes")
            for shuffled in (False, True):
                score = coarse_score(self.stage, kinds)
                scores = token_scores(self.held_out, names, score, self.run, self.grid, shuffled=shuffled)
                figures |= _figures("+".join(kinds), scores, shuffled)
        for shuffled in (False, True):
            score = coarse_score(self.stage, ("clip",), semantic=False)
            names = ("clip", "semantic", "codes")
            scores = token_scores(self.held_out, names, score, self.run, self.grid, shuffled=shuffled)
            figures |= _figures("clip, no semantic", scores, shuffled)
        return figures


class AudioCoarseTask:
    """Stage 2 on music alone."""

    def __init__(
        self, stage: AudioCoarseStage, train: Features, held_out: Features, grid: TimeGrid, run: StageRun
    ) -> None:
        self.stage, self.held_out, self.grid, self.run = stage, held_out, grid, run
        self.stretches = Stretches(train, grid, run)
        self.optimised: Mapping[str, nn.Module] = {"stage2_audio": stage}
        self.kept: nn.Module = stage

    def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
        """Cross-entropy of the coarse codes of the next frame."""
        rows = self.stretches.draw(draw, ("semantic", "codes"), _window(self.run, draw))
        codes = rows["codes"][:, : self.grid.coarse_levels]
        semantic = disturbed(rows["semantic"], self.stage.semantic.num_embeddings, self.run.disturbed / 2, draw)
        before = disturbed(codes[:, :, :-1], self.stage.codes.books.shape[1], self.run.disturbed, draw)
        yield "stage2_audio", cross_entropy(self.stage(semantic, before, codes), codes)

    def evaluate(self) -> dict[str, float]:
        """Held-out scores."""
        names = ("semantic", "codes")
        return _figures(
            "audio", token_scores(self.held_out, names, audio_coarse_score(self.stage), self.run, self.grid)
        )


class FineTask:
    """Stage 3 on chunks of a few seconds, on music alone."""

    def __init__(
        self, stage: FineStage, train: Features, held_out: Features, grid: TimeGrid, run: StageRun
    ) -> None:
        self.stage, self.held_out, self.grid, self.run = stage, held_out, grid, run
        self.stretches = Stretches(train, grid, run)
        self.optimised: Mapping[str, nn.Module] = {"stage3": stage}
        self.kept: nn.Module = stage

    def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
        """Cross-entropy of the fine codes of the next frame."""
        rows = self.stretches.draw(draw, ("semantic", "codes"), self.grid.fine_chunk_s)
        size = self.stage.codes.books.shape[1]
        levels = self.grid.coarse_levels
        coarse, fine = rows["codes"][:, :levels], rows["codes"][:, levels:]
        before = disturbed(fine[:, :, :-1], size, self.run.disturbed / 2, draw)
        logits = self.stage(disturbed(coarse, size, self.run.disturbed / 2, draw), before, fine)
        yield "stage3", cross_entropy(logits, fine)

    def evaluate(self) -> dict[str, float]:
        """Held-out scores."""
        scores = token_scores(self.held_out, ("codes",), fine_score(self.stage, self.grid), self.run, self.grid)
        return _figures("audio", scores)


def _window(run: StageRun, draw: Draw) -> int:
    return run.window_s if draw.step % 4 == 3 else run.window_s // 2


def _figures(name: str, scores: TokenScores, shuffled: bool = False) -> dict[str, float]:
    suffix = ", other video" if shuffled else ""
    return {f"nats ({name}{suffix})": scores.nats, f"accuracy ({name}{suffix})": scores.accuracy}
