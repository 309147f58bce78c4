"""What raters did before their first trial, and who came from where."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from studyapp.admin.base import EvidenceAdmin, ManyRowsAdmin
from studyapp.models import Break, Erasure, Invitation, Participant, StepTry, StudyMember
from studyapp.views.staff import researcher


def without_lookers_on(found: QuerySet[Any], request: HttpRequest) -> QuerySet[Any]:
    """Rows of studies where one is more than a viewer: who only looks on needs nothing that leads to a person."""
    user = researcher(request)
    if user.is_superuser:
        return found
    looking_on = StudyMember.objects.filter(user=user, role=StudyMember.Role.VIEWER)
    return found.exclude(study__in=looking_on.values("study"))


@admin.register(StepTry)
class StepTryAdmin(ManyRowsAdmin):
    study_path = "session__study"
    lead = "One try at one step before the trials: what was shown, what was answered, what it was worth."
    nothing_yet = "No try yet. A study asks for steps under “Before the trials” in its form."
    list_display = ["session_number", "step", "number", "points", "of", "passed", "shown_at", "ended_at"]
    list_filter = ["session__study", "step", "passed", "session__simulated"]
    exclude = ["session"]
    readonly_fields = ["session_number"]
    explained = {
        "shown": "What the right answers follow from; it never reaches a browser.",
        "points": "Right answers.",
        "of": "Questions in the try.",
        "passed": "Empty while the try is open.",
    }

    @admin.display(description="session")
    def session_number(self, tried: StepTry) -> int:
        return tried.session_id


@admin.register(Participant)
class ParticipantAdmin(EvidenceAdmin):
    """Whom to approve at the panel: its id, and how the session ended."""

    study_path = "study"
    list_display = ["panel_id", "panel", "study", "session_state", "arrived_at", "purged_at"]
    lead = "Under which id a panel sent somebody: to approve and pay by. Ids go on a study’s day, or by hand."
    nothing_yet = "Nobody came from a panel yet. Choose one in a study’s form, and enter the study’s link there."
    list_filter = ["study", "panel", ("purged_at", admin.EmptyFieldListFilter)]
    search_fields = ["panel_id"]
    search_help_text = "An id, or a part of it."
    sortable_by = ["panel_id"]
    explained = {"arrived_at": "When they agreed to take part."}
    fields = ["study", "panel", "panel_id", "further", "session_state", "arrived_at", "purged_at"]
    readonly_fields = ["session_state"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participant]:
        found: QuerySet[Participant] = without_lookers_on(super().get_queryset(request), request)
        return found.select_related("study", "rater").prefetch_related("rater__sessions")

    @admin.display(description="session")
    def session_state(self, participant: Participant) -> str:
        return ", ".join(session.get_state_display() for session in participant.rater.sessions.all())


@admin.register(Invitation)
class InvitationAdmin(EvidenceAdmin):
    study_path = "study"
    list_display = ["id", "note", "study", "used_at", "revoked_at", "created_by", "created_at"]
    lead = "A link for one person. Duet keeps the digest of its code alone; the link is in the file you got."
    nothing_yet = "No invitation yet. Make them on a study’s page, under Raters."
    list_filter = ["study", ("used_at", admin.EmptyFieldListFilter), ("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["note"]
    list_select_related = ["study", "created_by"]
    fields = ["study", "note", "used_at", "revoked_at", "created_by", "created_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Invitation]:
        return without_lookers_on(super().get_queryset(request), request)


@admin.register(Erasure)
class ErasureAdmin(EvidenceAdmin):
    study_path = "study"
    list_display = ["id", "study", "state", "trials", "responses", "events", "marks", "erased_at"]
    lead = "What stays of a session whose rater had everything erased: counts, and nothing that leads to a person."
    nothing_yet = "Nobody had anything erased."
    list_filter = ["study", "simulated"]
    list_select_related = ["study"]


@admin.register(Break)
class BreakAdmin(ManyRowsAdmin):
    study_path = "session__study"
    lead = "A break that was offered between trials, and when the rater went on."
    nothing_yet = "No break was offered yet. A study’s form says after how many trials one is."
    list_display = ["session", "after", "offered_at", "ended_at"]
    list_filter = ["session__study"]
    list_select_related = ["session"]


@admin.register(StudyMember)
class StudyMemberAdmin(EvidenceAdmin):
    """To be read: a study's Team page changes it, with a line in the history."""

    study_path = "study"
    lead = "Who may do what with which study. Owners change that on the study’s Team page."
    nothing_yet = "Nobody is a member of a study yet. Who makes a study is its owner."
    list_display = ["study", "user", "role", "sees_names", "wants_mail", "added_at"]
    list_filter = ["study", "role", "sees_names"]
    list_select_related = ["study", "user"]
    explained = {"role": "Viewers look on, editors plan and run, owners let others in."}
