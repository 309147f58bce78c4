"""A rater's run: claim a block, be shown trials, report plays, answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from django.db import IntegrityError, transaction
from django.db.models import Count, F, Q, QuerySet
from django.utils.translation import gettext

from studyapp import events, policies
from studyapp.actions import breaks, packing, recruitment
from studyapp.actions.breaks import BreakOffered
from studyapp.actions.endings import expire_sessions
from studyapp.actions.flags import flagging, raise_flag
from studyapp.actions.marks import Mark, store_marks
from studyapp.actions.recruitment import OPEN, Entry
from studyapp.actions.session_rows import begin, complete, must_go_on, note_seen, under_lock
from studyapp.admission import outstanding
from studyapp.briefings import briefing
from studyapp.errors import AnswerRefused, Distrusted, StepFirst, StudyFull, ToldOtherwise, WrongState
from studyapp.models import (
    Block,
    PlayEvent,
    Presentation,
    Rater,
    Response,
    SessionFlag,
    Study,
    StudySession,
    Trial,
    VoidedTrial,
)
from studyapp.models.marks import held
from studyapp.presentation import LETTERS, SIDES, Presented, Side
from studyapp.questions import Question
from studyapp.receipts import digest_of, receipt_of
from studyapp.states import LIVE_SESSIONS, BlockState, SessionState, StudyState
from studyapp.tokens import new_token

MAX_EVENTS_PER_TRIAL = 5000
# A slow connection and an impatient finger send one answer a few times over; nobody sends it so often.
MANY_SUBMITS = 20
_STIMULI = ("comparison__clip", "comparison__stimulus_1", "comparison__stimulus_2")


@dataclass(frozen=True, slots=True)
class ShownTrial:
    """The next unanswered trial.

    ``place`` counts from 1 among the session's ``total`` trials: practice and the others apart.
    """

    trial: Trial
    presentation: Presentation
    played: events.Played
    place: int
    total: int


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer that is stored. ``again`` when it was stored before and nothing changed."""

    again: bool
    completed: bool


@dataclass(frozen=True, slots=True)
class Consent:
    """What a consent form says. ``ticket`` becomes the rater's code, so that a form sent twice enrols once.

    told: SHA-256 of what the page told, which must be what it tells now; empty where no page was read.
    of_pilot: whether the study was piloted when the page was made, as it must be now; None where no page was read.
    """

    ticket: str
    entry: Entry = OPEN
    language: str = ""
    told: str = ""
    of_pilot: bool | None = None


def enrol(*, study: Study, now: datetime, consent: Consent | None = None) -> StudySession:
    """A rater has agreed: claim one free block for them. Raises WrongState, StudyFull or ToldOtherwise.

    Who came before, by this form, invitation or panel id, gets the session that they have.
    """
    consent = consent or Consent(new_token())
    session = _claim(study, consent, now)
    # Full only when nobody has fallen silent either.
    if session is None and expire_sessions(now=now, study=study):
        session = _claim(study, consent, now)
    if session is None:
        raise StudyFull(gettext("All places in this study are taken. Thank you for your interest."))
    return session


def _claim(study: Study, consent: Consent, now: datetime) -> StudySession | None:
    try:
        return _mine(study, consent) or _claim_free_block(study, consent, now)
    except IntegrityError:
        # The same form at the same moment: Rater.code is unique, and this one came second.
        session = _mine(study, consent)
        if session is None:
            raise
        return session


def _mine(study: Study, consent: Consent) -> StudySession | None:
    by_form = StudySession.objects.filter(study=study, rater__code=consent.ticket).first()
    session = by_form or recruitment.session_of(study, consent.entry)
    # A run that ended before its first trial is nothing to come back to, but by the very form that began it.
    return None if session is not by_form and session and session.ended_before_it_began else session


@transaction.atomic
def _claim_free_block(study: Study, consent: Consent, now: datetime) -> StudySession | None:
    # Newcomers of one study take turns, with each other and with whoever pauses, closes or packs: so the state
    # read here holds until the commit, and the first free block is nobody else's. Raters who answer wait for
    # nothing. SQLite: the transaction began IMMEDIATE. Last line of defence on both: session.block is unique.
    study = Study.objects.select_for_update(no_key=True).get(pk=study.pk)
    if not policies.accepts_new_raters(StudyState(study.state)):
        raise WrongState(f"This study takes no new raters now; it is {study.standing}.")
    # Read again under the lock: of two who came with one id, the second waited here.
    known = _mine(study, consent)
    if known is not None:
        return known
    told = briefing(study, consent.language or study.language)
    told_otherwise = consent.told and consent.told != told.sha256
    piloted = study.state == StudyState.PILOT
    if told_otherwise or (consent.of_pilot is not None and consent.of_pilot != piloted):
        # An amendment came while the page was open, or the pilot ended: nobody agrees to what they have not read,
        # and no place of the study goes to who came for its pilot, simulated raters above all.
        raise ToldOtherwise(gettext("What this page tells has changed meanwhile. Please read it again."))
    rater = Rater.objects.create(code=consent.ticket)
    block = Block.objects.of_phase(study).claimable().order_by("number").first()
    if block is None:
        rater.delete()
        return None
    recruitment.bind(study=study, entry=consent.entry, rater=rater, now=now)
    block.state = BlockState.CLAIMED
    block.save(update_fields=["state"])
    session = StudySession(
        study=study,
        rater=rater,
        block=block,
        consent_version=study.consent_version,
        consent_sha256=told.sha256,
        language=told.language,
        consented_at=now,
        last_seen_at=now,
        first_question=_question_whose_turn_it_is(study),
    )
    session.expires_at = session.expiry_after(now)
    session.receipt_sha256 = digest_of(receipt_of(session.token))
    session.save(force_insert=True)
    return session


def _question_whose_turn_it_is(study: Study) -> Question:
    """The one that fewer raters were asked first; call under the study's lock, so that two never take one turn."""
    gone = [state for state in SessionState if state not in LIVE_SESSIONS]
    began = StudySession.objects.filter(study=study, block__in=Block.objects.of_phase(study)).exclude(
        state__in=gone, started_at=None
    )
    asked = dict(began.order_by().values_list("first_question").annotate(Count("pk")))
    return min(Question, key=lambda question: asked.get(question, 0))


@transaction.atomic
def show_trial(*, session: StudySession, now: datetime) -> ShownTrial | BreakOffered | None:
    """The next unanswered trial, noted as shown, or a break before it; None when there is none left.

    A trial with a stimulus that is held meanwhile is void for this session. Raises SessionOver or WrongState, and
    StepFirst while a step before the trials is not done.
    """
    session = under_lock(session)
    if session.state == SessionState.COMPLETED:
        return None
    must_go_on(session)
    VoidedTrial.objects.bulk_create(
        VoidedTrial(trial=trial, reason=VoidedTrial.Reason.HELD, voided_at=now)
        for trial in _unanswered(session).filter(held())
    )
    trial = _unanswered(session).select_related(*_STIMULI).first()
    if trial is None:
        complete(session, now)
        return None
    if session.started_at is None and outstanding(session) is not None:
        raise StepFirst(gettext("Something comes before the first comparison. Please reload the page."))
    practice = Q(kind=Trial.Kind.TRAINING)
    training = trial.kind == Trial.Kind.TRAINING
    counts = Trial.objects.filter(practice if training else ~practice, block=session.block_id).aggregate(
        total=Count("pk"), place=Count("pk", filter=Q(position__lte=trial.position))
    )
    if not training:
        pause = breaks.due(session, answered=counts["place"] - 1, total=counts["total"], now=now)
        if pause is not None:
            return pause
    presentation, fresh = Presentation.objects.get_or_create(
        trial=trial, defaults={"session": session, "shown_at": now}
    )
    if presentation.shown_at is None:
        presentation.shown_at = now
    presentation.showings += 1
    presentation.save(update_fields=["shown_at", "showings"])
    if session.started_at is None:
        begin(session, now)
    note_seen(session, now)
    stored = () if fresh else presentation.events.all()
    return ShownTrial(
        trial=trial,
        presentation=presentation,
        played=_played(trial, presentation, stored, needed=session.study.min_coverage, now=now),
        place=counts["place"],
        total=counts["total"],
    )


@transaction.atomic
def record_events(
    *, session: StudySession, trial: Trial, reported: Sequence[events.ReportedEvent], now: datetime
) -> Presentation:
    """Keep what the players did; an event sent again is stored once.

    Raises SessionOver, WrongState or AnswerRefused.
    """
    session = under_lock(session)
    presentation = current_presentation(session, trial)
    store_events(presentation, reported, now)
    note_seen(session, now)
    return presentation


def answer(
    *,
    session: StudySession,
    trial: Trial,
    choices: Mapping[Question, int],
    response_time_ms: int,
    reported: Sequence[events.ReportedEvent] = (),
    marks: Sequence[Mark] = (),
    now: datetime,
) -> Answered:
    """Store the answers to the next unanswered trial with its marks, all of them or none.

    choices: 1 (A is much better) to 5 (B is much better), as read, for every question. An answer that is there
    already is acknowledged and stays as it was, whatever became of the session since. Raises AnswerRefused when it
    is not this trial's turn, an answer is missing, or too little was played; SessionOver or WrongState when
    nothing is taken any more; Distrusted, and the session is flagged, when it claims what cannot be.
    """
    with flagging(session, trial, now):
        _count_submit(session, trial, now)
        return _answer(
            session=session,
            trial=trial,
            choices=choices,
            response_time_ms=response_time_ms,
            reported=reported,
            marks=marks,
            now=now,
        )


def _count_submit(session: StudySession, trial: Trial, now: datetime) -> None:
    mine = Presentation.objects.filter(trial=trial, session=session)
    mine.update(submits=F("submits") + 1)
    if mine.filter(submits__gt=MANY_SUBMITS).exists():
        raise_flag(session=session, trial=trial, rule=SessionFlag.Rule.INSISTENT, now=now)


@transaction.atomic
def _answer(
    *,
    session: StudySession,
    trial: Trial,
    choices: Mapping[Question, int],
    response_time_ms: int,
    reported: Sequence[events.ReportedEvent],
    marks: Sequence[Mark],
    now: datetime,
) -> Answered:
    # The session's lock makes a double click, a late answer and the sweeper take turns.
    session = under_lock(session)
    trial = Trial.objects.select_related(*_STIMULI).get(pk=trial.pk)
    if trial.block_id != session.block_id:
        raise Distrusted(
            gettext("This step belongs to another session. Please reload the page."), rule=SessionFlag.Rule.FOREIGN
        )
    if trial.responses.exists():
        return Answered(again=True, completed=session.state == SessionState.COMPLETED)
    must_go_on(session)
    waiting = list(_unanswered(session).values_list("pk", flat=True)[:2])
    if not waiting or waiting[0] != trial.pk:
        raise AnswerRefused(gettext("An earlier step is not answered yet. Please reload the page."))
    missing = [str(question.label).lower() for question in Question if question not in choices]
    if missing:
        words = gettext("Please answer both questions; missing: {questions}.")
        raise AnswerRefused(words.format(questions=gettext(" and ").join(missing)))
    presentation = current_presentation(session, trial)
    store_events(presentation, reported, now)
    needed = session.study.min_coverage
    played = _played(trial, presentation, presentation.events.all(), needed=needed, now=now)
    if not played.reaches(needed):
        raise Distrusted(_too_little_played(played.shares, needed), rule=_rule_broken(played, needed))
    assert presentation.shown_at is not None
    elapsed_ms = int((now - presentation.shown_at).total_seconds() * 1000)
    Response.objects.bulk_create(
        Response(
            session=session,
            trial=trial,
            question=question,
            choice=choices[question],
            coverage_left=played.shares.left,
            coverage_right=played.shares.right,
            # A browser cannot have waited for longer than the trial has been there.
            response_time_ms=max(0, min(response_time_ms, elapsed_ms)),
            answered_at=now,
        )
        for question in Question
    )
    session.answer_count += len(Question)
    if marks:
        store_marks(session=session, trial=trial, marks=marks, now=now)
    completed = len(waiting) == 1
    if completed:
        complete(session, now)
    else:
        note_seen(session, now)
    return Answered(again=False, completed=completed)


def _unanswered(session: StudySession) -> QuerySet[Trial]:
    return packing.unanswered().filter(block=session.block_id).order_by("position")


def current_presentation(session: StudySession, trial: Trial) -> Presentation:
    """The record that the session was shown the trial. Raises AnswerRefused, SessionOver or WrongState."""
    must_go_on(session)
    try:
        return Presentation.objects.get(trial=trial, session=session, shown_at__isnull=False)
    except Presentation.DoesNotExist:
        raise AnswerRefused(gettext("This step was not shown to you yet. Please reload the page.")) from None


def store_events(presentation: Presentation, reported: Sequence[events.ReportedEvent], now: datetime) -> None:
    """Keep what is new among the events; call under the session's lock."""
    if not reported:
        return
    _flag_two_meanings(presentation, reported, now)
    # Beyond hours of playing, more events prove nothing more; they must not fill the disk either.
    room = max(0, MAX_EVENTS_PER_TRIAL - presentation.events.count())
    PlayEvent.objects.bulk_create(
        (
            PlayEvent(
                presentation=presentation,
                number=event.number,
                side=event.side,
                kind=event.kind,
                media_time_s=event.media_time_s,
                clock_s=event.clock_s,
                value=event.value,
                received_at=now,
            )
            for event in reported[:room]
        ),
        ignore_conflicts=True,
    )


def _flag_two_meanings(
    presentation: Presentation, reported: Sequence[events.ReportedEvent], now: datetime
) -> None:
    """Sent again, an event is the same; with another meaning under its number it is made up. The first stays."""
    before = presentation.events.filter(number__in=[event.number for event in reported])
    known = {event.number: event for event in map(_as_reported, before)}
    twice = [event.number for event in reported if known.get(event.number, event) != event]
    if twice:
        raise_flag(
            session=presentation.session,
            trial=presentation.trial,
            rule=SessionFlag.Rule.REPLAYED,
            now=now,
            detail=f"event {twice[0]} and {len(twice) - 1} more",
        )


def _as_reported(event: PlayEvent) -> events.ReportedEvent:
    return events.ReportedEvent(
        event.number,
        cast(Side, event.side),
        cast(events.Kind, event.kind),
        event.media_time_s,
        event.clock_s,
        event.value,
    )


def _played(
    trial: Trial, presentation: Presentation, stored: Iterable[PlayEvent], *, needed: float, now: datetime
) -> events.Played:
    """What the stored events prove was played of the trial."""
    assert presentation.shown_at is not None
    shown_at = presentation.shown_at
    served = (presentation.left_served_at, presentation.right_served_at)
    return events.played(
        [_as_reported(event) for event in stored],
        duration_s=Presented(*(trial.stimulus_on(side).duration_s or 0.0 for side in SIDES)),
        available_s=Presented(*((now - max(at, shown_at)).total_seconds() if at else 0.0 for at in served)),
        shown_s=(now - shown_at).total_seconds(),
        first=cast(Side, trial.played_first),
        needed=needed,
    )


def _too_little_played(shares: Presented[float], needed: float) -> str:
    short = [
        gettext("{letter} to {share}").format(letter=LETTERS[side], share=f"{share:.0%}")
        for side, share in zip(SIDES, shares, strict=True)
        if share < needed - 1e-9
    ]
    words = gettext("Please play both versions to the end first; so far you played {shares}.")
    return words.format(shares=gettext(" and ").join(short))


def _rule_broken(played: events.Played, needed: float) -> str:
    """Which flag an answer gets that comes before both were played."""
    if played.backwards:
        return SessionFlag.Rule.REORDERED
    if min(played.claimed) >= needed - 1e-9:
        return SessionFlag.Rule.STRETCHED
    return SessionFlag.Rule.UNPLAYED
