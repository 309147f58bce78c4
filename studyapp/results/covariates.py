"""What is known of a session beside its answers, as columns of the exported table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studyapp.models import StepTry, StudySession
from studyapp.screening.background import AgeBand, MusicalTraining
from studyapp.screening.device import Listening
from studyapp.screening.steps import Step

if TYPE_CHECKING:
    from analysis.schema import Column

PREFETCHED = ("tries", "breaks")
"""Of a session, for `values`."""
_HOW_THEY_CAME = ("open", "invitation", "panel")


def columns() -> tuple[Column, ...]:
    """One value a session; empty where the study did not ask, or the rater did not say."""
    from analysis.schema import Column

    return (
        Column("recruited_by", "category", "How the rater came.", levels=_HOW_THEY_CAME),
        Column("rater_language", "text", "Language of the pages."),
        Column("consent_version", "text", "Version of the consent text."),
        Column("age_band", "category", "As the rater said.", levels=tuple(AgeBand.values), may_be_empty=True),
        Column(
            "musical_training_years",
            "category",
            "Years of lessons on an instrument or in singing, as the rater said.",
            levels=tuple(MusicalTraining.values),
            may_be_empty=True,
        ),
        Column("languages_spoken", "text", "As the rater wrote.", may_be_empty=True),
        Column("listens_by", "category", "As the rater said.", levels=tuple(Listening.values), may_be_empty=True),
        Column("screen_width_px", "integer", "Of the screen, in CSS pixels.", low=0, may_be_empty=True),
        Column("screen_height_px", "integer", "Of the screen, in CSS pixels.", low=0, may_be_empty=True),
        Column("window_width_px", "integer", "Of the window, in CSS pixels.", low=0, may_be_empty=True),
        Column("sound_check_tries", "integer", "Tries at the sound check.", low=1, may_be_empty=True),
        Column(
            "antiphase_right",
            "integer",
            "Right of 6, last antiphase test.",
            low=0,
            high=6,
            may_be_empty=True,
        ),
        Column(
            "huggins_right", "integer", "Right of 6 in the last Huggins test.", low=0, high=6, may_be_empty=True
        ),
        Column("headphone_tries", "integer", "Tries at headphone tests, all together.", low=1, may_be_empty=True),
        Column(
            "understanding_tries", "integer", "Tries at the questions about it.", low=1, high=2, may_be_empty=True
        ),
        Column("breaks_taken", "integer", "Breaks that were offered before this export.", low=0),
    )


def values(session: StudySession) -> dict[str, str | int | None]:
    """The columns' values, from what was prefetched with the session."""
    ended = [one for one in session.tries.all() if one.ended_at is not None]
    last = {Step(one.step): one for one in ended}
    said = {**_answers(last, Step.BACKGROUND), **_answers(last, Step.DEVICE)}

    def tries(*steps: Step) -> int | None:
        return sum(one.step in steps for one in ended) or None

    return {
        "recruited_by": _how_it_came(session),
        "rater_language": session.language,
        "consent_version": session.consent_version,
        "age_band": said.get("age") or None,
        "musical_training_years": said.get("musical_training") or None,
        "languages_spoken": said.get("languages") or None,
        "listens_by": said.get("listening"),
        "screen_width_px": said.get("screen_width"),
        "screen_height_px": said.get("screen_height"),
        "window_width_px": said.get("window_width"),
        "sound_check_tries": tries(Step.DEVICE),
        "antiphase_right": last[Step.ANTIPHASE].points if Step.ANTIPHASE in last else None,
        "huggins_right": last[Step.HUGGINS].points if Step.HUGGINS in last else None,
        "headphone_tries": tries(Step.ANTIPHASE, Step.HUGGINS),
        "understanding_tries": tries(Step.UNDERSTANDING),
        "breaks_taken": len(session.breaks.all()),
    }


def _answers(last: dict[Step, StepTry], step: Step) -> dict[str, str | int | None]:
    return dict(last[step].answers) if step in last else {}


def _how_it_came(session: StudySession) -> str:
    rater = session.rater
    if hasattr(rater, "participant"):
        return "panel"
    return "invitation" if hasattr(rater, "invitation") else "open"
