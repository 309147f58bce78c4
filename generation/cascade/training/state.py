"""What a training run writes down so that it can go on: checkpoints at one stroke, read back with plain errors."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor, nn

from generation.contracts import GenerationError


def tensors(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers by name, those included that are not shipped."""
    return {name: tensor.detach() for name, tensor in (*module.named_parameters(), *module.named_buffers())}


def overwrite(module: nn.Module, values: Mapping[str, Tensor]) -> None:
    """Copy values into the parameters and buffers of these names."""
    own = tensors(module)
    with torch.no_grad():
        for name, value in values.items():
            own[name].copy_(value)


def save(path: Path, saved: Mapping[str, Any]) -> None:
    """Write a checkpoint at one stroke.

    Raises GenerationError when the disk takes no more; the one before stays.
    """
    fresh = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(dict(saved), fresh)
        os.replace(fresh, path)
    except (OSError, RuntimeError) as error:  # torch's own writer turns a full disk into a RuntimeError
        fresh.unlink(missing_ok=True)
        kept = "the checkpoint before it is whole" if path.exists() else "there is none before it"
        raise GenerationError(
            f"{path} could not be written ({str(error).splitlines()[0]}); {kept}: make room and run it again"
        ) from error


def load(path: Path, modules: Mapping[str, nn.Module], device: torch.device) -> dict[str, Any]:
    """Read a checkpoint of these modules.

    Raises GenerationError when it is damaged or was written by networks of other names or shapes.
    """
    try:
        saved: dict[str, Any] = torch.load(path, weights_only=True, map_location=device)
        found: dict[str, dict[str, Tensor]] = saved["modules"]
    except (OSError, RuntimeError, EOFError, KeyError, UnpicklingError) as error:
        raise GenerationError(
            f"{path} cannot be read ({str(error).splitlines()[0] if str(error) else type(error).__name__}); "
            "delete it to train this part from its beginning"
        ) from error
    wanted = {name: tensors(module) for name, module in modules.items()}
    theirs, ours = _shapes(found), _shapes(wanted)
    differing = [name for name in sorted({*theirs, *ours}) if theirs.get(name) != ours.get(name)]
    if differing:
        name = differing[0]
        raise GenerationError(
            f"{path} was written by other networks: {len(differing)} tensors differ, {name} first "
            f"({theirs.get(name, 'missing')} there, {ours.get(name, 'missing')} here); "
            "delete it or name another work folder"
        )
    return saved


def _shapes(modules: Mapping[str, Mapping[str, Tensor]]) -> dict[str, list[int]]:
    return {
        f"{module}.{name}": list(value.shape)
        for module, values in modules.items()
        for name, value in values.items()
    }
