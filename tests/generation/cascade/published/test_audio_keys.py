"""The networks of base have the tensors that the listings of published files name, and no others."""

from __future__ import annotations

from fnmatch import fnmatchcase

import pytest
import torch
from torch import nn

from generation.cascade.clap import CLAP_RELEASE, Clap, ClapConfig
from generation.cascade.published.resolve import components, published_keys
from generation.cascade.published.strict import Release, published_shapes
from generation.cascade.semantic.transformers_encoders import (
    MertConfig,
    MertEncoder,
    W2vBertConfig,
    W2vBertEncoder,
    mert_release,
    w2v_bert_release,
)
from generation.cascade.time_grid import TimeGrid

pytest.importorskip("transformers")


def network(name: str) -> tuple[nn.Module, Release]:
    """The network of base, without its numbers."""
    with torch.device("meta"):
        if name == "w2v-bert":
            return W2vBertEncoder(TimeGrid(), W2vBertConfig()), w2v_bert_release(W2vBertConfig())
        if name == "mert":
            return MertEncoder(TimeGrid(), MertConfig()), mert_release(MertConfig())
        return Clap(TimeGrid(), ClapConfig()), CLAP_RELEASE


@pytest.mark.parametrize("name", ["w2v-bert", "mert", "clap"])
def test_every_published_tensor_is_read_or_left_out_by_name(name: str) -> None:
    (file,) = components()[name].files
    module, release = network(name)
    listed = published_keys(file)
    read = published_shapes(module, release)
    assert {key: listed.get(key) for key in read} == read
    left = [key for key in listed if key not in read]
    assert all(any(fnmatchcase(key, pattern) for pattern in release.ignored) for key in left)
    assert release.marker in listed
