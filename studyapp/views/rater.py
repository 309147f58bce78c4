"""The rater's trials: shown, played, answered; breaks, and thanks.

The protocol, as browsers and ``simulate_raters`` speak it (all below ``/take/<study token>/``; pages are HTML,
every POST carries Django's CSRF token, as the form field ``csrfmiddlewaretoken`` or the header ``X-CSRFToken``):

- ``GET ""`` (or ``invitation/<code>/``, or with what a panel appends): the consent form with the hidden field
  ``ticket``, or a redirect to where the session of the cookie, invitation or panel id stands.
- ``POST consent/`` with ``ticket``: enrols, sets the cookie, redirects to what comes first. ``POST decline/``: no.
- ``GET`` and ``POST before/<step>/`` and ``instructions/``: the steps before the first trial (views/steps.py); the
  form's hidden field ``try`` is the number of the try. Their sounds lie below ``before/<step>/<try>/``.
- ``POST go-on/``: a break is over.
- ``GET trial/``: the next unanswered trial, or a redirect to ``thanks/``. The page's JSON element
  ``trial-config`` has ``token``, ``first`` (left or right: played first), ``needed`` and ``duration`` (seconds),
  ``proof`` (signature of this showing, sent along with everything below), ``eventsUrl`` and ``voidUrl``; the
  form's ``action`` is where to answer, the two ``video`` elements have the sources in ``data-source`` (A, then B).
- ``GET m/<trial token>/a.mp4`` and ``b.mp4``: the videos. An answer counts only after both were asked for.
- ``POST trial/<trial token>/events/``: JSON ``{"proof": …, "events": [[number, side, kind, media_time_s, clock_s],
  …]}``, a volume event with its value (0 to 1) as a sixth part; 204, or 200 with ``{"elsewhere": true}`` when the
  trial was shown again since (in a second tab, say): the events are kept all the same.
- ``POST trial/<trial token>/void/``: form fields ``proof``, ``side``, ``reason`` (missing, incomplete, unplayable,
  stalled, offensive), ``events`` and the marks below; ``{"void": true, "next": address}``, or a refusal as below.
- ``POST somebody-else/``: a session that is over lets go of this browser; redirects to the first page.
- ``POST trial/<trial token>/answer/``: form fields ``visual_relevance`` and ``music_preference`` (1 to 5),
  ``response_time_ms``, ``proof``, ``events`` (JSON list as above: what was not sent before), and marks:
  ``both_bad`` (on), ``wrong`` and ``offensive`` (left, right or both), ``comment``. With the header
  ``Accept: application/json`` the reply is ``{"saved": true, "next": address}``, or
  ``{"error": sentence, "next": address}`` with 409 (not now: the sentence says why) or 410 (over for good).
  Sent again, it is acknowledged and changes nothing.

A reply that says an answer is saved is sent after its transaction was committed.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from studyapp.actions import breaks, packing, sessions, voids
from studyapp.actions.breaks import BreakOffered
from studyapp.actions.flags import flagging, raise_flag
from studyapp.actions.marks import Mark, marks_from
from studyapp.errors import AnswerRefused, DuetError, SessionOver, StepFirst, WrongState
from studyapp.events import BadEvents, ReportedEvent, decoded, parse
from studyapp.models import SessionFlag, StudySession, Trial, VoidedTrial
from studyapp.panels import Outcome
from studyapp.presentation import LETTERS, SIDES, Presented
from studyapp.questions import SCALE, Question
from studyapp.receipts import receipt_of
from studyapp.states import SessionState
from studyapp.views.proof import new_proof, shown_as
from studyapp.views.seat import leave_seat, moment
from studyapp.views.standing import may_leave_to_another, next_step, way_back, where_it_stands, with_seat
from studyapp.views.trial_page import trial_context

_BY_SIDE = tuple((side, LETTERS[side]) for side in SIDES)
_BY_RATER = ("missing", "incomplete", "unplayable", "stalled", "offensive")


class TrialForm(forms.Form):
    """What both ends of a trial have: this showing's proof, marks, and the play events not sent before."""

    proof = forms.CharField(required=False, max_length=200)
    events = forms.CharField(required=False)
    both_bad = forms.BooleanField(required=False)
    wrong = forms.MultipleChoiceField(choices=_BY_SIDE, required=False)
    offensive = forms.MultipleChoiceField(choices=_BY_SIDE, required=False)
    comment = forms.CharField(required=False)

    def clean_events(self) -> list[ReportedEvent]:
        try:
            return parse(decoded(self.cleaned_data["events"] or "[]"))
        except BadEvents as error:
            raise forms.ValidationError(str(error)) from None

    @property
    def marks(self) -> list[Mark]:
        names = ("both_bad", "wrong", "offensive", "comment")
        return marks_from(**{name: self.cleaned_data[name] for name in names})


class VoidForm(TrialForm):
    """Why a trial cannot be played, or will not be gone on with."""

    side = forms.ChoiceField(choices=_BY_SIDE)
    reason = forms.TypedChoiceField(
        choices=[choice for choice in VoidedTrial.Reason.choices if choice[0] in _BY_RATER],
        coerce=VoidedTrial.Reason,
    )


class AnswerForm(TrialForm):
    """One answer to each question."""

    response_time_ms = forms.IntegerField(min_value=0, max_value=2**31 - 1)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for question in Question:
            self.fields[question.value] = forms.TypedChoiceField(choices=SCALE, coerce=int, required=False)

    @property
    def choices(self) -> dict[Question, int]:
        return {question: value for question in Question if (value := self.cleaned_data.get(question.value))}


@require_GET
@with_seat
@ensure_csrf_cookie
def trial(request: HttpRequest, session: StudySession) -> HttpResponseBase:
    """The next unanswered trial, always: what was answered is found in the database, not in the address."""
    return _trial_page(request, session)


@require_POST
@with_seat
def answer(request: HttpRequest, session: StudySession, trial_token: str) -> HttpResponseBase:
    form = AnswerForm(request.POST)
    if not form.is_valid():
        raise BadRequest(f"not an answer form: {form.errors.as_json()}")
    as_json = request.accepts("application/json") and not request.accepts("text/html")
    following = reverse("take-trial", args=[session.study.token])
    now = moment(request, session)
    own = _own_trial(session, trial_token, now)
    try:
        with flagging(session, own, now):
            shown_as(session, own, form.cleaned_data["proof"])
        sessions.answer(
            session=session,
            trial=own,
            choices=form.choices,
            response_time_ms=form.cleaned_data["response_time_ms"],
            reported=form.cleaned_data["events"],
            marks=form.marks,
            now=now,
        )
    except DuetError as error:
        if as_json:
            return _refusal(session, error)
        if isinstance(error, AnswerRefused):
            chosen = {question.value: choice for question, choice in form.choices.items()}
            return _trial_page(request, session, chosen=chosen, error=str(error), status=409)
        return HttpResponseRedirect(reverse("take", args=[session.study.token]))
    return JsonResponse({"saved": True, "next": following}) if as_json else HttpResponseRedirect(following)


@require_POST
@with_seat
def void(request: HttpRequest, session: StudySession, trial_token: str) -> HttpResponseBase:
    form = VoidForm(request.POST)
    if not form.is_valid():
        raise BadRequest(f"not a form of ours: {form.errors.as_json()}")
    now = moment(request, session)
    own = _own_trial(session, trial_token, now)
    try:
        with flagging(session, own, now):
            shown_as(session, own, form.cleaned_data["proof"])
        voids.void_trial(
            session=session,
            trial=own,
            side=form.cleaned_data["side"],
            reason=form.cleaned_data["reason"],
            marks=form.marks,
            reported=form.cleaned_data["events"],
            now=now,
        )
    except DuetError as error:
        return _refusal(session, error)
    return JsonResponse({"void": True, "next": reverse("take-trial", args=[session.study.token])})


@require_POST
@with_seat
def play_events(request: HttpRequest, session: StudySession, trial_token: str) -> HttpResponseBase:
    try:
        body = decoded(request.body)
        body = body if isinstance(body, dict) else {}
        reported = parse(body.get("events"))
    except BadEvents as error:
        raise BadRequest(f"not a list of events: {error}") from None
    now = moment(request, session)
    own = _own_trial(session, trial_token, now)
    try:
        with flagging(session, own, now):
            showing = shown_as(session, own, body.get("proof"))
        presentation = sessions.record_events(session=session, trial=own, reported=reported, now=now)
    except DuetError as error:
        return _refusal(session, error)
    return JsonResponse({"elsewhere": True}) if showing < presentation.showings else HttpResponse(status=204)


@require_POST
@with_seat
def go_on(request: HttpRequest, session: StudySession) -> HttpResponseBase:
    """A break is over."""
    with suppress(SessionOver, WrongState):
        breaks.go_on(session=session, now=moment(request, session))
    return HttpResponseRedirect(reverse("take-trial", args=[session.study.token]))


@require_GET
@with_seat
def thanks(request: HttpRequest, session: StudySession) -> HttpResponseBase:
    if session.state != SessionState.COMPLETED:
        return where_it_stands(request, session)
    context = {
        "study": session.study,
        "to_another": may_leave_to_another(session),
        "back": way_back(session, Outcome.COMPLETED),
        "receipt": receipt_of(session.token),
    }
    return render(request, "rater/thanks.html", context)


@require_POST
@with_seat
def somebody_else(request: HttpRequest, session: StudySession) -> HttpResponseBase:
    """One device, several people: let the next one start, once the session before them is over."""
    response = HttpResponseRedirect(reverse("take", args=[session.study.token]))
    if may_leave_to_another(session):
        leave_seat(response, session)
    return response


def _trial_page(
    request: HttpRequest,
    session: StudySession,
    *,
    chosen: dict[str, int] | None = None,
    error: str = "",
    status: int = 200,
) -> HttpResponseBase:
    now = moment(request, session)
    try:
        shown = sessions.show_trial(session=session, now=now)
    except (SessionOver, WrongState):
        return HttpResponseRedirect(reverse("take", args=[session.study.token]))
    except StepFirst:
        return HttpResponseRedirect(next_step(session))
    if shown is None:
        return HttpResponseRedirect(reverse("take-thanks", args=[session.study.token]))
    leave_url = reverse("take-leave", args=[session.study.token])
    if isinstance(shown, BreakOffered):
        resting = {"study": session.study, "offered": shown, "leave_url": leave_url}
        return render(request, "rater/break.html", resting)
    assert shown.presentation.shown_at is not None
    token = session.study.token
    ahead = packing.unanswered().filter(block=session.block_id, position__gt=shown.trial.position)
    following = ahead.order_by("position").first()
    context = trial_context(
        shown.trial,
        place=shown.place,
        total=shown.total,
        sources=_sources(token, shown.trial),
        needed=session.study.min_coverage,
        played=shown.played,
        elapsed_s=(now - shown.presentation.shown_at).total_seconds(),
        answer_url=reverse("take-answer", args=[token, shown.trial.token]),
        events_url=reverse("take-events", args=[token, shown.trial.token]),
        tabs=token,
        void_url=reverse("take-void", args=[token, shown.trial.token]),
        proof=new_proof(session, shown.trial, showing=shown.presentation.showings),
        order=session.question_order,
        preload=tuple(_sources(token, following)) if following else (),
        chosen=chosen,
        error=error,
        leave_url=leave_url,
    )
    return render(request, "rater/trial.html", context, status=status)


def _own_trial(session: StudySession, token: str, now: datetime) -> Trial:
    """The session's trial of this name. Raises Http404, and flags the session that names another's."""
    trial = Trial.objects.filter(token=token).first()
    if trial is None:
        raise Http404
    if trial.block_id != session.block_id:
        raise_flag(session=session, trial=trial, rule=SessionFlag.Rule.FOREIGN, now=now)
        raise Http404
    return trial


def _sources(study_token: str, trial: Trial) -> Presented[str]:
    return Presented(
        *(reverse("take-media", args=[study_token, trial.token, LETTERS[side].lower()]) for side in SIDES)
    )


def _refusal(session: StudySession, error: DuetError) -> JsonResponse:
    over = not isinstance(error, AnswerRefused)
    place = reverse("take" if over else "take-trial", args=[session.study.token])
    return JsonResponse({"error": str(error), "next": place}, status=410 if over else 409)


urlpatterns = [
    path("take/<str:study_token>/trial/", trial, name="take-trial"),
    path("take/<str:study_token>/trial/<slug:trial_token>/answer/", answer, name="take-answer"),
    path("take/<str:study_token>/trial/<slug:trial_token>/events/", play_events, name="take-events"),
    path("take/<str:study_token>/trial/<slug:trial_token>/void/", void, name="take-void"),
    path("take/<str:study_token>/go-on/", go_on, name="take-go-on"),
    path("take/<str:study_token>/thanks/", thanks, name="take-thanks"),
    path("take/<str:study_token>/somebody-else/", somebody_else, name="take-somebody-else"),
]
