"""What a study's state allows. Pure: a state in, a yes or no out."""

from __future__ import annotations

from studyapp.states import SESSION_TRANSITIONS, STUDY_TRANSITIONS, SessionState, StudyState


def may_become(now: StudyState, then: StudyState) -> bool:
    return then in STUDY_TRANSITIONS[now]


def session_may_become(now: SessionState, then: SessionState) -> bool:
    return then in SESSION_TRANSITIONS[now]


def design_is_editable(state: StudyState) -> bool:
    """Once raters have come, clips, systems, pairs, counts and seed stand still."""
    return state == StudyState.DRAFT


def accepts_new_raters(state: StudyState) -> bool:
    return state == StudyState.OPEN


def takes_answers(state: StudyState) -> bool:
    """A paused study lets people finish what they began."""
    return state in (StudyState.OPEN, StudyState.PAUSED)
