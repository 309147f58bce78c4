"""Works out a running study's figures: reads only, for a worker, since a page must not wait for a million rows."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from statistics import quantiles
from typing import TYPE_CHECKING

from django.db.models import Case, Count, F, Max, QuerySet, Sum, When

from studyapp import media_store
from studyapp.actions import packing
from studyapp.actions.stimuli import study_stimuli
from studyapp.models import (
    AuditLine,
    Block,
    Response,
    StimulusHold,
    Study,
    StudySession,
    Trial,
)
from studyapp.questions import Question
from studyapp.states import LIVE_SESSIONS, BlockState, SessionState, StimulusState, StudyState
from studyapp.watching.figures import (
    PEOPLE,
    PILOT,
    SIMULATED,
    Blocks,
    Cell,
    Figures,
    Heads,
    Line,
    Quartiles,
)
from studyapp.watching.quality import rule_breakers
from studyapp.watching.rater_progress import Sitting, arrivals, checks, ended_lately, steps

if TYPE_CHECKING:
    from studyapp.watching.answer_columns import Answers, Compared

RATE_WINDOW = timedelta(hours=24)
FEWEST_FOR_A_RATE = 3
LAST_TRIALS = 1000


def figures(study: Study, *, now: datetime) -> Figures:
    """Everything that the live page shows, as of now."""
    # numpy and pandas are the worker's alone.
    from studyapp.watching.answer_columns import Answers

    phase = StudySession.objects.filter(study=study)
    pilot = study.state == StudyState.PILOT
    phase = phase.of_pilot() if pilot else phase.counted()
    groups = {who: list(_sessions(phase, simulated=who == SIMULATED)) for who in (PEOPLE, SIMULATED)}
    # A study that only simulated raters have met is watched by theirs: so a demo shows what there is to see.
    about = SIMULATED if groups[SIMULATED] and not groups[PEOPLE] else PEOPLE
    mine = phase.filter(simulated=about == SIMULATED)
    compared = _compared(study)
    everything = Answers.read(study)
    counted = {who: everything.of([one.pk for one in sessions]) for who, sessions in groups.items()}
    answers = counted[about]
    blocks = _blocks(study, pilot=pilot)
    since = _rated_since(study, now)
    late = mine.filter(completed_at__gt=since).count()
    # At least one hour, lest three quick ones make an end of today.
    hours = max((now - since) / timedelta(hours=1), 1.0)
    an_hour = late / hours if late >= FEWEST_FOR_A_RATE else 0.0
    left, ended = ended_lately(mine)
    disk = shutil.disk_usage(media_store.root())
    return Figures(
        at=now,
        state=study.state,
        pilot=pilot,
        about=about,
        heads=tuple(_heads(study)),
        blocks=blocks,
        cells=tuple(_cells(study, compared, counted, pilot=pilot)),
        steps=tuple(steps(study, groups[about], mine)),
        ended=ended,
        left=left,
        checks=tuple(checks(study, answers, compared, mine, len(groups[about]))),
        lines=tuple(_lines(study, answers, compared, _ended(mine))),
        trial_s=_trial_times(answers),
        arrivals=arrivals(mine, now),
        completed_an_hour=an_hour,
        quiet_since=_quiet_since(study, answers),
        expected_end=now + timedelta(hours=blocks.free / an_hour) if an_hour and blocks.free else None,
        stimuli_failed=study_stimuli(study).filter(state=StimulusState.FAILED).count(),
        stimuli_held=StimulusHold.objects.filter(lifted_at=None, stimulus__in=study_stimuli(study)).count(),
        disk_free=disk.free,
        disk_total=disk.total,
        breaking={who: rule_breakers(study, given, compared) for who, given in counted.items()},
        lines_declared=_lines_declared(study),
    )


def _sessions(phase: QuerySet[StudySession], *, simulated: bool) -> Iterator[Sitting]:
    rows = phase.filter(simulated=simulated).order_by("pk")
    for pk, state, started_at, answers in rows.values_list("pk", "state", "started_at", "answer_count"):
        yield Sitting(pk, state, started_at is not None, answers // len(Question))


def _compared(study: Study) -> dict[int, Compared]:
    from studyapp.watching.answer_columns import Compared

    rows = study.comparisons.values_list(
        *("pk", "stimulus_1__system__slug", "stimulus_2__system__slug", "clip__genre", "expected__slug")
    )
    return {pk: Compared(first, second, genre, expected or "") for pk, first, second, genre, expected in rows}


def _heads(study: Study) -> Iterator[Heads]:
    rows = StudySession.objects.filter(study=study).order_by()
    states: dict[str, Counter[str]] = {who: Counter() for who in (PEOPLE, SIMULATED, PILOT)}
    answers: Counter[str] = Counter()
    counted = rows.values_list("simulated", "block__origin", "state")
    for simulated, origin, state, count, given in counted.annotate(Count("pk"), Sum("answer_count")):
        who = PILOT if origin == Block.Origin.PILOT else SIMULATED if simulated else PEOPLE
        states[who][state] += count
        answers[who] += given
    for who, found in states.items():
        if found:
            yield Heads(who, dict(found), answers[who])


def _blocks(study: Study, *, pilot: bool) -> Blocks:
    mine = Block.objects.filter(study=study)
    mine = mine.of_pilot() if pilot else mine.counted()
    states: Counter[str] = Counter()
    packed: Counter[str] = Counter()
    for origin, state, count in mine.order_by().values_list("origin", "state").annotate(Count("pk")):
        states[state] += count
        packed[state] += count if origin == Block.Origin.PACKED else 0
    return Blocks(
        free=states[BlockState.FREE],
        claimed=states[BlockState.CLAIMED],
        retired=states[BlockState.RETIRED],
        packed=packed.total(),
        packed_free=packed[BlockState.FREE],
        waves=mine.filter(origin=Block.Origin.EXTENDED).aggregate(Max("wave"))["wave__max"] or 0,
        void_waiting=packing.waiting().filter(trial__block__study=study).count(),
    )


def _cells(
    study: Study, compared: dict[int, Compared], counted: dict[str, Answers], *, pilot: bool
) -> Iterator[Cell]:
    """Ratings against the trials that were planned and added; what was packed again was planned before."""
    asked = [Block.Origin.PILOT] if pilot else [Block.Origin.PLANNED, Block.Origin.EXTENDED]
    trials = Trial.objects.filter(block__study=study, block__origin__in=asked, kind=Trial.Kind.TEST)
    quota = dict(trials.order_by().values_list("comparison_id").annotate(Count("pk")))
    given = {who: answers.ratings() for who, answers in counted.items()}
    found: dict[tuple[str, str, str], list[int]] = {}
    for pk in quota:
        one = compared[pk]
        cell = found.setdefault((*one.pair, one.genre), [0, 0, 0, 0])
        cell[0] += 1
        for place, count in enumerate((quota, given[PEOPLE], given[SIMULATED]), start=1):
            cell[place] += count.get(pk, 0)
    for names, numbers in sorted(found.items()):
        yield Cell(*names, *numbers)


def _lines_declared(study: Study) -> int:
    """What was planned, not what was answered: a decision stands when other pairs come in."""
    pairs = len({frozenset(pair) for pair in study.primary_pairs}) or study.pairs.count()
    return pairs * len(Question)


def _ended(mine: QuerySet[StudySession]) -> list[int]:
    """Sessions that came to an end, in the order in which they did: one fell silent when it was due to end."""
    silent = Case(When(state=SessionState.EXPIRED, then=F("expires_at")), default=F("last_seen_at"))
    over = mine.exclude(state__in=LIVE_SESSIONS).annotate(over_at=silent)
    return list(over.order_by("over_at", "pk").values_list("pk", flat=True))


def _lines(study: Study, answers: Answers, compared: dict[int, Compared], ended: list[int]) -> Iterator[Line]:
    from analysis.sequential import StoppingRule

    most = study.stop_most_raters
    primary = [(first, second) for first, second in study.primary_pairs]
    # A bound below the other one cannot be declared in the form; an imported study may carry it all the same.
    rule = StoppingRule(
        alpha=study.stop_alpha,
        least_raters=study.stop_least_raters,
        most_raters=None if most is None else max(most, study.stop_least_raters, 1),
        primary=primary,
        lines=_lines_declared(study),
    )
    for one in answers.watched(compared, rule, ended):
        yield Line(
            one.question,
            one.system_1,
            one.system_2,
            one.raters,
            one.net,
            one.low,
            one.high,
            one.evidence,
            one.needed,
            one.reached_at,
            one.decision,
            primary=one.primary,
        )


def _trial_times(answers: Answers) -> Quartiles | None:
    """From showing a trial to its answer, of the last so many; a median does not mind who left the room."""
    last = Response.objects.filter(pk__in=answers.last_pks(LAST_TRIALS)).order_by()
    times = [
        (answered_at - shown_at).total_seconds()
        for answered_at, shown_at in last.values_list("answered_at", "trial__presentation__shown_at")
        if shown_at is not None
    ]
    if len(times) < 2:
        return None
    return Quartiles(len(times), *quantiles(times, n=4, method="inclusive"))


def _rated_since(study: Study, now: datetime) -> datetime:
    """Where the window begins that rates are taken over: not before this pilot did, or the study was opened."""
    began = _last(study, "study pilot") if study.state == StudyState.PILOT else study.opened_at
    return max(now - RATE_WINDOW, began or now - RATE_WINDOW)


def _quiet_since(study: Study, answers: Answers) -> datetime | None:
    last = Response.objects.filter(pk__in=answers.last_pks(1)).aggregate(at=Max("answered_at"))["at"]
    let_in = _last(study, "study open", "study pilot")
    moments = [moment for moment in (last, let_in, study.opened_at) if moment is not None]
    return max(moments, default=None)


def _last(study: Study, *verbs: str) -> datetime | None:
    """When the audit log last says so of the study."""
    found: datetime | None = AuditLine.objects.filter(study=study, verb__in=verbs).aggregate(at=Max("at"))["at"]
    return found
