"""The templates that a new study can start from: study files of the package, with a head."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from analysis import design
from studyapp.documents.clip_rule import sizes
from studyapp.documents.reading import read
from studyapp.documents.schema import ClipRule, StudyDocument

FOLDER = Path(__file__).parent.parent / "study_templates"
ORDER = ("paper-mv100k", "paper-musiccaps", "paper-ablation", "blank")


@dataclass(frozen=True, slots=True)
class Counts:
    """What a template makes where the clips are there; blocks are raters."""

    systems: int
    pairs: int
    genres: int
    clips: int
    comparisons: int
    ratings: int
    trials: int
    blocks: int


def names() -> tuple[str, ...]:
    """Every template, the paper's first."""
    there = {path.stem for path in FOLDER.glob("*.yaml")}
    return (*(name for name in ORDER if name in there), *sorted(there.difference(ORDER)))


@cache
def template(name: str) -> StudyDocument:
    """Raises KeyError for a name that is none of ``names``."""
    if name not in names():
        raise KeyError(name)
    return read((FOLDER / f"{name}.yaml").read_bytes())


@cache
def counts(name: str) -> Counts | None:
    """What a template makes of enough clips, without a database; None for one that names no pairs or genres."""
    document = template(name)
    rule, pairs = document.clips, document.compared()
    if not isinstance(rule, ClipRule) or not pairs or not rule.genres or rule.per_genre is None:
        return None
    wanted = sizes(rule, dict.fromkeys(rule.genres, rule.per_genre)).values()
    cell = int(document.value("clips_per_cell"))
    counted = design.count_trials(
        len(pairs) * sum(min(cell, size) for size in wanted),
        ratings_per_comparison=document.value("ratings_per_comparison"),
        trials_per_block=document.value("trials_per_block"),
        repeats_per_block=document.value("repeats_per_block"),
        checks_per_block=document.value("gold_per_block") + document.value("identical_per_block"),
        training_per_block=document.value("training_per_block"),
    )
    return Counts(
        systems=len(document.systems),
        pairs=len(pairs),
        genres=len(rule.genres),
        clips=sum(wanted),
        comparisons=counted.comparisons,
        ratings=counted.ratings,
        trials=counted.trials,
        blocks=counted.blocks,
    )
