"""What a researcher is told of a study: how long, how far, and what comes next."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone

from studyapp import overview
from studyapp.actions import sessions
from studyapp.actions.designs import Refusal
from studyapp.actions.studies import close_study
from studyapp.models import Block, StudySession
from studyapp.states import BlockState, SessionState
from tests.studyapp.factories import make_study, open_study

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def minutes_ago(*minutes: float) -> list[datetime]:
    return [NOW - timedelta(minutes=number) for number in minutes]


def test_time_left_follows_the_rate_of_late() -> None:
    # Three in the last four minutes: one every two.
    assert overview.time_left(5, minutes_ago(4, 3, 1), NOW) == timedelta(minutes=10)


def test_a_queue_that_stands_still_does_not_look_quick() -> None:
    burst = minutes_ago(10, 9.99, 9.98)
    later = overview.time_left(1, burst, NOW)
    assert later is not None
    assert later >= timedelta(minutes=5)


@pytest.mark.parametrize(
    ("unfinished", "finished"), [(0, minutes_ago(3, 2, 1)), (5, minutes_ago(2, 1)), (5, minutes_ago(60, 50, 40))]
)
def test_no_time_is_given_without_grounds(unfinished: int, finished: list[datetime]) -> None:
    assert overview.time_left(unfinished, finished, NOW) is None


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(1, "5 s"), (31, "35 s"), (59.9, "60 s"), (61, "2 min"), (3540, "59 min"), (3660, "1 h 1 min")],
)
def test_a_duration_is_said_rounded_up(seconds: float, said: str) -> None:
    assert overview.say(timedelta(seconds=seconds)) == said


def test_minutes_count_both_versions_and_the_answers() -> None:
    # 2 minutes of reading, then 12 times 10 s + 10 s of music and 20 s for the answers.
    assert overview.minutes_for(12, 10.0) == 10


def test_refusals_for_one_reason_are_told_once() -> None:
    refusals = [Refusal(clip, "ground-truth", "no audio") for clip in ("a", "b")]
    refusals.append(Refusal("a", "imported-x", "no file"))
    told = overview.grouped(refusals)
    assert [(group.system, group.reason, group.clip_ids) for group in told] == [
        ("ground-truth", "no audio", ("a", "b")),
        ("imported-x", "no file", ("a",)),
    ]


def statuses(study_steps: tuple[overview.Step, ...]) -> dict[str, str]:
    return {step.name: step.status for step in study_steps}


@pytest.mark.django_db
def test_one_step_is_next() -> None:
    draft = make_study()
    work, raters = overview.generation(draft, now=NOW), overview.collection(draft)
    first = statuses(overview.steps(draft, current=False, work=work, raters=raters, reports=0))
    assert first == {"Design": "now", "Generate": "later", "Open": "later", "Collect": "later", "Report": "later"}

    study = open_study()
    work, raters = overview.generation(study, now=NOW), overview.collection(study)
    assert work.complete
    opened = statuses(overview.steps(study, current=True, work=work, raters=raters, reports=0))
    assert opened == {"Design": "done", "Generate": "done", "Open": "done", "Collect": "now", "Report": "later"}

    study = close_study(study=study, by=None)
    closed = statuses(overview.steps(study, current=True, work=work, raters=raters, reports=1))
    assert set(closed.values()) == {"done"}


@pytest.mark.django_db
def test_collecting_is_done_when_no_block_is_free_and_nobody_is_under_way() -> None:
    study = open_study(clips=1, blocks=2)
    retired, taken = study.blocks.all()
    Block.objects.filter(pk=retired.pk).update(state=BlockState.RETIRED)
    assert overview.collection(study).blocks == 1
    session = sessions.enrol(study=study, now=timezone.now())
    assert session.block == taken

    def collect() -> str:
        work = overview.generation(study, now=NOW)
        raters = replace(overview.collection(study), simulated=overview.Heads(0, 1, 0, 0, 0, answers=2))
        return statuses(overview.steps(study, current=True, work=work, raters=raters, reports=0))["Collect"]

    assert collect() == "now"
    StudySession.objects.update(state=SessionState.COMPLETED, completed_at=timezone.now())
    assert collect() == "done"


@pytest.mark.django_db
def test_whoever_came_stands_in_one_place_however_it_ended() -> None:
    study = open_study(clips=1, blocks=len(SessionState))
    for state in SessionState:
        session = sessions.enrol(study=study, now=NOW)
        completed_at = NOW if state == SessionState.COMPLETED else None
        StudySession.objects.filter(pk=session.pk).update(state=state, completed_at=completed_at)
    people = overview.collection(study).people
    assert people.came == len(SessionState)
    assert (people.completed, people.ended_early) == (1, 3)
    assert (people.expired, people.screened_out, people.withdrawn) == (1, 1, 1)
