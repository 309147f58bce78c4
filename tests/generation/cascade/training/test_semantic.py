"""Training of semantic tokens and of the joint embedding on sounds that are easy to tell apart."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from generation.cascade.control import ByteJointEmbedding, JointConfig
from generation.cascade.semantic.tokens import SemanticConfig, SemanticTokenizer
from generation.cascade.time_grid import TimeGrid
from generation.cascade.training.control import JointRun, JointTask, fewer_words
from generation.cascade.training.loop import Schedule, run
from generation.cascade.training.semantic import SemanticRun, SemanticTask, masked
from generation.cascade.transformer import TransformerConfig

HERTZ = (110.0, 165.0, 247.0, 370.0)
NAMES = ("low", "lower middle", "upper middle", "high")


class Tones:
    """Each example holds two notes in turn, a quarter of a second each; which ones is decided by its number."""

    def __len__(self) -> int:
        return 16

    def waves(self, indices: Sequence[int]) -> Tensor:
        return torch.stack([self._wave(index) for index in indices])

    def _wave(self, index: int) -> Tensor:
        time = torch.arange(4_000) / 16_000
        notes = [
            0.3 * torch.sin(2 * torch.pi * HERTZ[note] * time)
            for note in (index % 4, (index + 1 + index // 4) % 4)
        ]
        return torch.cat(notes * 4)


class Single:
    """Each example is one note."""

    def __len__(self) -> int:
        return 16

    def waves(self, indices: Sequence[int]) -> Tensor:
        time = torch.arange(32_000) / 16_000
        return torch.stack([0.3 * torch.sin(2 * torch.pi * HERTZ[index % 4] * time) for index in indices])


def say(index: int, generator: torch.Generator) -> str:
    return NAMES[index % 4]


def test_masked_music_is_guessed_from_the_rest(tmp_path: Path) -> None:
    torch.manual_seed(0)
    small = TransformerConfig(layers=1, dim=32, heads=2, feed_forward=32, buckets=16, furthest=32)
    tokenizer = SemanticTokenizer(TimeGrid(), SemanticConfig(tokens=24, mels=16, hits=4, kept=small))
    how = SemanticRun(
        batch=8, window_s=1, span=3, starts=0.1, labels=6, upper_layers=1, fitted_on=16, clustered=16
    )
    task = SemanticTask(tokenizer, Tones(), Tones(), how)
    figures = run(task, Schedule(steps=60, learning_rate=5e-3, warm_up_steps=5, ema=0.9), tmp_path, seed=0)
    assert figures["masked_accuracy"] > figures["commonest_label_share"] + 0.2
    with torch.inference_mode():
        figures = task.finish(torch.Generator().manual_seed(0))
    assert figures["variance_explained"] > 0.5
    # A note lasts six steps and a quarter, and its neighbours sound in the long window too.
    notes = torch.tensor(
        [[(i % 4, (i + 1 + i // 4) % 4)[int(step / 6.25) % 2] for step in range(50)] for i in range(16)]
    )
    counts = torch.zeros(24, 4)
    tokens = tokenizer.encode(Tones().waves(range(16)))
    counts.index_put_((tokens.flatten(), notes.flatten()), torch.ones(notes.numel()), accumulate=True)
    assert counts.max(1).values.sum() / notes.numel() > 0.75


def test_stretches_are_hidden_whole_and_never_none() -> None:
    how = SemanticRun(span=4, starts=0.05)
    hidden = masked(torch.Size([40, 50]), how, torch.Generator().manual_seed(0))
    assert hidden.any(1).all()
    runs = [len(run) for row in hidden[:, :46].int().tolist() for run in "".join(map(str, row)).split("0") if run]
    assert sum(length >= 4 for length in runs) > 0.8 * len(runs)
    assert 0.1 < float(hidden.float().mean()) < 0.3


def test_music_and_words_for_it_meet(tmp_path: Path) -> None:
    torch.manual_seed(0)
    sizes = JointConfig(dim=8, width=16, layers=1, heads=2, feed_forward=32, mels=16, text_bytes=32)
    joint = ByteJointEmbedding(TimeGrid(window_s=2), sizes)
    task = JointTask(joint, (Single(), say), (Single(), say), JointRun(batch=8, clip_s=1, words_heard=1.0))
    run(task, Schedule(steps=80, learning_rate=5e-3, warm_up_steps=5, ema=0.9), tmp_path, seed=0)
    with torch.inference_mode():
        likeness = joint.embed_text(NAMES[:1] + NAMES[3:]) @ joint.embed_audio(Single().waves([0, 3])).T
    assert likeness[0, 0] > likeness[0, 1]
    assert likeness[1, 1] > likeness[1, 0]


@pytest.mark.parametrize("seed", range(10))
def test_words_are_left_out_but_never_all(seed: int) -> None:
    text = "slow happy reggae with an organ"
    kept = fewer_words(text, JointRun(), torch.Generator().manual_seed(seed)).split()
    assert kept
    assert [word for word in text.split() if word in kept] == kept
