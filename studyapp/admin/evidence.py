"""Stimuli, design, sessions, answers, datasets and the audit trail, to be read.

Tokens of sessions and trials are left out: whoever holds one can act as that rater.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from studyapp.admin.base import EvidenceAdmin, video
from studyapp.models import (
    AuditLine,
    Block,
    Comparison,
    Dataset,
    PlayEvent,
    Presentation,
    Response,
    Stimulus,
    StudySession,
    Trial,
)
from studyapp.states import StimulusState


@admin.register(Stimulus)
class StimulusAdmin(EvidenceAdmin):
    list_display = [
        "clip",
        "system",
        "seed",
        "state",
        "attempt",
        "loudness",
        "peak",
        "gain",
        "short_error",
    ]
    list_filter = ["state", "system", "clip__genre", "clip__dataset"]
    search_fields = ["clip__clip_id", "system__slug", "file_sha256", "key"]
    list_select_related = ["clip", "system"]

    readonly_fields = ["video"]
    fieldsets = [
        (None, {"fields": ["video", "clip", "system", "text", "seed"]}),
        ("Work", {"fields": ["state", "attempt", "progress", "doing", "worker", "last_sign_of_life", "error"]}),
        ("File", {"fields": ["file", "file_sha256", "file_bytes", "duration_s", "ready_at", "artefacts"]}),
        ("Loudness", {"fields": ["target_lufs", "lufs", "true_peak_dbtp", "gain_db"]}),
        ("Made from", {"fields": ["key", "settings_digest", "weights_digest", "sources_digest", "audio_pool"]}),
        ("Made with", {"fields": ["environment"]}),
    ]

    @admin.display(description="video")
    def video(self, stimulus: Stimulus) -> str:
        if stimulus.state != StimulusState.READY:
            return "not ready"
        return video(reverse("research-stimulus-video", args=[stimulus.pk]))

    @admin.display(description="LUFS", ordering="lufs")
    def loudness(self, stimulus: Stimulus) -> str:
        return "" if stimulus.lufs is None else f"{stimulus.lufs:.2f}"

    @admin.display(description="true peak (dBTP)", ordering="true_peak_dbtp")
    def peak(self, stimulus: Stimulus) -> str:
        return "" if stimulus.true_peak_dbtp is None else f"{stimulus.true_peak_dbtp:.1f}"

    @admin.display(description="gain (dB)", ordering="gain_db")
    def gain(self, stimulus: Stimulus) -> str:
        return "" if stimulus.gain_db is None else f"{stimulus.gain_db:+.1f}"

    @admin.display(description="error")
    def short_error(self, stimulus: Stimulus) -> str:
        return stimulus.error[:120]


@admin.register(Comparison)
class ComparisonAdmin(EvidenceAdmin):
    list_display = ["clip", "system_1", "system_2", "study"]
    list_filter = ["study", "clip__genre"]
    search_fields = ["clip__clip_id"]
    list_select_related = ["clip", "study", "stimulus_1__system", "stimulus_2__system"]

    @admin.display(description="system 1")
    def system_1(self, comparison: Comparison) -> str:
        return comparison.stimulus_1.system.slug

    @admin.display(description="system 2")
    def system_2(self, comparison: Comparison) -> str:
        return comparison.stimulus_2.system.slug


@admin.register(Block)
class BlockAdmin(EvidenceAdmin):
    list_display = ["study", "number", "wave", "state", "trial_count"]
    list_filter = ["study", "state", "wave"]
    list_select_related = ["study"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        blocks: QuerySet[Any] = super().get_queryset(request)
        counted: QuerySet[Any] = blocks.annotate(trial_total=Count("trials"))
        return counted

    @admin.display(description="trials")
    def trial_count(self, block: Any) -> int:
        return int(block.trial_total)


@admin.register(Trial)
class TrialAdmin(EvidenceAdmin):
    list_display = ["block", "position", "clip", "kind", "left_is_1", "played_first"]
    list_filter = ["block__study", "kind"]
    search_fields = ["comparison__clip__clip_id"]
    list_select_related = ["block", "comparison__clip"]
    exclude = ["repeat_of", "comparison"]
    readonly_fields = ["clip"]

    @admin.display(description="clip")
    def clip(self, trial: Trial) -> str:
        return trial.comparison.clip.clip_id


@admin.register(StudySession)
class StudySessionAdmin(EvidenceAdmin):
    list_display = ["id", "study", "block", "state", "simulated", "consented_at", "last_seen_at", "completed_at"]
    list_filter = ["study", "state", "simulated"]
    list_select_related = ["study", "block"]
    exclude = ["token", "rater"]


@admin.register(Presentation)
class PresentationAdmin(EvidenceAdmin):
    list_display = ["id", "session_number", "trial", "shown_at", "left_served_at", "right_served_at"]
    list_filter = ["session__study", "session__simulated"]
    list_select_related = ["trial__block"]
    exclude = ["session"]
    readonly_fields = ["session_number"]

    @admin.display(description="session")
    def session_number(self, presentation: Presentation) -> int:
        return presentation.session_id


@admin.register(PlayEvent)
class PlayEventAdmin(EvidenceAdmin):
    list_display = ["presentation_number", "number", "side", "kind", "media_time_s", "clock_s", "received_at"]
    list_filter = ["presentation__session__study", "kind", "side"]
    exclude = ["presentation"]
    readonly_fields = ["presentation_number"]

    @admin.display(description="presentation")
    def presentation_number(self, event: PlayEvent) -> int:
        return event.presentation_id


@admin.register(Response)
class ResponseAdmin(EvidenceAdmin):
    list_display = [
        "session_number",
        "trial",
        "question",
        "choice",
        "coverage_left",
        "coverage_right",
        "answered_at",
    ]
    list_filter = ["session__study", "question", "choice", "session__simulated"]
    list_select_related = ["trial__block"]
    exclude = ["session"]
    readonly_fields = ["session_number"]

    @admin.display(description="session")
    def session_number(self, response: Response) -> int:
        return response.session_id


@admin.register(Dataset)
class DatasetAdmin(EvidenceAdmin):
    list_display = ["study", "created_at", "state", "superseded_at", "rows", "includes_simulated", "sha256"]
    list_filter = ["study", "state", "includes_simulated"]
    list_select_related = ["study"]


@admin.register(AuditLine)
class AuditLineAdmin(EvidenceAdmin):
    list_display = ["at", "by", "verb", "study", "details"]
    list_filter = ["verb", "study"]
    list_select_related = ["by", "study"]
    date_hierarchy = "at"
