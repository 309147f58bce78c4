"""Training material and features on the disk: memory-mapped safetensors shards, each beside a list of examples.

set/
  index.json                 what the set holds, written last: a set without one is not finished
  <shard>.json               its examples and what was left out, written after the tensors
  <shard>.safetensors        wave, and pictures and flow in a paired set
  features/<name>-<digest>/<shard>.safetensors
                             what the encoder with that digest made of them
"""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from generation.contracts import GenerationError
from generation.world.piece import Piece, plan

FORMAT = "duet-shards-1"
FULL_SCALE = 32767
"""What a sample of 1.0 is stored as in ``wave``."""

Kind = Literal["paired", "audio"]


@dataclass(frozen=True, slots=True)
class Info:
    """What is known of one example besides its sound and pictures.

    source: the file it was cut from, or ``world``. start_s: where in the source it begins.
    caption: of picture and music together, empty where nobody has written one.
    seed: of a piece of the world, whose plan says everything else (``Shards.piece``).
    """

    source: str
    start_s: float = 0.0
    genre: str = ""
    caption: str = ""
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Cutting:
    """How a set was cut: rates and sizes that decide its tensors. Pictures are square, flow fields too."""

    preset: str
    sample_rate_hz: int
    segment_s: float
    visual_hz: int
    flow_hz: int
    picture_px: int
    flow_px: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A source that gave nothing, and why."""

    source: str
    reason: str


@dataclass(frozen=True, slots=True)
class Block:
    """One finished shard: its examples in order, and what was left out on the way."""

    name: str
    examples: list[Info] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)


def write_block(folder: Path, block: Block, tensors: Mapping[str, Tensor]) -> None:
    """Write a shard. ``tensors`` have one row an example. Raises GenerationError when the disk takes no more."""
    if block.examples:
        write_tensors(folder / f"{block.name}.safetensors", tensors)
    _write_json(folder / f"{block.name}.json", asdict(block))


def read_block(folder: Path, name: str) -> Block | None:
    """A shard that was finished before, or None."""
    path = folder / f"{name}.json"
    if not path.exists():
        return None
    found = json.loads(path.read_text(encoding="utf-8"))
    return Block(
        name, [Info(**info) for info in found["examples"]], [LeftOut(**left) for left in found["left_out"]]
    )


def write_index(folder: Path, kind: Kind, cutting: Cutting, blocks: Iterable[str]) -> None:
    """Declare a set finished."""
    index = {"format": FORMAT, "kind": kind, "cutting": asdict(cutting), "blocks": list(blocks)}
    _write_json(folder / "index.json", index)


def write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    """Write a safetensors file at one stroke. Raises GenerationError when the disk takes no more."""
    fresh = path.with_suffix(f".{os.getpid()}.new")  # two processes may encode one set
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: value.contiguous() for name, value in tensors.items()}, fresh)
        fresh.replace(path)
    except (OSError, SafetensorError) as error:
        fresh.unlink(missing_ok=True)
        raise _no_room(path, error) from error


class Shards:
    """A finished set, read through the memory map: only what is asked for is loaded.

    features: digest of the encoder by name, for the features that ``take`` may be asked for.
    Raises GenerationError when the folder holds no finished set.
    """

    def __init__(self, folder: Path, features: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.features = dict(features or {})
        index = _index(folder)
        self.kind: Kind = index["kind"]
        self.cutting = Cutting(**index["cutting"])
        blocks = [block for name in index["blocks"] if (block := read_block(folder, name)) is not None]
        if len(blocks) != len(index["blocks"]):
            raise GenerationError(f"{folder} lacks shards that its index names; make the set again")
        self.left_out = [left for block in blocks for left in block.left_out]
        self.blocks = [block for block in blocks if block.examples]
        self._ends = list(accumulate(len(block.examples) for block in self.blocks))
        self._open: dict[tuple[str, int], Any] = {}

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    @property
    def names(self) -> tuple[str, ...]:
        """What ``take`` can be asked for."""
        media = ("wave", "pictures", "flow") if self.kind == "paired" else ("wave",)
        return (*media, *self.features)

    @cached_property
    def infos(self) -> tuple[Info, ...]:
        return tuple(info for block in self.blocks for info in block.examples)

    def info(self, index: int) -> Info:
        return self.infos[index]

    def piece(self, index: int) -> Piece | None:
        """The plan of an example that is a piece of the self-made world."""
        seed = self.infos[index].seed
        return None if seed is None else plan(seed, duration_s=self.cutting.segment_s)

    def take(self, name: str, indices: Sequence[int]) -> Tensor:
        """Rows of some examples, [len(indices), ...].

        wave int16 [N, samples], pictures uint8 [N, steps, px, px, 3], flow float32 [N, steps, 2, flow_hz, px, px],
        features as ``features.py`` lists them. What is stored in half precision comes in single: autocast on a CPU
        can stack no halves. Raises KeyError naming the options.
        """
        if name not in self.names:
            raise KeyError(f"{self.folder} holds no {name!r}; it holds {', '.join(self.names)}")
        rows = [self._row(name, index) for index in indices]
        return torch.stack([row.float() if row.dtype == torch.float16 else row for row in rows])

    def waves(self, indices: Sequence[int]) -> Tensor:
        """Sound of some examples, float32 [len(indices), samples] in [-1, 1]."""
        return self.take("wave", indices).float() / FULL_SCALE

    def with_features(self, features: Mapping[str, str]) -> Shards:
        """The same set with these features to be asked for."""
        return Shards(self.folder, {**self.features, **features})

    def path_of(self, name: str, block: Block) -> Path:
        """The file that holds a tensor of one block."""
        if name in self.features:
            return self.folder / "features" / f"{name}-{self.features[name]}" / f"{block.name}.safetensors"
        return self.folder / f"{block.name}.safetensors"

    def _row(self, name: str, index: int) -> Tensor:
        if not 0 <= index < len(self):
            raise IndexError(f"no example {index} in {self.folder}, which holds {len(self)}")
        number = bisect_right(self._ends, index)
        block = self.blocks[number]
        if (name, number) not in self._open:
            path = self.path_of(name, block)
            try:
                file: Any = safe_open(path, framework="pt")
                self._open[name, number] = file.get_slice(name)
            except (OSError, SafetensorError) as error:
                raise GenerationError(f"{path} cannot be read ({error}); make it again") from error
        row: Tensor = self._open[name, number][index - (self._ends[number] - len(block.examples))]
        return row


def add_feature(
    shards: Shards, name: str, digest: str, encode: Callable[[range], Tensor], progress: Callable[[int], object]
) -> Shards:
    """Encode every example that this digest has not encoded yet; gives the set with the feature.

    encode: indices of one block to its rows. progress: told how many examples are done each time.
    """
    with_it = shards.with_features({name: digest})
    first = 0
    for block in with_it.blocks:
        indices = range(first, first + len(block.examples))
        path = with_it.path_of(name, block)
        if not path.exists():
            write_tensors(path, {name: encode(indices).cpu()})
        first = indices.stop
        progress(len(indices))
    return with_it


def _index(folder: Path) -> dict[str, Any]:
    try:
        index: dict[str, Any] = json.loads((folder / "index.json").read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise GenerationError(
            f"{folder} holds no finished set; make one with `python -m generation dataset`, "
            "which goes on where it was stopped"
        ) from error
    except ValueError as error:
        raise GenerationError(f"{folder / 'index.json'} is damaged ({error}); make the set again") from error
    if index.get("format") != FORMAT:
        raise GenerationError(f"{folder} is a set of format {index.get('format')!r}, not {FORMAT}; make it again")
    return index


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    fresh = path.with_suffix(".json.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise _no_room(path, error) from error


def _no_room(path: Path, error: Exception) -> GenerationError:
    return GenerationError(
        f"{path} could not be written ({error}); finished shards are kept: make room and run it again"
    )
