"""Systems: what the registry offers, what was added, and soundtracks that researchers bring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST

from generation import registry
from generation.contracts import SystemSpec
from studyapp.actions.systems import SoundtrackMatch, ensure_system, import_soundtracks, soundtrack_match
from studyapp.admin.base import ResearchAdmin
from studyapp.admin.forms import RegistryForm, SoundtracksForm
from studyapp.errors import DuetError
from studyapp.models import Study, System
from studyapp.views.staff import researcher

IMPORTED = "imported"


@dataclass(frozen=True, slots=True)
class Offer:
    """One system of the registry, as a card."""

    spec: SystemSpec
    form: RegistryForm
    needs: tuple[str, ...]
    missing: tuple[str, ...]
    added: tuple[str, ...]


def needs_of(spec: SystemSpec) -> tuple[str, ...]:
    """What a researcher should know before choosing a system."""
    needs = ["a GPU where there is one; a CPU is slower"] if spec.needs_accelerator else []
    if spec.donors:
        needs.append("clips with original audio")
    if spec.reads_text:
        needs.append("a caption for each clip")
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
    form = RegistryForm(spec, here or spec.presets)
    return Offer(spec=spec, form=form, needs=needs_of(spec), missing=missing, added=added)


def _has_weights(spec: SystemSpec, preset: str) -> bool:
    return all((registry.ROOM / "weights" / name).exists() for name in spec.weights.get(preset, ()))


@admin.register(System)
class SystemAdmin(ResearchAdmin):
    list_display = ["slug", "label", "key", "preset", "settings", "created_at"]
    list_filter = ["key", "preset"]
    search_fields = ["slug", "label"]
    change_form_template = "admin/studyapp/system/change_form.html"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        # A system's digest says what it is: other settings are another system.
        return False

    def is_unused(self, obj: System) -> bool:
        paired = Study.objects.filter(Q(pairs__system_1=obj) | Q(pairs__system_2=obj))
        return not obj.stimuli.exists() and not paired.exists()

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("add/<slug:key>/", wrap(require_POST(self.add_from_registry)), name="studyapp_system_add_key"),
            path("bring/", wrap(require_POST(self.bring)), name="studyapp_system_bring"),
            *super().get_urls(),
        ]

    def add_view(self, request: HttpRequest, form_url: str = "", extra_context: Any = None) -> HttpResponse:
        return self._page(request, SoundtracksForm())

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        system = System.objects.filter(pk=object_id, key=IMPORTED).first() if object_id.isdigit() else None
        try:
            match = soundtrack_match(system) if system else None
        except DuetError as error:
            messages.error(request, str(error))
            match = None
        return super().change_view(request, object_id, form_url, {**(extra_context or {}), "match": match})

    def add_from_registry(self, request: HttpRequest, key: str) -> HttpResponse:
        spec = registry.SYSTEMS.get(key)
        if spec is None or key == IMPORTED:
            messages.error(request, f"There is no system {key!r} to add.")
            return self._back()
        form = RegistryForm(spec, spec.presets, request.POST)
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
