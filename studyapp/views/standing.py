"""Where a rater stands: who is asking, in which language, and the page that belongs to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache

from studyapp import policies
from studyapp.actions import recruitment
from studyapp.admission import outstanding
from studyapp.models import Participant, Study, StudySession
from studyapp.panels import PANELS, Outcome
from studyapp.states import SessionState, StudyState
from studyapp.views.seat import seated

P = ParamSpec("P")
SeatedView = Callable[Concatenate[HttpRequest, StudySession, P], HttpResponseBase]


def with_seat(view: SeatedView[P]) -> Callable[..., HttpResponseBase]:
    """Load the cookie's session and speak its language; whoever has none is sent to the study's first page."""

    @wraps(view)
    def seated_view(request: HttpRequest, study_token: str, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        session = seated(request, study_token)
        if session is None:
            return _sorry(request, study_token)
        with translation.override(session.language):
            return view(request, session, *args, **kwargs)

    return never_cache(seated_view)


def study_of(token: str) -> Study:
    """The study of a link. Raises Http404."""
    # A link that was mangled on its way may hold what PostgreSQL refuses to look for.
    study = Study.objects.filter(token=token).first() if token.isprintable() else None
    if study is None:
        raise Http404("There is no study under this link. Please check that it was copied whole.")
    return study


def where_it_stands(request: HttpRequest, session: StudySession) -> HttpResponseBase:
    """The page that a session has come to."""
    with translation.override(session.language):
        return _where_it_stands(request, session)


def _where_it_stands(request: HttpRequest, session: StudySession) -> HttpResponseBase:
    token = session.study.token
    if session.state == SessionState.COMPLETED:
        return HttpResponseRedirect(reverse("take-thanks", args=[token]))
    if session.ended_before_it_began:
        return HttpResponseRedirect(reverse("take", args=[token]))
    if session.state == SessionState.EXPIRED:
        words = gettext(
            "Nothing happened for {minutes} minutes, so the steps you had left were passed on to somebody else."
        )
        text = words.format(minutes=session.study.session_timeout_min)
        return _ended(request, session, gettext("Your session has ended"), text, Outcome.TIMED_OUT)
    if session.state == SessionState.WITHDRAWN:
        return HttpResponseRedirect(reverse("take-left", args=[token]))
    if session.state == SessionState.SCREENED_OUT:
        return _screened_out(request, session)
    if policies.has_ended(StudyState(session.study.state)):
        text = gettext("It was closed before you reached the end.")
        return _ended(request, session, gettext("This study is closed"), text, Outcome.TIMED_OUT)
    if session.state == SessionState.ACTIVE:
        return HttpResponseRedirect(reverse("take-trial", args=[token]))
    return HttpResponseRedirect(next_step(session))


def next_step(session: StudySession) -> str:
    """The address of what comes next before the first trial; the instructions where nothing is left to be done."""
    step = outstanding(session)
    token = session.study.token
    # The instructions carry the questions about them.
    if step is None or step == step.UNDERSTANDING:
        return reverse("take-instructions", args=[token])
    return reverse("take-step", args=[token, step.value])


def way_back(session: StudySession, outcome: Outcome) -> str:
    """Where the panel that sent this rater takes them back; empty for everybody else."""
    participant = Participant.objects.filter(rater=session.rater_id).first()
    if participant is None:
        return ""
    return recruitment.address_back(session.study, outcome, panel=participant.panel, identity=participant.panel_id)


def panel_label(study: Study) -> str:
    return PANELS[study.panel].label if study.panel in PANELS else ""


def may_leave_to_another(session: StudySession) -> bool:
    """Never while a session is live, or one rater could lose another's place; nor where nobody could start."""
    study = session.study
    return study.open_link and not session.is_live and policies.accepts_new_raters(StudyState(study.state))


def message(
    request: HttpRequest,
    title: str,
    text: str,
    status: int,
    *,
    kept: int | None = None,
    to_another: Study | None = None,
    back: str = "",
) -> HttpResponseBase:
    """kept: how many comparisons were answered; to_another: the study that another person may start here.

    back: where a panel takes the rater back, at once.
    """
    context = {
        "title": title,
        "text": text,
        "kept": kept,
        "study": to_another,
        "to_another": to_another,
        "back": back,
    }
    return render(request, "rater/message.html", context, status=status)


def _ended(
    request: HttpRequest, session: StudySession, title: str, text: str, outcome: Outcome
) -> HttpResponseBase:
    return message(
        request,
        title,
        text,
        410,
        kept=session.trials_answered,
        to_another=session.study if may_leave_to_another(session) else None,
        back=way_back(session, outcome),
    )


def _screened_out(request: HttpRequest, session: StudySession) -> HttpResponseBase:
    """Nobody is rejected: they are thanked, told why, and sent back."""
    failed = session.tries.filter(passed=False).order_by("-ended_at").first()
    reasons = {
        "device": gettext("The sound could not be heard clearly on this device, and the study is about sound."),
        "antiphase": gettext("The study needs headphones, and the test did not find any."),
        "huggins": gettext("The study needs headphones, and the test did not find any."),
        "understanding": gettext("The questions about the instructions were not answered as the study needs it."),
    }
    reason = reasons.get(failed.step if failed else "", "")
    back = way_back(session, Outcome.SCREENED_OUT)
    text = gettext("That is nobody's fault, and it is no rejection.")
    if not back and Participant.objects.filter(rater=session.rater_id).exists():
        text += " " + gettext("Please return your submission at {panel}.").format(panel=panel_label(session.study))
    return message(request, gettext("Thank you for your time"), f"{reason} {text}", 200, back=back)


def _sorry(request: HttpRequest, study_token: str) -> HttpResponseBase:
    first_page = reverse("take", args=[study_token])
    # A form of a page goes back to the first page; a script wants a reason.
    if request.method == "POST" and "text/html" not in request.headers.get("Accept", ""):
        text = gettext("Please start from the link you were given.")
        return JsonResponse({"error": text, "next": first_page}, status=403)
    return HttpResponseRedirect(first_page)
