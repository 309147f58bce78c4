"""Train the codec: spectra for the ear, complex spectra and the wave itself for phase."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from generation.cascade.acoustic import Codec, ResidualQuantizer
from generation.cascade.time_grid import TimeGrid
from generation.cascade.training.clock import Clock
from generation.cascade.training.material import held_out_pieces, mono, training_pieces


@dataclass(frozen=True, slots=True)
class CodecRun:
    """Size of one training run. ``crop_frames`` counts acoustic frames."""

    clips: int = 1200
    batch: int = 10
    crop_frames: int = 60
    learning_rate: float = 1.5e-3


@lru_cache(maxsize=16)
def mel_matrix(bins: int, mels: int, sample_rate_hz: int) -> Tensor:
    """Triangular filters [bins, mels], HTK scale, each summing to one."""
    top = 2595 * np.log10(1 + sample_rate_hz / 2 / 700)
    edges = 700 * (10 ** (np.linspace(0, top, mels + 2) / 2595) - 1)
    frequency = np.linspace(0, sample_rate_hz / 2, bins)[:, None]
    rising = (frequency - edges[:-2]) / (edges[1:-1] - edges[:-2])
    falling = (edges[2:] - frequency) / (edges[2:] - edges[1:-1])
    filters = np.maximum(0, np.minimum(rising, falling))
    # What is kept for later must be a normal tensor, even when the first to ask is only measuring.
    with torch.inference_mode(False):
        return torch.tensor(filters / np.maximum(filters.sum(0), 1e-3), dtype=torch.float32)


def log_mel(wave: Tensor, sample_rate_hz: int, size: int = 1024, mels: int = 80) -> Tensor:
    """[B, samples] to log10 mel amplitudes [B, frames, mels]."""
    spectrum = torch.stft(wave, size, size // 4, window=torch.hann_window(size), return_complex=True).abs()
    return (spectrum.transpose(1, 2) @ mel_matrix(size // 2 + 1, mels, sample_rate_hz)).clamp(min=1e-4).log10()


def reconstruction_loss(made: Tensor, wanted: Tensor, sample_rate_hz: int, sizes: tuple[int, int]) -> Tensor:
    """Distance of two batches of waves: the wave, a short and a long spectrum, and the long one in mel bands."""
    loss = 5.0 * F.l1_loss(made, wanted)
    for size in sizes:
        made_parts, made_size = _compressed(made, size)
        with torch.no_grad():
            wanted_parts, wanted_size = _compressed(wanted, size)
        loss = loss + 1.5 * F.l1_loss(made_parts, wanted_parts)
        loss = loss + 0.7 * F.l1_loss(made_size.log10(), wanted_size.log10())
    mel = mel_matrix(sizes[-1] // 2 + 1, 80, sample_rate_hz)
    made_mel, wanted_mel = (
        (size.transpose(1, 2) @ mel).clamp(min=1e-4).log10() for size in (made_size, wanted_size)
    )
    return loss + 2.0 * F.l1_loss(made_mel, wanted_mel)


def _compressed(wave: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The complex spectrum with magnitudes square-rooted, as pairs of reals, and the magnitude."""
    spectrum = torch.stft(wave, size, size // 3, window=torch.hann_window(size), return_complex=True)
    parts = torch.view_as_real(spectrum)
    magnitude = parts.square().sum(-1).add(1e-5).sqrt()
    return parts / magnitude.sqrt().unsqueeze(-1), magnitude


def quantise_while_training(
    quantizer: ResidualQuantizer, latents: Tensor, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Quantise, passing gradients straight through, and let the codebooks follow; also the commitment loss.

    Every other example stops at a random level, so that the first levels alone already carry the gist.
    """
    batch, frames, dim = latents.shape
    levels = len(quantizer.codebooks)
    keep = torch.randint(1, levels + 1, (batch,), generator=generator)
    keep[torch.rand(batch, generator=generator) < 0.5] = levels
    residual = latents.reshape(-1, dim).float()
    total = torch.zeros_like(residual)
    commitment = residual.new_zeros(())
    for level in range(levels):
        used = (keep > level).repeat_interleave(frames)
        with torch.no_grad():
            _follow(quantizer, level, residual.detach()[used], generator)
            code = quantizer.codebooks[level][quantizer.nearest(residual.detach(), level)]
        commitment = commitment + F.mse_loss(residual[used], code[used])
        total = total + code * used.unsqueeze(1)
        residual = residual - code
    flat = latents.reshape(-1, dim)
    return (flat + (total - flat).detach()).view(batch, frames, dim), commitment / levels


def _follow(quantizer: ResidualQuantizer, level: int, inputs: Tensor, generator: torch.Generator) -> None:
    counts, sums = quantizer.counts[level], quantizer.sums[level]
    size = counts.shape[0]
    if float(counts.sum()) == 0:
        pick = torch.randint(len(inputs), (size,), generator=generator)
        sums.copy_(inputs[pick])
        counts.fill_(1.0)
        quantizer.codebooks[level] = sums
    index = quantizer.nearest(inputs, level)
    counts.mul_(0.98).index_add_(0, index, torch.full((len(index),), 0.02))
    sums.mul_(0.98).index_add_(0, index, inputs * 0.02)
    dead = (counts < 0.004).nonzero().flatten()
    if len(dead):
        pick = torch.randint(len(inputs), (len(dead),), generator=generator)
        sums[dead] = inputs[pick] * 0.05
        counts[dead] = 0.05
    quantizer.codebooks[level] = sums / counts.clamp(min=1e-6).unsqueeze(1)


_SIZES = ((256, 1024), (640, 1600), (320, 800), (512, 2000))
"""Spectrum lengths, in samples, taken in turn: all of them at each step would cost more than the network."""


def train_codec(codec: Codec, grid: TimeGrid, run: CodecRun, clock: Clock) -> dict[str, float]:
    """Train in place until the clock says stop; gives the held-out figures."""
    music = torch.stack(
        [torch.from_numpy(mono(piece, grid.sample_rate_hz)).half() for piece in training_pieces(run.clips)]
    )
    generator = clock.generator
    optimiser = torch.optim.AdamW(codec.parameters(), lr=run.learning_rate, betas=(0.8, 0.99), weight_decay=1e-3)
    clock.restore(codec, optimiser)
    frames = music.shape[1] // grid.hop
    codec.train()
    for share in clock.steps():
        clock.set_rate(optimiser, run.learning_rate, share)
        clip = torch.randint(len(music), (run.batch,), generator=generator).tolist()
        start = torch.randint(frames - run.crop_frames + 1, (run.batch,), generator=generator).tolist()
        wanted = torch.stack(
            [music[c, s * grid.hop : (s + run.crop_frames) * grid.hop] for c, s in zip(clip, start, strict=True)]
        ).float()
        with torch.autocast("cpu", torch.bfloat16):
            latents = codec.latents(wanted)
        quantised, commitment = quantise_while_training(codec.quantizer, latents.float(), generator)
        with torch.autocast("cpu", torch.bfloat16):
            made = codec.synthesise(quantised)
        sizes = _SIZES[clock.step % len(_SIZES)]
        loss = reconstruction_loss(made.float(), wanted, grid.sample_rate_hz, sizes) + 0.25 * commitment
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(codec.parameters(), 5.0)
        optimiser.step()
        clock.note(loss.item(), codec, optimiser)
    return codec_figures(codec, grid)


@torch.inference_mode()
def codec_figures(codec: Codec, grid: TimeGrid, clips: int = 24) -> dict[str, float]:
    """Held-out log10-mel distance, SI-SDR in dB for all and for the coarse levels, and codes in use a level."""
    codec.eval()
    wanted = torch.stack([torch.from_numpy(mono(piece, grid.sample_rate_hz)) for piece in held_out_pieces(clips)])
    codes = codec.encode(wanted)
    made = codec.decode(codes)
    coarse = codec.decode(codes[:, : grid.coarse_levels])
    rate = grid.sample_rate_hz
    return {
        "codec_mel_l1": float(F.l1_loss(log_mel(made, rate), log_mel(wanted, rate))),
        "codec_mel_l1_coarse": float(F.l1_loss(log_mel(coarse, rate), log_mel(wanted, rate))),
        "codec_si_sdr_db": si_sdr_db(made, wanted),
        "codec_si_sdr_db_coarse": si_sdr_db(coarse, wanted),
        "codec_codes_used": float(
            np.mean([len(torch.unique(codes[:, level])) for level in range(codes.shape[1])])
        ),
    }


def si_sdr_db(made: Tensor, wanted: Tensor) -> float:
    """Scale-invariant signal-to-distortion ratio (Le Roux et al. 2019), mean over the batch [B, samples]."""
    scale = (made * wanted).sum(1, keepdim=True) / wanted.square().sum(1, keepdim=True)
    target = scale * wanted
    ratio = target.square().sum(1) / (made - target).square().sum(1).clamp(min=1e-9)
    return float(10 * ratio.clamp(min=1e-9).log10().mean())


def refine_decoder(
    codec: Codec, grid: TimeGrid, run: CodecRun, clock: Clock, music: Tensor, codes: tuple[Tensor, ...]
) -> None:
    """Train only what turns codes into sound, so that no token changes its meaning.

    music: [clips, samples]. codes: versions of its codes, [clips, levels, frames] each, seen in turn: the codec's
    own, and those whose fine levels stage 3 has drawn, which is what the decoder gets at play.
    """
    parameters = [
        *codec.from_latent.parameters(),
        *codec.decoder.parameters(),
        *codec.norm_out.parameters(),
        *codec.spectrum_out.parameters(),
    ]
    rate = run.learning_rate / 2
    optimiser = torch.optim.AdamW(parameters, lr=rate, betas=(0.8, 0.99), weight_decay=1e-3)
    clock.restore(codec, optimiser)
    codec.train()
    for share in clock.steps():
        clock.set_rate(optimiser, rate, share)
        clip = torch.randint(len(music), (run.batch,), generator=clock.generator).tolist()
        version = codes[clock.step % len(codes)]
        last = version.shape[2] - run.crop_frames
        start = torch.randint(last + 1, (run.batch,), generator=clock.generator).tolist()
        wanted = torch.stack(
            [music[c, s * grid.hop : (s + run.crop_frames) * grid.hop] for c, s in zip(clip, start, strict=True)]
        ).float()
        given = torch.stack(
            [version[c, :, s : s + run.crop_frames].long() for c, s in zip(clip, start, strict=True)]
        )
        latents = codec.quantizer.decode(given)
        with torch.autocast("cpu", torch.bfloat16):
            made = codec.synthesise(latents)
        loss = reconstruction_loss(made.float(), wanted, grid.sample_rate_hz, _SIZES[clock.step % len(_SIZES)])
        optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(parameters, 5.0)
        optimiser.step()
        clock.note(loss.item(), codec, optimiser)
    clock.save(codec, optimiser)
