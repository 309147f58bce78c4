"""Published weights of the visual networks: names and shapes as their sources have them, values as saved."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

from generation.cascade import published
from generation.cascade.published.strict import Release, Shapes, published_shapes
from generation.cascade.visual.clip import VIT_L_14, Clip, ClipConfig, clip_input
from generation.cascade.visual.i3d import I3D_FLOW, I3d, I3dConfig
from generation.cascade.visual.published import (
    CLIP_RELEASES,
    I3D_RELEASES,
    VIT_RELEASES,
    load_clip,
    load_i3d,
    load_vit,
)
from generation.cascade.visual.vit_vqgan import VIT_VQGAN_BASE, VIT_VQGAN_SMALL, VitVqgan
from generation.contracts import GenerationError

from .test_vit_vqgan import SMALL as SMALL_VIT

KEYS = Path(published.__file__).parent / "keys"
SMALL_CLIP = ClipConfig(
    dim=8, picture_px=16, patch_px=8, width=16, layers=2, heads=2, text_width=16, text_layers=1, quick_gelu=True
)
SMALL_I3D = I3dConfig(narrower=16)
LISTS: list[tuple[str, type[nn.Module], object, Release]] = [
    ("clip-vit-l-14-openai", Clip, VIT_L_14, CLIP_RELEASES[0]),
    ("clip-vit-l-14-huggingface", Clip, VIT_L_14, CLIP_RELEASES[1]),
    ("i3d-flow-hassony2", I3d, I3D_FLOW, I3D_RELEASES[0]),
    ("i3d-flow-piergiaj", I3d, I3D_FLOW, I3D_RELEASES[1]),
    ("vit-vqgan-small", VitVqgan, VIT_VQGAN_SMALL, VIT_RELEASES[0]),
    ("vit-vqgan-base", VitVqgan, VIT_VQGAN_BASE, VIT_RELEASES[0]),
]


def listed(name: str) -> Shapes:
    keys = json.loads((KEYS / f"{name}.json").read_text(encoding="utf-8"))["keys"]
    return {key: tuple(shape) for key, shape in keys.items()}


def drawn(shapes: Shapes) -> dict[str, Tensor]:
    """Random weights; what a norm divides by is above 0."""
    generator = torch.Generator().manual_seed(0)
    return {
        name: torch.rand(shape, generator=generator) + 0.5
        if name.endswith("running_var")
        else 0.2 * torch.randn(shape, generator=generator)
        for name, shape in shapes.items()
    }


@pytest.mark.parametrize(("name", "network", "config", "release"), LISTS)
def test_full_size_has_the_names_and_shapes_that_were_published(
    name: str, network: type[nn.Module], config: object, release: Release
) -> None:
    with torch.device("meta"):
        module = network(config)
    assert published_shapes(module, release) == listed(name)


@pytest.mark.parametrize("name", [name for name, *_ in LISTS])
def test_list_says_where_it_was_read(name: str) -> None:
    content = json.loads((KEYS / f"{name}.json").read_text(encoding="utf-8"))
    assert content["release"]
    for source in content["read_from"]:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+", source["repository"])
        assert re.fullmatch(r"[0-9a-f]{40}", source["commit"])
        assert source["file"].endswith((".py", ".json", ".yaml"))


@pytest.mark.parametrize(("name", "release"), [(name, release) for name, _, _, release in LISTS])
def test_list_ignores_what_the_loader_ignores(name: str, release: Release) -> None:
    assert json.loads((KEYS / f"{name}.json").read_text(encoding="utf-8"))["ignored"] == list(release.ignored)


@pytest.mark.parametrize("name", ["i3d-flow-hassony2", "i3d-flow-piergiaj"])
def test_i3d_of_full_size_is_loaded_to_the_bit(tmp_path: Path, name: str) -> None:
    tensors = drawn(listed(name))
    head = "logits" if name.endswith("piergiaj") else "conv3d_0c_1x1"
    torch.save(tensors | {f"{head}.conv3d.bias": torch.zeros(400)}, tmp_path / "flow.pt")
    network = I3d(I3D_FLOW)
    load_i3d(tmp_path / "flow.pt", network)
    pairs = {
        "i3d-flow-hassony2": ("conv3d_1a_7x7.conv3d.weight", "mixed_5c.branch_2.1.batch3d.running_var"),
        "i3d-flow-piergiaj": ("Conv3d_1a_7x7.conv3d.weight", "Mixed_5c.b2b.bn.running_var"),
    }[name]
    assert torch.equal(network.conv_1a.conv.weight, tensors[pairs[0]])
    assert torch.equal(network.state_dict()["mixed_5c.second_cube.1.norm.running_var"], tensors[pairs[1]])
    total = sum(float(value.double().sum()) for value in tensors.values())
    own = [value for name, value in network.state_dict().items() if not name.startswith("standardised")]
    assert sum(float(v.double().sum()) for v in own if v.is_floating_point()) == pytest.approx(total, abs=1e-6)


def test_both_ports_of_one_i3d_give_the_same_features(tmp_path: Path) -> None:
    hassony2, piergiaj = I3d(SMALL_I3D), I3d(SMALL_I3D)
    tensors = drawn(published_shapes(hassony2, I3D_RELEASES[0]))
    paths = {"0": "b0", "1.0": "b1a", "1.1": "b1b", "2.0": "b2a", "2.1": "b2b", "3.1": "b3b"}

    def renamed(name: str) -> str:
        name = re.sub(r"branch_(\d(\.\d)?)(?=\.(conv3d|batch3d))", lambda match: paths[match[1]], name)
        return name.replace("batch3d", "bn")[0].upper() + name.replace("batch3d", "bn")[1:]

    save_file(tensors, tmp_path / "a.safetensors")
    save_file({renamed(name): value for name, value in tensors.items()}, tmp_path / "b.safetensors")
    load_i3d(tmp_path / "a.safetensors", hassony2)
    load_i3d(tmp_path / "b.safetensors", piergiaj)
    flow = torch.rand(2, 2, 8, 32, 32) * 2 - 1
    assert torch.equal(hassony2.eval().motion(flow), piergiaj.eval().motion(flow))
    assert hassony2.motion(flow).abs().sum() > 0


def test_transformers_clip_gives_the_same_embeddings_here(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

    config = CLIPVisionConfig(
        hidden_size=16,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=16,
        patch_size=8,
        projection_dim=8,
        hidden_act="quick_gelu",
    )
    theirs = CLIPVisionModelWithProjection(config).eval()
    with torch.no_grad():
        for value in theirs.parameters():
            value.normal_(std=0.3)
    also = {"logit_scale": torch.tensor(2.0), "text_model.final_layer_norm.bias": torch.zeros(4)}
    save_file(theirs.state_dict() | also, tmp_path / "a.safetensors")
    ours = Clip(SMALL_CLIP).eval()
    load_clip(tmp_path / "a.safetensors", ours)
    pictures = torch.randint(0, 256, (3, 16, 16, 3), dtype=torch.uint8)
    with torch.no_grad():
        expected = F.normalize(theirs(pixel_values=clip_input(pictures, SMALL_CLIP)).image_embeds, dim=-1)
        assert torch.allclose(ours.embed(pictures), expected, atol=1e-5)


def test_openai_names_are_those_of_the_network_itself(tmp_path: Path) -> None:
    theirs, ours = Clip(SMALL_CLIP), Clip(replace(SMALL_CLIP))
    tensors = {name: value for name, value in theirs.state_dict().items() if name.startswith("visual.")}
    torch.save(tensors | {"transformer.resblocks.0.ln_1.bias": torch.zeros(16)}, tmp_path / "a.pt")
    load_clip(tmp_path / "a.pt", ours)
    assert all(torch.equal(ours.state_dict()[name], value) for name, value in tensors.items())


def test_vit_vqgan_is_loaded_from_a_lightning_checkpoint(tmp_path: Path) -> None:
    vit = VitVqgan(SMALL_VIT)
    tensors = drawn(published_shapes(vit, VIT_RELEASES[0]))
    torch.save({"state_dict": tensors | {"loss.discriminator.w": torch.zeros(1)}, "epoch": 9}, tmp_path / "a.ckpt")
    load_vit(tmp_path / "a.ckpt", vit)
    assert torch.equal(vit.codebook.weight, tensors["quantizer.embedding.weight"])
    for ours, theirs in (
        ("encoder.layers.0.qkv.weight", "encoder.transformer.layers.0.0.fn.to_qkv.weight"),
        ("decoder.layers.0.mix.2.bias", "decoder.transformer.layers.0.1.fn.net.2.bias"),
    ):
        assert torch.equal(vit.get_parameter(ours), tensors[theirs])


@pytest.mark.parametrize("fault", ["missing", "left over", "of another shape"])
def test_fault_in_a_published_file_is_named(tmp_path: Path, fault: str) -> None:
    clip, name = Clip(SMALL_CLIP), "vision_model.encoder.layers.1.self_attn.k_proj.bias"
    tensors = drawn(published_shapes(clip, CLIP_RELEASES[1]))
    if fault == "missing":
        del tensors[name]
    elif fault == "left over":
        name = "vision_model.encoder.layers.2.layer_norm1.bias"
        tensors[name] = torch.zeros(16)
    else:
        tensors[name] = torch.zeros(17)
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(GenerationError, match=rf"1 {fault}: {re.escape(name)}"):
        load_clip(tmp_path / "a.safetensors", clip)
