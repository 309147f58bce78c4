"""Leaving a study, and the receipt by which a rater sees and erases what is kept of them."""

from __future__ import annotations

from contextlib import suppress

from django import forms
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_http_methods

from studyapp import languages
from studyapp.actions import withdrawal
from studyapp.errors import SessionOver, UnknownReceipt, WrongState
from studyapp.languages import LANGUAGES
from studyapp.models import StudySession
from studyapp.receipts import LENGTH, receipt_of
from studyapp.states import SessionState
from studyapp.views.seat import moment
from studyapp.views.standing import may_leave_to_another, where_it_stands, with_seat

_CODES = [code for code, _ in LANGUAGES]


@require_http_methods(["GET", "POST"])
@with_seat
@ensure_csrf_cookie
def leave(request: HttpRequest, session: StudySession) -> HttpResponseBase:
    """Ask, then end the session; who wants everything of it erased is led to where that is done."""
    if not session.is_live:
        return where_it_stands(request, session)
    receipt = receipt_of(session.token)
    if request.method == "GET":
        context = {
            "study": session.study,
            "receipt": receipt,
            "answered": session.trials_answered,
            "receipt_url": request.build_absolute_uri(reverse("receipt")),
            "go_back_url": reverse("take", args=[session.study.token]),
        }
        return render(request, "rater/leave.html", context)
    if "erase" in request.POST:
        # Asked once more, as on the receipt page, for it cannot be undone.
        return _shown(request, withdrawal.Kept(session, None), receipt, sure=True)
    with suppress(SessionOver, WrongState):  # ended meanwhile: the page says how
        withdrawal.withdraw(session=session, now=moment(request, session))
    return HttpResponseRedirect(reverse("take-left", args=[session.study.token]))


@require_GET
@with_seat
def left(request: HttpRequest, session: StudySession) -> HttpResponseBase:
    """What somebody who left is told."""
    if session.state != SessionState.WITHDRAWN:
        return where_it_stands(request, session)
    context = {
        "study": session.study,
        "receipt": receipt_of(session.token),
        "receipt_url": request.build_absolute_uri(reverse("receipt")),
        "answered": session.trials_answered,
        "to_another": may_leave_to_another(session),
        "by_panel": hasattr(session.rater, "participant"),
    }
    return render(request, "rater/left.html", context)


class ReceiptForm(forms.Form):
    """A code, and whether everything under it is to go: asked first, then confirmed."""

    receipt = forms.CharField(max_length=4 * LENGTH)
    erase = forms.ChoiceField(choices=[("ask", "ask"), ("yes", "yes")], required=False)


@require_http_methods(["GET", "POST"])
@never_cache
@ensure_csrf_cookie
def receipt(request: HttpRequest) -> HttpResponseBase:
    """See what is kept under a code, and erase it. Needs no cookie of a study, and names none."""
    accepted = request.headers.get("Accept-Language", "")
    with translation.override(languages.preferred(_CODES, accepted, otherwise="en")):
        if request.method == "GET":
            return render(request, "rater/receipt.html", {})
        form = ReceiptForm(request.POST)
        code = form.data.get("receipt", "")
        try:
            if not form.is_valid():
                raise UnknownReceipt
            kept = withdrawal.find(code)
            if form.cleaned_data["erase"] == "yes":
                kept = withdrawal.Kept(None, withdrawal.erase(receipt=code, now=timezone.now()))
        except UnknownReceipt:
            # One sentence for what is unknown and for what is no code: nothing is told apart.
            error = gettext("There is nothing under this code. Please check that it was copied whole.")
            return render(request, "rater/receipt.html", {"error": error, "code": code[: 4 * LENGTH]}, status=404)
        asked = form.cleaned_data["erase"]
        return _shown(request, kept, code, sure=asked == "ask", just_now=asked == "yes")


def _shown(
    request: HttpRequest, kept: withdrawal.Kept, code: str, *, sure: bool, just_now: bool = False
) -> HttpResponseBase:
    """What is kept; ``sure`` asks whether it shall go, ``just_now`` says that it went."""
    context = {
        "kept": kept,
        "code": code,
        "state": kept.session and _STATES[SessionState(kept.session.state)],
        "sure": sure,
        "just_now": just_now,
    }
    return render(request, "rater/receipt.html", context)


_STATES = {
    SessionState.CONSENTED: translation.gettext_lazy("begun"),
    SessionState.SCREENED: translation.gettext_lazy("begun"),
    SessionState.ACTIVE: translation.gettext_lazy("begun"),
    SessionState.COMPLETED: translation.gettext_lazy("finished"),
    SessionState.EXPIRED: translation.gettext_lazy("ended by silence"),
    SessionState.SCREENED_OUT: translation.gettext_lazy("ended with the checks at the beginning"),
    SessionState.WITHDRAWN: translation.gettext_lazy("left before the end"),
}

urlpatterns = [
    path("take/<str:study_token>/leave/", leave, name="take-leave"),
    path("take/<str:study_token>/left/", left, name="take-left"),
    path("receipt/", receipt, name="receipt"),
]
