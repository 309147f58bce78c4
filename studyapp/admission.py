"""Where a rater stands before the first trial: reads only."""

from __future__ import annotations

from collections.abc import Sequence

from studyapp.models import StepTry, Study, StudySession
from studyapp.screening import steps
from studyapp.screening.steps import Settings, Step


def settings_of(study: Study) -> Settings:
    """The study's checks as ``studyapp.screening`` takes them."""
    wanted = {
        Step.BACKGROUND: study.asks_background,
        Step.DEVICE: study.checks_sound,
        Step.ANTIPHASE: study.headphone_test in (study.HeadphoneTest.ANTIPHASE, study.HeadphoneTest.BOTH),
        Step.HUGGINS: study.headphone_test in (study.HeadphoneTest.HUGGINS, study.HeadphoneTest.BOTH),
        Step.UNDERSTANDING: study.checks_understanding,
    }
    return Settings(
        steps=tuple(step for step in Step if wanted[step]),
        headphone_needed=study.headphone_needed,
        headphone_gate=study.headphone_gate,
    )


def outstanding(session: StudySession) -> Step | None:
    """The first step that is not done; None when the trials may begin."""
    settings = settings_of(session.study)
    if not settings.steps:
        return None
    tries = list(session.tries.all())
    return next((step for step in settings.steps if not is_done(step, tries, settings)), None)


def is_done(step: Step, tries: Sequence[StepTry], settings: Settings) -> bool:
    """Passed, or tried often enough where failing turns nobody away."""
    ended = [one for one in tries if one.step == step and one.ended_at is not None]
    if any(one.passed for one in ended):
        return True
    return len(ended) >= steps.tries(step, settings) and not steps.turns_away(step, settings)
