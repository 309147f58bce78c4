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


def design_is_frozen(state: StudyState) -> bool:
    """For good: what is changed from here on is an amendment."""
    return state not in (StudyState.DRAFT, StudyState.PILOT)


def accepts_new_raters(state: StudyState) -> bool:
    return state in (StudyState.PILOT, StudyState.OPEN)


def takes_answers(state: StudyState) -> bool:
    """A paused study lets people finish what they began."""
    return state in (StudyState.PILOT, StudyState.OPEN, StudyState.PAUSED)


def has_ended(state: StudyState) -> bool:
    """For good: nobody comes in any more."""
    return state in (StudyState.CLOSED, StudyState.ARCHIVED)


def works_on_files(state: StudyState) -> bool:
    """Soundtracks of a closed study can still be made again, for its archive and for who listens; an archived one
    is read and exported, and nothing else.
    """
    return state != StudyState.ARCHIVED


def packs_again(state: StudyState) -> bool:
    """Whether what ended sessions leave unanswered is asked of others; a pilot asks nothing twice."""
    return state in (StudyState.OPEN, StudyState.PAUSED)
