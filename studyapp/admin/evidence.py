"""Stimuli, design, sessions and answers, to be read.

Tokens of sessions and trials are left out: whoever holds one can act as that rater.
"""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html_join
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from studyapp import rights
from studyapp.actions.stimuli import retry_one
from studyapp.admin.base import EvidenceAdmin, ManyRowsAdmin, ManyTrialsAdmin, video
from studyapp.admin.lists import Choices, Systems
from studyapp.models import (
    Block,
    Comparison,
    PlayEvent,
    Presentation,
    Response,
    Stimulus,
    StudySession,
    Trial,
)
from studyapp.states import StimulusState
from studyapp.views.staff import researcher


@admin.register(Stimulus)
class StimulusAdmin(EvidenceAdmin):
    lead = "A stimulus (processed sequence, PVS) is one clip with one system’s music, rendered for one seed."
    nothing_yet = "No stimulus yet. Build a study’s design and start generation, or try a system on a clip."
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
    list_filter = ["state", ("system", Systems), "clip__genre", "clip__dataset"]
    explained = {
        "seed": "What chance is drawn from: the same seed gives the same soundtrack.",
        "target_lufs": "Integrated loudness that the soundtrack was brought to, ITU-R BS.1770.",
        "true_peak_dbtp": "Highest peak between samples, dB relative to full scale (BS.1770 annex 2).",
        "gain_db": "By how much the system’s own soundtrack was made louder or softer.",
        "settings_digest": "SHA-256 of the system’s key, preset and settings.",
        "weights_digest": "SHA-256 of its weights; empty where it has none.",
        "sources_digest": "SHA-256 of the code that made it.",
        "attempt": "How often a worker took it.",
    }
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

    change_form_template = "admin/studyapp/stimulus/change_form.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return rights.told_by_name(super().get_queryset(request), to=researcher(request))

    def get_urls(self) -> list[URLPattern]:
        again = self.admin_site.admin_view(require_POST(self.again))
        return [path("<id:pk>/again/", again, name="studyapp_stimulus_again"), *super().get_urls()]

    def again(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask again for one that failed, and go back to where the button was."""
        stimulus = get_object_or_404(self.get_queryset(request), pk=pk)
        if retry_one(stimulus=stimulus, by=researcher(request)):
            messages.success(request, f"{stimulus} was asked for again.")
        else:
            messages.info(request, f"{stimulus} has not failed; there is nothing to try again.")
        back = request.POST.get("next", "")
        if not url_has_allowed_host_and_scheme(back, {request.get_host()}, request.is_secure()):
            back = reverse("admin:studyapp_stimulus_change", args=[pk])
        return HttpResponseRedirect(back)

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
    study_path = "study"
    tells_names = True
    lead = "A comparison is an unordered pair of stimuli of one clip; 1 and 2 are the order of its system pair."
    nothing_yet = "No comparison yet. They are made when a study’s design is built, on the study’s page."
    list_display = ["clip", "system_1", "system_2", "kind", "study"]
    list_filter = ["study", "kind", "clip__genre"]
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
    study_path = "study"
    lead = "A block (playlist) is the ordered trials of one session. It is given to one rater, once."
    nothing_yet = "No block yet. They are made when a study’s design is built, on the study’s page."
    list_display = ["number", "study", "origin", "wave", "state", "trial_count"]
    list_filter = ["study", "state", "origin"]
    explained = {
        "number": "In its study; a pilot’s blocks have the numbers of those they are copies of.",
        "origin": "Planned with the design, packed again of what others left, an extension, or a pilot’s copy.",
    }
    list_select_related = ["study"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        blocks: QuerySet[Any] = super().get_queryset(request)
        # Beside each row and not joined: the fifty rows of a page are counted, not every block there is.
        trials = Trial.objects.filter(block=OuterRef("pk")).order_by().values("block")
        counted: QuerySet[Any] = blocks.annotate(
            trial_total=Coalesce(Subquery(trials.annotate(number=Count("pk")).values("number")), 0)
        )
        return counted

    @admin.display(description="trials")
    def trial_count(self, block: Any) -> int:
        return int(block.trial_total)


@admin.register(Trial)
class TrialAdmin(ManyTrialsAdmin):
    study_path = "block__study"
    tells_names = True
    lead = "A trial shows one comparison to one rater: which stimulus is A (left), and which is played first."
    nothing_yet = "No trial yet. They are made when a study’s design is built, on the study’s page."
    list_display = ["block", "position", "clip", "kind", "left_is_1", "played_first"]
    list_filter = ["block__study", "kind"]
    search_fields = ["comparison__clip__clip_id"]
    search_help_text = "The name of a clip, among the newest blocks."
    explained = {"kind": "Test trials are estimated from; gold, repeat and identical ones check raters."}
    list_select_related = ["block", "comparison__clip"]
    exclude = ["repeat_of", "comparison"]
    readonly_fields = ["clip"]

    @admin.display(description="clip")
    def clip(self, trial: Trial) -> str:
        return trial.comparison.clip.clip_id


@admin.register(StudySession)
class StudySessionAdmin(EvidenceAdmin):
    study_path = "study"
    lead = "A session is one rater’s run through one block, from consent to the end."
    nothing_yet = "Nobody took part yet. Open a study and send raters its link."
    list_display = ["id", "study", "block", "state", "simulated", "consented_at", "last_seen_at", "completed_at"]
    list_filter = ["study", "state", "simulated"]
    list_select_related = ["study", "block"]
    search_fields = ["=id"]
    search_help_text = "The number of a session."
    sortable_by = ["id"]
    exclude = ["token", "rater", "receipt_sha256"]
    readonly_fields = ["rows_of_it"]
    explained = {
        "consent_version": "Of the study, when this rater agreed.",
        "expires_at": "A session that is silent until then ends, and what it left is asked of others.",
        "started_at": "When the first trial was shown.",
    }

    @admin.display(description="what it left")
    def rows_of_it(self, session: StudySession) -> SafeString:
        """Everything of one session, however old."""
        return format_html_join(
            " · ",
            '<a href="{}?q={}">{}</a>',
            (
                (reverse(f"admin:studyapp_{name}_changelist"), session.pk, label)
                for name, label in (
                    ("response", "answers"),
                    ("presentation", "presentations"),
                    ("playevent", "play events"),
                    ("trialmark", "marks"),
                    ("steptry", "steps before the trials"),
                    ("sessionflag", "flags"),
                )
            ),
        )


@admin.register(Presentation)
class PresentationAdmin(ManyRowsAdmin):
    study_path = "session__study"
    lead = "When the server showed a trial and gave out each side’s video: the floor for what a browser claims."
    list_display = ["id", "session_number", "trial", "shown_at", "left_served_at", "right_served_at"]
    list_filter = ["session__study", "session__simulated"]
    list_select_related = ["trial__block"]
    exclude = ["session"]
    readonly_fields = ["session_number"]

    @admin.display(description="session")
    def session_number(self, presentation: Presentation) -> int:
        return presentation.session_id


@admin.register(PlayEvent)
class PlayEventAdmin(ManyRowsAdmin):
    study_path = "presentation__session__study"
    newest_of = "presentation__session"
    lead = "What a player did, as the browser told it: which side, where in the video, and when."
    list_display = ["presentation_number", "number", "side", "kind", "media_time_s", "clock_s", "received_at"]
    list_filter = ["presentation__session__study", "kind", "side"]
    explained = {
        "media_time_s": "Where in the video, in seconds.",
        "received_at": "When the server got it.",
    }
    exclude = ["presentation"]
    readonly_fields = ["presentation_number"]

    @admin.display(description="presentation")
    def presentation_number(self, event: PlayEvent) -> int:
        return event.presentation_id


@admin.register(Response)
class ResponseAdmin(ManyRowsAdmin):
    study_path = "session__study"
    lead = (
        "One answer to one question of one trial, as presented: 1 is “A is much better”, 5 is “B is much better”."
    )
    nothing_yet = "No answer yet. They appear here as raters give them; nobody can change one."
    list_display = [
        "session_number",
        "trial",
        "question",
        "choice",
        "coverage_left",
        "coverage_right",
        "answered_at",
    ]
    list_filter = ["session__study", "question", Choices, "session__simulated"]
    list_select_related = ["trial__block"]
    exclude = ["session"]
    readonly_fields = ["session_number"]

    @admin.display(description="session")
    def session_number(self, response: Response) -> int:
        return response.session_id
