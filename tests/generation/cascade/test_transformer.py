"""Relative positions and the key-value cache."""

import math

import pytest
import torch

from generation.cascade.transformer import Decoder, Encoder, TransformerConfig, relative_bucket

CONFIG = TransformerConfig(layers=2, dim=16, heads=2, feed_forward=24, buckets=8, furthest=20)


def raffel_bucket(difference: int, buckets: int, furthest: int, two_sided: bool) -> int:
    """T5's rule written out for one number."""
    start = 0
    if two_sided:
        buckets //= 2
        start = buckets if difference > 0 else 0
        distance = abs(difference)
    else:
        distance = max(0, -difference)
    exact = buckets // 2
    if distance < exact:
        return start + distance
    grown = exact + int(math.log(distance / exact) / math.log(furthest / exact) * (buckets - exact))
    return start + min(buckets - 1, grown)


@pytest.mark.parametrize("two_sided", [True, False])
def test_buckets_follow_t5(two_sided: bool) -> None:
    differences = torch.arange(-300, 301)
    ours = relative_bucket(differences, 32, 128, two_sided).tolist()
    # Powers that fall exactly on a border may round either way in single precision.
    wrong = [
        (d, a, b)
        for d, a in zip(differences.tolist(), ours, strict=True)
        if (b := raffel_bucket(d, 32, 128, two_sided)) != a and abs(d) not in (16, 32, 64, 128)
    ]
    assert wrong == []


@pytest.mark.parametrize("cross", [True, False])
def test_cache_gives_what_the_whole_sequence_gives(cross: bool) -> None:
    torch.manual_seed(0)
    decoder = Decoder(CONFIG, cross=cross).eval()
    x = torch.randn(2, 9, CONFIG.dim)
    seen, ticks = (torch.randn(2, 5, CONFIG.dim), torch.tensor([0, 2, 4, 6, 8])) if cross else (None, None)
    with torch.inference_mode():
        whole = decoder(x, seen, ticks)
        cache = decoder.new_cache(2, 9, seen)
        stepped = torch.cat([decoder.step(x[:, t : t + 1], cache, ticks) for t in range(9)], 1)
    assert torch.allclose(whole, stepped, atol=1e-5)


def test_decoder_does_not_see_the_future_and_encoder_does() -> None:
    torch.manual_seed(0)
    x = torch.randn(1, 6, CONFIG.dim)
    changed = x.clone()
    changed[0, -1] += 1.0
    decoder, encoder = Decoder(CONFIG, cross=False).eval(), Encoder(CONFIG).eval()
    ticks = torch.arange(6)
    with torch.inference_mode():
        assert torch.allclose(decoder(x)[:, :-1], decoder(changed)[:, :-1], atol=1e-6)
        assert not torch.allclose(encoder(x, ticks)[:, 0], encoder(changed, ticks)[:, 0], atol=1e-4)
