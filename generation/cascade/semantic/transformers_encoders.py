"""Published encoders in place of the small one: w2v-BERT 2.0, and MERT, which has heard music.

The paper takes w2v-BERT trained on music, which is not public. w2v-BERT 2.0 (Meta, speech in 143 languages) is the
same kind of network; MERT (Li et al. 2023) is HuBERT trained on music, and its weights are not for commercial use.
Only the layers up to the one that is clustered are kept.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.published.libraries import transformers
from generation.cascade.published.strict import Release, Source, load_published
from generation.cascade.spectra import resample
from generation.cascade.time_grid import TimeGrid


@dataclass(frozen=True, slots=True)
class W2vBertConfig:
    """w2v-BERT 2.0's sizes. layer: whose output is clustered, counted from 1, of ``published_layers``."""

    tokens: int = 1024
    layer: int = 17
    published_layers: int = 24
    dim: int = 1024
    heads: int = 16
    feed_forward: int = 4096


@dataclass(frozen=True, slots=True)
class MertConfig:
    """MERT-v1-95M's sizes, as above. convolution: width of the convolutions, whose strides give 75 Hz."""

    tokens: int = 1024
    layer: int = 7
    published_layers: int = 12
    dim: int = 768
    heads: int = 12
    feed_forward: int = 3072
    convolution: int = 512
    groups: int = 16


class W2vBertEncoder(nn.Module):
    """Waveform [B, samples] at 16 kHz to features [B, steps, dim] at 25 Hz, pairs of 50-Hz features averaged."""

    def __init__(self, grid: TimeGrid, config: W2vBertConfig) -> None:
        super().__init__()
        self.config, self.dim = config, config.dim
        self.sample_rate_hz = grid.sample_rate_hz
        library = transformers()
        self.network: Any = library.Wav2Vec2BertModel(
            library.Wav2Vec2BertConfig(
                hidden_size=config.dim,
                num_hidden_layers=config.layer,
                num_attention_heads=config.heads,
                intermediate_size=config.feed_forward,
                mask_time_prob=0.0,
                layerdrop=0.0,
            )
        )

    def forward(self, wave: Tensor) -> Tensor:
        features = filter_banks(_fill(resample(wave, self.sample_rate_hz, _FBANK_HZ), _FBANK_WINDOW, _FBANK_HOP))
        pairs = standardised(features).reshape(len(wave), -1, 2 * _FBANK_MELS)
        hidden: Tensor = self.network(input_features=pairs).last_hidden_state
        return hidden.reshape(len(wave), -1, 2, self.dim).mean(2)


class MertEncoder(nn.Module):
    """Waveform [B, samples] to features [B, steps, dim] at 25 Hz, three 75-Hz features averaged.

    MERT's own code cannot be run without trusting what the hub holds. With its published settings (no CQT, no deep
    norm, attention not relaxed) the network is HuBERT's, into which its weights are read here.
    """

    def __init__(self, grid: TimeGrid, config: MertConfig) -> None:
        super().__init__()
        self.config, self.dim = config, config.dim
        self.sample_rate_hz = grid.sample_rate_hz
        library = transformers()
        self.network: Any = library.HubertModel(
            library.HubertConfig(
                hidden_size=config.dim,
                num_hidden_layers=config.layer,
                num_attention_heads=config.heads,
                intermediate_size=config.feed_forward,
                conv_dim=(config.convolution,) * 7,
                num_conv_pos_embedding_groups=config.groups,
                mask_time_prob=0.0,
                layerdrop=0.0,
            )
        )

    def forward(self, wave: Tensor) -> Tensor:
        heard = resample(wave, self.sample_rate_hz, _MERT_HZ)
        normal = (heard - heard.mean(1, keepdim=True)) / (heard.var(1, correction=0, keepdim=True) + 1e-7).sqrt()
        hidden: Tensor = self.network(_fill(normal, _MERT_WINDOW, _MERT_HOP)).last_hidden_state
        return hidden.reshape(len(wave), -1, 3, self.dim).mean(2)


def load_w2v_bert(path: Path, encoder: W2vBertEncoder) -> None:
    """Fill the kept layers from facebook/w2v-bert-2.0. Raises GenerationError, see ``load_published``."""
    load_published(path, encoder, (w2v_bert_release(encoder.config),))


def load_mert(path: Path, encoder: MertEncoder) -> None:
    """Fill the kept layers from m-a-p/MERT-v1-95M. Raises GenerationError, see ``load_published``."""
    load_published(path, encoder, (mert_release(encoder.config),))


def w2v_bert_release(config: W2vBertConfig) -> Release:
    return Release(
        name="w2v-BERT 2.0 of facebook/w2v-bert-2.0",
        marker="encoder.layers.0.conv_module.pointwise_conv1.weight",
        source=_inner,
        ignored=("masked_spec_embed", *_above(config.layer, config.published_layers)),
    )


def mert_release(config: MertConfig) -> Release:
    return Release(
        name="MERT-v1-95M of m-a-p/MERT-v1-95M",
        marker="encoder.pos_conv_embed.conv.weight_g",
        source=_mert,
        ignored=("masked_spec_embed", *_above(config.layer, config.published_layers)),
    )


def _inner(name: str) -> Source:
    return Source((name.removeprefix("network."),))


_WEIGHT_NORM = {"parametrizations.weight.original0": "weight_g", "parametrizations.weight.original1": "weight_v"}
"""torch's names of a weight norm's magnitude and direction since 2.1, and before."""


def _mert(name: str) -> Source:
    name = name.removeprefix("network.")
    for ours, theirs in _WEIGHT_NORM.items():
        name = name.replace(ours, theirs)
    return Source((name,))


def _above(layer: int, published: int) -> tuple[str, ...]:
    """The layers above the one that is clustered."""
    return tuple(f"encoder.layers.{index}.*" for index in range(layer, published))


_FBANK_HZ, _FBANK_WINDOW, _FBANK_HOP, _FBANK_MELS, _FBANK_BINS = 16_000, 400, 160, 80, 257
_MERT_HZ, _MERT_WINDOW, _MERT_HOP = 24_000, 400, 320


def _fill(wave: Tensor, window: int, hop: int) -> Tensor:
    """Silence around a sound of whole hops, so that it has as many windows as hops."""
    return F.pad(wave, ((window - hop) // 2, window - hop - (window - hop) // 2))


def filter_banks(wave: Tensor) -> Tensor:
    """Log filter banks as w2v-BERT 2.0 was taught them: [B, samples] at 16 kHz to [B, frames, 80] at 100 Hz.

    Kaldi's: each 25-ms window of 16-bit samples loses its mean, is pre-emphasised and meets Povey's window.
    """
    frames = wave.double().unfold(1, _FBANK_WINDOW, _FBANK_HOP) * 2**15
    frames = frames - frames.mean(-1, keepdim=True)
    before = torch.cat([frames[..., :1], frames[..., :-1]], -1)
    povey = torch.hann_window(_FBANK_WINDOW, periodic=False, dtype=torch.float64, device=wave.device) ** 0.85
    power: Tensor = torch.fft.rfft((frames - 0.97 * before) * povey, 512).abs().square()
    return (power @ _kaldi_filters(wave.device)).clamp(min=torch.finfo(torch.float32).eps).log().float()


def standardised(features: Tensor) -> Tensor:
    """Each band of [B, frames, bands] to mean 0 and deviation 1 over its sound."""
    return (features - features.mean(1, keepdim=True)) / (features.var(1, keepdim=True) + 1e-7).sqrt()


def _kaldi_filters(device: torch.device) -> Tensor:
    """Triangles [257, 80] from 20 Hz to 8 kHz, straight on the mel scale instead of in Hertz."""
    low, high = (1127 * math.log(1 + hertz / 700) for hertz in (20, _FBANK_HZ / 2))
    edges = torch.linspace(low, high, _FBANK_MELS + 2, dtype=torch.float64, device=device)
    hertz = torch.linspace(0, _FBANK_HZ / 2, _FBANK_BINS, dtype=torch.float64, device=device)
    mel = 1127 * (1 + hertz / 700).log()[:, None]
    rising = (mel - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - mel) / (edges[2:] - edges[1:-1])
    return torch.minimum(rising, falling).clamp(min=0)
