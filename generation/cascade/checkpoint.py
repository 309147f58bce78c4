"""The whole cascade as one module, and as one safetensors file that says what it holds."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import nn

from generation.cascade.acoustic import Codec
from generation.cascade.presets import Preset
from generation.cascade.semantic import SemanticTokenizer
from generation.cascade.stages import CoarseStage, FineStage, SemanticStage
from generation.cascade.visual import VisualFeatures
from generation.contracts import GenerationError

WEIGHTS = Path(__file__).parent.parent / "weights"


class Cascade(nn.Module):
    """Every network of a preset, untrained."""

    def __init__(self, preset: Preset) -> None:
        super().__init__()
        self.preset = preset
        grid, tokens = preset.grid, preset.semantic.tokens
        visual = (preset.visual.clip_dim, preset.visual.flow_dim)
        self.visual = VisualFeatures(preset.visual)
        self.semantic = SemanticTokenizer(grid, preset.semantic)
        self.codec = Codec(preset.acoustic)
        books = self.codec.quantizer.codebooks
        self.stage1 = SemanticStage(grid, tokens, visual, preset.semantic_encoder, preset.semantic_decoder)
        self.stage2 = CoarseStage(
            grid, tokens, visual, books[: grid.coarse_levels], preset.coarse_encoder, preset.coarse_decoder
        )
        self.stage3 = FineStage(books, grid.coarse_levels, preset.fine_decoder)

    def share_codebooks(self) -> None:
        """Hand the codec's code vectors to the stages that read codes; after any change of the codec."""
        books, coarse = self.codec.quantizer.codebooks, self.preset.grid.coarse_levels
        self.stage2.codes.use(books[:coarse])
        self.stage3.coarse.use(books[:coarse])
        self.stage3.codes.use(books[coarse:])


def save_weights(cascade: Cascade, path: Path, notes: Mapping[str, str]) -> None:
    """Write half-precision weights with the configuration and ``notes`` in the file's metadata."""
    tensors = {name: value.half().contiguous() for name, value in cascade.state_dict().items()}
    fresh = path.with_suffix(".new")
    save_file(tensors, fresh, {**notes, "config": cascade.preset.as_json(), "format": "duet-cascade-1"})
    fresh.replace(path)


def write_manifest(folder: Path) -> Path:
    """List every weight file of a folder with digest, licence and origin in ``manifest.json``; gives its path."""
    entries = {
        path.name: {
            "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
            "bytes": path.stat().st_size,
            "licence": "Apache-2.0",
            "origin": "trained from scratch by `python -m generation train` on generation.world",
            "seed": read_notes(path).get("seed", ""),
        }
        for path in sorted(folder.glob("*.safetensors"))
    }
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps(entries, indent=2) + "\n")
    return manifest


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


def load_cascade(preset: Preset, device: str, folder: Path = WEIGHTS) -> Cascade:
    """The trained cascade of a preset, in evaluation mode.

    Raises GenerationError when the file is missing, damaged or made with another configuration.
    """
    path = folder / f"{preset.name}.safetensors"
    config = read_notes(path).get("config", "")
    if config != preset.as_json():
        raise GenerationError(
            f"the weights {path} were trained with another configuration "
            f"({_difference(config, preset.as_json())}); check out the matching sources or train again"
        )
    cascade = Cascade(preset)
    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
        cascade.load_state_dict(tensors, strict=True)
    except (SafetensorError, OSError, RuntimeError) as error:
        raise GenerationError(f"the weights {path} do not fit the preset {preset.name!r}: {error}") from error
    cascade.share_codebooks()
    return cascade.to(device).eval().requires_grad_(False)


def _difference(found: str, wanted: str) -> str:
    """The first parts of the configuration that differ."""
    if not found:
        return "the file names none"
    ours, theirs = json.loads(wanted), json.loads(found)
    names = [name for name in sorted({*ours, *theirs}) if ours.get(name) != theirs.get(name)]
    return "differs in " + ", ".join(names)
