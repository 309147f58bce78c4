"""The training loop: its clock, and that a stage learns."""

from pathlib import Path

import pytest
import torch

from generation.cascade.stages import SemanticStage
from generation.cascade.time_grid import TimeGrid
from generation.cascade.training import train
from generation.cascade.training.clock import Clock
from generation.cascade.training.material import held_out_pieces, training_pieces
from generation.cascade.training.stages import Batches, Tokens, train_semantic
from generation.cascade.transformer import TransformerConfig
from generation.world.demo import demo_pieces


def test_demo_training_and_held_out_clips_never_meet() -> None:
    seeds = [{piece.seed for piece in pieces} for pieces in (training_pieces(5000), held_out_pieces(500))]
    demo = {piece.seed for seed in (0, 1, 999) for piece in demo_pieces(40, seed)}
    assert not seeds[0] & seeds[1]
    assert not demo & (seeds[0] | seeds[1])


def test_interrupted_run_goes_on_where_it_was(tmp_path: Path) -> None:
    def loop(clock: Clock, model: torch.nn.Linear, turns: int) -> None:
        optimiser = torch.optim.AdamW(model.parameters())
        clock.restore(model, optimiser)
        for _, _share in zip(range(turns), clock.steps(), strict=False):
            loss = model(torch.rand((4, 2), generator=clock.generator)).square().sum()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            clock.note(loss.item(), model, optimiser)
        clock.save(model, optimiser)

    torch.manual_seed(0)
    whole, split = torch.nn.Linear(2, 1), torch.nn.Linear(2, 1)
    split.load_state_dict(whole.state_dict())
    loop(Clock("whole", 5, tmp_path / "whole.pt", seed=1), whole, 8)
    loop(Clock("split", 5, tmp_path / "split.pt", seed=1), split, 3)
    resumed, clock = torch.nn.Linear(2, 1), Clock("split", 5, tmp_path / "split.pt", seed=9)
    loop(clock, resumed, 5)
    assert clock.step == 8
    assert torch.equal(resumed.weight, whole.weight)


def test_semantic_stage_learns_what_the_pictures_say(tmp_path: Path) -> None:
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    grid = TimeGrid(semantic_hz=5, window_s=2)
    kind = torch.randint(2, (40,), generator=generator)
    clip = (kind * 4.0 - 2)[:, None, None].expand(40, 2, 3).clone()
    tokens = Tokens(
        clip, torch.zeros(40, 2, 3), (kind[:, None] * 3).expand(40, 10).short(), torch.zeros(40, 8, 100)
    )
    size = TransformerConfig(layers=1, dim=16, heads=2, feed_forward=16)
    stage = SemanticStage(grid, 6, (3, 3), size, size)
    clock = Clock("stage1", 5, tmp_path / "stage1.pt", seed=0, most_steps=150)
    batches = Batches(tokens, grid, 0.5, clock.generator)
    train_semantic(stage, batches, clock)
    batch = batches.draw(30, 2)
    first = stage(batch.streams, torch.full((30, 1), stage.start))[:, 0].argmax(-1)
    assert batch.streams.clip_on is not None
    seen = batch.streams.clip_on
    assert torch.equal(first[seen], batch.semantic[seen, 0])


def test_unknown_names_are_refused_with_the_options(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no preset 'huge' to train; there are tiny"):
        train("huge", tmp_path, parts=None, seed=0, minutes=1)
    with pytest.raises(ValueError, match="no part vocoder; the parts are codec, clip"):
        train("tiny", tmp_path, parts=["vocoder"], seed=0, minutes=1)
    with pytest.raises(FileNotFoundError, match=r"codec\.done\.pt is missing"):
        train("tiny", tmp_path, parts=["stage1"], seed=0, minutes=1, work=tmp_path)
