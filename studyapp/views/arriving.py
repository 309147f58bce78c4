"""Coming and agreeing: the open link, an invitation, a panel's link, a link back; consent, or no thank you."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.db.models import F
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import path, reverse
from django.utils import timezone, translation
from django.utils.translation import gettext
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_GET, require_POST

from studyapp import languages
from studyapp.actions import packing, recruitment, sessions
from studyapp.actions.recruitment import Entry
from studyapp.admission import settings_of
from studyapp.briefings import briefing, expected_duration, languages_of, pay_an_hour
from studyapp.errors import StudyFull, ToldOtherwise, WrongState
from studyapp.models import Block, Study, StudySession
from studyapp.models.session import BEGIN_WITHIN
from studyapp.panels import PANELS, Outcome
from studyapp.policies import accepts_new_raters
from studyapp.states import SessionState, StudyState
from studyapp.tokens import new_token
from studyapp.views.seat import new_ticket, seated, take_seat, ticket_of
from studyapp.views.standing import message, next_step, study_of, where_it_stands


@require_GET
@never_cache
@ensure_csrf_cookie
def landing(request: HttpRequest, study_token: str) -> HttpResponseBase:
    """Consent for a newcomer; whoever has a session is taken to where they stopped."""
    study = study_of(study_token)
    panel = PANELS.get(study.panel)
    return _first_page(request, study, Entry(arrival=panel.arrival(request.GET.dict()) if panel else None))


@require_GET
@never_cache
@ensure_csrf_cookie
def invited(request: HttpRequest, study_token: str, code: str) -> HttpResponseBase:
    """The same for one invited person; a used invitation leads back to the run that it began."""
    return _first_page(request, study_of(study_token), Entry(invitation=code))


@require_GET
@never_cache
def back_again(request: HttpRequest, study_token: str, session_token: str) -> HttpResponseBase:
    """A rater's own link: for another browser, or after the cookie was lost."""
    sessions_here = StudySession.objects.select_related("study", "block")
    session = sessions_here.filter(token=session_token, study__token=study_token).first()
    if session is None:
        return HttpResponseRedirect(reverse("take", args=[study_token]))
    response = where_it_stands(request, session)
    take_seat(response, session)
    return response


def _first_page(request: HttpRequest, study: Study, entry: Entry) -> HttpResponseBase:
    with translation.override(_language(request, study)):
        session = seated(request, study.token) if entry.is_open else recruitment.session_of(study, entry)
        again = session is not None and session.ended_before_it_began
        if session is not None and not again:
            response = where_it_stands(request, session)
            # Cookies may be lost, or be somebody else's: the link says who this is.
            take_seat(response, session)
            return response
        return _consent_page(request, study, entry, again=again)


def _consent_page(request: HttpRequest, study: Study, entry: Entry, *, again: bool) -> HttpResponseBase:
    if not accepts_new_raters(StudyState(study.state)):
        return _not_open(request, study)
    reason = recruitment.refusal(study, entry)
    if reason:
        return message(request, gettext("This link does not lead in"), reason, 403)
    if not _has_room(study):
        return _full(request)
    language = translation.get_language()
    checks = study.gold_per_block + study.identical_per_block
    trials = study.trials_per_block + study.repeats_per_block + checks
    duration = expected_duration(study, trials + study.training_per_block)
    hourly = pay_an_hour(study, duration)
    told = briefing(study, language)
    context = {
        "study": study,
        "briefing": told,
        "ticket": new_ticket(study, new_token(), entry=entry, language=language, told=told.sha256),
        "trials": trials,
        "duration": duration,
        # Written as the pay is, whatever the language: the two stand beside each other.
        "hourly": "" if hourly is None else f"{hourly:.2f}",
        "held_for": BEGIN_WITHIN.seconds // 60 if again else None,
        "languages": [(code, name, _in_language(request, code)) for code, name in languages_of(study)],
        "steps": len(settings_of(study).steps) + (1 if study.checks_understanding else 2),
    }
    return render(request, "rater/consent.html", context)


@require_POST
@never_cache
def consent(request: HttpRequest, study_token: str) -> HttpResponseBase:
    """Enrol once, however often the form is sent."""
    study = study_of(study_token)
    ticket = ticket_of(study, request.POST.get("ticket", ""))
    session = seated(request, study_token) if ticket is None or ticket.entry.is_open else None
    if session is None or session.ended_before_it_began:
        if ticket is None:
            return HttpResponseRedirect(reverse("take", args=[study_token]))
        with translation.override(ticket.language):
            try:
                session = sessions.enrol(study=study, now=timezone.now(), consent=ticket)
            except StudyFull:
                return _full(request)
            except ToldOtherwise as error:
                messages.warning(request, str(error))
                return _consent_page(request, study_of(study_token), ticket.entry, again=False)
            except WrongState as error:
                if not accepts_new_raters(StudyState(Study.objects.get(pk=study.pk).state)):
                    return HttpResponseRedirect(reverse("take", args=[study_token]))
                return message(request, gettext("This link does not lead in"), str(error), 403)
    response = HttpResponseRedirect(
        next_step(session) if session.state == SessionState.CONSENTED else reverse("take", args=[study_token])
    )
    take_seat(response, session)
    return response


@require_POST
@never_cache
def decline(request: HttpRequest, study_token: str) -> HttpResponseBase:
    """No, thank you: counted, and nothing else is kept."""
    study = study_of(study_token)
    ticket = ticket_of(study, request.POST.get("ticket", ""))
    if ticket is None:
        return HttpResponseRedirect(reverse("take", args=[study_token]))
    Study.objects.filter(pk=study.pk).update(declined=F("declined") + 1)
    arrival = ticket.entry.arrival
    back = ""
    if arrival is not None:
        back = recruitment.address_back(study, Outcome.NO_CONSENT, panel=arrival.panel, identity=arrival.id)
    with translation.override(ticket.language):
        text = gettext("You do not take part, and nothing was stored. You can close this page now.")
        if arrival is not None and not back:
            words = gettext("Please return your submission at {panel}.")
            text += " " + words.format(panel=PANELS[arrival.panel].label)
        return message(request, gettext("Thank you for considering it"), text, 200, back=back)


def _language(request: HttpRequest, study: Study) -> str:
    offered = [code for code, _ in languages_of(study)]
    asked = request.GET.get("language", "")
    if asked in offered:
        return asked
    return languages.preferred(offered, request.headers.get("Accept-Language", ""), otherwise=study.language)


def _in_language(request: HttpRequest, code: str) -> str:
    """This page's address in another language, with what else a panel's link said."""
    return f"?{urlencode({**request.GET.dict(), 'language': code})}"


def _has_room(study: Study) -> bool:
    overdue = StudySession.objects.overdue(timezone.now()).filter(study=study)
    void = packing.waiting().filter(trial__block__study=study)
    return Block.objects.of_phase(study).claimable().exists() or overdue.exists() or void.exists()


def _full(request: HttpRequest) -> HttpResponseBase:
    text = gettext(
        "Every place in this study is taken by now. One may become free again: please try later, if you like. "
        "Thank you for your interest."
    )
    return message(request, gettext("All places are taken"), text, 409)


def _not_open(request: HttpRequest, study: Study) -> HttpResponseBase:
    match study.state:
        case StudyState.PAUSED:
            text = gettext("Nobody new can start at the moment. Please try this link again later.")
            return message(request, gettext("This study is paused"), text, 403)
        case StudyState.CLOSED | StudyState.ARCHIVED:
            text = gettext("It takes no more answers. Thank you for your interest.")
            return message(request, gettext("This study is closed"), text, 410)
    text = gettext("Please try this link again later, or ask the people who sent it to you when the study opens.")
    return message(request, gettext("This study is not open yet"), text, 403)


urlpatterns = [
    path("take/<str:study_token>/", landing, name="take"),
    path("take/<str:study_token>/invitation/<str:code>/", invited, name="take-invitation"),
    path("take/<str:study_token>/back/<str:session_token>/", back_again, name="take-back"),
    path("take/<str:study_token>/consent/", consent, name="take-consent"),
    path("take/<str:study_token>/decline/", decline, name="take-decline"),
]
