"""Sizes of the cascade by name. One architecture, only numbers differ."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from generation.cascade.acoustic import AcousticConfig
from generation.cascade.semantic import SemanticConfig
from generation.cascade.time_grid import TimeGrid
from generation.cascade.transformer import TransformerConfig
from generation.cascade.visual import VisualConfig


@dataclass(frozen=True, slots=True)
class Preset:
    """Everything that decides the shape of a cascade. top_k: how many tokens each stage may choose from."""

    name: str
    grid: TimeGrid
    visual: VisualConfig
    semantic: SemanticConfig
    acoustic: AcousticConfig
    semantic_encoder: TransformerConfig
    semantic_decoder: TransformerConfig
    coarse_encoder: TransformerConfig
    coarse_decoder: TransformerConfig
    fine_decoder: TransformerConfig
    top_k: tuple[int, int, int] = field(default=(48, 64, 64))

    def as_json(self) -> str:
        """The configuration as it is written into a weight file."""
        return json.dumps(asdict(self), sort_keys=True)


def _tiny() -> Preset:
    grid = TimeGrid()
    return Preset(
        name="tiny",
        grid=grid,
        visual=VisualConfig(),
        semantic=SemanticConfig(),
        acoustic=AcousticConfig(hop=grid.hop, levels=grid.levels),
        semantic_encoder=TransformerConfig(layers=1),
        semantic_decoder=TransformerConfig(layers=3),
        coarse_encoder=TransformerConfig(layers=1),
        coarse_decoder=TransformerConfig(layers=3),
        fine_decoder=TransformerConfig(layers=2),
    )


PRESETS = {"tiny": _tiny}


def preset(name: str) -> Preset:
    """The preset of a name. Raises KeyError naming the options."""
    if name not in PRESETS:
        raise KeyError(f"no preset {name!r}; there are {', '.join(sorted(PRESETS))}")
    return PRESETS[name]()
