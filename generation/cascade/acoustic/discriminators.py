"""The critics of a codec in training: they try to tell decoded music from real music.

SoundStream (Zeghidour et al. 2021, section III-D) has one on the complex spectrum and three on the waveform at
falling rates; both kinds are here, the first at several window lengths as in EnCodec (Défossez et al. 2022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm

Verdict = tuple[Tensor, list[Tensor]]
"""Scores, high for what is taken to be real, and the layers that led to them."""


@dataclass(frozen=True, slots=True)
class CriticConfig:
    """windows: lengths of the spectra, in samples. falling: how often the waveform is halved, 0 for as it is."""

    windows: tuple[int, ...] = (2048, 1024, 512)
    channels: int = 32
    falling: tuple[int, ...] = (0, 1, 2)
    wave_channels: int = 16


class SpectrumCritic(nn.Module):
    """Judges complex spectra of one window length: waveform [B, samples] to a verdict."""

    def __init__(self, window: int, channels: int) -> None:
        super().__init__()
        self.window = window
        self.layers = nn.ModuleList(
            [
                weight_norm(nn.Conv2d(2, channels, (3, 9), padding=(1, 4))),
                *(
                    weight_norm(
                        nn.Conv2d(channels, channels, (3, 9), stride=(1, 2), dilation=(rate, 1), padding=(rate, 4))
                    )
                    for rate in (1, 2, 4)
                ),
                weight_norm(nn.Conv2d(channels, channels, 3, padding=1)),
            ]
        )
        self.score = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def forward(self, wave: Tensor) -> Verdict:
        shape = torch.hann_window(self.window, device=wave.device)
        spectrum = torch.stft(
            wave, self.window, self.window // 4, window=shape, normalized=True, return_complex=True
        )
        x = torch.view_as_real(spectrum).permute(0, 3, 2, 1)  # [B, 2, frames, bins]
        return _judged(x, self.layers, self.score)


class WaveCritic(nn.Module):
    """Judges the waveform at one rate: [B, samples] to a verdict (MelGAN, Kumar et al. 2019)."""

    def __init__(self, halvings: int, channels: int) -> None:
        super().__init__()
        self.halvings = halvings
        layers: list[nn.Module] = [weight_norm(nn.Conv1d(1, channels, 15, padding=7))]
        for _ in range(3):
            wider = min(4 * channels, 256)
            layers.append(
                weight_norm(nn.Conv1d(channels, wider, 41, stride=4, padding=20, groups=max(1, channels // 4)))
            )
            channels = wider
        layers.append(weight_norm(nn.Conv1d(channels, channels, 5, padding=2)))
        self.layers = nn.ModuleList(layers)
        self.score = weight_norm(nn.Conv1d(channels, 1, 3, padding=1))

    def forward(self, wave: Tensor) -> Verdict:
        x = wave[:, None]
        for _ in range(self.halvings):
            x = F.avg_pool1d(x, 4, stride=2, padding=1)
        return _judged(x, self.layers, self.score)


class Critics(nn.Module):
    """All of them: waveform [B, samples] to one verdict each."""

    def __init__(self, config: CriticConfig) -> None:
        super().__init__()
        self.members = nn.ModuleList(
            [
                *(SpectrumCritic(window, config.channels) for window in config.windows),
                *(WaveCritic(halvings, config.wave_channels) for halvings in config.falling),
            ]
        )

    def forward(self, wave: Tensor) -> list[Verdict]:
        return [member(wave) for member in self.members]


def critics_loss(real: Sequence[Verdict], made: Sequence[Verdict]) -> Tensor:
    """Hinge loss of the critics, averaged over them."""
    losses = [F.relu(1 - r[0]).mean() + F.relu(1 + m[0]).mean() for r, m in zip(real, made, strict=True)]
    return torch.stack(losses).mean()


def fooling_loss(real: Sequence[Verdict], made: Sequence[Verdict], features: float) -> Tensor:
    """What the decoder is taught: to be taken for real, and to call forth the same layers as the real music.

    features: weight of the latter, relative to how strong each layer is.
    """
    adversarial = torch.stack([-m[0].mean() for m in made]).mean()
    matching = [
        F.l1_loss(m, r.detach()) / r.detach().abs().mean().clamp(min=1e-5)
        for r_verdict, m_verdict in zip(real, made, strict=True)
        for r, m in zip(r_verdict[1], m_verdict[1], strict=True)
    ]
    return adversarial + features * torch.stack(matching).mean()


def _judged(x: Tensor, layers: nn.ModuleList, score: nn.Module) -> Verdict:
    hidden = []
    for layer in layers:
        x = F.leaky_relu(layer(x), 0.2)
        hidden.append(x)
    return score(x), hidden
