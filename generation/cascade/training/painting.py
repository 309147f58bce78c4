"""How ViT-VQGAN is taught (Yu et al. 2022): paint the picture again from its tokens, and look real to a critic.

Squared error, the quantiser's two losses with the paper's weights, and a hinge critic over patches once the
pictures are near. The paper's perceptual and logit-Laplace terms are left out: the first needs a published
network, and here only the tokens are used. Entries of the codebook that nothing falls on are put where pictures
are.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.training.loop import Draw, mean_over_ranks
from generation.cascade.training.probes import probe_figures
from generation.cascade.training.ranks import from_first_rank
from generation.cascade.training.shards import Shards
from generation.cascade.visual.vit_vqgan import VitVqgan, vit_input

_COMMITMENT = 0.25
_ADVERSARIAL = 0.002
_CRITIC_FROM = 0.5
"""Share of the schedule from which the critic is listened to."""
_MOVED_UNTIL = 0.6
_MOVED_EVERY = 20
_UNUSED = 0.05
"""Hits a batch, as a running mean, below which an entry counts as unused."""
_EVALUATED_ON = 150


class VitTask:
    """Encoder, quantiser and decoder against a critic of patches; all but the critic is kept."""

    def __init__(self, vit: VitVqgan, known: Shards, held_out: Shards, *, batch: int = 48) -> None:
        self.kept, self.known, self.held_out, self.batch = vit, known, held_out, batch
        device = vit.codebook.weight.device
        self.use = CodebookUse(vit.config.tokens).to(device)
        self.critic = PatchCritic().to(device)
        self.optimised: Mapping[str, nn.Module] = {
            "vit": nn.ModuleDict({"net": vit, "use": self.use}),
            "critic": self.critic,
        }

    def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
        pictures = self._pictures(draw)
        latents = self.kept.latents(pictures)
        tokens = self.kept.nearest(latents.detach())
        if draw.share < _MOVED_UNTIL:
            self.use.note(tokens)
            if draw.step % _MOVED_EVERY == 0:
                self.use.move_unused(self.kept, latents.detach(), draw.generator)
                tokens = self.kept.nearest(latents.detach())
        codes = self.kept.codes()[tokens]
        painted = self.kept.paint(latents + (codes - latents).detach())
        loss = (
            F.mse_loss(painted.float(), pictures)
            + F.mse_loss(codes, latents.detach())
            + _COMMITMENT * F.mse_loss(latents, codes.detach())
        )
        if draw.share >= _CRITIC_FROM:
            loss = loss - _ADVERSARIAL * self.critic(painted).mean()
        yield "vit", loss
        if draw.share >= _CRITIC_FROM:
            real, made = self.critic(pictures), self.critic(painted.detach())
            yield "critic", (F.relu(1 - real) + F.relu(1 + made)).mean()

    def evaluate(self) -> dict[str, float]:
        """Peak signal-to-noise ratio in dB of held-out pictures, codes in use and their perplexity, the probes."""
        count = min(_EVALUATED_ON, len(self.held_out))
        pictures = self.held_out.take("pictures", range(count))[:, ::5].flatten(0, 1)
        pictures = pictures.to(self.kept.codebook.weight.device)
        tokens = self.kept(pictures)
        errors = [
            F.mse_loss(self.kept.decode(some), vit_input(part, self.kept.config))
            for some, part in zip(torch.split(tokens, 64), torch.split(pictures, 64), strict=True)
        ]
        hits = tokens.flatten().bincount(minlength=self.kept.config.tokens).float()
        shares = hits / hits.sum()
        return {
            "vit_psnr_db": float(-10 * torch.stack(errors).mean().log10()),
            "vit_codes_in_use": float((hits > 0).sum()),
            "vit_perplexity": float(torch.special.entr(shares).sum().exp()),
            **probe_figures(self.kept, self.known, self.held_out),
        }

    def _pictures(self, draw: Draw) -> Tensor:
        """[batch, 3, px, px] within [0, 1], half of them mirrored."""
        which = torch.randint(len(self.known), (self.batch,), generator=draw.generator)
        rows = self.known.take("pictures", which.tolist())
        second = torch.randint(rows.shape[1], (self.batch,), generator=draw.generator)
        chosen = rows[torch.arange(self.batch), second].to(draw.device)
        mirrored = torch.rand(self.batch, generator=draw.generator) < 0.5
        pictures = vit_input(chosen, self.kept.config)
        return torch.where(mirrored.to(draw.device)[:, None, None, None], pictures.flip(-1), pictures)


class CodebookUse(nn.Module):
    """A running mean of how often a batch hits each entry of a codebook, and what to do with unused ones."""

    hits: Tensor

    def __init__(self, tokens: int) -> None:
        super().__init__()
        self.register_buffer("hits", torch.zeros(tokens))

    def note(self, tokens: Tensor) -> None:
        counts = tokens.flatten().bincount(minlength=len(self.hits)).to(self.hits.dtype)
        self.hits.lerp_(mean_over_ranks(counts), 0.05)

    @torch.no_grad()
    def move_unused(self, vit: VitVqgan, latents: Tensor, generator: torch.Generator) -> None:
        """Put unused entries on latents [N, n, code_dim] drawn by lot."""
        drawn = torch.randint(latents[..., 0].numel(), (len(self.hits),), generator=generator)
        fresh = latents.flatten(0, 1)[drawn.to(latents.device)].to(vit.codebook.weight.dtype)
        unused = self.hits < _UNUSED
        vit.codebook.weight.copy_(torch.where(unused[:, None], fresh, vit.codebook.weight))
        self.hits[unused] = 2 * _UNUSED
        from_first_rank([vit.codebook.weight])


class PatchCritic(nn.Module):
    """Real or painted, for overlapping patches: [N, 3, px, px] to [N, 1, px / 8, px / 8]."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        widths = (3, width, 2 * width, 4 * width)
        self.layers = nn.ModuleList(nn.Conv2d(inputs, outputs, 4, 2, 1) for inputs, outputs in pairwise(widths))
        self.norms = nn.ModuleList(nn.GroupNorm(1, outputs) for outputs in widths[1:])
        self.out = nn.Conv2d(widths[-1], 1, 3, 1, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        x = pictures * 2 - 1
        for layer, norm in zip(self.layers, self.norms, strict=True):
            x = F.leaky_relu(norm(layer(x)), 0.2)
        return self.out(x)  # type: ignore[no-any-return]
