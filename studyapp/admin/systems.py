"""Systems: what the registry offers, what was added, and soundtracks that researchers bring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import NON_FIELD_ERRORS
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_GET, require_POST

from generation import registry
from generation.contracts import GenerationError, SystemSpec
from studyapp.actions.systems import (
    SoundtrackMatch,
    change_settings,
    ensure_system,
    import_soundtracks,
    soundtrack_match,
)
from studyapp.actions.trying import find_clip, latest, try_on
from studyapp.admin.base import ResearchAdmin
from studyapp.admin.forms import RegistryForm, SoundtracksForm
from studyapp.admin.system_list import StandingFilter, counted
from studyapp.errors import DuetError
from studyapp.models import Clip, Study, System
from studyapp.states import StimulusState
from studyapp.views.staff import researcher

IMPORTED = "imported"
CLIPS_OFFERED = 200
"""Clips named in the list one may choose from; any other may be typed."""


@dataclass(frozen=True, slots=True)
class Offer:
    """One system of the registry, as a card."""

    spec: SystemSpec
    form: RegistryForm
    needs: tuple[str, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]
    closed: str = ""


def needs_of(spec: SystemSpec) -> tuple[str, ...]:
    """What a researcher should know before choosing a system."""
    needs = ["a GPU where there is one; a CPU is slower"] if spec.needs_accelerator else []
    if spec.donors:
        needs.append("clips with original audio")
    if spec.reads_text:
        needs.append("a caption, where it reads one" if spec.text_optional else "a caption for each clip")
    return tuple(needs)


def offers() -> list[Offer]:
    """Every system of the registry that is added by a click."""
    rows: dict[str, list[str]] = {}
    for key, slug in System.objects.values_list("key", "slug"):
        rows.setdefault(key, []).append(slug)
    return [
        _offer(spec, tuple(rows.get(spec.key, ()))) for spec in registry.SYSTEMS.values() if spec.key != IMPORTED
    ]


def _offer(spec: SystemSpec, added: tuple[str, ...]) -> Offer:
    missing = tuple(preset for preset in spec.presets if not _has_weights(spec, preset))
    here = tuple(preset for preset in spec.presets if preset not in missing)
    choices, closed = _choices(spec)
    form = RegistryForm(spec, here or spec.presets, choices)
    return Offer(spec=spec, form=form, needs=needs_of(spec), missing=missing, added=added, closed=closed)


def _choices(spec: SystemSpec) -> tuple[dict[str, tuple[str, ...]], str]:
    """What the settings may be, and why that is not known on this server, if so."""
    try:
        return registry.options(spec.key), ""
    except GenerationError as error:
        text = str(error)
        return dict(spec.choices), text[:1].upper() + text[1:]


def _has_weights(spec: SystemSpec, preset: str) -> bool:
    return all((registry.ROOM / "weights" / name).exists() for name in spec.weights.get(preset, ()))


class SettingsForm(RegistryForm):
    """The settings of a system that is there, as they stand."""

    def __init__(self, system: System, data: Any = None):
        spec = registry.spec(system.key)
        super().__init__(spec, (system.preset,), _choices(spec)[0], data)
        for name in ("preset", "slug"):
            del self.fields[name]
        for name, value in system.settings.items():
            if name in self.fields:
                self.fields[name].initial = value


@admin.register(System)
class SystemAdmin(ResearchAdmin):
    list_display = ["slug", "label", "standing", "sees", "settings", "used", "made", "created_at"]
    list_filter = [StandingFilter, "preset"]
    search_fields = ["slug", "label"]
    change_form_template = "admin/studyapp/system/change_form.html"

    def get_ordering(self, request: HttpRequest) -> list[Any]:
        return ["rank", "slug"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        """With how often each is used, in one query; not the parent's, which would sort by what it lacks."""
        mine = Study.objects.visible_to(researcher(request))
        return counted(self.model._default_manager.all(), mine).order_by(*self.get_ordering(request))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A system's digest says what it is: other settings are another system.
        return False

    @admin.display(description="is", ordering="rank")
    def standing(self, system: System) -> str:
        return system.card.standing

    @admin.display(description="sees")
    def sees(self, system: System) -> str:
        return system.card.sees

    @admin.display(description="studies", ordering="used")
    def used(self, system: Any) -> int:
        return int(system.used)

    @admin.display(description="soundtracks", ordering="made")
    def made(self, system: Any) -> int:
        return int(system.made)

    def is_unused(self, obj: System) -> bool:
        paired = Study.objects.filter(Q(pairs__system_1=obj) | Q(pairs__system_2=obj))
        return not obj.stimuli.exists() and not paired.exists()

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("add/<slug:key>/", wrap(require_POST(self.add_from_registry)), name="studyapp_system_add_key"),
            path("bring/", wrap(require_POST(self.bring)), name="studyapp_system_bring"),
            path("<id:pk>/settings/", wrap(require_POST(self.settle)), name="studyapp_system_settings"),
            path("<id:pk>/try/", wrap(require_POST(self.try_one)), name="studyapp_system_try"),
            path("<id:pk>/tried/", wrap(require_GET(self.tried)), name="studyapp_system_tried"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return self._page(request, SoundtracksForm())

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        system = System.objects.filter(pk=object_id).first() if object_id.isdigit() else None
        if system is None:
            return super().change_view(request, object_id, form_url, extra_context)
        match = None
        try:
            match = soundtrack_match(system) if system.key == IMPORTED else None
        except DuetError as error:
            messages.error(request, str(error))
        clips = Clip.objects.order_by("dataset", "clip_id")[:CLIPS_OFFERED]
        context = {
            "match": match,
            "card": system.card,
            "clips": clips,
            "settings_form": (extra_context or {}).get("settings_form") or SettingsForm(system),
            **self._tried(request, system),
        }
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), **context})

    def settle(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Give a system other settings while nothing was made with those it has."""
        system = get_object_or_404(System, pk=pk)
        form = SettingsForm(system, request.POST)
        if form.is_valid():
            try:
                change_settings(system=system, settings=form.chosen_settings(), by=researcher(request))
            except DuetError as error:
                text = str(error)
                form.add_error(None, text[:1].upper() + text[1:])
            else:
                messages.success(
                    request, f"{system.slug} has other settings. Drafts with it build their design again."
                )
                return HttpResponseRedirect(reverse("admin:studyapp_system_change", args=[pk]))
        for name, problems in form.errors.items():
            named = "" if name == NON_FIELD_ERRORS else f"{name}: "
            messages.error(request, f"Nothing was saved. {named}{' '.join(map(str, problems))}")
        # The system's page, to be looked at, with the settings as they were typed.
        request.method = "GET"
        return self.change_view(request, str(pk), extra_context={"settings_form": form})

    def try_one(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Ask for the soundtrack of one clip; what stands in the way is told on the system's page."""
        system = get_object_or_404(System, pk=pk)
        try:
            clip = find_clip(request.POST.get("clip", ""))
            try_on(system=system, clip=clip, by=researcher(request))
        except DuetError as error:
            text = str(error)
            messages.error(request, text[:1].upper() + text[1:])
        else:
            messages.success(request, f"{system.slug} was asked to score {clip}.")
        return HttpResponseRedirect(reverse("admin:studyapp_system_change", args=[pk]))

    def tried(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What was last asked of the system, as a fragment that the page asks for while something is under way."""
        system = get_object_or_404(System, pk=pk)
        response = TemplateResponse(request, "admin/studyapp/system/_tried.html", self._tried(request, system))
        response["Cache-Control"] = "no-store"
        return response

    def _tried(self, request: HttpRequest, system: System) -> dict[str, Any]:
        stimuli = latest(system, to=researcher(request))
        waiting = any(one.state in (StimulusState.REQUESTED, StimulusState.RENDERING) for one in stimuli)
        return {"stimuli": stimuli, "poll_s": 2 if waiting else 0}

    def add_from_registry(self, request: HttpRequest, key: str) -> HttpResponse:
        spec = registry.SYSTEMS.get(key)
        if spec is None or key == IMPORTED:
            messages.error(request, f"There is no system {key!r} to add.")
            return self._back()
        form = RegistryForm(spec, spec.presets, _choices(spec)[0], request.POST)
        if not form.is_valid():
            for name, problems in form.errors.items():
                messages.error(request, f"{name}: {' '.join(map(str, problems))}")
            return self._back()
        chosen = form.chosen_settings()
        try:
            system = ensure_system(
                key=key,
                preset=form.cleaned_data["preset"],
                settings=chosen,
                slug=form.cleaned_data["slug"] or None,
                by=researcher(request),
            )
        except DuetError as error:
            messages.error(request, str(error))
        else:
            messages.success(request, f"The system {system.slug} can be used in studies.")
        return self._back()

    def bring(self, request: HttpRequest) -> HttpResponse:
        form = SoundtracksForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._page(request, form)
        files = [(str(upload.name), upload.file) for upload in form.cleaned_data["uploads"]]
        try:
            system = import_soundtracks(model=form.cleaned_data["model"], files=files, by=researcher(request))
            match = soundtrack_match(system)
        except DuetError as error:
            messages.error(request, str(error))
            return self._page(request, form)
        self._tell(request, system, match)
        return HttpResponseRedirect(reverse("admin:studyapp_system_change", args=[system.pk]))

    def _tell(self, request: HttpRequest, system: System, match: SoundtrackMatch) -> None:
        messages.success(request, f"Of the files of {system.slug}, {len(match.matched)} match a clip.")
        if match.unmatched:
            messages.warning(
                request,
                f"{len(match.unmatched)} files name no clip there is yet; import those clips or rename the files.",
            )

    def _page(self, request: HttpRequest, form: SoundtracksForm) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": "Add systems",
            "opts": self.opts,
            "offers": offers(),
            "soundtracks": form,
        }
        return TemplateResponse(request, "admin/studyapp/system/add.html", context)

    def _back(self) -> HttpResponseRedirect:
        return HttpResponseRedirect(reverse("admin:studyapp_system_add"))
