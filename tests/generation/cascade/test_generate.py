"""From features to codes, window by window."""

import pytest
import torch

from generation.cascade.adaptors import Streams
from generation.cascade.cascade import Cascade
from generation.cascade.generate import StageSampling, from_chunks, into_chunks, write_codes, write_semantic
from generation.cascade.sampling import Sampling
from generation.variants import VARIANTS
from tests.generation.cascade.micro import micro_cascade

WARM = StageSampling(Sampling(1.0, 8), Sampling(1.0, 8), Sampling(1.0, 8))
SEEDS = [3, 11]


@pytest.fixture(scope="module")
def cascade() -> Cascade:
    return micro_cascade()


def streams(seconds: int, *kinds: str, clips: int = 2) -> Streams:
    draw = torch.Generator().manual_seed(5)
    made = {
        "clip": torch.randn(clips, seconds, 128, generator=draw),
        "i3d": torch.randn(clips, seconds, 128, generator=draw),
        "vit": torch.randint(512, (clips, seconds, 8, 8), generator=draw),
    }
    return Streams({kind: made[kind] for kind in kinds})


@torch.inference_mode()
@pytest.mark.parametrize("name", VARIANTS)
@pytest.mark.parametrize("duration_s", [1.3, 5.5])
def test_every_variant_writes_every_frame(cascade: Cascade, name: str, duration_s: float) -> None:
    variant, grid = VARIANTS[name], cascade.preset.grid
    seen = streams(grid.visual_steps(duration_s), *variant.kinds)
    codes = write_codes(cascade, variant, seen, duration_s, SEEDS, WARM)
    assert codes.shape == (2, grid.levels, grid.acoustic_frames(duration_s))
    assert int(codes.min()) >= 0
    assert int(codes.max()) < cascade.preset.vocabulary.codes
    assert codes[0].ne(codes[1]).any()


@torch.inference_mode()
def test_a_clip_sounds_the_same_alone_and_in_a_batch(cascade: Cascade) -> None:
    seen = streams(6, "clip", "i3d")
    both = write_codes(cascade, VARIANTS["v2meow-clip-i3d"], seen, 6.0, SEEDS, WARM)
    for clip, seed in enumerate(SEEDS):
        own = Streams({kind: value[clip : clip + 1] for kind, value in seen.features.items()})
        alone = write_codes(cascade, VARIANTS["v2meow-clip-i3d"], own, 6.0, [seed], WARM)
        assert torch.equal(alone[0], both[clip])


@torch.inference_mode()
def test_up_to_one_window_windows_change_nothing(cascade: Cascade) -> None:
    seen, grid = streams(4, "clip"), cascade.preset.grid
    by_windows = write_semantic(cascade, seen, 4.0, SEEDS, WARM.semantic)
    from generation.cascade.sampling import gumbel_noise

    noise = gumbel_noise((grid.semantic_steps(4.0), 24), SEEDS, 1, cascade.device)
    assert torch.equal(by_windows, cascade.stage1.draw(seen, noise, WARM.semantic))


@torch.inference_mode()
def test_later_windows_go_on_from_what_is_written(cascade: Cascade, monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[torch.Tensor] = []
    written: list[torch.Tensor] = []
    draw = cascade.stage1.draw

    def watched(seen: Streams, noise: torch.Tensor, sampling: Sampling, prompt: torch.Tensor) -> torch.Tensor:
        given.append(prompt)
        written.append(draw(seen, noise, sampling, prompt))
        return written[-1]

    monkeypatch.setattr(cascade.stage1, "draw", watched)
    tokens = write_semantic(cascade, streams(7, "clip"), 7.0, SEEDS, WARM.semantic)
    half = cascade.preset.grid.window_s // 2 * cascade.preset.grid.semantic_hz
    assert [prompt.shape[1] for prompt in given] == [0, half, half]
    for before, prompt, window in zip(written, given[1:], written[1:], strict=False):
        assert torch.equal(prompt, before[:, half : 2 * half]), "the overlap is the end of the window before"
        assert torch.equal(window[:, :half], prompt), "and comes back as it was"
    joined = torch.cat([written[0], *(window[:, half:] for window in written[1:])], 1)
    assert torch.equal(joined, tokens)


@torch.inference_mode()
def test_beginning_of_a_long_clip_is_that_of_its_first_window(cascade: Cascade) -> None:
    long = write_codes(cascade, VARIANTS["v2meow-clip"], streams(7, "clip"), 6.0, SEEDS, WARM)
    short = write_codes(cascade, VARIANTS["v2meow-clip"], streams(7, "clip").seconds(0, 4), 4.0, SEEDS, WARM)
    frames = cascade.preset.grid.acoustic_frames(4.0)
    assert torch.equal(long[:, :, :frames], short)


def test_chunks_come_back_in_order() -> None:
    codes = torch.randint(50, (3, 2, 23), generator=torch.Generator().manual_seed(0))
    chunks = into_chunks(codes, 5)
    assert chunks.shape == (15, 2, 5)
    assert torch.equal(chunks[1], codes[0, :, 5:10])
    assert torch.equal(chunks[4, :, 3:], codes[0, :, 22:].expand(-1, 2))
    assert torch.equal(from_chunks(chunks, 3, 23), codes)
