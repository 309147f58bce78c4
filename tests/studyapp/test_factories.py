"""The factories themselves make studies that the database accepts."""

from __future__ import annotations

import pytest

from studyapp.models import Trial
from studyapp.states import StudyState
from tests.studyapp.factories import open_study


@pytest.mark.django_db
def test_an_open_study_has_blocks_of_ready_trials() -> None:
    study = open_study(clips=3, blocks=2)
    assert study.state == StudyState.OPEN
    trials = Trial.objects.filter(block__study=study)
    assert trials.count() == 6
    assert all(trial.sides.left.path.exists() for trial in trials)
