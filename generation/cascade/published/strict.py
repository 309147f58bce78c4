"""Read somebody else's weight file into a network of ours: every tensor by an explicit rule, none left over."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from generation.contracts import GenerationError

Shapes = dict[str, tuple[int, ...]]
_SHOWN = 6


@dataclass(frozen=True, slots=True)
class Source:
    """Where a tensor of ours comes from: published tensors laid end to end along their first axis.

    transposed: the published matrix has its axes the other way round.
    """

    names: tuple[str, ...]
    transposed: bool = False


@dataclass(frozen=True, slots=True)
class Release:
    """One way of naming a network's tensors.

    marker: a name that only this way has. source: from our name to the published ones.
    ignored: patterns of published names that we have no use for.
    own: patterns of names of ours that are not published and stay as they are.
    within: key of a torch file under which its tensors may lie.
    """

    name: str
    marker: str
    source: Callable[[str], Source]
    ignored: tuple[str, ...] = ()
    own: tuple[str, ...] = ()
    within: str = ""


def load_published(path: Path, module: nn.Module, releases: Sequence[Release]) -> None:
    """Fill ``module`` from a file named as one of ``releases``.

    Raises GenerationError when the file cannot be read or is named in no known way, and naming every tensor that
    is missing, left over or of another shape; the module stays as it was then.
    """
    found = read_tensors(path, {release.within for release in releases if release.within})
    release = next((each for each in releases if each.marker in found), None)
    if release is None:
        known = ", ".join(f"{each.name} (has {each.marker})" for each in releases)
        raise GenerationError(f"{path} holds none of the releases that can be read here: {known}")
    kept = {name: value for name, value in found.items() if not _matches(name, release.ignored)}
    wanted = published_shapes(module, release)
    _compare(path, release, wanted, {name: tuple(value.shape) for name, value in kept.items()})
    ours = _tensors(module, release)
    with torch.no_grad():
        for name, value in ours.items():
            source = release.source(name)
            parts = [kept[each] for each in source.names]
            joined = parts[0] if len(parts) == 1 else torch.cat(parts)
            value.copy_(joined.T if source.transposed else joined)


def published_shapes(module: nn.Module, release: Release) -> Shapes:
    """The names and shapes that a file of this release must have to fill ``module``."""
    shapes: Shapes = {}
    for name, value in _tensors(module, release).items():
        source, shape = release.source(name), tuple(value.shape)
        if source.transposed:
            shape = shape[::-1]
        each = (shape[0] // len(source.names), *shape[1:]) if len(source.names) > 1 else shape
        shapes |= dict.fromkeys(source.names, each)
    return shapes


def read_tensors(path: Path, within: set[str]) -> dict[str, Tensor]:
    """The tensors of a safetensors file, or of a torch file that is read without running what is in it.

    within: keys of a torch file under which its tensors may lie. Raises GenerationError when it cannot be read.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, RuntimeError, EOFError, UnpicklingError, SafetensorError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise GenerationError(
            f"{path} cannot be read as weights alone ({reason}); give a .safetensors file, or a torch file that "
            "holds nothing but tensors"
        ) from error
    for key in within:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if not isinstance(content, Mapping):
        raise GenerationError(f"{path} holds {type(content).__name__}, not tensors by name")
    return {name: value for name, value in content.items() if isinstance(value, Tensor)}


def _tensors(module: nn.Module, release: Release) -> dict[str, Tensor]:
    """All of ours that a file of this release has to give."""
    return {name: value for name, value in module.state_dict().items() if not _matches(name, release.own)}


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def _compare(path: Path, release: Release, wanted: Shapes, found: Shapes) -> None:
    missing = sorted(set(wanted) - set(found))
    extra = sorted(set(found) - set(wanted))
    misshaped = [
        f"{name} is {list(found[name])}, not {list(wanted[name])}"
        for name in sorted(set(wanted) & set(found))
        if wanted[name] != found[name]
    ]
    faults = [
        f"{len(names)} {what}: {', '.join(names[:_SHOWN])}{', ...' if len(names) > _SHOWN else ''}"
        for what, names in (("missing", missing), ("left over", extra), ("of another shape", misshaped))
        if names
    ]
    if faults:
        raise GenerationError(f"{path} is not {release.name} as it was published; {'; '.join(faults)}")
