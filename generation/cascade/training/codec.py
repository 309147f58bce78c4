"""Train the codec: spectra for the ear, complex spectra and the wave itself for phase, critics for what is left.

In the first part of a run everything learns. Then encoder and codebooks stand still, so that tokens keep their
meaning and the stages can be trained, and the decoder alone goes on against critics.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.acoustic.codec import Codec
from generation.cascade.acoustic.discriminators import CriticConfig, Critics, critics_loss, fooling_loss
from generation.cascade.spectra import mel_filters
from generation.cascade.training.codebooks import quantised_in_training
from generation.cascade.training.loop import Draw
from generation.cascade.training.semantic import Music
from generation.metrics.fidelity import Wave, log_mel_distance, si_sdr_db

SIZES = ((256, 1024), (640, 1600), (320, 800), (512, 2000))
"""Spectrum lengths, in samples, taken in turn: all of them at each step would cost more than the network."""
_LISTENED_TO = 24
"""Held-out examples that the figures are of."""


@dataclass(frozen=True, slots=True)
class CodecRun:
    """crop_frames: length of what is shown, in acoustic frames.

    settled: share of the run after which encoder and codebooks stand still and the critics begin.
    judged: examples of each batch that the critics hear, who cost several times what the decoder does.
    adversarial, matching: weight of the critics beside reconstruction, and of their layers beside their verdicts.
    """

    sample_rate_hz: int = 16_000
    batch: int = 10
    crop_frames: int = 60
    commitment: float = 0.25
    settled: float = 0.6
    judged: int = 4
    adversarial: float = 0.1
    matching: float = 4.0
    coarse_levels: int = 4
    critics: CriticConfig = field(
        default_factory=lambda: CriticConfig(windows=(1024, 512), channels=12, falling=(0, 1), wave_channels=8)
    )


class CodecTask:
    """The codec and its critics."""

    def __init__(self, codec: Codec, train: Music, held_out: Music, run: CodecRun) -> None:
        self.codec, self.train, self.held_out, self.run = codec, train, held_out, run
        self.critics = Critics(run.critics)
        self.optimised: Mapping[str, nn.Module] = {"codec": codec, "critics": self.critics}
        self.kept: nn.Module = codec

    def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
        """Reconstruction and commitment; later the critics' own, then reconstruction and theirs on the decoder."""
        wanted = crops(self.train, self.codec.hop, self.run, draw).to(draw.device)
        sizes = SIZES[draw.step % len(SIZES)]
        if draw.share < self.run.settled:
            latents = self.codec.encoder(wanted).float()
            quantised, commitment = quantised_in_training(self.codec.quantizer, latents, draw.generator)
            made = self.codec.decoder(quantised).float()
            loss = reconstruction_loss(made, wanted, self.run.sample_rate_hz, sizes)
            yield "codec", loss + self.run.commitment * commitment
            return
        codes = own_codes(self.codec, wanted)
        yield from decoder_losses(self.codec, self.critics, codes, wanted, self.run, sizes)

    def evaluate(self) -> dict[str, float]:
        """See ``codec_figures``."""
        return codec_figures(self.codec, self.held_out, self.run)


@dataclass(frozen=True, slots=True)
class Drawn:
    """Music with codes of it [B, levels, frames], by index, whose fine levels stage 3 has drawn."""

    music: Music
    codes: Callable[[Sequence[int]], Tensor]


class RefiningTask:
    """The decoder once more, on codes whose fine levels stage 3 has drawn, which is what it gets at play."""

    def __init__(self, codec: Codec, train: Drawn, held_out: Drawn, run: CodecRun) -> None:
        self.codec, self.train, self.held_out, self.run = codec, train, held_out, run
        self.critics = Critics(run.critics)
        self.optimised: Mapping[str, nn.Module] = {"codec": codec, "critics": self.critics}
        self.kept: nn.Module = codec

    def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
        """Every other step the codec's own codes, so that these are not forgotten."""
        which, first = places(self.train.music, self.codec.hop, self.run, draw)
        wanted = cut(self.train.music.waves(which), first, self.codec.hop, self.run).to(draw.device)
        if draw.step % 2:
            rows = zip(self.train.codes(which), first, strict=True)
            codes = torch.stack([row[:, at : at + self.run.crop_frames] for row, at in rows])
            codes = codes.long().to(draw.device)
        else:
            codes = own_codes(self.codec, wanted)
        sizes = SIZES[draw.step // 2 % len(SIZES)]
        yield from decoder_losses(self.codec, self.critics, codes, wanted, self.run, sizes)

    @torch.inference_mode()
    def evaluate(self) -> dict[str, float]:
        """See ``codec_figures``; and ``mel_l1_drawn``, the log-mel distance with drawn fine levels."""
        which = range(min(_LISTENED_TO, len(self.held_out.music)))
        codes = self.held_out.codes(which).long().to(self.codec.codebooks.device)
        made = torch.cat([self.codec.decode(part).cpu() for part in torch.split(codes, 8)])
        mel = mel_distance(made, self.held_out.music.waves(which)[:, : made.shape[1]], self.run.sample_rate_hz)
        return {**codec_figures(self.codec, self.held_out.music, self.run), "mel_l1_drawn": mel}


@torch.no_grad()
def own_codes(codec: Codec, wanted: Tensor) -> Tensor:
    """What the codec makes of waves at play, that is in single precision: [B, samples] to [B, levels, frames]."""
    with torch.autocast(wanted.device.type, enabled=False):
        return codec.encode(wanted)


def decoder_losses(
    codec: Codec, critics: Critics, codes: Tensor, wanted: Tensor, run: CodecRun, sizes: tuple[int, int]
) -> Iterator[tuple[str, Tensor]]:
    """The critics learn to tell, then the decoder learns to be near and to be taken for real."""
    made = codec.decoder(codec.quantizer.decode(codes)).float()
    real, heard = wanted[: run.judged], made[: run.judged]
    yield "critics", critics_loss(critics(real), critics(heard.detach()))
    with torch.no_grad():
        real_verdicts = critics(real)
    loss = reconstruction_loss(made, wanted, run.sample_rate_hz, sizes)
    yield "codec", loss + run.adversarial * fooling_loss(real_verdicts, critics(heard), run.matching)


def places(music: Music, hop: int, run: CodecRun, draw: Draw) -> tuple[list[int], list[int]]:
    """Some examples, and the frame at which each is cut."""
    frames = music.waves([0]).shape[1] // hop
    which = torch.randint(len(music), (run.batch,), generator=draw.generator).tolist()
    first = torch.randint(frames - run.crop_frames + 1, (run.batch,), generator=draw.generator).tolist()
    return which, first


def cut(waves: Tensor, first: list[int], hop: int, run: CodecRun) -> Tensor:
    """Stretches of ``crop_frames`` frames, [B, crop_frames * hop]."""
    length = run.crop_frames * hop
    return torch.stack([wave[at * hop : at * hop + length] for wave, at in zip(waves, first, strict=True)])


def crops(music: Music, hop: int, run: CodecRun, draw: Draw) -> Tensor:
    """Random stretches of music."""
    which, first = places(music, hop, run, draw)
    return cut(music.waves(which), first, hop, run)


def reconstruction_loss(made: Tensor, wanted: Tensor, sample_rate_hz: int, sizes: tuple[int, int]) -> Tensor:
    """Distance of two batches of waves: the wave, a short and a long spectrum, and the long one in mel bands."""
    with torch.autocast(made.device.type, enabled=False):
        loss = 5.0 * F.l1_loss(made, wanted)
        for size in sizes:
            made_parts, made_size = _compressed(made, size)
            with torch.no_grad():
                wanted_parts, wanted_size = _compressed(wanted, size)
            loss = loss + 1.5 * F.l1_loss(made_parts, wanted_parts)
            loss = loss + 0.7 * F.l1_loss(made_size.log10(), wanted_size.log10())
        mel = mel_filters(sizes[-1] // 2 + 1, 80, sample_rate_hz).to(made.device)
        made_mel, wanted_mel = (
            (size.transpose(1, 2) @ mel).clamp(min=1e-4).log10() for size in (made_size, wanted_size)
        )
        return loss + 2.0 * F.l1_loss(made_mel, wanted_mel)


def _compressed(wave: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The complex spectrum with magnitudes square-rooted, as pairs of reals, and the magnitude."""
    window = torch.hann_window(size, device=wave.device)
    parts = torch.view_as_real(torch.stft(wave, size, size // 3, window=window, return_complex=True))
    magnitude = parts.square().sum(-1).add(1e-5).sqrt()
    return parts / magnitude.sqrt().unsqueeze(-1), magnitude


@torch.inference_mode()
def codec_figures(codec: Codec, held_out: Music, run: CodecRun, clips: int = _LISTENED_TO) -> dict[str, float]:
    """Held-out log10-mel distance, SI-SDR in dB for all and for the coarse levels, and codes in use a level."""
    waves = held_out.waves(range(min(clips, len(held_out))))
    wanted = waves[:, : waves.shape[1] // codec.hop * codec.hop]
    device = codec.codebooks.device
    codes = torch.cat([codec.encode(part.to(device)) for part in torch.split(wanted, 8)])
    figures: dict[str, float] = {}
    for name, levels in (("", codes.shape[1]), ("_coarse", run.coarse_levels)):
        made = torch.cat([codec.decode(part[:, :levels]).cpu() for part in torch.split(codes, 8)])
        mel = mel_distance(made, wanted, run.sample_rate_hz)
        figures |= {f"mel_l1{name}": mel, f"si_sdr_db{name}": _mean(made, wanted, si_sdr_db)}
    used = [len(torch.unique(codes[:, level])) for level in range(codes.shape[1])]
    return {**figures, "codes_used": sum(used) / len(used)}


def mel_distance(made: Tensor, wanted: Tensor, sample_rate_hz: int) -> float:
    """Mean log10-mel distance of waves [B, samples]."""
    return _mean(made, wanted, partial(log_mel_distance, sample_rate_hz=sample_rate_hz))


def _mean(made: Tensor, wanted: Tensor, measure: Callable[[Wave, Wave], float]) -> float:
    """Of the examples that are not silent."""
    pairs = [(a.numpy(), b.numpy()) for a, b in zip(made, wanted, strict=True) if bool(b.any())]
    return sum(measure(a, b) for a, b in pairs) / max(1, len(pairs))
