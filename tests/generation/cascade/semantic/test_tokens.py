"""Semantic tokens: what they are clustered from, and that clusters are where the points are."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from generation.cascade.semantic.tokens import SemanticConfig, SemanticTokenizer, fitted_centroids
from generation.cascade.time_grid import TimeGrid
from generation.cascade.transformer import TransformerConfig

SMALL = SemanticConfig(
    tokens=6,
    mels=16,
    hits=4,
    kept=TransformerConfig(layers=1, dim=8, heads=2, feed_forward=16, buckets=8, furthest=16),
)


@pytest.fixture
def tokenizer() -> SemanticTokenizer:
    torch.manual_seed(0)
    return SemanticTokenizer(TimeGrid(), SMALL).eval()


def tone(hertz: float, seconds: float = 2.0) -> Tensor:
    time = torch.arange(round(16_000 * seconds)) / 16_000
    return 0.3 * torch.sin(2 * torch.pi * hertz * time)[None]


@torch.inference_mode()
def test_there_are_twenty_five_tokens_a_second(tokenizer: SemanticTokenizer) -> None:
    features = tokenizer.encoder(tone(220))
    assert features.shape == (1, 50, 8 + 2 * 4)
    tokenizer.fit(torch.randn(100, 16), torch.Generator().manual_seed(0))
    assert tokenizer.encode(tone(220)).shape == (1, 50)


def test_a_length_between_two_steps_is_refused(tokenizer: SemanticTokenizer) -> None:
    with pytest.raises(ValueError, match="641"):
        tokenizer.encode(torch.zeros(1, 641))


@torch.inference_mode()
def test_a_drum_hit_shows_in_the_half_of_the_step_that_has_it(tokenizer: SemanticTokenizer) -> None:
    wave = torch.zeros(1, 16_000)
    at = 10 * 640 + 320 + 160
    wave[0, at : at + 40] = torch.randn(40, generator=torch.Generator().manual_seed(0))
    hits = tokenizer.encoder(wave)[0, :, 8:]
    first, second = hits[10].chunk(2)
    assert (second > first + 0.5).all()
    assert hits[:9].std() < 0.01


@torch.inference_mode()
def test_different_notes_get_different_tokens_and_the_same_note_the_same(tokenizer: SemanticTokenizer) -> None:
    notes = [tone(hertz) for hertz in (110.0, 220.0, 330.0)]
    features = torch.cat([tokenizer.encoder(note)[0, 5:45] for note in notes])
    tokenizer.fit(features, torch.Generator().manual_seed(0))
    heard = [tokenizer.encode(note)[0, 10:40].mode().values for note in notes]
    assert len(set(map(int, heard))) == 3
    assert int(tokenizer.encode(tone(220.0))[0, 20]) == int(heard[1])


@torch.inference_mode()
def test_tokens_are_the_same_alone_and_in_a_batch(tokenizer: SemanticTokenizer) -> None:
    tokenizer.fit(torch.randn(200, 16), torch.Generator().manual_seed(0))
    both = tokenizer.encode(torch.cat([tone(220), tone(330)]))
    assert torch.equal(both[1:], tokenizer.encode(tone(330)))


@pytest.mark.parametrize("seed", range(5))
def test_clusters_find_the_heaps(seed: int) -> None:
    heaps = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0], [10.0, 10.0]])
    draw = torch.Generator().manual_seed(seed)
    points = heaps.repeat_interleave(50, 0) + 0.1 * torch.randn(200, 2, generator=draw)
    found = fitted_centroids(points, 4, draw)
    assert torch.cdist(heaps, found).min(1).values.max() < 0.2


def test_the_share_explained_is_what_clusters_leave_over(tokenizer: SemanticTokenizer) -> None:
    few = torch.randn(6, 16, generator=torch.Generator().manual_seed(0))
    assert tokenizer.fit(few.repeat(20, 1), torch.Generator().manual_seed(0)) == pytest.approx(1, abs=1e-4)
    noise = torch.randn(4000, 16, generator=torch.Generator().manual_seed(1))
    assert tokenizer.fit(noise, torch.Generator().manual_seed(0)) < 0.5
