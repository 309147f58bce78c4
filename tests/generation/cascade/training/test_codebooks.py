"""Codebooks settle on what they are shown, on several ranks alike."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import torch
from torch import distributed

from generation.cascade.acoustic.quantizer import ResidualQuantizer
from generation.cascade.training.codebooks import quantised_in_training
from generation.cascade.training.ranks import joined


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def taught(quantizer: ResidualQuantizer, seed: int, steps: int) -> torch.Tensor:
    """Show the quantiser clusters of inputs; gives the last ones."""
    generator = seeded(seed)
    centres = torch.randn(7, 4, generator=seeded(0)) * 3
    for _ in range(steps):
        picked = torch.randint(7, (8, 16), generator=generator)
        latents = centres[picked] + 0.05 * torch.randn(8, 16, 4, generator=generator)
        quantised_in_training(quantizer, latents, generator)
    return latents


def test_codebooks_learn_to_code_what_they_are_shown() -> None:
    quantizer = ResidualQuantizer(2, 16, 4)
    latents = taught(quantizer, 0, 120)
    left = (quantizer.decode(quantizer.encode(latents)) - latents).square().mean()
    assert float(left) < 0.01 * float(latents.var())


def test_first_level_alone_carries_the_gist() -> None:
    quantizer = ResidualQuantizer(2, 16, 4)
    latents = taught(quantizer, 0, 120)
    coarse = (quantizer.decode(quantizer.encode(latents)[:, :1]) - latents).square().mean()
    assert float(coarse) < 0.05 * float(latents.var())


def test_codes_that_nothing_is_near_come_back_into_use() -> None:
    quantizer = ResidualQuantizer(1, 16, 4)
    taught(quantizer, 0, 1)
    quantizer.codebooks[0, 3:] += 1000.0
    quantizer.sums[0] = quantizer.codebooks[0] * quantizer.counts[0, :, None]
    latents = taught(quantizer, 1, 700)
    assert float(quantizer.codebooks.abs().max()) < 50
    assert len(quantizer.encode(latents).unique()) >= 7


def test_gradients_pass_straight_through_and_commitment_draws_latents_to_codes() -> None:
    quantizer = ResidualQuantizer(2, 16, 4)
    taught(quantizer, 0, 20)
    latents = torch.randn(3, 5, 4, generator=seeded(5)).requires_grad_()
    quantised, commitment = quantised_in_training(quantizer, latents, seeded(6))
    slope = torch.randn(3, 5, 4, generator=seeded(7))
    (gradient,) = torch.autograd.grad((quantised * slope).sum(), latents, retain_graph=True)
    torch.testing.assert_close(gradient, slope)
    (pull,) = torch.autograd.grad(commitment, latents)
    with torch.no_grad():
        _, nearer = quantised_in_training(quantizer, latents - 0.5 * pull, seeded(6))
    assert float(nearer) < float(commitment.detach())


def test_a_draw_in_which_every_example_stops_early_still_teaches_every_level() -> None:
    quantizer = ResidualQuantizer(8, 4, 2)
    for seed in range(12):
        _, commitment = quantised_in_training(
            quantizer, torch.randn(1, 6, 2, generator=seeded(seed)), seeded(seed)
        )
        assert torch.isfinite(commitment)
    assert (quantizer.counts.sum(1) > 0).all()


def test_two_ranks_keep_one_set_of_codebooks(tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*torchrun, "-m", "tests.generation.cascade.training.test_codebooks", str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=240,
        cwd=Path(__file__).parents[4],
        check=False,
    )
    assert done.returncode == 0, done.stderr
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert float(first.abs().max()) > 0
    assert torch.equal(first, second)


def main(folder: Path) -> None:
    """One rank of the test above: each is shown other inputs."""
    torch.set_num_threads(1)
    with joined("cpu"):
        quantizer = ResidualQuantizer(2, 16, 4)
        taught(quantizer, 10 + distributed.get_rank(), 30)
        torch.save(quantizer.codebooks, folder / f"{distributed.get_rank()}.pt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
