"""The training loop: what a step does, and that nothing that interrupts it is lost."""

from __future__ import annotations

import itertools
import json
import math
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from generation.cascade.training.loop import Diverged, Draw, Schedule, Stopped, run
from generation.cascade.training.state import tensors
from generation.contracts import GenerationError
from tests.generation.cascade.training.toy import Halves, Toy

STEPS = Schedule(steps=12, save_every_s=1e9, warm_up_steps=3)
ROOT = Path(__file__).parents[4]


class One:
    """A single number, whose loss is given."""

    def __init__(self, loss: Callable[[Tensor, Draw], Tensor], value: float = 1.0) -> None:
        self.loss = loss
        self.number = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.number.weight, value)
        self.optimised: Mapping[str, nn.Module] = {"one": self.number}
        self.kept: nn.Module = self.number
        self.seen: list[float] = []
        self.evaluated: list[float] = []

    def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
        yield "one", self.loss(self.number.weight, draw)
        self.seen.append(self.number.weight.item())

    def evaluate(self) -> dict[str, float]:
        self.evaluated.append(self.number.weight.item())
        return {}


def stop_at(step: int) -> Callable[[Draw], None]:
    def act(draw: Draw) -> None:
        if draw.step == step:
            os.kill(os.getpid(), signal.SIGTERM)

    return act


class Interrupted(Toy):
    """Gets a SIGTERM in the middle of a step."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.act = stop_at(step)

    def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
        self.act(draw)
        yield from super().losses(draw)


def weights(task: Toy) -> dict[str, Tensor]:
    return {**tensors(task.network), **{f"critic.{k}": v for k, v in tensors(task.critic).items()}}


def assert_equal(ours: Mapping[str, Tensor], theirs: Mapping[str, Tensor]) -> None:
    assert ours.keys() == theirs.keys()
    for name, value in ours.items():
        assert torch.equal(value, theirs[name]), name


def test_resumed_run_ends_bit_for_bit_as_an_uninterrupted_one(tmp_path: Path) -> None:
    whole = Toy()
    run(whole, STEPS, tmp_path / "whole", seed=1)
    with pytest.raises(Stopped, match="stopped and saved at step 6"):
        run(Interrupted(5), STEPS, tmp_path / "split", seed=1)
    resumed = Toy()
    figures = run(resumed, STEPS, tmp_path / "split", seed=1)
    assert figures["steps"] == 12
    assert_equal(weights(resumed), weights(whole))


def test_another_seed_ends_elsewhere(tmp_path: Path) -> None:
    one, two = Toy(), Toy()
    run(one, STEPS, tmp_path / "one", seed=1)
    run(two, STEPS, tmp_path / "two", seed=2)
    assert not torch.equal(one.network.layers[0].weight, two.network.layers[0].weight)


@pytest.mark.slow
def test_killed_process_goes_on_from_its_last_checkpoint(tmp_path: Path) -> None:
    def start(folder: Path, pause_s: float) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.generation.cascade.training.toy", str(folder), "60", str(pause_s)]
        return subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)

    assert start(tmp_path / "whole", 0).wait(120) == 0
    killed = start(tmp_path / "killed", 0.05)
    while not (tmp_path / "killed" / "checkpoint.pt").exists():
        assert killed.poll() is None
        time.sleep(0.05)
    killed.kill()
    killed.wait(60)
    reached = torch.load(tmp_path / "killed" / "checkpoint.pt", weights_only=True)["step"]
    assert 0 < reached < 60
    assert start(tmp_path / "killed", 0).wait(120) == 0
    whole, resumed = (
        torch.load(tmp_path / name / "checkpoint.pt", weights_only=True) for name in ("whole", "killed")
    )
    assert resumed["step"] == 60
    assert_equal(resumed["modules"]["network"], whole["modules"]["network"])
    assert_equal(resumed["average"], whole["average"])


def test_two_ranks_train_like_one_with_the_joined_batch(tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    program = ["-m", "tests.generation.cascade.training.toy", str(tmp_path / "two"), "8", "halves"]
    done = subprocess.run(
        [*torchrun, *program],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr.decode()
    alone = Halves()
    run(alone, Schedule(steps=8, bf16=False, warm_up_steps=1), tmp_path / "one", seed=0)
    together = torch.load(tmp_path / "two" / "checkpoint.pt", weights_only=True)
    own = torch.load(tmp_path / "one" / "checkpoint.pt", weights_only=True)
    start = Halves().network.weight
    assert (own["modules"]["network"]["weight"] - start).abs().min() > 1e-4
    for name, value in own["modules"]["network"].items():
        torch.testing.assert_close(together["modules"]["network"][name], value, atol=1e-5, rtol=1e-4)


def test_kept_weights_are_the_moving_average_of_the_steps(tmp_path: Path) -> None:
    task = One(lambda weight, draw: weight.square().sum())
    run(task, replace(STEPS, steps=40, ema=0.6, learning_rate=0.1), tmp_path, seed=0)
    average = 1.0
    for step, seen in enumerate(task.seen, start=1):
        decay = min(0.6, step / (step + 9))
        average = decay * average + (1 - decay) * seen
    assert task.evaluated[-1] == pytest.approx(average, rel=1e-5)
    assert task.number.weight.item() == pytest.approx(average, rel=1e-5)
    assert abs(average - task.seen[-1]) > 1e-3


def test_evaluation_does_not_move_the_training(tmp_path: Path) -> None:
    class Evaluated(Toy):
        def evaluate(self) -> dict[str, float]:
            assert not self.network.training
            torch.rand(7)  # as an evaluation that draws by lot
            return super().evaluate()

    often, once = Evaluated(), Toy()
    run(often, replace(STEPS, evaluate_every_minutes=0.0), tmp_path / "often", seed=1)
    run(once, STEPS, tmp_path / "once", seed=1)
    assert_equal(weights(often), weights(once))
    lines = [json.loads(line) for line in (tmp_path / "often" / "log.jsonl").read_text().splitlines()]
    assert sum("held_out" in line for line in lines) == 13


def test_long_gradients_are_cut_to_the_given_length(tmp_path: Path) -> None:
    lengths = []

    class Steep(One):
        def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
            yield "one", 1000 * self.number.weight.sum()
            assert self.number.weight.grad is not None
            lengths.append(float(self.number.weight.grad.norm()))

    run(Steep(lambda weight, draw: weight), replace(STEPS, clip_norm=0.25), tmp_path, seed=0)
    assert lengths == pytest.approx([0.25] * 12, rel=1e-4)


def test_rate_warms_up_over_steps_and_falls_over_the_schedule() -> None:
    schedule = Schedule(steps=1000, learning_rate={"slow": 1e-4, "fast": 1e-2}, warm_up_steps=10)
    rates = [schedule.rate("fast", step, step / 1000) for step in range(1000)]
    assert rates[0] == pytest.approx(1e-3)
    assert max(rates) == pytest.approx(1e-2, rel=1e-2)
    assert all(earlier < later for earlier, later in itertools.pairwise(rates[:10]))
    assert all(earlier > later for earlier, later in itertools.pairwise(rates[10:]))
    assert rates[500] == pytest.approx(0.51e-2)
    assert rates[-1] == pytest.approx(2e-4, rel=1e-3)
    assert schedule.rate("slow", 500, 0.5) == pytest.approx(rates[500] / 100)


def test_schedule_wants_minutes_or_steps_but_not_both() -> None:
    for wrong in ({}, {"minutes": 1.0, "steps": 3}, {"steps": 0}, {"minutes": -1.0}):
        with pytest.raises(ValueError, match="either minutes or steps"):
            Schedule(**wrong)  # type: ignore[arg-type]


def test_schedule_of_minutes_ends_by_the_clock(tmp_path: Path) -> None:
    task = Toy(pause_s=0.01)
    began = time.monotonic()
    figures = run(task, Schedule(minutes=0.02), tmp_path, seed=0)
    assert 1.2 <= time.monotonic() - began < 20
    assert figures["steps"] > 3
    assert run(Toy(), Schedule(minutes=0.02), tmp_path, seed=0)["steps"] == figures["steps"]


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_loss_that_is_not_finite_stops_the_run_and_keeps_the_weights(tmp_path: Path, value: float) -> None:
    def loss(weight: Tensor, draw: Draw) -> Tensor:
        return weight.sum() * (value if draw.step == 4 else 1.0)

    task = One(loss)
    with pytest.raises(Diverged, match=rf"at step 4 the loss of 'one' is {value}.*lower the learning rate"):
        run(task, replace(STEPS, save_every_s=0.0), tmp_path, seed=0)
    assert math.isfinite(task.number.weight.item())
    assert torch.load(tmp_path / "checkpoint.pt", weights_only=True)["step"] == 4


def test_full_disk_is_named_and_leaves_the_checkpoint_before(tmp_path: Path) -> None:
    run(Toy(), STEPS, tmp_path, seed=0)
    before = (tmp_path / "checkpoint.pt").read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A limit on file sizes fails in the very call in which a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, limits[1]))
    try:
        with pytest.raises(GenerationError, match=r"checkpoint\.pt could not be written.*before it is whole"):
            run(Toy(), replace(STEPS, steps=20, log_every_steps=1000), tmp_path, seed=0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (tmp_path / "checkpoint.pt").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["checkpoint.pt", "curves.png", "log.jsonl"]


def test_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    run(Toy(), STEPS, tmp_path, seed=0)
    whole = (tmp_path / "checkpoint.pt").read_bytes()
    for damaged in (b"", b"no checkpoint", whole[: len(whole) // 2]):
        (tmp_path / "checkpoint.pt").write_bytes(damaged)
        with pytest.raises(GenerationError, match=r"checkpoint\.pt cannot be read .*delete it"):
            run(Toy(), STEPS, tmp_path, seed=0)


def test_checkpoint_of_other_networks_is_refused_by_the_tensor_that_differs(tmp_path: Path) -> None:
    run(Toy(), STEPS, tmp_path, seed=0)
    with pytest.raises(GenerationError, match=r"kept\.layers\.0\.bias first \(\[8\] there, \[9\] here\)"):
        run(Toy(width=9), STEPS, tmp_path, seed=0)
    with pytest.raises(GenerationError, match=r"critic\.bias first \(\[1\] there, missing here\)"):
        run(One(lambda weight, draw: weight.sum()), STEPS, tmp_path, seed=0)


def test_second_signal_acts_at_once(tmp_path: Path) -> None:
    class Stubborn(Toy):
        def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
            # The second once the first is handled: two that are pending together would count as one.
            waiting = signal.getsignal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)
            while signal.getsignal(signal.SIGINT) is waiting:
                time.sleep(0.001)
            signal.raise_signal(signal.SIGINT)
            yield from super().losses(draw)

    # A shell starts what runs in the background with this signal ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run(Stubborn(), STEPS, tmp_path, seed=0)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
