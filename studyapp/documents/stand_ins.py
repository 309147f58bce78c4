"""Which of a template's systems can be had here, and what plays in place of those that cannot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from generation import registry
from generation.cards import Card, Standing
from generation.contracts import ClipFacts
from studyapp.documents.schema import SYSTEM_FIELDS, Pairs, StudyDocument, SystemEntry
from studyapp.models import Study, System

# What a clip of the paper's is like, for asking whether a system would score any.
_USUAL = ClipFacts("clip", 10.0, frozenset({"clip", "other"}), "music")


@dataclass(frozen=True, slots=True)
class StandIn:
    """published and taken: slugs. why: what is missing of the first. note: of the second's card."""

    published: str
    taken: str
    label: str
    why: str
    note: str

    def __str__(self) -> str:
        note = f"; {self.note}" if self.note else ""
        return f"{self.label} ({self.taken}) in place of {self.published}: {self.why}{note}"


def missing(entry: SystemEntry) -> str:
    """Why a system cannot be had on this server, or nothing. Looks at files and never loads or hashes them."""
    spec = registry.SYSTEMS.get(entry.key)
    if spec is None or entry.preset not in spec.presets:
        return f"this Duet knows no {entry.key} of preset {entry.preset}"
    weights = registry.ROOM / "weights"
    lacking = [name for name in spec.weights.get(entry.preset, ()) if not (weights / name).is_file()]
    if lacking:
        return f"its weights are not here ({len(lacking)} of {len(spec.weights[entry.preset])} files missing)"
    if spec.weights and entry.preset not in spec.weights:
        return _model_missing(str({**spec.settings, **entry.settings}.get("model", "")))
    try:
        return registry.refusal(entry.key, _USUAL, entry.settings) or ""
    except ValueError as error:
        return str(error)


def resolved(document: StudyDocument) -> tuple[StudyDocument, tuple[StandIn, ...]]:
    """The document with each system that cannot be had replaced by what its template names instead."""
    taken: dict[str, SystemEntry] = {}
    stand_ins: list[StandIn] = []
    for entry in document.systems:
        why = missing(entry) if entry.instead else ""
        chosen = entry.instead if entry.instead and why else replace(entry, instead=None)
        taken[entry.slug] = chosen
        if why:
            stand_ins.append(_stand_in(entry, chosen, why))
    slugs = {slug: entry.slug for slug, entry in taken.items()}
    listed = tuple((slugs[one], slugs[other]) for one, other in document.pairs.listed)
    pairs = Pairs(listed, tuple(slugs[slug] for slug in document.pairs.each_with), document.pairs.everything)
    return (
        replace(document, systems=tuple(taken.values()), pairs=pairs, settings=_renamed(document.settings, slugs)),
        tuple(stand_ins),
    )


def stand_ins_of(study: Study) -> list[tuple[System, Card]]:
    """The systems of a study that stand in for the model they are named after, with their cards."""
    pairs = study.pairs.order_by()
    shown = pairs.values("system_1").union(pairs.values("system_2"))
    pks = [row["system_1"] for row in shown]
    rows = [
        (system, system.card) for system in System.objects.filter(pk__in=pks) if system.key in registry.SYSTEMS
    ]
    return [(system, card) for system, card in rows if card.standing == Standing.STAND_IN]


def _renamed(settings: Mapping[str, object], slugs: Mapping[str, str]) -> dict[str, object]:
    renamed = dict(settings)
    for name in SYSTEM_FIELDS:
        if isinstance(slug := renamed.get(name), str):
            renamed[name] = slugs[slug]
    if isinstance(primary := renamed.get("primary_pairs"), list):
        renamed["primary_pairs"] = [[slugs[slug] for slug in pair] for pair in primary]
    return renamed


def _model_missing(model: str) -> str:
    """A model that is fetched from elsewhere counts as here when its folder or the hub's cache holds it."""
    from huggingface_hub import try_to_load_from_cache  # half a second that only a template's page needs

    if not model or Path(model).is_dir():
        return "" if model else "no model is set"
    try:
        held = try_to_load_from_cache(model, "model_index.json")
    except ValueError:
        held = None
    return "" if isinstance(held, str) else f"the model {model} is not on this server"


def _stand_in(entry: SystemEntry, chosen: SystemEntry, why: str) -> StandIn:
    spec = registry.SYSTEMS.get(chosen.key)
    if spec is None or chosen.preset not in spec.presets:
        # Making it says what is wrong with it.
        return StandIn(entry.slug, chosen.slug, chosen.label or chosen.slug, why, "")
    label = chosen.label or (spec.label if chosen.preset == "default" else f"{spec.label} ({chosen.preset})")
    return StandIn(entry.slug, chosen.slug, label, why, spec.cards[chosen.preset].note)
