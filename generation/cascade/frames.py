"""All codes of one acoustic frame, in and out of a transformer that takes one step a frame."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.sampling import Sampling, sample
from generation.cascade.transformer import RMSNorm


class CodeEmbedding(nn.Module):
    """Acoustic codes as their codec vectors, projected: codes that sound alike start out alike."""

    books: Tensor

    def __init__(self, levels: int, size: int, width: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("books", torch.zeros(levels, size, width), persistent=False)
        self.project = nn.Parameter(torch.randn(levels, width, dim) / width**0.5)

    def use(self, codebooks: Tensor) -> None:
        """Take over the codec's vectors [levels, size, width], each level brought to unit deviation."""
        self.books.copy_(codebooks / codebooks.std((1, 2), keepdim=True).clamp(min=1e-6))

    def level(self, level: int, codes: Tensor) -> Tensor:
        """Codes [...] of one level to [..., D]."""
        return self.books[level][codes] @ self.project[level]

    def forward(self, codes: Tensor) -> Tensor:
        """Codes [B, L, T] to the sum over levels [B, T, D]."""
        return torch.stack([self.level(level, codes[:, level]) for level in range(codes.shape[1])]).sum(0)


class FrameHead(nn.Module):
    """Scores the levels of one frame in order, each knowing the levels before it.

    AudioLM writes all levels into one long sequence. Handing the frame's state through this small head keeps the
    same factorisation, every code given all codes before it, in a sequence as long as there are frames
    (docs/adr/0015). ``tied``: scores are likenesses to the codec's vectors, which saves a table a level.
    """

    def __init__(self, embedding: CodeEmbedding, dim: int, *, tied: bool) -> None:
        super().__init__()
        levels, size, width = embedding.books.shape
        self.mix = nn.ModuleList(nn.Linear(dim, dim) for _ in range(levels))
        self.norm = RMSNorm(dim)
        self.score = nn.ModuleList(nn.Linear(dim, width if tied else size) for _ in range(levels))
        self.bias = nn.Parameter(torch.zeros(levels, size))
        self.tied = tied

    def level(self, embedding: CodeEmbedding, level: int, state: Tensor) -> Tensor:
        """State with the lower levels added, [..., D], to logits [..., K]."""
        scores: Tensor = self.score[level](F.gelu(self.mix[level](self.norm(state))))
        if self.tied:
            scores = scores @ embedding.books[level].T.to(scores.dtype)
        return scores + self.bias[level]

    def forward(self, embedding: CodeEmbedding, state: Tensor, codes: Tensor) -> Tensor:
        """States [B, T, D] and the true codes [B, L, T] to logits [B, L, T, K]."""
        logits = []
        for level in range(codes.shape[1]):
            logits.append(self.level(embedding, level, state))
            state = state + embedding.level(level, codes[:, level])
        return torch.stack(logits, 1)

    def draw(self, embedding: CodeEmbedding, state: Tensor, noise: Tensor, sampling: Sampling) -> Tensor:
        """States [B, D] and noise [B, L, K] to drawn codes [B, L]."""
        codes = []
        for level in range(noise.shape[1]):
            code = sample(
                self.level(embedding, level, state).float(), noise[:, level], sampling.temperature, sampling.top_k
            )
            codes.append(code)
            state = state + embedding.level(level, code)
        return torch.stack(codes, 1)
