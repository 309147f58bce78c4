"""One trained part of a cascade as one safetensors file that says what it holds and what it was trained on.

A part that reads another's tokens is worth nothing beside other tokens. So each file carries the fingerprints of
the parts it was trained with, and loading compares them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from generation.contracts import GenerationError

WEIGHTS = Path(__file__).parent.parent / "weights"
FORMAT = "duet-part-1"
LICENCE = "Apache-2.0"


def part_path(preset: str, part: str, folder: Path = WEIGHTS) -> Path:
    """Where a part's weights lie."""
    return folder / preset / f"{part}.safetensors"


def save_part(path: Path, module: nn.Module, *, config: str, notes: Mapping[str, str]) -> Path:
    """Write half-precision weights with ``config`` and ``notes`` in the metadata, at one stroke; gives the path.

    Raises GenerationError when the disk takes no more; what was there before stays.
    """
    tensors = {name: _halved(value) for name, value in module.state_dict().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    try:
        save_file(tensors, fresh, {**notes, "config": config, "format": FORMAT})
        fresh.chmod(0o644)
        fresh.replace(path)
    except (OSError, SafetensorError) as error:
        if fresh.is_file():
            fresh.unlink()
        raise GenerationError(
            f"{path} could not be written ({error}); make room and save again, nothing was lost"
        ) from error
    return path


def load_part(path: Path, module: nn.Module, *, config: str) -> dict[str, str]:
    """Load weights strictly; gives the file's notes.

    Raises GenerationError when the file is missing, damaged, made with another configuration, or does not fit.
    """
    notes = read_notes(path)
    if notes.get("config") != config:
        raise GenerationError(
            f"the weights {path} were trained with another configuration "
            f"({_difference(notes.get('config', ''), config)}); check out the matching sources or train again"
        )
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: _widened(file.get_tensor(name)) for name in file.keys()}  # noqa: SIM118
        module.load_state_dict(tensors, strict=True)
    except (SafetensorError, OSError, RuntimeError) as error:
        raise GenerationError(f"the weights {path} do not fit their part: {error}") from error
    return notes


def read_notes(path: Path) -> dict[str, str]:
    """The metadata of a weight file. Raises GenerationError when it cannot be read."""
    try:
        with safe_open(path, framework="pt") as file:
            return dict(file.metadata() or {})
    except FileNotFoundError as error:
        raise GenerationError(
            f"the weights {path} are missing; restore them from the repository or run `python -m generation train`"
        ) from error
    except (SafetensorError, OSError) as error:
        raise GenerationError(
            f"the weights {path} cannot be read ({error}); restore them from the repository"
        ) from error


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over tensors as they are shipped, so that it is the same before saving and after loading."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = _halved(tensors[name].detach().cpu())
        digest.update(f"{name} {value.dtype} {list(value.shape)}".encode())
        digest.update(value.flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def write_manifest(folder: Path = WEIGHTS) -> Path:
    """List every trained part of every preset with digest, size and origin in ``manifest.json``; gives its path.

    Entries of other files, which came from elsewhere, stay as they are.
    """
    manifest = folder / "manifest.json"
    known: dict[str, dict[str, object]] = json.loads(manifest.read_text()) if manifest.exists() else {}
    entries = {name: entry for name, entry in known.items() if (folder / name).exists()}
    for path in sorted(folder.glob("*/*.safetensors")):
        try:
            notes = read_notes(path)
        except GenerationError:
            continue
        if notes.get("format") == FORMAT:
            entries[path.relative_to(folder).as_posix()] = {
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "bytes": path.stat().st_size,
                "licence": notes.get("licence", LICENCE),
                "origin": notes.get("origin", "trained from scratch by `python -m generation train`"),
                "seed": notes.get("seed", ""),
            }
    fresh = manifest.with_suffix(".new")
    fresh.write_text(json.dumps(dict(sorted(entries.items())), indent=2) + "\n")
    fresh.replace(manifest)
    return manifest


def _halved(value: Tensor) -> Tensor:
    return value.half().contiguous() if value.is_floating_point() else value.contiguous()


def _widened(value: Tensor) -> Tensor:
    return value.float() if value.is_floating_point() else value


def _difference(found: str, wanted: str) -> str:
    """The first parts of the configuration that differ."""
    if not found:
        return "the file names none"
    ours, theirs = _flat(json.loads(wanted)), _flat(json.loads(found))
    names = [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]
    return "differs in " + ", ".join(
        f"{name}: {theirs.get(name)} there, {ours.get(name)} here" for name in names[:4]
    )


def _flat(config: object, prefix: str = "") -> dict[str, object]:
    if not isinstance(config, dict):
        return {prefix: config}
    flat: dict[str, object] = {}
    for name, value in config.items():
        flat |= _flat(value, f"{prefix}.{name}" if prefix else name)
    return flat
