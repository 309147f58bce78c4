"""Two real connections at the same moment: both amendments count, and neither is overwritten silently."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from studyapp.actions.amendments import amend_study
from studyapp.actions.studies import archive_study, close_study
from studyapp.errors import DuetError, Overtaken, WrongState
from studyapp.models import Amendment, Study
from studyapp.plan.freezing import broken_amendment
from tests.studyapp.factories import open_study
from tests.studyapp.test_session_races import at_once, while_uncommitted

pytestmark = pytest.mark.django_db(transaction=True)


def amending(study: Study, **fields: Any) -> Callable[[], list[Amendment] | DuetError]:
    def work() -> list[Amendment] | DuetError:
        try:
            return amend_study(study=study, by=None, reason="a reason", **fields)
        except DuetError as error:
            return error

    return work


def test_two_who_amend_different_things_at_once_both_count() -> None:
    study = open_study(clips=1, blocks=1)
    results = at_once(amending(study, margin=0.2), amending(study, stop_least_raters=10))
    assert all(isinstance(result, list) for result in results)
    study.refresh_from_db()
    assert (study.margin, study.stop_least_raters) == (0.2, 10)
    assert [one.number for one in study.amendments.all()] == [1, 2]
    assert broken_amendment(study) is None


def test_of_two_who_amend_one_thing_at_once_the_second_is_told_and_nothing_is_lost() -> None:
    study = open_study(clips=1, blocks=1)
    results = at_once(amending(study, margin=0.2), amending(study, margin=0.3))
    assert sorted(type(result).__name__ for result in results) == ["Overtaken", "list"]
    kept = study.amendments.get()
    study.refresh_from_db()
    assert study.margin == kept.after
    (told,) = [result for result in results if isinstance(result, Overtaken)]
    assert f"to “{kept.after}”" in str(told)


def test_an_amendment_waits_for_one_that_is_not_committed_yet_and_rests_on_it() -> None:
    study = open_study(clips=1, blocks=1)
    waited, _ = while_uncommitted(amending(study, margin=0.2), amending(study, stop_least_raters=10))
    assert waited
    first, second = study.amendments.all()
    assert (first.what, second.what) == ("margin", "stop_least_raters")
    assert broken_amendment(study) is None


def test_nothing_is_amended_past_an_archiving_that_is_under_way() -> None:
    study = open_study(clips=1, blocks=1)
    close_study(study=study, by=None)
    waited, refused = while_uncommitted(lambda: archive_study(study=study, by=None), amending(study, margin=0.2))
    assert waited
    assert isinstance(refused, WrongState)
    assert not Amendment.objects.exists()
