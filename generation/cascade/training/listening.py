"""What the finished cascade plays, in numbers: music for held-out pictures beside their own music."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from generation.cascade.checkpoint import Cascade
from generation.cascade.pipeline import from_chunks, into_chunks
from generation.cascade.sampling import gumbel_noise
from generation.cascade.stages import VisualStreams
from generation.cascade.training.material import mono
from generation.cascade.training.stages import Tokens
from generation.world.piece import HUES, SCALES, Piece

Wave = npt.NDArray[np.float32]

_HOP = 160
_TEMPERATURES = (1.0, 0.95, 0.4)


@torch.inference_mode()
def play(cascade: Cascade, tokens: Tokens, seed: int, *, with_flow: bool) -> Tensor:
    """Music [clips, samples] for all clips at once, at the paper's temperatures."""
    cascade.eval()
    preset, grid = cascade.preset, cascade.preset.grid
    quantum, size = preset.visual.quantum, preset.acoustic.codebook_size
    rounded = [(stream / quantum).round() * quantum for stream in (tokens.clip, tokens.flow)]
    streams = VisualStreams(rounded[0], rounded[1] if with_flow else None)
    generator, cpu = torch.Generator().manual_seed(seed), torch.device("cpu")
    clips, steps, frames = len(tokens.clip), tokens.semantic.shape[1], tokens.codes.shape[2]
    noise = gumbel_noise((clips, steps, preset.semantic.tokens), generator, cpu)
    semantic = cascade.stage1.draw(streams, noise, _TEMPERATURES[0], preset.top_k[0])
    noise = gumbel_noise((clips, frames, grid.coarse_levels, size), generator, cpu)
    coarse = cascade.stage2.draw(streams, semantic, noise, _TEMPERATURES[1], preset.top_k[1])
    return cascade.codec.decode(with_drawn_fine_levels(cascade, coarse, generator))


@torch.no_grad()
def with_drawn_fine_levels(cascade: Cascade, codes: Tensor, generator: torch.Generator) -> Tensor:
    """Codes [clips, coarse or all levels, frames] with the fine levels replaced by what stage 3 draws."""
    preset, grid = cascade.preset, cascade.preset.grid
    drawn = []
    for clip in codes[:, : grid.coarse_levels].long().split(16):  # type: ignore[no-untyped-call]
        chunks = torch.cat([into_chunks(one[None], grid.fine_chunk_frames) for one in clip])
        shape = (len(chunks), grid.fine_chunk_frames, grid.fine_levels, preset.acoustic.codebook_size)
        noise = gumbel_noise(shape, generator, codes.device)
        fine = cascade.stage3.draw(chunks, noise, _TEMPERATURES[2], preset.top_k[2])
        whole = [from_chunks(part, clip.shape[2]) for part in fine.unflatten(0, (len(clip), -1))]  # type: ignore[no-untyped-call]
        drawn.append(torch.cat([clip, torch.cat(whole)], 1))
    return torch.cat(drawn)


def listening_figures(cascade: Cascade, pieces: list[Piece], tokens: Tokens) -> dict[str, float]:
    """Means over clips for the two systems and for the music that belongs to the clips ("own")."""
    rate = cascade.preset.grid.sample_rate_hz
    heard = {
        "own": [mono(piece, rate) for piece in pieces],
        "clip": list(play(cascade, tokens, 0, with_flow=False).numpy()),
        "clip_i3d": list(play(cascade, tokens, 0, with_flow=True).numpy()),
    }
    measures: dict[str, Callable[[Wave, Piece], float]] = {
        "beat": lambda wave, _: beat_strength(wave, rate),
        "tempo_found": lambda wave, piece: float(tempo_frames(wave, rate) == piece.sixteenth_frames),
        "in_key": lambda wave, piece: in_key(wave, rate, piece),
        "flatness": lambda wave, _: flatness(wave),
        "chroma_entropy": lambda wave, _: chroma_entropy(wave, rate),
        "centroid_hz": lambda wave, _: centroid(wave, rate),
        "rms_db": lambda wave, _: float(20 * np.log10(np.sqrt(np.mean(wave**2)) + 1e-9)),
        "peak": lambda wave, _: float(np.abs(wave).max()),
    }
    figures = {}
    for who, waves in heard.items():
        for name, measure in measures.items():
            values = [measure(wave, piece) for wave, piece in zip(waves, pieces, strict=True)]
            figures[f"{who}_{name}"] = round(float(np.mean(values)), 4)
        elsewhere = pieces[len(pieces) // 2 :] + pieces[: len(pieces) // 2]
        wrong = [in_key(wave, rate, piece) for wave, piece in zip(waves, elsewhere, strict=True)]
        figures[f"{who}_in_key_of_another_clip"] = round(float(np.mean(wrong)), 4)
        figures[f"{who}_centroid_follows_brightness"] = round(
            _rank_correlation([centroid(wave, rate) for wave in waves], [piece.brightness for piece in pieces]), 4
        )
        figures[f"{who}_onsets_follow_density"] = round(
            _rank_correlation(
                [onset_rate(wave, rate) for wave in waves],
                [piece.density + 12 / piece.sixteenth_frames for piece in pieces],
            ),
            4,
        )
    return figures


def onset_strength(wave: Wave, rate: int) -> npt.NDArray[np.float64]:
    """Rise of log spectral energy, 100 values a second."""
    frames = np.lib.stride_tricks.sliding_window_view(wave, 4 * _HOP)[::_HOP] * np.hanning(4 * _HOP)
    spectrum = np.log1p(30 * np.abs(np.fft.rfft(frames)))
    return np.asarray(np.maximum(np.diff(spectrum, axis=0), 0).sum(1), dtype=np.float64)


def _autocorrelation(wave: Wave, rate: int) -> npt.NDArray[np.float64]:
    strength = onset_strength(wave, rate)
    strength = strength - strength.mean()
    whole = np.correlate(strength, strength, "full")[len(strength) - 1 :]
    overlap = np.arange(len(strength), 0, -1) / len(strength)
    return np.asarray(whole / overlap / max(whole[0], 1e-9), dtype=np.float64)


def beat_strength(wave: Wave, rate: int) -> float:
    """Highest autocorrelation of the onsets between 0.2 and 1.7 s: 1 for a machine, near 0 without a beat."""
    return float(_autocorrelation(wave, rate)[20:170].max())


def tempo_frames(wave: Wave, rate: int) -> int:
    """The world's sixteenth length whose quarter, half and whole bars the onsets repeat best."""
    likeness = _autocorrelation(wave, rate)
    return max(
        range(5, 11), key=lambda frames: float(np.mean([likeness[2 * frames * steps] for steps in (4, 8, 12, 16)]))
    )


def _chroma(wave: Wave, rate: int) -> npt.NDArray[np.float64]:
    size = 8192
    power = np.zeros(size // 2 + 1)
    for start in range(0, len(wave) - size, size // 2):
        power += np.abs(np.fft.rfft(wave[start : start + size] * np.hanning(size))) ** 2
    frequency = np.fft.rfftfreq(size, 1 / rate)
    tonal = (frequency > 100) & (frequency < 1000)
    classes = np.round(69 + 12 * np.log2(frequency[tonal] / 440)).astype(int) % 12
    chroma = np.bincount(classes, weights=power[tonal], minlength=12)
    return np.asarray(chroma / max(chroma.sum(), 1e-12), dtype=np.float64)


def in_key(wave: Wave, rate: int, piece: Piece) -> float:
    """Share of tonal energy on the seven pitch classes of the piece's key; 7/12 by chance."""
    hue = HUES[piece.hue]
    return float(_chroma(wave, rate)[[(hue.tonic + step) % 12 for step in SCALES[hue.mode]]].sum())


def chroma_entropy(wave: Wave, rate: int) -> float:
    """In bits: log2(12) = 3.58 when all pitch classes sound alike."""
    chroma = _chroma(wave, rate) + 1e-12
    return float(-(chroma * np.log2(chroma)).sum())


def flatness(wave: Wave) -> float:
    """Geometric over arithmetic mean of the power spectrum, mean over frames: 1 for white noise."""
    frames = np.lib.stride_tricks.sliding_window_view(wave, 1024)[::512] * np.hanning(1024)
    power = np.abs(np.fft.rfft(frames)) ** 2 + 1e-8
    return float(np.mean(np.exp(np.log(power).mean(1)) / power.mean(1)))


def centroid(wave: Wave, rate: int) -> float:
    """Centre of the magnitude spectrum in Hz."""
    size = np.abs(np.fft.rfft(wave))
    return float((size * np.fft.rfftfreq(len(wave), 1 / rate)).sum() / max(size.sum(), 1e-9))


def onset_rate(wave: Wave, rate: int) -> float:
    """Onsets a second: local maxima of onset strength above half a deviation over the mean."""
    strength = onset_strength(wave, rate)
    middle = strength[1:-1]
    peaks = (middle > strength[:-2]) & (middle >= strength[2:]) & (middle > strength.mean() + 0.5 * strength.std())
    return float(peaks.sum() / (len(wave) / rate))


def _rank_correlation(first: list[float], second: list[float]) -> float:
    """Spearman's."""
    from scipy.stats import spearmanr

    return float(spearmanr(first, second).statistic)
