"""SoundStream's body: strided convolutions on the waveform (Zeghidour et al. 2021, sections III-A and III-B).

``base`` uses it. Channels double at every stride; each step has three residual units with dilations 1, 3 and 9.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import weight_norm


@dataclass(frozen=True, slots=True)
class SeanetConfig:
    """channels: after the first convolution. strides: their product is the hop. causal: nothing looks ahead."""

    channels: int = 32
    strides: tuple[int, ...] = (2, 4, 5, 8)
    dilations: tuple[int, ...] = (1, 3, 9)
    causal: bool = True


class PaddedConv(nn.Module):
    """A convolution [B, C, T] to [B, C', ceil(T / stride)], padded in the past alone when causal."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, *, stride: int = 1, dilation: int = 1, causal: bool
    ) -> None:
        super().__init__()
        self.conv = weight_norm(nn.Conv1d(inputs, outputs, kernel, stride, dilation=dilation))
        around = dilation * (kernel - 1) + 1 - stride
        self.padding = (around, 0) if causal else (around - around // 2, around // 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(F.pad(x, self.padding))  # type: ignore[no-any-return]


class GrowingConv(nn.Module):
    """A transposed convolution [B, C, T] to [B, C', T * stride], cut in the future alone when causal."""

    def __init__(self, inputs: int, outputs: int, stride: int, *, causal: bool) -> None:
        super().__init__()
        self.conv = weight_norm(nn.ConvTranspose1d(inputs, outputs, 2 * stride, stride))
        self.first = 0 if causal else stride // 2
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        grown = self.conv(x)
        return grown[..., self.first : self.first + x.shape[-1] * self.stride]  # type: ignore[no-any-return]


class ResidualUnit(nn.Module):
    """A dilated convolution and a mix of channels, added to the input [B, C, T]."""

    def __init__(self, channels: int, dilation: int, *, causal: bool) -> None:
        super().__init__()
        self.dilated = PaddedConv(channels, channels, 7, dilation=dilation, causal=causal)
        self.mix = PaddedConv(channels, channels, 1, causal=causal)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = x + self.mix(F.elu(self.dilated(F.elu(x))))
        return added


class SeanetEncoder(nn.Module):
    """[B, samples] to latents [B, samples // hop, latent_dim]."""

    def __init__(self, config: SeanetConfig, latent_dim: int) -> None:
        super().__init__()
        width, causal = config.channels, config.causal
        layers: list[nn.Module] = [PaddedConv(1, width, 7, causal=causal)]
        for stride in config.strides:
            layers += [ResidualUnit(width, dilation, causal=causal) for dilation in config.dilations]
            layers += [nn.ELU(), PaddedConv(width, 2 * width, 2 * stride, stride=stride, causal=causal)]
            width *= 2
        layers += [nn.ELU(), PaddedConv(width, latent_dim, 3, causal=causal)]
        self.layers = nn.Sequential(*layers)

    def forward(self, wave: Tensor) -> Tensor:
        return self.layers(wave[:, None]).transpose(1, 2)  # type: ignore[no-any-return]


class SeanetDecoder(nn.Module):
    """Latents [B, frames, latent_dim] to [B, frames * hop]; the encoder turned round."""

    def __init__(self, config: SeanetConfig, latent_dim: int) -> None:
        super().__init__()
        width, causal = config.channels * 2 ** len(config.strides), config.causal
        layers: list[nn.Module] = [PaddedConv(latent_dim, width, 7, causal=causal)]
        for stride in reversed(config.strides):
            layers += [nn.ELU(), GrowingConv(width, width // 2, stride, causal=causal)]
            width //= 2
            layers += [ResidualUnit(width, dilation, causal=causal) for dilation in config.dilations]
        layers += [nn.ELU(), PaddedConv(width, 1, 7, causal=causal), nn.Tanh()]
        self.layers = nn.Sequential(*layers)

    def forward(self, latents: Tensor) -> Tensor:
        return self.layers(latents.transpose(1, 2))[:, 0].float()  # type: ignore[no-any-return]
