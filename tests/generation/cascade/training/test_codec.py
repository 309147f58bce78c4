"""The codec's tasks: it learns, then tokens stand still while the decoder meets its critics."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from generation.cascade.acoustic.codec import AcousticConfig, Codec
from generation.cascade.acoustic.discriminators import CriticConfig
from generation.cascade.acoustic.seanet import SeanetConfig
from generation.cascade.acoustic.spectral import SpectralConfig
from generation.cascade.training.codec import (
    CodecRun,
    CodecTask,
    Drawn,
    RefiningTask,
    own_codes,
    reconstruction_loss,
)
from generation.cascade.training.loop import Draw, Schedule, run

SPECTRAL = AcousticConfig(
    levels=3,
    codebook_size=32,
    latent_dim=8,
    spectral=SpectralConfig(encoder_dim=16, encoder_layers=1, decoder_dim=32, decoder_layers=1),
)
SEANET = replace(SPECTRAL, body="seanet", seanet=SeanetConfig(channels=2))
RUN = CodecRun(
    batch=4,
    crop_frames=20,
    judged=2,
    coarse_levels=1,
    critics=CriticConfig(windows=(256,), channels=4, falling=(1,), wave_channels=4),
)


class Tones:
    """Two seconds of a sine each, of a pitch and loudness of its own."""

    def __init__(self, first: int, count: int) -> None:
        time = torch.arange(32_000) / 16_000
        self.sound = torch.stack(
            [
                (0.1 + 0.05 * (seed % 4)) * torch.sin(2 * torch.pi * (220 + 55 * (seed % 6)) * time + seed)
                for seed in range(first, first + count)
            ]
        )

    def __len__(self) -> int:
        return len(self.sound)

    def waves(self, indices: Sequence[int]) -> Tensor:
        return self.sound[list(indices)]


def silent(which: Sequence[int]) -> Tensor:
    """Codes that nobody means."""
    return torch.zeros(len(which), 3, 100, dtype=torch.int16)


TRAIN, HELD_OUT = Tones(0, 24), Tones(100, 6)


def codec_of(config: AcousticConfig) -> Codec:
    torch.manual_seed(0)
    return Codec(config)


def draw(step: int, share: float) -> Draw:
    return Draw(step, share, torch.Generator().manual_seed(step), torch.device("cpu"))


def test_reconstruction_gets_better_with_training(tmp_path: Path) -> None:
    task = CodecTask(codec_of(SPECTRAL), TRAIN, HELD_OUT, replace(RUN, settled=1.0))
    schedule = Schedule(steps=60, learning_rate=3e-3, betas=(0.8, 0.99), warm_up_steps=10, ema=0.9, bf16=False)
    next(task.losses(draw(0, 0.0)))  # gives the codebooks their first codes
    before = task.evaluate()
    after = run(task, schedule, tmp_path / "codec", seed=0)
    assert after["mel_l1"] < 0.7 * before["mel_l1"]
    assert after.keys() >= {"mel_l1_coarse", "si_sdr_db_coarse", "codes_used"}


@pytest.mark.parametrize("config", [SPECTRAL, SEANET], ids=["spectral", "seanet"])
def test_tokens_stand_still_once_settled_while_decoder_and_critics_learn(
    config: AcousticConfig, tmp_path: Path
) -> None:
    codec = codec_of(config)
    task = CodecTask(codec, TRAIN, HELD_OUT, replace(RUN, settled=0.5))
    changed: dict[bool, set[str]] = {True: set(), False: set()}

    class Watched(CodecTask):
        def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
            parts = {"critics": self.critics, "codec": self.codec}
            kept = {
                f"{name}.{key}": value.clone()
                for name, part in parts.items()
                for key, value in part.state_dict().items()
            }
            yield from super().losses(draw)
            for name, part in parts.items():
                for key, value in part.state_dict().items():
                    if not torch.equal(value, kept[f"{name}.{key}"]):
                        changed[draw.share < 0.5].add(".".join(f"{name}.{key}".split(".")[:2]))

    task.__class__ = Watched
    run(task, Schedule(steps=6, warm_up_steps=1, bf16=False), tmp_path / "codec", seed=0)
    assert changed[True] == {"codec.encoder", "codec.quantizer", "codec.decoder"}
    assert changed[False] == {"codec.decoder", "critics.members"}


def test_resumed_codec_is_bit_for_bit_the_uninterrupted_one(tmp_path: Path) -> None:
    """Across the moment at which tokens settle, with the codebooks' running means."""

    class Cut(CodecTask):
        def losses(self, draw: Draw) -> Iterator[tuple[str, Tensor]]:
            if draw.step == 4:
                raise RuntimeError("power cut")
            yield from super().losses(draw)

    schedule = Schedule(steps=6, warm_up_steps=1, save_every_s=0.0)

    def taught(kind: type[CodecTask], folder: str) -> dict[str, Tensor]:
        task = kind(codec_of(SPECTRAL), TRAIN, HELD_OUT, replace(RUN, settled=0.5))
        run(task, schedule, tmp_path / folder, seed=0)
        return task.codec.state_dict()

    whole = taught(CodecTask, "whole")
    with pytest.raises(RuntimeError, match="power cut"):
        taught(Cut, "cut")
    resumed = taught(CodecTask, "cut")
    assert all(torch.equal(value, resumed[name]) for name, value in whole.items())


def test_all_losses_are_finite_in_bfloat16_too() -> None:
    for config in (SPECTRAL, SEANET):
        task = CodecTask(codec_of(config), TRAIN, HELD_OUT, replace(RUN, settled=0.5))
        for share in (0.0, 0.9):
            with torch.autocast("cpu", torch.bfloat16):
                losses = list(task.losses(draw(3, share)))
            assert [name for name, _ in losses] == (["codec"] if share < 0.5 else ["critics", "codec"])
            for _, loss in losses:
                loss.backward()
                assert torch.isfinite(loss)
        gradients = [p.grad for p in task.codec.parameters() if p.grad is not None]
        assert gradients
        assert all(torch.isfinite(gradient).all() for gradient in gradients)


def test_refining_takes_turns_between_own_and_drawn_codes() -> None:
    codec = codec_of(SPECTRAL)
    codec.quantizer.codebooks.normal_()
    asked: list[list[int]] = []

    def codes(which: Sequence[int]) -> Tensor:
        asked.append(list(which))
        return torch.zeros(len(which), 3, 100, dtype=torch.int16)

    task = RefiningTask(codec, Drawn(TRAIN, codes), Drawn(HELD_OUT, silent), RUN)
    for step in range(4):
        losses = list(task.losses(draw(step, 0.1)))
        assert [name for name, _ in losses] == ["critics", "codec"]
    assert [len(which) for which in asked] == [RUN.batch] * 2


def test_refining_teaches_the_decoder_alone() -> None:
    codec = codec_of(SPECTRAL)
    codec.quantizer.codebooks.normal_()
    task = RefiningTask(codec, Drawn(TRAIN, silent), Drawn(HELD_OUT, silent), RUN)
    for name, loss in task.losses(draw(1, 0.1)):
        if name == "codec":
            loss.backward()
    taught = {name.split(".")[0] for name, p in codec.named_parameters() if p.grad is not None}
    assert taught == {"decoder"}


def test_refining_brings_drawn_codes_nearer_to_the_music(tmp_path: Path) -> None:
    codec = codec_of(SPECTRAL)
    codec.quantizer.codebooks.normal_()

    def muddled(music: Tones) -> Drawn:
        codes = codec.encode(music.sound)
        codes[:, 1:] = codes[:, 1:].roll(1, 0)
        return Drawn(music, lambda which: codes[list(which)])

    task = RefiningTask(codec, muddled(TRAIN), muddled(HELD_OUT), RUN)
    before = task.evaluate()
    after = run(
        task, Schedule(steps=60, learning_rate=3e-3, warm_up_steps=1, ema=0.9), tmp_path / "decoder", seed=0
    )
    assert after["mel_l1_drawn"] < 0.8 * before["mel_l1_drawn"]
    assert after["mel_l1"] < 0.8 * before["mel_l1"]


def test_codes_for_the_decoder_are_those_of_play() -> None:
    codec = codec_of(SPECTRAL)
    codec.quantizer.codebooks.normal_()
    wave = TRAIN.waves([0, 1])[:, :6400]
    with torch.autocast("cpu", torch.bfloat16):
        inside = own_codes(codec, wave)
    assert torch.equal(inside, codec.encode(wave))


def test_reconstruction_loss_knows_sound_from_its_mirror_and_from_silence() -> None:
    wave = TRAIN.waves([3, 4])[:, :8000]
    same, inverted, quiet = (
        float(reconstruction_loss(made, wave, 16_000, (256, 1024)))
        for made in (wave, -wave, torch.zeros_like(wave))
    )
    assert same == 0
    # A mirrored wave has the same magnitudes: what is left is phase, which must count.
    assert inverted > 0.1
    assert quiet > 0.1
