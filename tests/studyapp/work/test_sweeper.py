"""The sweep: each part has its turn, whatever becomes of the others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from studyapp.states import StimulusState
from studyapp.work.sweeper import sweep
from tests.studyapp.factories import make_clip, make_stimulus, make_system

pytestmark = pytest.mark.django_db


def no_sessions(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
    """A database that has lost one table."""
    if "studyapp_studysession" in sql:
        raise OperationalError("the table of sessions is damaged")
    return execute(sql, params, many, context)


def test_one_part_that_fails_does_not_keep_the_others_from_their_turn() -> None:
    now = timezone.now()
    stimulus = make_stimulus(
        make_clip(),
        make_system(),
        state=StimulusState.RENDERING,
        attempt=1,
        last_sign_of_life=now - timedelta(minutes=5),
    )
    with connection.execute_wrapper(no_sessions), pytest.raises(ExceptionGroup, match="parts of the sweep"):
        sweep(now=now)
    stimulus.refresh_from_db()
    assert stimulus.state == StimulusState.REQUESTED
