"""Other people's files: read without running them, every tensor accounted for."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from generation.cascade.published.strict import Release, Source, load_published, published_shapes
from generation.contracts import GenerationError


class Ours(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Linear(2, 3, bias=False)
        self.joined = nn.Linear(2, 4, bias=False)
        self.turned = nn.Parameter(torch.zeros(2, 5))
        self.register_buffer("scale", torch.ones(1))


SOURCES = {
    "first.weight": Source(("a.w",)),
    "joined.weight": Source(("q.w", "k.w")),
    "turned": Source(("t",), transposed=True),
}
RELEASE = Release("the example", "a.w", SOURCES.__getitem__, ignored=("head.*",), own=("scale",), within="inner")
OTHER = Release("another", "A.w", SOURCES.__getitem__)


def theirs() -> dict[str, Tensor]:
    names = {"a.w": (3, 2), "q.w": (2, 2), "k.w": (2, 2), "t": (5, 2), "head.w": (7, 7)}
    return {name: torch.randn(shape) for name, shape in names.items()}


def saved(folder: Path, tensors: dict[str, Tensor]) -> Path:
    path = folder / "weights.safetensors"
    save_file(tensors, path)
    return path


def refused(path: Path) -> str:
    """What is said of a file, after making sure that nothing of it was taken."""
    ours = Ours()
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    with pytest.raises(GenerationError) as caught:
        load_published(path, ours, [OTHER, RELEASE])
    assert all(torch.equal(value, before[name]) for name, value in ours.state_dict().items())
    return str(caught.value)


@pytest.mark.parametrize("how", ["safetensors", "pt", "bin", "inside"])
def test_every_tensor_goes_where_the_rule_says(tmp_path: Path, how: str) -> None:
    tensors = theirs()
    if how == "safetensors":
        path = saved(tmp_path, tensors)
    else:
        path = tmp_path / f"weights.{'ckpt' if how == 'inside' else how}"
        torch.save({"inner": tensors, "epoch": 3} if how == "inside" else tensors, path)
    ours = Ours()
    load_published(path, ours, [OTHER, RELEASE])
    assert torch.equal(ours.first.weight, tensors["a.w"])
    assert torch.equal(ours.joined.weight, torch.cat([tensors["q.w"], tensors["k.w"]]))
    assert torch.equal(ours.turned, tensors["t"].T)


def test_half_precision_is_widened(tmp_path: Path) -> None:
    tensors = {name: value.half() for name, value in theirs().items()}
    ours = Ours()
    load_published(saved(tmp_path, tensors), ours, [RELEASE])
    assert ours.first.weight.dtype == torch.float32
    assert torch.equal(ours.first.weight, tensors["a.w"].float())


def test_published_shapes_are_those_of_the_file() -> None:
    assert published_shapes(Ours(), RELEASE) == {"a.w": (3, 2), "q.w": (2, 2), "k.w": (2, 2), "t": (5, 2)}


def test_missing_tensor_is_named(tmp_path: Path) -> None:
    tensors = theirs()
    del tensors["k.w"]
    assert "is not the example as it was published; 1 missing: k.w" in refused(saved(tmp_path, tensors))


def test_tensor_left_over_is_named(tmp_path: Path) -> None:
    assert "1 left over: b.w" in refused(saved(tmp_path, theirs() | {"b.w": torch.zeros(1)}))


def test_tensor_of_another_shape_is_named_with_both(tmp_path: Path) -> None:
    said = refused(saved(tmp_path, theirs() | {"t": torch.zeros(2, 5)}))
    assert "1 of another shape: t is [2, 5], not [5, 2]" in said


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    tensors = {"a.w": torch.zeros(1), "x": torch.zeros(1)}
    said = refused(saved(tmp_path, tensors))
    assert "3 missing: k.w, q.w, t; 1 left over: x; 1 of another shape: a.w is [1], not [3, 2]" in said


def test_file_named_in_no_known_way_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    said = refused(saved(tmp_path, {"z": torch.zeros(1)}))
    assert "none of the releases that can be read here: another (has A.w), the example (has a.w)" in said


class Harm:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, ("harmed",)


@pytest.mark.parametrize("content", [b"", b"not weights at all", pickle.dumps(Harm(), protocol=2)])
def test_file_that_is_not_weights_is_not_run(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(content)
    assert "cannot be read as weights alone" in refused(path)
    assert not Path("harmed").exists()


def test_damaged_safetensors_are_refused(tmp_path: Path) -> None:
    path = saved(tmp_path, theirs())
    path.write_bytes(path.read_bytes()[:60])
    assert "cannot be read as weights alone" in refused(path)


def test_file_that_is_missing_is_named(tmp_path: Path) -> None:
    assert "no.pt cannot be read" in refused(tmp_path / "no.pt")


def test_file_of_something_else_is_refused(tmp_path: Path) -> None:
    torch.save([1, 2], tmp_path / "a.pt")
    assert "holds list, not tensors by name" in refused(tmp_path / "a.pt")
