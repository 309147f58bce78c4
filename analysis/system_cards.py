"""What is known of the systems compared, beside their names in a report: a table that travels with the ratings."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import pandas as pd

from analysis.files import SchemaError, load
from analysis.table import Row, Table


@dataclass(frozen=True, slots=True)
class SystemCard:
    """One system. ``standing``: published model, reproduction, tiny stand-in, control or outside system."""

    system: str
    label: str
    standing: str
    sees: str
    sample_rate: str
    code_licence: str
    weights_licence: str
    citation: str = ""
    note: str = ""


STAND_IN = "tiny stand-in"
COLUMNS = tuple(field.name for field in fields(SystemCard))


def cards_frame(cards: Sequence[SystemCard]) -> pd.DataFrame:
    """One row a system, to be written as systems.csv."""
    return pd.DataFrame([asdict(card) for card in cards], columns=COLUMNS)


def read_cards(path: Path) -> tuple[SystemCard, ...]:
    """The cards of a systems.csv. Raises SchemaError where a column is missing or a system comes twice."""
    frame = load(path)
    missing = [name for name in COLUMNS if name not in frame]
    if missing:
        raise SchemaError(f"{path.name} has no column {', '.join(missing)}; its columns are {', '.join(COLUMNS)}")
    frame = frame[list(COLUMNS)].astype(object).where(frame.notna(), "").astype(str)
    twice = frame["system"][frame["system"].duplicated()]
    if len(twice):
        raise SchemaError(f"{path.name} has {twice.iloc[0]!r} twice; keep one row a system")
    return tuple(SystemCard(*row) for row in frame.itertuples(index=False, name=None))


def cards_table(cards: Sequence[SystemCard], compared: Collection[str]) -> Table | None:
    """The systems that were compared; None where there is no card of any."""
    known = [card for card in cards if card.system in compared]
    if not known:
        return None
    return Table(
        "What the systems are",
        ("System", "Name", "Is", "Sees", "Writes"),
        tuple(Row((card.system, card.label, card.standing, card.sees, card.sample_rate)) for card in known),
        headings=5,
        notes=tuple(_told(card) for card in known),
    )


def stand_ins(cards: Sequence[SystemCard], compared: Collection[str]) -> str:
    """Which names below are not the published systems that they call to mind; empty where none is."""
    standing_in = (card for card in cards if card.system in compared and card.standing == STAND_IN)
    named = "; ".join(f"{card.system} is {card.label}" for card in standing_in)
    return f"Stand-ins, not the published systems: {named}." if named else ""


def _told(card: SystemCard) -> str:
    source = f"{card.citation}. " if card.citation else ""
    note = f" {card.note[:1].upper()}{card.note[1:]}." if card.note else ""
    return f"{card.system}: {source}Licences: code {card.code_licence}, weights {card.weights_licence}.{note}"
