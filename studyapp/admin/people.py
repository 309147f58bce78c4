"""What raters did before their first trial, and who came from where."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from studyapp.admin.base import EvidenceAdmin
from studyapp.models import Erasure, Invitation, Participant, StepTry


@admin.register(StepTry)
class StepTryAdmin(EvidenceAdmin):
    list_display = ["session_number", "step", "number", "points", "of", "passed", "shown_at", "ended_at"]
    list_filter = ["session__study", "step", "passed", "session__simulated"]
    exclude = ["session"]
    readonly_fields = ["session_number"]

    @admin.display(description="session")
    def session_number(self, tried: StepTry) -> int:
        return tried.session_id


@admin.register(Participant)
class ParticipantAdmin(EvidenceAdmin):
    """Whom to approve at the panel: its id, and how the session ended."""

    list_display = ["panel_id", "panel", "study", "session_state", "arrived_at", "purged_at"]
    list_filter = ["study", "panel"]
    search_fields = ["panel_id"]
    fields = ["study", "panel", "panel_id", "further", "session_state", "arrived_at", "purged_at"]
    readonly_fields = ["session_state"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Participant]:
        found: QuerySet[Participant] = super().get_queryset(request)
        return found.select_related("study", "rater").prefetch_related("rater__sessions")

    @admin.display(description="session")
    def session_state(self, participant: Participant) -> str:
        return ", ".join(session.get_state_display() for session in participant.rater.sessions.all())


@admin.register(Invitation)
class InvitationAdmin(EvidenceAdmin):
    list_display = ["id", "note", "study", "used_at", "revoked_at", "created_by", "created_at"]
    list_filter = ["study", ("used_at", admin.EmptyFieldListFilter), ("revoked_at", admin.EmptyFieldListFilter)]
    search_fields = ["note"]
    list_select_related = ["study", "created_by"]
    fields = ["study", "note", "used_at", "revoked_at", "created_by", "created_at"]


@admin.register(Erasure)
class ErasureAdmin(EvidenceAdmin):
    list_display = ["id", "study", "state", "trials", "responses", "events", "marks", "erased_at"]
    list_filter = ["study", "simulated"]
    list_select_related = ["study"]
