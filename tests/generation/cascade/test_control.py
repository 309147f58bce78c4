"""The joint embedding: unit vectors of music and of text, whatever their length and script."""

from __future__ import annotations

import pytest
import torch

from generation.cascade.control import ByteJointEmbedding, JointConfig, stretches, text_bytes
from generation.cascade.time_grid import TimeGrid

SMALL = JointConfig(dim=8, width=16, layers=1, heads=2, feed_forward=16, mels=16, text_bytes=32)


@pytest.fixture
def joint() -> ByteJointEmbedding:
    torch.manual_seed(0)
    return ByteJointEmbedding(TimeGrid(window_s=2), SMALL).eval()


@torch.inference_mode()
@pytest.mark.parametrize("seconds", [0.2, 1.0, 2.0, 7.3])
def test_music_of_any_length_is_a_unit_vector(joint: ByteJointEmbedding, seconds: float) -> None:
    wave = 0.1 * torch.randn(2, round(16_000 * seconds), generator=torch.Generator().manual_seed(0))
    heard = joint.embed_audio(wave)
    torch.testing.assert_close(heard.norm(dim=1), torch.ones(2))


@torch.inference_mode()
def test_long_music_is_the_mean_of_its_windows(joint: ByteJointEmbedding) -> None:
    first, second = 0.1 * torch.randn(2, 1, 32_000, generator=torch.Generator().manual_seed(0))
    mean = joint.embed_audio(first) + joint.embed_audio(second)
    torch.testing.assert_close(
        joint.embed_audio(torch.cat([first, second], 1)), torch.nn.functional.normalize(mean, dim=-1)
    )


@torch.inference_mode()
@pytest.mark.parametrize(
    "text", ["rock", "レゲエ、ゆっくり", "медленный рок", "🎸🔥", "a" * 5_000, "slow and happy reggae " * 227]
)
def test_text_of_any_script_and_length_is_a_unit_vector(joint: ByteJointEmbedding, text: str) -> None:
    torch.testing.assert_close(joint.embed_text([text]).norm(dim=1), torch.ones(1))


@torch.inference_mode()
def test_a_text_reads_the_same_alone_and_beside_longer_ones(joint: ByteJointEmbedding) -> None:
    both = joint.embed_text(["rock", "slow reggae with an organ"])
    torch.testing.assert_close(both[:1], joint.embed_text(["rock"]))


@torch.inference_mode()
def test_filling_up_a_text_changes_nothing(joint: ByteJointEmbedding) -> None:
    short, long = text_bytes("rock", 4)[None], text_bytes("rock", 32)[None]
    torch.testing.assert_close(joint.read(short), joint.read(long))


@torch.inference_mode()
def test_capitals_and_spaces_say_nothing(joint: ByteJointEmbedding) -> None:
    torch.testing.assert_close(joint.embed_text(["Slow  Reggae\n"]), joint.embed_text(["slow reggae"]))


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_text_is_refused(joint: ByteJointEmbedding, text: str) -> None:
    with pytest.raises(ValueError, match="empty"):
        joint.embed_text(["rock", text])


def test_stretches_fit_and_lose_nothing() -> None:
    text = "slow reggae with an offbeat organ, ゆっくりとしたレゲエとオルガン, " + "x" * 50
    parts = stretches(text, 20)
    assert all(0 < len(part.encode()) <= 20 for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())
