"""The rater's pages: link, consent, instructions, trials, thanks.

The protocol, as browsers and ``simulate_raters`` speak it (all below ``/take/<study token>/``; pages are HTML,
every POST carries Django's CSRF token, as the form field ``csrfmiddlewaretoken`` or the header ``X-CSRFToken``):

- ``GET ""``: the consent form (hidden field ``ticket``), or a redirect to where the cookie's session stands.
- ``POST consent/`` with ``ticket``: enrols, sets the cookie, redirects to ``instructions/``.
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

from collections.abc import Callable
from datetime import datetime
from functools import wraps
from typing import Any, Concatenate, ParamSpec

from django import forms
from django.core.exceptions import BadRequest
from django.db.models import Avg
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from studyapp import policies
from studyapp.actions import packing, sessions, voids
from studyapp.actions.flags import flagging, raise_flag
from studyapp.actions.marks import Mark, marks_from
from studyapp.errors import AnswerRefused, DuetError, SessionOver, StudyFull, WrongState
from studyapp.events import BadEvents, ReportedEvent, decoded, parse
from studyapp.models import Block, SessionFlag, Study, StudySession, Trial, VoidedTrial
from studyapp.models.session import BEGIN_WITHIN
from studyapp.models.study import new_token
from studyapp.overview import minutes_for
from studyapp.presentation import LETTERS, SIDES, Presented
from studyapp.questions import SCALE, WORDINGS, Question
from studyapp.states import SessionState, StudyState
from studyapp.views.proof import new_proof, shown_as
from studyapp.views.seat import leave_seat, moment, new_ticket, seated, take_seat, ticket_code
from studyapp.views.trial_page import trial_context

P = ParamSpec("P")
SeatedView = Callable[Concatenate[HttpRequest, StudySession, P], HttpResponseBase]


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


def with_seat(view: SeatedView[P]) -> Callable[..., HttpResponseBase]:
    """Load the cookie's session; whoever has none is sent to the study's first page."""

    @wraps(view)
    def seated_view(request: HttpRequest, study_token: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        session = seated(request, study_token)
        if session is None:
            return _sorry(request, "Please start from the link you were given.", study_token, status=403)
        return view(request, session, *args, **kwargs)

    return never_cache(seated_view)


@require_GET
@never_cache
@ensure_csrf_cookie
def landing(request: HttpRequest, study_token: str) -> HttpResponseBase:
    """Consent for a newcomer; whoever has a session is taken to where they stopped."""
    study = _study(study_token)
    session = seated(request, study_token)
    again = session is not None and session.ended_before_it_began
    if session is not None and not again:
        return _where_it_stands(request, session)
    if study.state != StudyState.OPEN:
        return _message(request, *_NOT_OPEN[StudyState(study.state)])
    if not _has_room(study):
        return _message(request, *_FULL)
    checks = study.gold_per_block + study.identical_per_block
    trials = study.trials_per_block + study.repeats_per_block + checks
    context = {
        "study": study,
        "ticket": new_ticket(study, new_token()),
        "trials": trials,
        "minutes": _minutes(study, trials),
        "held_for": BEGIN_WITHIN.seconds // 60 if again else None,
    }
    return render(request, "rater/consent.html", context)


@require_POST
@never_cache
def consent(request: HttpRequest, study_token: str) -> HttpResponseBase:
    """Enrol once, however often the form is sent."""
    study = _study(study_token)
    session = seated(request, study_token)
    if session is None or session.ended_before_it_began:
        code = ticket_code(study, request.POST.get("ticket", ""))
        if code is None:
            return HttpResponseRedirect(reverse("take", args=[study_token]))
        try:
            session = sessions.enrol(study=study, now=timezone.now(), ticket=code)
        except StudyFull:
            return _message(request, *_FULL)
        except WrongState:
            return HttpResponseRedirect(reverse("take", args=[study_token]))
    response = HttpResponseRedirect(reverse("take-instructions", args=[study_token]))
    take_seat(response, session)
    return response


@require_GET
@with_seat
def instructions(request: HttpRequest, session: StudySession) -> HttpResponseBase:
    context = {
        "study": session.study,
        "trial_url": reverse("take-trial", args=[session.study.token]),
        "trials": session.block.trials.count(),
        "begun": session.state != SessionState.CONSENTED,
    }
    return render(request, "rater/instructions.html", context)


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


@require_GET
@with_seat
def thanks(request: HttpRequest, session: StudySession) -> HttpResponseBase:
    if session.state != SessionState.COMPLETED:
        return _where_it_stands(request, session)
    context = {"study": session.study, "to_another": _may_leave_to_another(session)}
    return render(request, "rater/thanks.html", context)


@require_POST
@with_seat
def somebody_else(request: HttpRequest, session: StudySession) -> HttpResponseBase:
    """One device, several people: let the next one start, once the session before them is over."""
    response = HttpResponseRedirect(reverse("take", args=[session.study.token]))
    if _may_leave_to_another(session):
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
    if shown is None:
        return HttpResponseRedirect(reverse("take-thanks", args=[session.study.token]))
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
    )
    return render(request, "rater/trial.html", context, status=status)


def _study(token: str) -> Study:
    # A link that was mangled on its way may hold what PostgreSQL refuses to look for.
    study = Study.objects.filter(token=token).first() if token.isprintable() else None
    if study is None:
        raise Http404("There is no study under this link. Please check that it was copied whole.")
    return study


def _has_room(study: Study) -> bool:
    overdue = StudySession.objects.overdue(timezone.now()).filter(study=study)
    void = packing.waiting().filter(trial__block__study=study)
    return Block.objects.claimable().filter(study=study).exists() or overdue.exists() or void.exists()


def _minutes(study: Study, trials: int) -> int:
    return minutes_for(trials, study.clips.aggregate(mean=Avg("duration_s"))["mean"] or 0.0)


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


def _where_it_stands(request: HttpRequest, session: StudySession) -> HttpResponseBase:
    token = session.study.token
    if session.state == SessionState.COMPLETED:
        return HttpResponseRedirect(reverse("take-thanks", args=[token]))
    if session.ended_before_it_began:
        return HttpResponseRedirect(reverse("take", args=[token]))
    if session.state == SessionState.EXPIRED:
        answered = session.responses.count() // len(WORDINGS)
        title, text, status = _EXPIRED
        return _message(
            request,
            title,
            text.format(minutes=session.study.session_timeout_min),
            status,
            kept=answered,
            to_another=session.study if _may_leave_to_another(session) else None,
        )
    if session.study.state == StudyState.CLOSED:
        title, _, status = _NOT_OPEN[StudyState.CLOSED]
        answered = session.responses.count() // len(WORDINGS)
        return _message(request, title, "It was closed before you reached the end.", status, kept=answered)
    begun = session.state == SessionState.ACTIVE
    return HttpResponseRedirect(reverse("take-trial" if begun else "take-instructions", args=[token]))


def _refusal(session: StudySession, error: DuetError) -> JsonResponse:
    over = not isinstance(error, AnswerRefused)
    place = reverse("take" if over else "take-trial", args=[session.study.token])
    return JsonResponse({"error": str(error), "next": place}, status=410 if over else 409)


def _sorry(request: HttpRequest, text: str, study_token: str, *, status: int) -> HttpResponseBase:
    first_page = reverse("take", args=[study_token])
    if request.method == "POST":
        return JsonResponse({"error": text, "next": first_page}, status=status)
    return HttpResponseRedirect(first_page)


def _may_leave_to_another(session: StudySession) -> bool:
    """Never while a session is live, or one rater could lose another's place; nor where nobody could start."""
    return not session.is_live and policies.accepts_new_raters(StudyState(session.study.state))


def _message(
    request: HttpRequest,
    title: str,
    text: str,
    status: int,
    *,
    kept: int | None = None,
    to_another: Study | None = None,
) -> HttpResponseBase:
    """kept: how many comparisons were answered; to_another: the study that another person may start here."""
    context = {"title": title, "text": text, "kept": kept, "study": to_another, "to_another": to_another}
    return render(request, "rater/message.html", context, status=status)


_NOT_OPEN = {
    StudyState.DRAFT: (
        "This study is not open yet",
        "Please try this link again later, or ask the people who sent it to you when the study opens.",
        403,
    ),
    StudyState.PAUSED: (
        "This study is paused",
        "Nobody new can start at the moment. Please try this link again later.",
        403,
    ),
    StudyState.CLOSED: ("This study is closed", "It takes no more answers. Thank you for your interest.", 410),
}
_FULL = (
    "All places are taken",
    "Every place in this study is taken by now. One may become free again: please try later, if you like. "
    "Thank you for your interest.",
    409,
)
_EXPIRED = (
    "Your session has ended",
    "Nothing happened for {minutes} minutes, so the steps you had left were passed on to somebody else.",
    410,
)

urlpatterns = [
    path("take/<str:study_token>/", landing, name="take"),
    path("take/<str:study_token>/consent/", consent, name="take-consent"),
    path("take/<str:study_token>/instructions/", instructions, name="take-instructions"),
    path("take/<str:study_token>/trial/", trial, name="take-trial"),
    path("take/<str:study_token>/trial/<slug:trial_token>/answer/", answer, name="take-answer"),
    path("take/<str:study_token>/trial/<slug:trial_token>/events/", play_events, name="take-events"),
    path("take/<str:study_token>/trial/<slug:trial_token>/void/", void, name="take-void"),
    path("take/<str:study_token>/thanks/", thanks, name="take-thanks"),
    path("take/<str:study_token>/somebody-else/", somebody_else, name="take-somebody-else"),
]
