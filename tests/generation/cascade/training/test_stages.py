"""What stage 1 is given as its past while it learns."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade.adaptors import Streams
from generation.cascade.stages import SemanticStage
from generation.cascade.time_grid import TimeGrid
from generation.cascade.training.loop import Draw
from generation.cascade.training.stages import SemanticTask, StageRun, noisy_streams

TOKENS, EXPECTED, TRUE = 24, 7, 3
CLIPS, SECONDS = 8, 4


class Certain(SemanticStage):
    """Expects one token always, and notes what it was given."""

    def __init__(self) -> None:
        nn.Module.__init__(self)
        self.start = TOKENS
        self.weight = nn.Parameter(torch.ones(()))
        self.given: list[Tensor] = []

    def forward(self, streams: Streams, before: Tensor) -> Tensor:
        self.given.append(before)
        return 50 * self.weight * F.one_hot(torch.full_like(before, EXPECTED), TOKENS).float()


class Same:
    """Clips of one feature and one token throughout."""

    def __len__(self) -> int:
        return CLIPS

    def take(self, name: str, indices: Sequence[int]) -> Tensor:
        if name == "semantic":
            return torch.full((len(indices), SECONDS * TimeGrid().semantic_hz), TRUE)
        if name == "vit":
            return torch.ones(len(indices), SECONDS, 8, 8, dtype=torch.long)
        return torch.ones(len(indices), *([4] if name == "joint" else [SECONDS, 4]))


def pasts(run: StageRun, batches: int = 20) -> Tensor:
    """What the stage was given before each step but the first, in the forward pass that is learnt from."""
    stage = Certain()
    task = SemanticTask(stage, Same(), Same(), TimeGrid(), run)
    learnt = []
    for step in range(batches):
        draw = Draw(step, 0.0, torch.Generator().manual_seed(step), torch.device("cpu"))
        for _, loss in task.losses(draw):
            assert loss.requires_grad
        learnt.append(stage.given[-1][:, 1:])
    return torch.stack(learnt)


def test_an_imagined_past_is_what_the_stage_expects_by_any_share() -> None:
    past = pasts(StageRun(window_s=SECONDS, forgotten=0, imagined=1, disturbed=0))
    assert set(past.unique().tolist()) == {TRUE, EXPECTED}
    shares = (past == EXPECTED).float().mean((1, 2))
    assert float(shares.min()) < 0.2
    assert float(shares.max()) > 0.8


def test_a_forgotten_past_is_chance_by_any_share() -> None:
    past = pasts(StageRun(window_s=SECONDS, forgotten=1, imagined=0, disturbed=0))
    assert len(past.unique()) == TOKENS
    shares = (past != TRUE).float().mean((1, 2))
    assert float(shares.min()) < 0.2
    assert float(shares.max()) > 0.8


def test_else_the_past_is_true_but_for_a_few() -> None:
    past = pasts(StageRun(window_s=SECONDS, forgotten=0, imagined=0, disturbed=0.1))
    assert 0.05 < float((past != TRUE).float().mean()) < 0.15


def test_a_video_is_another_clips_only_where_something_is_asked_for() -> None:
    rows = {
        "clip": torch.arange(40.0).view(40, 1, 1).expand(40, 2, 4),
        "joint": F.normalize(torch.randn(40, 4, generator=torch.Generator().manual_seed(0)), dim=-1),
    }
    run = StageRun(unasked=0.5, overruled=0.5, feature_noise=0, quantum=1)
    draw = Draw(0, 0.0, torch.Generator().manual_seed(1), torch.device("cpu"))
    streams = noisy_streams(rows, ("clip",), run, draw)
    assert streams.control is not None
    asked = streams.control.square().sum(-1) > 0
    other = (streams.features["clip"] != rows["clip"]).flatten(1).any(1)
    assert 0.3 < float(other[asked].float().mean()) < 0.7
    assert not other[~asked].any()
    assert torch.equal(streams.features["clip"][other], rows["clip"].roll(1, 0)[other])
