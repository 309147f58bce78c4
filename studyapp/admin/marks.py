"""Marks, void trials, flags, and held stimuli, which a researcher lets back in here."""

from __future__ import annotations

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.views.decorators.http import require_POST

from studyapp.actions.marks import lift_hold
from studyapp.admin.base import EvidenceAdmin, video
from studyapp.errors import DuetError
from studyapp.models import SessionFlag, StimulusHold, TrialMark, VoidedTrial
from studyapp.views.staff import researcher


@admin.register(StimulusHold)
class StimulusHoldAdmin(EvidenceAdmin):
    list_display = ["stimulus", "reason", "held_at", "lifted_at", "lifted_by"]
    list_filter = ["reason", ("lifted_at", admin.EmptyFieldListFilter), "session__study"]
    list_select_related = ["stimulus__clip", "stimulus__system", "lifted_by"]
    fields = ["video", "stimulus", "reason", "held_at", "lifted_at", "lifted_by"]
    readonly_fields = ["video"]

    @admin.display(description="video")
    def video(self, hold: StimulusHold) -> str:
        return video(reverse("research-stimulus-video", args=[hold.stimulus_id]))

    def get_urls(self) -> list[URLPattern]:
        lift = path(
            "<int:pk>/lift/", self.admin_site.admin_view(require_POST(self.lift_view)), name="stimulushold-lift"
        )
        return [lift, *super().get_urls()]

    def lift_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """A researcher has looked: raters may be shown the stimulus again."""
        hold = get_object_or_404(StimulusHold.objects.select_related("stimulus", "session__study"), pk=pk)
        try:
            lift_hold(hold=hold, by=researcher(request), now=timezone.now())
        except DuetError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"{hold.stimulus} is shown to raters again.")
        return HttpResponseRedirect(reverse("admin:studyapp_stimulushold_change", args=[pk]))


@admin.register(TrialMark)
class TrialMarkAdmin(EvidenceAdmin):
    list_display = ["trial", "kind", "side", "text", "marked_at"]
    list_filter = ["session__study", "kind", "side", "session__simulated"]
    list_select_related = ["trial__block"]
    exclude = ["session"]


@admin.register(VoidedTrial)
class VoidedTrialAdmin(EvidenceAdmin):
    list_display = ["trial", "reason", "side", "file_lost", "voided_at", "packed_at"]
    list_filter = ["trial__block__study", "reason", "file_lost"]
    list_select_related = ["trial__block"]


@admin.register(SessionFlag)
class SessionFlagAdmin(EvidenceAdmin):
    list_display = ["session_number", "trial", "rule", "times", "first_at", "last_at"]
    list_filter = ["session__study", "rule", "session__simulated"]
    list_select_related = ["trial__block"]
    exclude = ["session"]
    readonly_fields = ["session_number"]

    @admin.display(description="session")
    def session_number(self, flag: SessionFlag) -> int:
        return flag.session_id
