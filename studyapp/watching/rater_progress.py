"""How far raters come, who leaves, and which checks they fail: a part of a running study's figures. Reads only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.db.models import Count, Q, QuerySet

from studyapp.admission import settings_of
from studyapp.models import SessionFlag, StepTry, Study, StudySession
from studyapp.screening.steps import Step as Screening
from studyapp.states import LIVE_SESSIONS, SessionState
from studyapp.watching.figures import Check, Step

if TYPE_CHECKING:
    from studyapp.watching.answer_columns import Answers, Compared

ARRIVAL_HOURS = 24
LAST_SESSIONS = 50
_QUARTERS = 4


@dataclass(frozen=True, slots=True)
class Sitting:
    """What the steps are told from: one session, and the trials it has answered."""

    pk: int
    state: str
    started: bool
    trials: int


def steps(study: Study, sessions: list[Sitting], mine: QuerySet[StudySession]) -> Iterator[Step]:
    """How far everybody came: consent, each check, the first trial, each quarter of the trials, the end."""
    checks = settings_of(study).steps
    longest = max([study.design_summary.get("longest_block", 0), *(one.trials for one in sessions)])
    marks = sorted({round(longest * part / _QUARTERS) for part in range(1, _QUARTERS)} - {0})
    labels = [
        "Agreed to take part",
        *(str(step.label) for step in checks),
        "First trial shown",
        *(f"{mark} trial{'s' if mark > 1 else ''} answered" for mark in marks),
        "Completed",
    ]
    first_trial = 1 + len(checks)
    tried: dict[int, int] = {}
    unstarted = StepTry.objects.filter(session__in=mine.filter(started_at=None))
    for pk, step in unstarted.order_by().values_list("session_id", "step").distinct():
        if step in checks:
            tried[pk] = max(tried.get(pk, 0), 1 + checks.index(Screening(step)))
    reached = [[0, 0, 0] for _ in labels]
    for one in sessions:
        if one.state == SessionState.COMPLETED:
            place = len(labels) - 1
        elif one.started:
            place = first_trial + sum(mark <= one.trials for mark in marks)
        else:
            place = tried.get(one.pk, 0)
        for earlier in reached[: place + 1]:
            earlier[0] += 1
        reached[place][1] += one.state in LIVE_SESSIONS
        reached[place][2] += one.state not in (*LIVE_SESSIONS, SessionState.COMPLETED)
    for label, numbers in zip(labels, reached, strict=True):
        yield Step(label, *numbers)


def ended_lately(mine: QuerySet[StudySession]) -> tuple[int, int]:
    """Those who went or fell silent, and all, of the last sessions that ended; who was turned away did not go."""
    ended = [SessionState.COMPLETED, SessionState.EXPIRED, SessionState.WITHDRAWN]
    states = mine.filter(state__in=ended).order_by("-last_seen_at").values_list("state", flat=True)
    last = Counter(states[:LAST_SESSIONS])
    return last.total() - last[SessionState.COMPLETED], last.total()


def checks(
    study: Study, answers: Answers, compared: dict[int, Compared], mine: QuerySet[StudySession], sessions: int
) -> Iterator[Check]:
    wrong, gold = answers.gold_wrong(compared)
    if gold:
        yield Check("gold", "Gold pairs: the foil preferred, or neither", "answers", wrong, gold)
    far, identical = answers.identical_far()
    if identical:
        yield Check("identical", "Identical pairs: a clear preference", "answers", far, identical)
    if study.min_median_response_ms is not None:
        label = f"Too fast: median below {study.min_median_response_ms} ms"
        yield Check("fast", label, "raters", *answers.raters_fast(study.min_median_response_ms))
    if study.max_same_choice is not None:
        label = f"Same choice in more than {study.max_same_choice:.0%} of answers"
        yield Check("same", label, "raters", *answers.raters_alike(study.max_same_choice))
    tries = StepTry.objects.filter(session__in=mine, step__in=[Screening.ANTIPHASE, Screening.HUGGINS])
    heard = tries.exclude(ended_at=None).aggregate(
        tested=Count("session", distinct=True), passed=Count("session", distinct=True, filter=Q(passed=True))
    )
    if heard["tested"]:
        failed = heard["tested"] - heard["passed"]
        yield Check("headphones", "Headphone test not passed", "raters", failed, heard["tested"])
    if sessions:
        away = mine.filter(state=SessionState.SCREENED_OUT).count()
        yield Check("screened-out", "Turned away by a check before the trials", "raters", away, sessions)
        flags = SessionFlag.objects.filter(session__in=mine).aggregate(count=Count("session", distinct=True))
        yield Check("flags", "Flagged: claims that our page never makes", "raters", flags["count"], sessions)


def arrivals(mine: QuerySet[StudySession], now: datetime) -> tuple[int, ...]:
    hours = [0] * ARRIVAL_HOURS
    since = now - timedelta(hours=ARRIVAL_HOURS)
    came = mine.filter(consented_at__gt=since, consented_at__lte=now).order_by()
    for moment in came.values_list("consented_at", flat=True):
        hours[-1 - int((now - moment) / timedelta(hours=1))] += 1
    return tuple(hours)
