"""Studies: the list, the form of a draft, and what would follow from it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.views.decorators.http import require_POST

from studyapp import rights
from studyapp.actions.studies import change_study, create_study
from studyapp.admin.base import ResearchAdmin, refuse
from studyapp.admin.draft_form import DraftForm
from studyapp.admin.study_form import (
    BEFORE,
    CHECKS,
    CONSENT,
    NUMBERS,
    PILOT,
    PLAIN,
    PLAN,
    RECRUITING,
    TEXTS,
    StudyForm,
)
from studyapp.admin.trying_out import named, try_out
from studyapp.errors import DuetError
from studyapp.models import Clip, Study, StudySession, System
from studyapp.plan import planning
from studyapp.policies import design_is_editable
from studyapp.states import StudyState
from studyapp.views.staff import researcher


@admin.register(Study)
class StudyAdmin(ResearchAdmin):
    study_path = "pk"
    form = DraftForm
    list_display = ["home", "state", "clip_count", "session_count", "created_by", "created_at"]
    list_display_links = None
    list_filter = ["state"]
    search_fields = ["title", "slug"]
    list_select_related = ["created_by"]
    prepopulated_fields = {"slug": ["title"]}
    change_form_template = "admin/studyapp/study/change_form.html"
    fieldsets = [
        (None, {"fields": ["title", "slug"]}),
        ("Clips", {"fields": ["clips"]}),
        ("Systems and pairs", {"fields": ["pairs"]}),
        ("How many", {"fields": [NUMBERS[:2], NUMBERS[2:4], *PILOT]}),
        (
            "Analysis plan",
            {
                "description": "Declared before anybody answers, frozen when the study opens, and printed in the "
                "pre-registration and the report.",
                "fields": [PLAN[1], "primary_pairs", PLAN[0], PLAN[2:5], PLAN[5]],
            },
        ),
        (
            "Checks of raters",
            {"classes": ["collapse"], "fields": [CHECKS[:3], CHECKS[3:5], CHECKS[5:7], CHECKS[7:]]},
        ),
        ("What raters read", {"classes": ["collapse"], "fields": [TEXTS[:2], *TEXTS[2:]]}),
        (
            "Consent, time and pay",
            {"classes": ["collapse"], "fields": [CONSENT[:2], CONSENT[2:4], CONSENT[4], CONSENT[5:]]},
        ),
        (
            "Before the trials, and breaks",
            {"classes": ["collapse"], "fields": [BEFORE[:3], BEFORE[3:6], *BEFORE[6:]]},
        ),
        (
            "Where raters come from",
            {"classes": ["collapse"], "fields": [*RECRUITING[:3], RECRUITING[3:]]},
        ),
        ("Fine print", {"classes": ["collapse"], "fields": list(NUMBERS[4:])}),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        studies: QuerySet[Any] = super().get_queryset(request)
        # One count a subquery: joined together, clips and sessions would multiply.
        clips = Clip.objects.filter(studies=OuterRef("pk")).order_by().values("studies")
        sessions = StudySession.objects.counted().filter(study=OuterRef("pk")).order_by().values("study")
        counted: QuerySet[Any] = studies.annotate(
            clip_total=Coalesce(Subquery(clips.annotate(number=Count("pk")).values("number")), 0),
            session_total=Coalesce(Subquery(sessions.annotate(number=Count("pk")).values("number")), 0),
        )
        return counted

    def get_prepopulated_fields(self, request: HttpRequest, obj: Any = None) -> dict[str, Any]:
        # A study's address stands once it has one.
        return {} if obj else dict(self.prepopulated_fields)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and (
            obj is None or rights.may(request.user, rights.CHANGE, obj)
        )

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and rights.may(request.user, rights.DELETE, obj)

    def is_unused(self, obj: Study) -> bool:
        return obj.state == StudyState.DRAFT and not obj.datasets.exists() and not obj.sessions.exists()

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """A draft's design goes with it, though nobody may delete a block or comparison by itself."""
        found, counts, _, protected = super().get_deleted_objects(objs, request)
        return found, counts, set(), protected

    @admin.display(description="study", ordering="title")
    def home(self, study: Study) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("research-study", args=[study.slug]), study.title)

    @admin.display(description="clips")
    def clip_count(self, study: Any) -> int:
        return int(study.clip_total)

    @admin.display(description="sessions")
    def session_count(self, study: Any) -> int:
        return int(study.session_total)

    def get_urls(self) -> list[URLPattern]:
        follows = self.admin_site.admin_view(require_POST(self.follows_view))
        power = self.admin_site.admin_view(require_POST(self.power_view))
        return [
            path("follows/", follows, name="studyapp_study_follows"),
            path("<id:pk>/follows/", follows, name="studyapp_study_follows_of"),
            path("power/", power, name="studyapp_study_power"),
            path("<id:pk>/power/", power, name="studyapp_study_power_of"),
            *super().get_urls(),
        ]

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """Two who save at once take turns at the row: the second compares with what the first has written."""
        if request.method == "POST" and object_id.isdigit() and transaction.get_connection().in_atomic_block:
            Study.objects.select_for_update().filter(pk=object_id).first()
        return super().get_object(request, object_id, from_field)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        study = self.get_queryset(request).filter(pk=object_id).first() if object_id.isdigit() else None
        why_not = ""
        if study and not design_is_editable(StudyState(study.state)):
            why_not = f"{study} is {study.standing}: its design stands as it is."
        elif study and not self.has_change_permission(request, study):
            # The form read-only would show codes that are worth money.
            why_not = f"Owners and editors change {study}; ask one of them."
        if study and why_not and request.method == "POST" and self.has_change_permission(request, study):
            # What was typed before others went on still stands in the form.
            refuse(request, why_not)
        elif study and why_not:
            messages.warning(request, why_not)
            return HttpResponseRedirect(reverse("research-study", args=[study.slug]))
        return super().change_view(request, object_id, form_url, extra_context)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        # The list of systems is ordered by columns that it counts itself.
        if db_field.remote_field.model is System:
            kwargs["queryset"] = System.objects.all()
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        by = researcher(request)
        if not change:
            made = create_study(
                title=form.cleaned_data["title"],
                slug=form.cleaned_data["slug"],
                clips=form.cleaned_data["clips"],
                pairs=form.chosen_pairs(),
                by=by,
                **form.chosen_numbers(),
            )
            obj.pk, obj._state.adding = made.pk, False
            return
        fields = [name for name in form.changed_data if name in ("title", "slug", "primary_pairs", *PLAIN)]
        # Duet's own texts change with the language, though nobody typed them.
        said = {name: form.cleaned_data[name] for name in TEXTS}
        fields += [name for name in said if name not in fields and said[name] != form.initial.get(name)]
        change_study(
            study=obj,
            clips=form.cleaned_data["clips"] if "clips" in form.changed_data else None,
            pairs=form.chosen_pairs() if "pairs" in form.changed_data else None,
            by=by,
            **{name: form.cleaned_data[name] for name in fields},
        )

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        """Clips and pairs are written by the actions that save_model calls."""

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: str | None = None) -> HttpResponse:
        messages.success(request, f"{obj} is a draft now. Next: build its design.")
        return HttpResponseRedirect(reverse("research-study", args=[obj.slug]))

    def response_change(self, request: HttpRequest, obj: Any) -> HttpResponse:
        messages.success(request, f"{obj} was changed.")
        return HttpResponseRedirect(reverse("research-study", args=[obj.slug]))

    def follows_view(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """What would follow from the form as it is filled in now, as a fragment; nothing is kept."""
        form = self._filled_in(request, pk)
        if form.is_valid():
            return render(request, "admin/studyapp/study/_follows.html", try_out(form))
        problems = [
            f"{form.fields[name].label or name}: {' '.join(map(str, lines))}"
            for name, lines in form.errors.items()
        ]
        return render(request, "admin/studyapp/study/_follows.html", {"follows": None, "problems": problems})

    def power_view(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """How likely the form's plan is to show the smallest difference that matters, simulated in short."""
        form = self._filled_in(request, pk)
        found = try_out(form) if form.is_valid() else {}
        context: dict[str, Any] = {"chance": None, "problem": ""}
        # The transaction is over: nobody waits for the simulation.
        if found.get("shape"):
            try:
                context["chance"] = planning.chance(found["shape"], net=form.cleaned_data["margin"])
            except DuetError as error:
                context["problem"] = str(error)
        return render(request, "admin/studyapp/study/_power.html", context)

    def _filled_in(self, request: HttpRequest, pk: int | None) -> StudyForm:
        study = self.get_queryset(request).filter(pk=pk, state=StudyState.DRAFT).first() if pk else None
        if study and not self.has_change_permission(request, study):
            raise PermissionDenied
        return StudyForm(named(request.POST), instance=study)
