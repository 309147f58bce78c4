"""Train the semantic tokens: masked prediction on music alone, then clusters of what the kept layers make of it.

w2v-BERT guesses masked stretches among learnt codes. A network this small learns steadier from given ones, as in
HuBERT's first round (Hsu et al. 2021, section II-B): k-means labels of the spectrum it reads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.semantic.encoder import SemanticConfig, SemanticEncoder
from generation.cascade.semantic.tokens import SemanticTokenizer, fitted_centroids
from generation.cascade.training.loop import Draw
from generation.cascade.transformer import Encoder
from generation.contracts import GenerationError


class Music(Protocol):
    """Sound of N examples at the grid's rate (see training.shards)."""

    def __len__(self) -> int: ...

    def waves(self, indices: Sequence[int]) -> Tensor:
        """Float32 [len(indices), samples] in [-1, 1]."""
        ...


@dataclass(frozen=True, slots=True)
class SemanticRun:
    """span: masked stretches in steps of 1/25 s; starts: share of steps at which one begins."""

    batch: int = 12
    window_s: int = 10
    span: int = 10
    starts: float = 0.07
    labels: int = 256
    upper_layers: int = 2
    fitted_on: int = 240
    clustered: int = 600


class SemanticTask:
    """Masked prediction. ``finish`` clusters afterwards."""

    def __init__(self, tokenizer: SemanticTokenizer, train: Music, held_out: Music, run: SemanticRun) -> None:
        self.tokenizer, self.train, self.held_out, self.run = tokenizer, train, held_out, run
        encoder, config = tokenizer.encoder, tokenizer.config
        if not (isinstance(encoder, SemanticEncoder) and isinstance(config, SemanticConfig)):
            raise GenerationError(
                "a published encoder is not trained any further; its tokens are fitted by "
                "`python -m generation weights --install semantic --music SET`"
            )
        self.encoder = encoder
        upper = replace(config.kept, layers=run.upper_layers)
        self.guessing = _Guessing(Encoder(upper), encoder.pair * encoder.bands.dim, upper.dim, run.labels)
        self.optimised: Mapping[str, nn.Module] = {"semantic": nn.ModuleList([encoder, self.guessing])}
        self.kept: nn.Module = self.optimised["semantic"]
        self._fit_targets()

    def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
        """Cross-entropy of the labels of masked steps."""
        which = torch.randint(len(self.train), (self.run.batch,), generator=draw.generator).tolist()
        waves = _windows(self.train.waves(which), self.tokenizer, self.run.window_s, draw.generator)
        with torch.no_grad(), torch.autocast(draw.device.type, enabled=False):
            spectrum = self.encoder.spectrum(waves.to(draw.device))
        hidden = masked(spectrum.shape[:2], self.run, draw.generator).to(draw.device)
        logits, labels = self._guess(spectrum, hidden)
        yield "semantic", F.cross_entropy(logits.float()[hidden], labels[hidden])

    @torch.inference_mode()
    def evaluate(self) -> dict[str, float]:
        """Held-out accuracy on masked steps, and of guessing the commonest label."""
        generator = torch.Generator().manual_seed(0)
        waves = self.held_out.waves(range(min(len(self.held_out), 48)))
        spectrum = self.encoder.spectrum(_windows(waves, self.tokenizer, self.run.window_s, generator))
        hidden = masked(spectrum.shape[:2], self.run, generator)
        logits, labels = self._guess(spectrum, hidden)
        right = (logits.argmax(-1) == labels)[hidden].float().mean()
        commonest = torch.bincount(labels[hidden]).max() / hidden.sum()
        return {"masked_accuracy": float(right), "commonest_label_share": float(commonest)}

    @torch.inference_mode()
    def finish(self, generator: torch.Generator) -> dict[str, float]:
        """Cluster the kept layers' features of training music; gives the variance explained."""
        return {"variance_explained": cluster(self.tokenizer, self.train, self.run.clustered, generator)}

    def _guess(self, spectrum: Tensor, hidden: Tensor) -> tuple[Tensor, Tensor]:
        with torch.no_grad():
            labels = self.guessing.labels(spectrum)
        return self.guessing(self.encoder.read(spectrum, hidden)), labels

    @torch.no_grad()
    def _fit_targets(self) -> None:
        """Means and deviations of the bands, and the clusters whose labels are guessed."""
        encoder, generator = self.encoder, torch.Generator().manual_seed(0)
        bands = encoder.bands(self.train.waves(range(min(len(self.train), self.run.fitted_on)))).flatten(0, 1)
        encoder.mean.copy_(bands.mean(0))
        encoder.scale.copy_(bands.std(0).clamp(min=1e-3))
        normal = ((bands - encoder.mean) / encoder.scale).reshape(-1, encoder.pair * encoder.bands.dim)
        picked = normal[torch.randperm(len(normal), generator=generator)[:40_000]]
        self.guessing.centroids.copy_(fitted_centroids(picked, self.run.labels, generator, rounds=15))


@torch.inference_mode()
def cluster(tokenizer: SemanticTokenizer, music: Music, count: int, generator: torch.Generator) -> float:
    """Fit the tokens to what the encoder makes of ``count`` examples; gives the share of variance explained.

    All that is left to learn when the encoder is a published one.
    """
    tokenizer.eval()
    step = tokenizer.grid.hop * tokenizer.grid.acoustic_per_semantic
    features = []
    for start in range(0, min(len(music), count), _ENCODED_AT_ONCE):
        waves = music.waves(range(start, min(start + _ENCODED_AT_ONCE, count, len(music))))
        features.append(tokenizer.encoder(waves[:, : waves.shape[1] // step * step]).flatten(0, 1))
    every = torch.cat(features)
    return tokenizer.fit(every[torch.randperm(len(every), generator=generator)[:_CLUSTERED]], generator)


_ENCODED_AT_ONCE, _CLUSTERED = 20, 100_000


class _Guessing(nn.Module):
    """What sits above the kept layers while training, and the clusters that give the labels."""

    centroids: Tensor

    def __init__(self, upper: Encoder, spectrum_dim: int, dim: int, labels: int) -> None:
        super().__init__()
        self.upper = upper
        self.head = nn.Linear(dim, labels)
        self.register_buffer("centroids", torch.zeros(labels, spectrum_dim))

    def labels(self, spectrum: Tensor) -> Tensor:
        return torch.cdist(spectrum, self.centroids.expand(len(spectrum), -1, -1)).argmin(-1)

    def forward(self, features: Tensor) -> Tensor:
        return self.head(self.upper(features, torch.arange(features.shape[1], device=features.device)))  # type: ignore[no-any-return]


def masked(shape: torch.Size, run: SemanticRun, generator: torch.Generator) -> Tensor:
    """Which steps [B, steps] are hidden: stretches of ``span`` steps that may overlap."""
    starts = (torch.rand(shape, generator=generator) < run.starts).float()
    spread = F.max_pool1d(F.pad(starts, (run.span - 1, 0))[:, None], run.span, stride=1)[:, 0]
    hidden = spread > 0
    hidden[:, 0] |= ~hidden.any(1)
    return hidden


def _windows(waves: Tensor, tokenizer: SemanticTokenizer, seconds: int, generator: torch.Generator) -> Tensor:
    """A random stretch of each wave, beginning on a step: [B, seconds]."""
    grid = tokenizer.grid
    step, length = grid.hop * grid.acoustic_per_semantic, grid.samples(seconds)
    last = (waves.shape[1] - length) // step
    first = torch.randint(last + 1, (len(waves),), generator=generator) * step
    return torch.stack([wave[at : at + length] for wave, at in zip(waves, first.tolist(), strict=True)])
