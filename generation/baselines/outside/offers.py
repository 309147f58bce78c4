"""What the server's list offers to whoever adds a system, and what it says of what was chosen. Torch-free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from generation.baselines.outside.configuration import load
from generation.cards import Card
from generation.contracts import Settings


def options() -> Mapping[str, tuple[str, ...]]:
    """The commands there are, by name. Raises GenerationError when the list cannot be read."""
    return {"command": tuple(sorted(load().commands))}


def command_card(settings: Settings, card: Card) -> Card:
    """The card with what the list says of the chosen command. Raises GenerationError when it is not there."""
    command = load().command(str(settings["command"]))
    given = "".join(command.argv)
    seen = [what for what in ("video", "text") if f"{{{what}}}" in given]
    return replace(
        card,
        sees=" and ".join(seen) or "neither",
        code_licence=command.licence or card.code_licence,
        weights_licence=command.licence or card.weights_licence,
        citation=command.citation,
        name=command.label,
    )
