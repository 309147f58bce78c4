"""The three stages write one token after another what they would score all at once."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from generation.cascade.adaptors import StreamConfig, Streams
from generation.cascade.sampling import Sampling, gumbel_noise
from generation.cascade.stages import AudioCoarseStage, CoarseStage, FineStage, SemanticStage, Vocabulary
from generation.cascade.time_grid import TimeGrid
from generation.cascade.training.stages import shifted
from generation.cascade.transformer import TransformerConfig

GRID = TimeGrid(semantic_hz=5, acoustic_hz=10, coarse_levels=2, fine_levels=2, window_s=4, fine_chunk_s=2)
WORDS = Vocabulary(semantic=12, codes=9, code_width=6)
STREAMS = StreamConfig(clip_dim=12, i3d_dim=10, vit_tokens=32, vit_side=4, vit_merged=2, joint_dim=6)
SIZE = TransformerConfig(layers=2, dim=16, heads=2, feed_forward=32, buckets=16, furthest=40)
CPU = torch.device("cpu")
SECONDS, CLIPS = 3, 3
LIKELIEST = Sampling(temperature=0, top_k=1)
WARM = Sampling(temperature=1.0, top_k=8)


def streams(control: bool = True) -> Streams:
    draw = torch.Generator().manual_seed(1)
    features = {
        "clip": torch.randn(CLIPS, SECONDS, 12, generator=draw),
        "vit": torch.randint(32, (CLIPS, SECONDS, 4, 4), generator=draw),
    }
    joint = torch.nn.functional.normalize(torch.randn(CLIPS, 6, generator=draw), dim=-1)
    return Streams(features, joint if control else None)


def one(seen: Streams, clip: int) -> Streams:
    control = None if seen.control is None else seen.control[clip : clip + 1]
    return Streams({kind: value[clip : clip + 1] for kind, value in seen.features.items()}, control)


def lively(stage: torch.nn.Module) -> torch.nn.Module:
    """A stage in which nothing is zero or one by initialisation, so that every weight matters."""
    draw = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in stage.parameters():
            parameter.add_(0.3 * torch.randn(parameter.shape, generator=draw))
    return stage.eval()


@pytest.fixture(scope="module")
def semantic_stage() -> SemanticStage:
    torch.manual_seed(0)
    stage = lively(SemanticStage(GRID, WORDS, STREAMS, SIZE, SIZE))
    assert isinstance(stage, SemanticStage)
    return stage


def with_codes(stage: torch.nn.Module) -> torch.nn.Module:
    books = torch.randn(4, WORDS.codes, WORDS.code_width, generator=torch.Generator().manual_seed(3))
    if isinstance(stage, FineStage):
        stage.coarse.use(books[:2])
        stage.codes.use(books[2:])
    if isinstance(stage, CoarseStage | AudioCoarseStage):
        stage.codes.use(books[:2])
    return lively(stage)


@pytest.fixture(scope="module")
def coarse_stage() -> CoarseStage:
    torch.manual_seed(0)
    return with_codes(CoarseStage(GRID, WORDS, STREAMS, SIZE, SIZE))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def audio_stage() -> AudioCoarseStage:
    torch.manual_seed(0)
    return with_codes(AudioCoarseStage(GRID, WORDS, SIZE))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def fine_stage() -> FineStage:
    torch.manual_seed(0)
    return with_codes(FineStage(GRID, WORDS, SIZE))  # type: ignore[return-value]


STEPS, FRAMES = SECONDS * GRID.semantic_hz, SECONDS * GRID.acoustic_hz
SEMANTIC = torch.randint(WORDS.semantic, (CLIPS, STEPS), generator=torch.Generator().manual_seed(4))
COARSE = torch.randint(WORDS.codes, (CLIPS, 2, FRAMES), generator=torch.Generator().manual_seed(5))

FrameDraw = Callable[[Tensor, Sampling, Tensor | None], Tensor]


def semantic_noise(clips: int = CLIPS) -> Tensor:
    return gumbel_noise((STEPS, WORDS.semantic), range(clips), 1, CPU)


def frame_noise() -> Tensor:
    return gumbel_noise((FRAMES, 2, WORDS.codes), range(CLIPS), 2, CPU)


@torch.inference_mode()
def test_semantic_tokens_written_one_by_one_are_the_likeliest_of_all(semantic_stage: SemanticStage) -> None:
    drawn = semantic_stage.draw(streams(), semantic_noise(), LIKELIEST)
    scored = semantic_stage(streams(), shifted(drawn, semantic_stage.start))
    assert torch.equal(scored.argmax(-1), drawn)
    assert len(drawn.unique()) > 2


@torch.inference_mode()
@pytest.mark.parametrize("semantic", [SEMANTIC, None], ids=["with semantic tokens", "straight from the video"])
def test_coarse_codes_written_one_by_one_are_the_likeliest_of_all_at_once(
    coarse_stage: CoarseStage, semantic: Tensor | None
) -> None:
    drawn = coarse_stage.draw(streams(False), semantic, frame_noise(), LIKELIEST)
    scored = coarse_stage(streams(False), semantic, drawn[:, :, :-1], drawn)
    assert torch.equal(scored.argmax(-1), drawn)
    assert len(drawn.unique()) > 2


@torch.inference_mode()
def test_audio_codes_written_one_by_one_are_the_likeliest_of_all_at_once(audio_stage: AudioCoarseStage) -> None:
    drawn = audio_stage.draw(SEMANTIC, frame_noise(), LIKELIEST)
    assert torch.equal(audio_stage(SEMANTIC, drawn[:, :, :-1], drawn).argmax(-1), drawn)


@torch.inference_mode()
def test_fine_codes_written_one_by_one_are_the_likeliest_of_all_at_once(fine_stage: FineStage) -> None:
    drawn = fine_stage.draw(COARSE, frame_noise(), LIKELIEST)
    assert torch.equal(fine_stage(COARSE, drawn[:, :, :-1], drawn).argmax(-1), drawn)


@torch.inference_mode()
def test_a_clip_gets_the_same_tokens_alone_and_in_a_batch(
    semantic_stage: SemanticStage, coarse_stage: CoarseStage
) -> None:
    noise, frames = semantic_noise(), frame_noise()
    tokens = semantic_stage.draw(streams(), noise, WARM)
    codes = coarse_stage.draw(streams(), tokens, frames, WARM)
    for clip in range(CLIPS):
        alone = semantic_stage.draw(one(streams(), clip), noise[clip : clip + 1], WARM)
        assert torch.equal(alone[0], tokens[clip])
        own = coarse_stage.draw(one(streams(), clip), alone, frames[clip : clip + 1], WARM)
        assert torch.equal(own[0], codes[clip])


@torch.inference_mode()
def test_going_on_from_its_own_beginning_gives_the_same_tokens(
    semantic_stage: SemanticStage, coarse_stage: CoarseStage, audio_stage: AudioCoarseStage
) -> None:
    tokens = semantic_stage.draw(streams(), semantic_noise(), WARM)
    assert torch.equal(semantic_stage.draw(streams(), semantic_noise(), WARM, tokens[:, :6]), tokens)
    draws: list[FrameDraw] = [
        lambda noise, sampling, prompt: coarse_stage.draw(streams(), SEMANTIC, noise, sampling, prompt),
        lambda noise, sampling, prompt: audio_stage.draw(SEMANTIC, noise, sampling, prompt),
    ]
    for draw in draws:
        codes = draw(frame_noise(), WARM, None)
        assert torch.equal(draw(frame_noise(), WARM, codes[:, :, :11]), codes)


@torch.inference_mode()
def test_a_prompt_is_given_back_and_changes_what_follows(semantic_stage: SemanticStage) -> None:
    prompt = (semantic_stage.draw(streams(), semantic_noise(), WARM)[:, :5] + 1) % WORDS.semantic
    went_on = semantic_stage.draw(streams(), semantic_noise(), WARM, prompt)
    assert torch.equal(went_on[:, :5], prompt)
    assert not torch.equal(went_on, semantic_stage.draw(streams(), semantic_noise(), WARM))


@torch.inference_mode()
def test_guidance_of_one_is_none_and_without_a_prompt_it_changes_nothing(semantic_stage: SemanticStage) -> None:
    plain = semantic_stage.draw(streams(), semantic_noise(), WARM)
    pushed = Sampling(1.0, 8, guidance=4.0)
    assert not torch.equal(semantic_stage.draw(streams(), semantic_noise(), pushed), plain)
    unasked, noise = streams(False), semantic_noise()
    assert torch.equal(semantic_stage.draw(unasked, noise, pushed), semantic_stage.draw(unasked, noise, WARM))


@torch.inference_mode()
def test_guidance_of_zero_forgets_the_prompt(semantic_stage: SemanticStage) -> None:
    forgotten = semantic_stage.draw(streams(), semantic_noise(), Sampling(1.0, 8, guidance=0.0))
    assert torch.equal(forgotten, semantic_stage.draw(streams(False), semantic_noise(), WARM))


@torch.inference_mode()
def test_what_is_heard_later_reaches_no_earlier_score(coarse_stage: CoarseStage, fine_stage: FineStage) -> None:
    later = COARSE.clone()
    later[:, :, 20:] = (later[:, :, 20:] + 1) % WORDS.codes
    for score in (
        lambda codes: coarse_stage(streams(), SEMANTIC, codes[:, :, :-1], codes),
        lambda codes: fine_stage(COARSE, codes[:, :, :-1], codes),
    ):
        assert torch.allclose(score(COARSE)[:, :, :20], score(later)[:, :, :20], atol=1e-5)


@torch.inference_mode()
def test_a_level_knows_the_levels_before_it_in_its_frame(coarse_stage: CoarseStage) -> None:
    other = COARSE.clone()
    other[:, 0, 7] = (other[:, 0, 7] + 1) % WORDS.codes
    before = COARSE[:, :, :-1]
    one_way, another = (coarse_stage(streams(), SEMANTIC, before, codes) for codes in (COARSE, other))
    assert torch.equal(one_way[:, 0], another[:, 0])
    assert not torch.equal(one_way[:, 1, 7], another[:, 1, 7])
