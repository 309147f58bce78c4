"""Writing one position after another gives what looking at all positions at once gives."""

from dataclasses import replace

import pytest
import torch

from generation.cascade.decoding import Decoding
from generation.cascade.sampling import Weights
from generation.cascade.transformer import Decoder, TransformerConfig

SIZE = TransformerConfig(layers=2, dim=32, heads=4, feed_forward=48, buckets=16, furthest=20)
STEPS, PREFIX = 14, 4
TICKS = torch.cat([torch.tensor([0, 9, 18, 27]), torch.arange(STEPS - PREFIX)])
SEEN_TICKS = torch.tensor([0, 3, 5, 9, 30])


def lively(cross: bool, relative_keys: int = 0) -> Decoder:
    torch.manual_seed(0)
    decoder = Decoder(replace(SIZE, relative_keys=relative_keys), cross=cross).eval().requires_grad_(False)
    draw = torch.Generator().manual_seed(1)
    for parameter in decoder.parameters():
        parameter.add_(0.2 * torch.randn(parameter.shape, generator=draw))
    return decoder


def given(batch: int = 3) -> tuple[torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(2)
    return torch.randn(batch, STEPS, 32, generator=draw), torch.randn(batch, 5, 32, generator=draw)


def one_by_one(
    decoder: Decoder, x: torch.Tensor, seen: torch.Tensor | None, weights: Weights = "float32", graph: bool = False
) -> torch.Tensor:
    ticks = None if seen is None else SEEN_TICKS
    session = Decoding(decoder, len(x), STEPS, seen=seen, seen_ticks=ticks, weights=weights, graph=graph)
    written = [session.extend(x[:, :PREFIX], TICKS[:PREFIX], prefix=True)]
    written += [session.step(x[:, at], int(TICKS[at]))[:, None] for at in range(PREFIX, STEPS)]
    return torch.cat(written, 1)


@torch.inference_mode()
@pytest.mark.parametrize("graph", [False, True], ids=["growing", "static shapes"])
@pytest.mark.parametrize("cross", [False, True], ids=["decoder-only", "encoder-decoder"])
@pytest.mark.parametrize("relative_keys", [0, 6], ids=["T5", "relative keys"])
def test_cached_is_uncached(cross: bool, graph: bool, relative_keys: int) -> None:
    decoder, (x, seen) = lively(cross, relative_keys), given()
    looked = seen if cross else None
    at_once = decoder(x, TICKS, looked, SEEN_TICKS if cross else None, prefix=PREFIX)
    assert torch.allclose(one_by_one(decoder, x, looked, graph=graph), at_once, atol=1e-5)


@torch.inference_mode()
@pytest.mark.parametrize(("weights", "furthest"), [("bfloat16", 0.06), ("int8", 0.08)])
@pytest.mark.parametrize("batch", [1, 3])
def test_smaller_weights_stay_near(weights: Weights, furthest: float, batch: int) -> None:
    decoder, (x, seen) = lively(True), given(batch)
    at_once = decoder(x, TICKS, seen, SEEN_TICKS, prefix=PREFIX)
    away = (one_by_one(decoder, x, seen, weights) - at_once)[:, PREFIX:]
    assert 1e-5 < float(away.abs().max()) < furthest * float(at_once.abs().max())


@torch.inference_mode()
def test_a_sequence_is_the_same_alone_and_in_a_batch() -> None:
    decoder, (x, seen) = lively(True), given()
    together = one_by_one(decoder, x, seen)
    for row in range(len(x)):
        alone = one_by_one(decoder, x[row : row + 1], seen[row : row + 1])
        assert torch.allclose(alone[0], together[row], atol=1e-5)


@torch.inference_mode()
def test_a_session_may_go_on_with_several_positions_at_once() -> None:
    decoder, (x, _) = lively(False), given()
    session = decoder.start(3, STEPS)
    first = session.extend(x[:, :3], TICKS[:3])
    then = session.step(x[:, 3], int(TICKS[3]))
    rest = session.extend(x[:, 4:], TICKS[4:])
    assert torch.allclose(torch.cat([first, then[:, None], rest], 1), decoder(x, TICKS), atol=1e-5)


def test_weights_that_have_changed_are_packed_again() -> None:
    decoder, (x, _) = lively(False), given(1)
    with torch.no_grad():
        before = one_by_one(decoder, x, None)
        decoder.blocks[0].mix[2].weight.mul_(3)  # type: ignore[index, operator, union-attr]
        after = one_by_one(decoder, x, None)
        assert torch.allclose(after, decoder(x, TICKS, prefix=PREFIX), atol=1e-5)
    assert not torch.allclose(before, after)


@torch.inference_mode()
def test_more_positions_than_there_is_room_for_are_refused() -> None:
    decoder, (x, _) = lively(False), given()
    session = decoder.start(3, 2)
    session.extend(x[:, :2], TICKS[:2])
    with pytest.raises(ValueError, match="position 3 in a session of 2"):
        session.step(x[:, 2], 2)


def test_unknown_weights_are_refused() -> None:
    with pytest.raises(ValueError, match="no weights 'int4'; there are float32, bfloat16 and int8"):
        lively(False).start(1, 2, weights="int4")  # type: ignore[arg-type]


@pytest.mark.gpu
@torch.inference_mode()
@pytest.mark.parametrize("weights", ["float32", "bfloat16"])
def test_on_a_gpu_the_captured_step_is_the_uncached_one(weights: Weights) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device here")
    decoder, (x, seen) = lively(True).cuda(), given()
    x, seen = x.cuda(), seen.cuda()
    session = Decoding(decoder, 3, STEPS, seen=seen, seen_ticks=SEEN_TICKS.cuda(), weights=weights)
    written = [session.step(x[:, at], int(TICKS[at])) for at in range(STEPS)]
    at_once = decoder(x, TICKS.cuda(), seen, SEEN_TICKS.cuda())
    assert torch.allclose(torch.stack(written, 1), at_once, atol=1e-4 if weights == "float32" else 0.1)
