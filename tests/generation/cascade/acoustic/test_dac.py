"""DAC behind the codec's interface, from a random small model in its published form."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from generation.cascade.acoustic.codec import DAC_16KHZ
from generation.cascade.acoustic.dac import DAC_RELEASE, DacCodec, load_dac
from generation.cascade.published.resolve import components, published_keys
from generation.cascade.published.strict import published_shapes
from generation.contracts import GenerationError

pytest.importorskip("transformers")

CONFIG = replace(DAC_16KHZ, levels=3, codebook_size=16)


def small(seed: int = 0) -> DacCodec:
    torch.manual_seed(seed)
    return DacCodec(CONFIG, width=4, decoder_width=32).eval()


@pytest.fixture
def released(tmp_path: Path) -> Path:
    """A folder as the library writes it."""
    small(seed=1).model.save_pretrained(tmp_path / "dac")  # type: ignore[operator]
    return tmp_path / "dac" / "model.safetensors"


@pytest.fixture
def wave() -> Tensor:
    return 0.1 * torch.randn(2, 320 * 12, generator=torch.Generator().manual_seed(2))


@torch.inference_mode()
def test_released_weights_give_the_library_s_own_codes_and_sound(released: Path, wave: Tensor) -> None:
    codec, theirs = small(), small(seed=1).model
    load_dac(released, codec)
    codes = codec.encode(wave)
    assert codes.shape == (2, 3, 12)
    assert torch.equal(codes, theirs.encode(wave[:, None]).audio_codes)  # type: ignore[operator]
    made = codec.decode(codes)
    assert made.shape == wave.shape
    sound = theirs.decode(audio_codes=codes).audio_values.reshape(2, -1)  # type: ignore[operator]
    shared = min(sound.shape[1], made.shape[1])
    torch.testing.assert_close(made[:, :shared], sound[:, :shared], atol=1e-5, rtol=1e-4)


@torch.inference_mode()
def test_coarse_levels_decode_alone_and_lengths_between_frames_are_refused(wave: Tensor) -> None:
    codec = small()
    codes = codec.encode(wave)
    assert codec.decode(codes[:, :1]).shape == wave.shape
    with pytest.raises(ValueError, match="1000 samples are not a multiple of the hop 320"):
        codec.encode(torch.zeros(1, 1000))


def test_codebooks_are_the_vectors_before_each_level_s_projection() -> None:
    codec = small()
    table = codec.model.get_submodule("quantizer.quantizers.1.codebook").get_parameter("weight")
    assert codec.codebooks.shape == (3, 16, 8)
    assert torch.equal(codec.codebooks[1], table)


def test_a_missing_an_extra_and_a_misshaped_tensor_are_named(released: Path, tmp_path: Path) -> None:
    tensors = load_file(released)
    gone, bent = "quantizer.quantizers.2.in_proj.weight", "decoder.conv1.bias"
    del tensors[gone]
    tensors[bent], tensors["encoder.surprise"] = torch.zeros(3), torch.zeros(1)
    save_file(tensors, tmp_path / "bent.safetensors")
    with pytest.raises(GenerationError) as caught:
        load_dac(tmp_path / "bent.safetensors", small())
    for name in (gone, bent, "encoder.surprise"):
        assert name in str(caught.value)


def test_other_clocks_and_code_widths_are_refused_with_both_numbers() -> None:
    with pytest.raises(
        ValueError, match="a hop of 320 samples and 8 numbers a code; the preset asks for 640 and 8"
    ):
        DacCodec(replace(CONFIG, hop=640))
    with pytest.raises(ValueError, match="the preset asks for 320 and 64"):
        DacCodec(replace(CONFIG, latent_dim=64))


def test_base_has_the_tensors_that_the_release_lists() -> None:
    (file,) = components()["dac"].files
    with torch.device("meta"):
        codec = DacCodec(DAC_16KHZ)
    assert published_shapes(codec, DAC_RELEASE) == published_keys(file)
