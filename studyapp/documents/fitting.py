"""A template fitted to what is there: clips of chosen datasets, numbers that can be met, honest names."""

from __future__ import annotations

from dataclasses import dataclass, replace

from studyapp.documents.clip_rule import Drawn, draw
from studyapp.documents.schema import ClipRule, StudyDocument
from studyapp.documents.stand_ins import StandIn

STAND_INS = "with stand-ins"
_LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a researcher says of a study from a template. per_genre: None for the template's own number.

    every_genre: all genres of the datasets, instead of those the template names.
    """

    title: str
    slug: str
    datasets: tuple[str, ...] = ()
    per_genre: int | None = None
    every_genre: bool = False


def fitted(document: StudyDocument, wanted: Wanted) -> tuple[StudyDocument, Drawn, list[str]]:
    """The template's document with clips of what is there, its numbers made to fit, and what had to give way."""
    rule = document.clips
    assert isinstance(rule, ClipRule)
    own = wanted.per_genre in (None, rule.per_genre) and not wanted.every_genre
    rule = replace(
        rule,
        datasets=wanted.datasets,
        genres=() if wanted.every_genre else rule.genres,
        per_genre=wanted.per_genre or rule.per_genre,
        in_all=rule.in_all if own else None,
    )
    # A researcher who chose no dataset chose no clips.
    drawn = draw(rule) if wanted.datasets else Drawn((), ())
    cell = document.value("clips_per_cell")
    settings = dict(document.settings)
    if rule.per_genre is not None:
        settings["clips_per_cell"] = cell = min(cell, rule.per_genre)
    notes: list[str] = []
    if short := drawn.shortfalls:
        notes.append(
            f"Fewer clips than the template wants: {'; '.join(map(str, short))}. Import more, or go on so."
        )
    elif not drawn.clip_pks:
        notes.append("No clips are chosen yet.")
    most = len(document.compared()) * sum(min(cell, share.taken) for share in drawn.shares)
    if 0 < most < (trials := document.value("trials_per_block")):
        settings["trials_per_block"] = most
        notes.append(f"Trials of one rater are {most}, not {trials}: there are no more different comparisons.")
    return replace(document, clips=rule, settings=settings), drawn, notes


def named_after(document: StudyDocument, stand_ins: tuple[StandIn, ...]) -> StudyDocument:
    """The document saying in its title and hypotheses which systems are stand-ins."""
    if not stand_ins:
        return document
    title = document.title
    if "stand-in" not in title.casefold():
        title = f"{title[: _LONGEST_TITLE - len(STAND_INS) - 3]} ({STAND_INS})"
    told = "\n".join(f"- {one}" for one in stand_ins)
    hypotheses = (
        f"{document.value('hypotheses').strip()}\n\nStand-ins: what follows is not the published system, and no "
        f"result of this study says anything about that.\n{told}"
    ).strip()
    return replace(document, title=title, settings={**document.settings, "hypotheses": hypotheses})
