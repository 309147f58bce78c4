"""Marks, void trials, flags, and held stimuli, which a researcher lets back in here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.views.decorators.http import require_POST

from studyapp import rights
from studyapp.actions.marks import lift_hold
from studyapp.admin.base import EvidenceAdmin, ManyRowsAdmin, video
from studyapp.errors import WrongState
from studyapp.models import SessionFlag, Stimulus, StimulusHold, TrialMark, VoidedTrial
from studyapp.views.staff import researcher

_SILENT = (
    "The clip without its soundtrack, which would tell the system: you do not see the names of systems in a study "
    "that shows it. Ask a member who does to listen."
)


@admin.register(StimulusHold)
class StimulusHoldAdmin(EvidenceAdmin):
    list_display = ["shown", "reason", "held_at", "lifted_at", "lifted_by"]
    lead = "A held stimulus is shown to nobody until a researcher has looked at it. Open one to let it back in."
    nothing_yet = "Nothing is held. A rater’s “offensive”, or a file that is lost, holds a stimulus."
    list_filter = ["reason", ("lifted_at", admin.EmptyFieldListFilter), "session__study"]
    list_select_related = ["stimulus__clip", "stimulus__system", "lifted_by"]
    fields = ["video", "shown", "reason", "held_at", "lifted_at", "lifted_by"]
    readonly_fields = ["video", "shown"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        user = researcher(request)
        named = rights.told_by_name(Stimulus.objects.filter(pk=OuterRef("stimulus")), to=user)
        mine: QuerySet[Any] = rights.holds_of(super().get_queryset(request), user=user)
        told: QuerySet[Any] = mine.annotate(named=Exists(named))
        return told

    @admin.display(description="stimulus")
    def shown(self, hold: Any) -> str:
        """Without its system for who may not see the names of a study that shows it."""
        return str(hold.stimulus if hold.named else hold.stimulus.clip)

    @admin.display(description="video")
    def video(self, hold: Any) -> str:
        """Silent for who may not see the names of a study that shows it: the sound would tell the system."""
        if hold.named:
            return video(reverse("research-stimulus-video", args=[hold.stimulus_id]))
        picture = video(reverse("research-clip-video", args=[hold.stimulus.clip_id]))
        return format_html("{}<p>{}</p>", picture, _SILENT)

    def get_urls(self) -> list[URLPattern]:
        lift = path(
            "<id:pk>/lift/", self.admin_site.admin_view(require_POST(self.lift_view)), name="stimulushold-lift"
        )
        return [lift, *super().get_urls()]

    def lift_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """A researcher has looked: raters may be shown the stimulus again."""
        hold = get_object_or_404(self.get_queryset(request).select_related("session__study"), pk=pk)
        try:
            lift_hold(hold=hold, by=researcher(request), now=timezone.now())
        except WrongState:
            # Not in the action's words, which name the system.
            messages.error(request, f"{self.shown(hold)} was let back in already.")
        else:
            messages.success(request, f"{self.shown(hold)} is shown to raters again.")
        return HttpResponseRedirect(reverse("admin:studyapp_stimulushold_change", args=[pk]))


@admin.register(TrialMark)
class TrialMarkAdmin(ManyRowsAdmin):
    study_path = "session__study"
    lead = "What a rater said of a trial beside the answers. Comments are in their own words."
    nothing_yet = "No rater marked a trial yet."
    list_display = ["trial", "kind", "side", "text", "marked_at"]
    list_filter = ["session__study", "kind", "side", "session__simulated"]
    list_select_related = ["trial__block"]
    exclude = ["session"]


@admin.register(VoidedTrial)
class VoidedTrialAdmin(EvidenceAdmin):
    lead = "A void trial is one that its rater is not asked about; its comparison goes to another block."
    nothing_yet = "No trial is void."
    study_path = "trial__block__study"
    list_display = ["trial", "reason", "side", "file_lost", "voided_at", "packed_at"]
    list_filter = ["trial__block__study", "reason", "file_lost"]
    list_select_related = ["trial__block"]


@admin.register(SessionFlag)
class SessionFlagAdmin(ManyRowsAdmin):
    study_path = "session__study"
    lead = "A flag marks something our page never sends. It is for whoever screens answers, and excludes nobody."
    nothing_yet = "No session is flagged."
    list_display = ["session_number", "trial", "rule", "times", "first_at", "last_at"]
    list_filter = ["session__study", "rule", "session__simulated"]
    list_select_related = ["trial__block"]
    exclude = ["session"]
    readonly_fields = ["session_number"]

    @admin.display(description="session")
    def session_number(self, flag: SessionFlag) -> int:
        return flag.session_id
