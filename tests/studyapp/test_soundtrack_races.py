"""Two real connections at the same moment: two retries, two checks of files, settings against a worker."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest
from django.db import connection
from django.utils import timezone

from studyapp.actions.designs import start_generation
from studyapp.actions.file_checks import check_files
from studyapp.actions.retrying import failed_alike, retry_cause
from studyapp.actions.systems import change_settings, ensure_system
from studyapp.actions.trying import try_on
from studyapp.errors import DuetError, WrongState
from studyapp.models import AuditLine, Stimulus, StimulusHold
from studyapp.states import StimulusState
from studyapp.work import life
from tests.studyapp.factories import make_clip, open_study

pytestmark = pytest.mark.django_db(transaction=True)

T = TypeVar("T")


def at_once(*works: Callable[[], T]) -> list[T | DuetError]:
    """Run each work in a thread and on a connection of its own, all let go at one moment."""
    start = threading.Barrier(len(works))

    def run(work: Callable[[], T]) -> T | DuetError:
        try:
            connection.ensure_connection()
            start.wait(timeout=20)
            return work()
        except DuetError as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(works)) as pool:
        return list(pool.map(run, works))


def test_two_who_retry_one_cause_at_once_ask_for_each_soundtrack_once() -> None:
    study = open_study(clips=3, blocks=1)
    slug = Stimulus.objects.earliest("pk").system.slug
    Stimulus.objects.filter(system__slug=slug).update(state=StimulusState.FAILED, error="no weights")
    (cause,) = failed_alike(study)
    results = at_once(*[lambda: retry_cause(study=study, cause=cause, by=None)] * 3)
    assert sum(result for result in results if isinstance(result, int)) == 3
    assert set(Stimulus.objects.filter(system__slug=slug).values_list("state", "sends")) == {("requested", 1)}


def test_two_who_start_generation_at_once_send_each_soundtrack_once() -> None:
    study = open_study(clips=3, blocks=1)
    Stimulus.objects.update(state=StimulusState.REQUESTED, last_sign_of_life=None)
    results = at_once(*[lambda: start_generation(study=study, by=None)] * 3)
    assert sorted(result for result in results if isinstance(result, int)) == [0, 0, 6]
    assert set(Stimulus.objects.values_list("sends", flat=True)) == {1}


def test_two_checks_at_once_fail_and_hold_an_altered_file_once() -> None:
    study = open_study(clips=2, blocks=1)
    bad = Stimulus.objects.earliest("pk")
    bad.path.write_bytes(bytes(4096))
    now = timezone.now()
    results = at_once(*[lambda: check_files(study=study, by=None, now=now)] * 3)
    assert sorted(len(result.wrong) for result in results if not isinstance(result, DuetError)) == [0, 0, 1]
    assert StimulusHold.objects.count() == 1
    assert AuditLine.objects.filter(verb="file found altered").count() == 1


def taken(pk: int) -> str:
    """A worker takes the stimulus and reads what it has to make."""
    assert life.claim(pk, "w") is not None
    return Stimulus.objects.get(pk=pk).key


def test_settings_changed_while_a_worker_begins_never_leave_it_with_the_old_ones() -> None:
    system = ensure_system(key="v2meow-clip", preset="tiny", by=None)
    for warmth in (0.5, 0.6, 0.7):
        before = ensure_system(
            key="v2meow-clip", preset="tiny", slug=f"v2meow-tiny-{warmth:.0%}".strip("%"), by=None
        )
        stimulus = try_on(system=before, clip=make_clip(), by=None)
        changed, key = at_once(
            lambda before=before, warmth=warmth: change_settings(  # type: ignore[misc]
                system=before, settings={"temperature_coarse": warmth}, by=None
            ),
            lambda pk=stimulus.pk: taken(pk),  # type: ignore[misc]
        )
        row = Stimulus.objects.select_related("system").get(pk=stimulus.pk)
        assert row.state == StimulusState.RENDERING
        # Whoever came first, the row that is being made says what its system says.
        assert (row.settings_digest, row.key) == (row.system.digest, key)
        assert isinstance(changed, WrongState) == (row.system.settings == {})
    system.refresh_from_db()
    assert system.settings == {}
