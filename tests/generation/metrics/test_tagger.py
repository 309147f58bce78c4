"""The tagger against an independent reading of the paper's network in numpy, and against what it once said."""

import hashlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from safetensors.numpy import load_file, save_file

from generation.contracts import GenerationError
from generation.metrics.tagger import TAGS, WEIGHTS, Tagger, load_tagger, log_mel_patches, tag
from tests.generation.metrics.sounds import RATE, chord, clicks, silence

Array = npt.NDArray[np.float64]

MUSIC = (chord(48, 60, 64, 67) * np.exp(-(np.arange(10 * RATE) % (RATE // 2)) / 4000) + 0.2 * clicks(120)).astype(
    np.float32
)

GOLDEN = {"guitar": 0.42, "slow": 0.27, "quiet": 0.18, "soft": 0.14, "ambient": 0.11, "beat": 0.07}
"""What this implementation, checked by hand against the authors' figures for two real clips, says of MUSIC."""


def _normalised(x: Array, weights: dict[str, Array], number: int) -> Array:
    name = f"batch_normalization_{number}" if number else "batch_normalization"
    gain = weights[f"{name}.gamma"] / np.sqrt(weights[f"{name}.moving_variance"] + 1e-3)
    return (x - weights[f"{name}.moving_mean"]) * gain + weights[f"{name}.beta"]


def _slid(x: Array, kernel: Array, before: int, after: int) -> Array:
    """Correlation of [time, bands] with [frames, width, 1, channels]: [time, bands - width + 1, channels]."""
    padded = np.pad(x, ((before, after), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, kernel.shape[:2])
    return np.einsum("tbfw,fwc->tbc", windows, kernel[:, :, 0], optimize=True)


def _by_hand(patch: Array, weights: dict[str, Array]) -> tuple[Array, Array]:
    x = _normalised(patch, weights, 0)
    front = []
    for number, name in enumerate(["conv2d", "conv2d_1", "conv2d_2", "conv2d_3", "conv2d_4"]):
        kernel = weights[f"{name}.kernel"]
        zeros = len(kernel) - 1
        heard = _slid(x, kernel, zeros // 2, zeros - zeros // 2) + weights[f"{name}.bias"]
        front.append(_normalised(np.maximum(heard, 0), weights, number + 1).max(1))
    layers = [np.concatenate(front, 1)]
    for number, name in enumerate(["conv2d_5", "conv2d_6", "conv2d_7"]):
        heard = _slid(layers[-1], weights[f"{name}.kernel"], 3, 3)[:, 0] + weights[f"{name}.bias"]
        new = _normalised(np.maximum(heard, 0), weights, number + 6)
        layers.append(new if number == 0 else new + layers[-1])
    whole = np.concatenate(layers, 1)
    seen = np.stack([whole.max(0), whole.mean(0)], 1).reshape(-1)
    hidden = np.maximum(_normalised(seen, weights, 9) @ weights["dense.kernel"] + weights["dense.bias"], 0)
    embedding = _normalised(hidden, weights, 10)
    scores = embedding @ weights["dense_1.kernel"] + weights["dense_1.bias"]
    return 1 / (1 + np.exp(-scores)), embedding


def test_network_agrees_with_numpy() -> None:
    weights = {name: value.astype(np.float64) for name, value in load_file(WEIGHTS).items()}
    patch = log_mel_patches(torch.from_numpy(MUSIC))[1]
    with torch.inference_mode():
        probabilities, embedding = load_tagger()(patch[None])
    by_hand, embedding_by_hand = _by_hand(patch.double().numpy(), weights)
    assert np.abs(probabilities[0].numpy() - by_hand).max() < 1e-4
    assert np.abs(embedding[0].numpy() - embedding_by_hand).max() < 1e-3 * np.abs(embedding_by_hand).max()


def test_a_sound_is_tagged_as_it_was() -> None:
    tagged = tag(load_tagger(), MUSIC)
    assert tagged.probabilities.shape == (3, 50)
    assert tagged.embeddings.shape == (3, 200)
    mean = dict(zip(TAGS, tagged.probabilities.mean(0).tolist(), strict=True))
    assert {name: round(mean[name], 2) for name in GOLDEN} == pytest.approx(GOLDEN, abs=0.02)


def test_silence_is_tagged_and_too_short_a_sound_is_not() -> None:
    tagger = load_tagger()
    assert np.isfinite(tag(tagger, silence()).embeddings).all()
    with pytest.raises(ValueError, match="too short"):
        tag(tagger, silence()[: 2 * RATE])


def test_loud_sound_stays_finite() -> None:
    assert np.isfinite(tag(load_tagger(), 20 * MUSIC).probabilities).all()


def test_damaged_and_foreign_weights_are_refused(tmp_path: Path) -> None:
    weights = load_file(WEIGHTS)
    damaged = tmp_path / "damaged.safetensors"
    damaged.write_bytes(WEIGHTS.read_bytes()[:1000])
    foreign = tmp_path / "foreign.safetensors"
    save_file({name: value for name, value in weights.items() if name != "dense.kernel"}, foreign)
    for path in (damaged, foreign, tmp_path / "missing.safetensors"):
        with pytest.raises(GenerationError, match=path.name):
            Tagger().load(path)


def test_shipped_weights_are_those_of_the_manifest() -> None:
    entry = json.loads((WEIGHTS.parents[1] / "manifest.json").read_text())["musicnn/mtt.safetensors"]
    assert hashlib.sha256(WEIGHTS.read_bytes()).hexdigest() == entry["sha256"]
    assert entry["licence"] == "ISC"
    assert (WEIGHTS.parent / "LICENSE").is_file()
