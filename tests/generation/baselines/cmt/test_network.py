"""The network: one function in two forms, under published names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from generation.baselines.cmt.attention import LinearAttention, Past
from generation.baselines.cmt.network import CMT, PUBLISHED, TINY, Sizes
from generation.baselines.cmt.published import install
from generation.baselines.cmt.system import SIZES
from generation.baselines.cmt.training.band import compose
from generation.baselines.cmt.training.train import WORDS, example
from generation.baselines.cmt.words import NOTE, TYPE, encode, prefix
from generation.contracts import GenerationError

COLUMNS = ("barbeat", "type", "density", "pitch", "duration", "instr", "strength")
SMALL = Sizes(16, 2, 2, 32, (8, 4, 8, 8, 8, 4, 8), share=8, prefix=4, dropout=0.0)


def music(words: int) -> tuple[torch.Tensor, torch.Tensor]:
    _, notes = compose(5, bars=8)
    return torch.from_numpy(prefix(5))[None], torch.from_numpy(encode(notes, bars=8)[:words])[None]


@pytest.mark.parametrize("sizes", [SMALL, TINY])
def test_word_by_word_it_gives_what_it_gives_at_once(sizes: Sizes) -> None:
    torch.manual_seed(0)
    network = CMT(sizes).eval()
    start, words = music(200)
    assert words.shape[1] == 200
    with torch.inference_mode():
        at_once = network.hidden(start, words)
        past = network.start(start)
        in_turn = torch.stack([network.step(words[:, index], past) for index in range(200)], 1)
    assert torch.allclose(at_once, in_turn, atol=2e-5)


def test_attention_is_the_weighted_mean_that_the_paper_writes_down(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(1)
    attention = LinearAttention(8, 2).double()
    monkeypatch.setattr("generation.baselines.cmt.attention._CHUNK", 2)
    x = torch.randn(1, 5, 8, dtype=torch.float64)
    project = [attention.query_projection, attention.key_projection, attention.value_projection]
    query, key, value = (layer(x).view(5, 2, 4) for layer in project)
    phi = lambda z: torch.where(z > 0, z + 1, z.exp())  # noqa: E731
    by_hand = torch.zeros(5, 2, 4, dtype=torch.float64)
    for head in range(2):
        for now in range(5):
            weights = torch.stack([phi(query[now, head]) @ phi(key[then, head]) for then in range(now + 1)])
            by_hand[now, head] = (weights[:, None] * value[: now + 1, head]).sum(0) / (weights.sum() + 1e-6)
    assert torch.allclose(attention(x)[0], attention.out_projection(by_hand.flatten(1)), atol=1e-9)


def test_what_a_layer_remembers_does_not_grow() -> None:
    network = CMT(SMALL).eval()
    start, words = music(40)
    with torch.inference_mode():
        past = network.start(start)
        sizes = []
        for index in range(40):
            network.step(words[:, index], past)
            sizes.append(sum(each.products.numel() + each.keys.numel() for each in past))
    assert len(set(sizes)) == 1
    assert isinstance(past[0], Past)


def test_later_words_change_nothing_before_them() -> None:
    network = CMT(SMALL).eval()
    start, words = music(30)
    other = words.clone()
    other[0, 20:] = other[0, 5:15]
    with torch.inference_mode():
        assert torch.allclose(
            network.hidden(start, words)[:, :20], network.hidden(start, other)[:, :20], atol=1e-6
        )


def test_the_loss_leaves_padding_out() -> None:
    torch.manual_seed(0)
    network = CMT(SMALL).eval()
    start, words = music(41)
    real = torch.ones(1, 40, dtype=torch.bool)
    padded = torch.cat([words, torch.zeros(1, 20, 9, dtype=torch.int64)], 1)
    masked = torch.cat([real, torch.zeros(1, 20, dtype=torch.bool)], 1)
    assert torch.allclose(network.loss(start, words, real), network.loss(start, padded, masked), atol=1e-5)


def test_a_training_example_begins_with_a_bar_and_is_padded_to_one_length() -> None:
    for seed in range(20):
        start, words, real = example(seed)
        assert start.shape == (7, 3)
        assert words.shape == (WORDS + 1, 9)
        assert words[0, 0] == 17
        assert not real.all() or (words[:, TYPE] == NOTE).sum() > 20


@pytest.mark.parametrize("before", ["module.", ""])
def test_a_random_network_under_the_published_names_is_read_bit_for_bit(
    before: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from generation.baselines.cmt import published, system

    monkeypatch.setattr(published, "PUBLISHED", SMALL)
    torch.manual_seed(4)
    network = CMT(SMALL)
    tensors = {before + name: value for name, value in network.state_dict().items()}
    tensors[f"{before}encoder_pos_emb.pe"] = network.encoder_pos_emb.pe
    torch.save(tensors, tmp_path / "loss_8_params.pt")
    install(tmp_path / "loss_8_params.pt", tmp_path / "published.safetensors")
    monkeypatch.setattr(system, "WEIGHTS", tmp_path)
    monkeypatch.setitem(SIZES, "published", SMALL)
    built = system.build("published", {"genre": "pop", "control": "on", "font": ""}, "cpu")
    for name, value in built.network.state_dict().items():
        assert torch.equal(value, network.state_dict()[name]), name


def test_the_published_names_and_sizes_are_those_of_the_authors_source() -> None:
    with torch.device("meta"):
        state = CMT(PUBLISHED).state_dict()
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    assert shapes["encoder_in_linear.weight"] == (512, 896)
    assert shapes["project_concat_type.weight"] == (512, 544)
    assert shapes["init_in_linear.weight"] == (512, 192)
    assert shapes["encoder_emb_pitch.lut.weight"] == (129, 512)
    assert shapes["transformer_encoder.layers.11.attention.query_projection.weight"] == (512, 512)
    assert shapes["transformer_encoder.layers.11.linear1.weight"] == (2048, 512)
    assert {name.split(".")[0] for name in shapes} == {
        *(f"encoder_emb_{name}" for name in COLUMNS),
        *(f"proj_{name}" for name in COLUMNS),
        *("init_emb_genre", "init_emb_key", "init_emb_instrument", "init_in_linear"),
        *("encoder_emb_time_encoding", "encoder_in_linear", "encoder_time_linear"),
        *("transformer_encoder", "project_concat_type"),
    }  # fmt: skip
    assert 35e6 < sum(np.prod(shape) for shape in shapes.values()) < 45e6


def test_a_file_with_a_tensor_too_few_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from generation.baselines.cmt import published

    monkeypatch.setattr(published, "PUBLISHED", SMALL)
    tensors = {f"module.{name}": value for name, value in CMT(SMALL).state_dict().items()}
    del tensors["module.proj_pitch.bias"]
    torch.save(tensors, tmp_path / "loss_8_params.pt")
    with pytest.raises(GenerationError, match=r"1 missing: module\.proj_pitch\.bias"):
        install(tmp_path / "loss_8_params.pt", tmp_path / "out.safetensors")
    assert not (tmp_path / "out.safetensors").exists()


def test_without_the_published_weights_it_says_how_to_install_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from generation.baselines.cmt import system

    monkeypatch.setattr(system, "WEIGHTS", tmp_path)
    with pytest.raises(GenerationError, match="install-cmt"):
        system.build("tiny", {"genre": "pop", "control": "on", "font": ""}, "cpu")
