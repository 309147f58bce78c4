"""Single sessions of a study: the list of them, and one replayed: what was shown, played and answered, when."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.core.paginator import Paginator
from django.db.models import Count, QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_safe

from studyapp import rights
from studyapp.actions.looking import note_names_seen
from studyapp.events import Kind, ReportedEvent
from studyapp.models import (
    Block,
    Presentation,
    SessionFlag,
    Study,
    StudySession,
    Trial,
    TrialMark,
)
from studyapp.presentation import LETTERS, SIDES, Side
from studyapp.questions import Question
from studyapp.states import SessionState
from studyapp.views.media import stimulus_response
from studyapp.views.staff import Abilities, must, researcher, researchers_only, study_for
from studyapp.watching import replay_drawing, replaying
from studyapp.watching.figures import PEOPLE, PILOT, SIMULATED
from studyapp.watching.session_trials import TrialRow, trial_rows

_A_PAGE = 50
_MOST_EVENTS = 3000


class SessionFilter(forms.Form):
    """Which sessions; what does not exist is as good as nothing asked."""

    who = forms.ChoiceField(
        required=False,
        label="Who",
        choices=[("", "Everybody"), (PEOPLE, "People"), (SIMULATED, "Simulated"), (PILOT, "In a pilot")],
    )
    state = forms.ChoiceField(required=False, label="State", choices=[("", "Any"), *SessionState.choices])
    flagged = forms.BooleanField(required=False, label="Flagged only")

    def chosen(self, sessions: QuerySet[StudySession]) -> QuerySet[StudySession]:
        self.is_valid()
        asked = self.cleaned_data
        match asked.get("who"):
            case "people":
                sessions = sessions.exclude(block__origin=Block.Origin.PILOT).filter(simulated=False)
            case "simulated":
                sessions = sessions.exclude(block__origin=Block.Origin.PILOT).filter(simulated=True)
            case "pilot":
                sessions = sessions.filter(block__origin=Block.Origin.PILOT)
        if asked.get("state"):
            sessions = sessions.filter(state=asked["state"])
        if asked.get("flagged"):
            sessions = sessions.filter(
                pk__in=SessionFlag.objects.filter(session__study=self.study).values("session")
            )
        return sessions

    def __init__(self, study: Study, *args: Any) -> None:
        super().__init__(*args)
        self.study = study


@dataclass(frozen=True, slots=True)
class SessionRow:
    """One session in the list."""

    session: StudySession
    trials: int
    of: int
    flags: int
    marks: int

    @property
    def minutes(self) -> float:
        return (self.session.last_seen_at - self.session.consented_at).total_seconds() / 60


@require_GET
@researchers_only
def sessions(request: HttpRequest, slug: str) -> HttpResponseBase:
    """Every session, the newest first, a page at a time; no token and no panel's id is on it."""
    study = study_for(request, slug, rights.VIEW)
    form = SessionFilter(study, request.GET)
    found = form.chosen(StudySession.objects.filter(study=study)).order_by("-pk").select_related("block")
    page = Paginator(found, _A_PAGE).get_page(request.GET.get("page"))
    shown = list(page.object_list)
    of = _counts(Trial.objects.filter(block__in=[one.block_id for one in shown]), "block")
    flags = _counts(SessionFlag.objects.filter(session__in=shown), "session")
    marks = _counts(TrialMark.objects.filter(session__in=shown), "session")
    asked = request.GET.copy()
    asked.pop("page", None)
    context = {
        "study": study,
        "form": form,
        "page": page,
        "query": asked.urlencode(),
        "rows": [
            SessionRow(one, one.answer_count // len(Question), of[one.block_id], flags[one.pk], marks[one.pk])
            for one in shown
        ],
        "may": Abilities.of(request, study),
    }
    return render(request, "research/sessions.html", context)


@require_GET
@researchers_only
def replay(request: HttpRequest, slug: str, pk: int) -> HttpResponseBase:
    """One session; ``?trial=`` is the position of the trial that is replayed, ``?names=1`` names the systems."""
    study = study_for(request, slug, rights.VIEW)
    names = request.GET.get("names") == "1"
    if names:
        must(request, rights.SEE_NAMES, study)
        note_names_seen(study=study, page="replay", by=researcher(request), now=timezone.now())
    session = get_object_or_404(StudySession.objects.select_related("block"), pk=pk, study=study)
    rows = trial_rows(study, session, names=names)
    chosen = _chosen(rows, request.GET.get("trial"))
    context = {
        "study": study,
        "session": session,
        "rows": rows,
        "row": chosen,
        "named": names,
        "may": Abilities.of(request, study),
        "tries": session.tries.exclude(ended_at=None).order_by("shown_at"),
        "breaks": session.breaks.all(),
        "minutes": (session.last_seen_at - session.consented_at).total_seconds() / 60,
        "first_question": Question(session.first_question).label,
        **(_replayed(study, session, chosen) if chosen else {}),
    }
    return render(request, "research/replay.html", context)


@require_safe
@researchers_only
def replay_media(request: HttpRequest, slug: str, pk: int, position: int, letter: str) -> HttpResponseBase:
    """One version of a session's trial, for who may see names: beside the answer, its bytes tell the system."""
    study = study_for(request, slug, rights.VIEW, names=True)
    side = next((side for side in SIDES if LETTERS[side].lower() == letter), None)
    trials = Trial.objects.select_related("comparison__stimulus_1", "comparison__stimulus_2")
    trial = trials.filter(block__session=pk, block__study=study, position=position).first()
    if side is None or trial is None or not trial.stimulus_on(side).file:
        raise Http404("There is no such trial, or its file is gone.")
    return stimulus_response(request, trial.stimulus_on(side))


def _counts(rows: QuerySet[Any], by: str) -> Counter[int]:
    return Counter(dict(rows.order_by().values_list(by).annotate(Count("pk"))))


def _chosen(rows: list[TrialRow], asked: str | None) -> TrialRow | None:
    """The trial asked for, or the first that was shown. Raises Http404 for one that there is not."""
    if asked is None:
        return next((row for row in rows if row.shown_at), rows[0] if rows else None)
    for row in rows:
        if str(row.trial.position) == asked:
            return row
    raise Http404(f"This session has no trial {asked!r}.")


def _replayed(study: Study, session: StudySession, row: TrialRow) -> dict[str, Any]:
    """The events of one trial, drawn, listed and as the script re-enacts them."""
    stored = Presentation.objects.filter(trial=row.trial, session=session).first()
    kept = list(stored.events.order_by("number")[: _MOST_EVENTS + 1]) if stored else []
    events = [
        ReportedEvent(
            one.number, cast(Side, one.side), cast(Kind, one.kind), one.media_time_s, one.clock_s, one.value
        )
        for one in kept[:_MOST_EVENTS]
    ]
    drawn = replaying.timeline(events)
    position = row.trial.position
    media = [
        (
            LETTERS[side],
            reverse("research-replay-media", args=[study.slug, session.pk, position, LETTERS[side].lower()]),
            row.left if side == "left" else row.right,
        )
        for side in SIDES
    ]
    return {
        "drawn": None if drawn.is_empty else replay_drawing.picture(drawn),
        "drawn_s": drawn.length_s,
        "cut": len(kept) > _MOST_EVENTS,
        "events": [one for one in events if one.kind != "progress"],
        "media": media,
        "script": {
            "length_s": drawn.length_s,
            "events": [[one.side, one.kind, one.media_time_s, one.clock_s, one.value] for one in events],
        },
    }


urlpatterns = [
    path("research/studies/<slug:slug>/sessions/", sessions, name="research-sessions"),
    path("research/studies/<slug:slug>/sessions/<id:pk>/", replay, name="research-replay"),
    path(
        "research/studies/<slug:slug>/sessions/<id:pk>/<id:position>/<str:letter>.mp4",
        replay_media,
        name="research-replay-media",
    ),
]
