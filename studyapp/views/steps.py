"""The steps between consent and the first trial: about you, sound and screen, headphones, how it works."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils.translation import gettext, pgettext
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_http_methods

from studyapp.actions import admission
from studyapp.admission import outstanding, settings_of
from studyapp.briefings import briefing, questions
from studyapp.errors import SessionOver, WrongState
from studyapp.models import StepTry, StudySession, Trial
from studyapp.receipts import receipt_of
from studyapp.screening.background import AgeBand, MusicalTraining
from studyapp.screening.device import COUNTS, Listening
from studyapp.screening.headphones import TRIALS
from studyapp.screening.steps import Step, tries
from studyapp.screening.understanding import UnderstandingQuestion
from studyapp.states import SessionState
from studyapp.views.seat import moment
from studyapp.views.standing import next_step, where_it_stands, with_seat

_PLACES = (1, 2, 3)
_TEMPLATES = {
    Step.BACKGROUND: "rater/background.html",
    Step.DEVICE: "rater/device.html",
    Step.ANTIPHASE: "rater/headphones.html",
    Step.HUGGINS: "rater/headphones.html",
}


class BackgroundForm(forms.Form):
    """Every answer may be left out."""

    age = forms.ChoiceField(choices=AgeBand, required=False)
    musical_training = forms.ChoiceField(choices=MusicalTraining, required=False)
    languages = forms.CharField(max_length=100, required=False)


class DeviceForm(forms.Form):
    bells = forms.TypedChoiceField(choices=[(count, count) for count in COUNTS], coerce=int)
    listening = forms.ChoiceField(choices=Listening)
    # What the page measured: CSS pixels of screen and window. A browser may keep it to itself.
    screen_width = forms.IntegerField(min_value=0, max_value=100_000, required=False)
    screen_height = forms.IntegerField(min_value=0, max_value=100_000, required=False)
    window_width = forms.IntegerField(min_value=0, max_value=100_000, required=False)


def _numbered_form(count: int, options: int, first: int) -> type[forms.Form]:
    """A form of ``count`` questions named by number from 0, each with so many options counted from ``first``."""
    choices = [(value, value) for value in range(first, first + options)]
    fields = {str(number): forms.TypedChoiceField(choices=choices, coerce=int) for number in range(count)}
    return type("NumberedForm", (forms.Form,), fields)


def _form(step: Step, asked: tuple[UnderstandingQuestion, ...], data: Mapping[str, Any]) -> forms.Form:
    match step:
        case Step.BACKGROUND:
            return BackgroundForm(data)
        case Step.DEVICE:
            return DeviceForm(data)
        case Step.ANTIPHASE | Step.HUGGINS:
            return _numbered_form(TRIALS, len(_PLACES), 1)(data)
        case Step.UNDERSTANDING:
            form = forms.Form(data)
            for number, question in enumerate(asked):
                places = [(place, place) for place in range(len(question.options))]
                form.fields[str(number)] = forms.TypedChoiceField(choices=places, coerce=int)
            return form


@require_http_methods(["GET", "POST"])
@with_seat
@ensure_csrf_cookie
def step(request: HttpRequest, session: StudySession, name: str) -> HttpResponseBase:
    """One step, shown or answered; whoever is elsewhere is taken there."""
    if name not in Step.values or name == Step.UNDERSTANDING:
        raise Http404
    if request.method == "POST":
        return _answered(request, session, Step(name))
    return _show(request, session, Step(name))


@require_http_methods(["GET", "POST"])
@with_seat
@ensure_csrf_cookie
def instructions(request: HttpRequest, session: StudySession) -> HttpResponseBase:
    """How it works, with the questions about it where the study asks them."""
    if request.method == "POST":
        return _answered(request, session, Step.UNDERSTANDING)
    if not session.is_live:
        return where_it_stands(request, session)
    comes_next = outstanding(session)
    if comes_next == Step.UNDERSTANDING:
        return _show(request, session, Step.UNDERSTANDING)
    if comes_next is not None:
        return HttpResponseRedirect(next_step(session))
    return render(request, "rater/instructions.html", _instructions(request, session))


def _instructions(request: HttpRequest, session: StudySession) -> dict[str, Any]:
    return {
        "study": session.study,
        "briefing": briefing(session.study, session.language),
        "trial_url": reverse("take-trial", args=[session.study.token]),
        "trials": session.block.trials.exclude(kind=Trial.Kind.TRAINING).count(),
        "begun": session.state == SessionState.ACTIVE,
        "receipt": receipt_of(session.token),
        "back_url": request.build_absolute_uri(reverse("take-back", args=[session.study.token, session.token])),
        **_place(session, None),
    }


def _show(
    request: HttpRequest, session: StudySession, step: Step, *, error: str = "", chosen: Mapping[str, str] = {}
) -> HttpResponseBase:
    try:
        opened = admission.open_try(session=session, step=step, now=moment(request, session))
    except (SessionOver, WrongState):
        return where_it_stands(request, session)
    failed = StepTry.objects.filter(session=session, step=step, passed=False).exists()
    context = {
        "study": session.study,
        "step": step,
        "try": opened,
        "last": opened.number == tries(step, settings_of(session.study)),
        "again": failed,
        "error": error,
        "chosen": chosen,
        **_place(session, step),
    }
    if step == Step.UNDERSTANDING:
        asked = questions(session.study, session.language)
        context |= _instructions(request, session)
        context["questions"] = _shown_questions(asked, opened.shown["orders"], chosen)
        return render(request, "rater/instructions.html", context)
    return render(request, _TEMPLATES[step], context | _STEP_CONTEXT[step](session, opened))


def _shown_questions(
    asked: tuple[UnderstandingQuestion, ...], orders: list[list[int]], chosen: Mapping[str, str]
) -> list[dict[str, Any]]:
    return [
        {
            "name": str(number),
            "text": question.text,
            "options": [
                {"value": place, "label": question.options[index], "chosen": chosen.get(str(number)) == str(place)}
                for place, index in enumerate(order)
            ],
        }
        for number, (question, order) in enumerate(zip(asked, orders, strict=True))
    ]


def _background(session: StudySession, opened: StepTry) -> dict[str, Any]:
    return {"ages": AgeBand.choices, "training": MusicalTraining.choices}


def _device(session: StudySession, opened: StepTry) -> dict[str, Any]:
    return {
        "counts": COUNTS,
        "listening": Listening.choices,
        "passage_url": _sound_url(session, Step.DEVICE, opened, "level"),
        "bells_url": _sound_url(session, Step.DEVICE, opened, "bells"),
        "bluetooth": Listening.BLUETOOTH,
    }


def _headphones(session: StudySession, opened: StepTry) -> dict[str, Any]:
    places = [
        (1, pgettext("one of three sounds", "first")),
        (2, pgettext("one of three sounds", "second")),
        (3, pgettext("one of three sounds", "third")),
    ]
    step = Step(opened.step)
    return {
        "places": places,
        "question": gettext("Which tone was the quietest?")
        if step == Step.ANTIPHASE
        else gettext("Which noise had a faint tone in it?"),
        "trials_of_it": [
            {"name": str(number), "place": number + 1, "url": _sound_url(session, step, opened, str(number))}
            for number in range(TRIALS)
        ],
        "of": TRIALS,
    }


_STEP_CONTEXT = {
    Step.BACKGROUND: _background,
    Step.DEVICE: _device,
    Step.ANTIPHASE: _headphones,
    Step.HUGGINS: _headphones,
}


def _answered(request: HttpRequest, session: StudySession, step: Step) -> HttpResponseBase:
    number = request.POST.get("try", "")
    if not number.isdecimal() or len(number) > 3:
        raise BadRequest("not a form of ours: it names no try")
    form = _form(step, questions(session.study, session.language), request.POST)
    if not form.is_valid():
        error = gettext("Please answer every question; something is missing.")
        if step == Step.BACKGROUND:
            error = gettext("Please shorten what you wrote, or leave it out.")
        return _show(request, session, step, error=error, chosen=request.POST.dict())
    try:
        admission.end_try(
            session=session,
            step=step,
            number=int(number),
            answers=form.cleaned_data,
            now=moment(request, session),
        )
    except (SessionOver, WrongState):
        return HttpResponseRedirect(reverse("take", args=[session.study.token]))
    session.refresh_from_db(fields=["state"])
    if session.state == SessionState.SCREENED and step == Step.UNDERSTANDING:
        # The instructions were read: nothing is left to be shown before the first trial.
        return HttpResponseRedirect(reverse("take-trial", args=[session.study.token]))
    return where_it_stands(request, session)


@require_GET
@with_seat
def sound(request: HttpRequest, session: StudySession, name: str, number: int, part: str) -> HttpResponseBase:
    """A sound of the try that is under way: 16 kHz stereo WAV. Its address does not say what is in it."""
    opened = StepTry.objects.filter(session=session, step=name, number=number, ended_at=None).first()
    content = _wav(session, opened, part) if opened else None
    if content is None:
        raise Http404
    return HttpResponse(content, content_type="audio/wav")


def _wav(session: StudySession, opened: StepTry, part: str) -> bytes | None:
    # numpy takes 0.1 s and 30 MB: only whoever is asked pays for it.
    from studyapp.screening import sounds

    shown, lufs = opened.shown, session.study.target_lufs
    if opened.step == Step.DEVICE:
        if part == "level":
            return sounds.passage(lufs)
        return sounds.bells(shown["bells"], lufs) if part == "bells" else None
    if not part.isdecimal() or int(part) >= len(shown.get("trials", ())):
        return None
    first, second = shown["trials"][int(part)]
    if opened.step == Step.ANTIPHASE:
        return sounds.antiphase(quiet=first, antiphase=second)
    return sounds.huggins(pitched=first, seed=second)


def _sound_url(session: StudySession, step: Step, opened: StepTry, part: str) -> str:
    return reverse("take-sound", args=[session.study.token, step.value, opened.number, part])


def _place(session: StudySession, step: Step | None) -> dict[str, Any]:
    """Which of the steps before the trials this is; consent is the first, the instructions are the last."""
    wanted = [one for one in settings_of(session.study).steps if one != Step.UNDERSTANDING]
    total = len(wanted) + 2
    place = total if step is None or step == Step.UNDERSTANDING else wanted.index(step) + 2
    return {"place": place, "total": total, "leave_url": reverse("take-leave", args=[session.study.token])}


urlpatterns = [
    path("take/<str:study_token>/before/<slug:name>/", step, name="take-step"),
    path(
        "take/<str:study_token>/before/<slug:name>/<id:number>/<slug:part>.wav",
        sound,
        name="take-sound",
    ),
    path("take/<str:study_token>/instructions/", instructions, name="take-instructions"),
]
