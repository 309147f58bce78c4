"""States and policies agree with each other."""

from __future__ import annotations

import pytest

from studyapp import policies
from studyapp.states import SESSION_TRANSITIONS, STUDY_TRANSITIONS, SessionState, StudyState


def test_every_state_says_what_may_follow() -> None:
    assert set(STUDY_TRANSITIONS) == set(StudyState)
    assert set(SESSION_TRANSITIONS) == set(SessionState)


@pytest.mark.parametrize("state", list(StudyState))
def test_only_a_draft_is_edited_and_only_a_piloted_or_open_study_takes_newcomers(state: StudyState) -> None:
    assert policies.design_is_editable(state) == (state == StudyState.DRAFT)
    assert policies.accepts_new_raters(state) == (state in (StudyState.PILOT, StudyState.OPEN))
    assert policies.packs_again(state) <= policies.takes_answers(state)
    assert policies.design_is_frozen(state) == (state not in (StudyState.DRAFT, StudyState.PILOT))


def test_a_closed_study_cannot_be_reopened() -> None:
    assert not policies.may_become(StudyState.CLOSED, StudyState.OPEN)
    assert not policies.takes_answers(StudyState.CLOSED)
    assert not policies.may_become(StudyState.ARCHIVED, StudyState.OPEN)
