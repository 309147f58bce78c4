"""Clips: browse, describe, import."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from studyapp import media_store
from studyapp.actions.clips import ImportProgress, ImportReport, describe_clip, import_clips, is_settled
from studyapp.admin.base import ResearchAdmin, video
from studyapp.admin.forms import ClipFolderForm, ClipUploadForm
from studyapp.admin.import_stream import Work, streamed
from studyapp.admin.uploads import unpack
from studyapp.errors import DuetError
from studyapp.models import Clip
from studyapp.views.staff import researcher

DESCRIPTION = ("genre", "caption", "licence")


class HasAudioFilter(admin.SimpleListFilter):
    title = "original audio"
    parameter_name = "audio"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "With"), ("no", "Without")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "yes":
            return queryset.exclude(audio_file="")
        return queryset.filter(audio_file="") if self.value() == "no" else queryset


@admin.register(Clip)
class ClipAdmin(ResearchAdmin):
    list_display = [
        "poster",
        "clip_id",
        "dataset",
        "genre",
        "length",
        "size",
        "original_audio",
        "short_caption",
        "licence",
    ]
    list_filter = ["dataset", "genre", HasAudioFilter]
    search_fields = ["clip_id", "caption", "source_name"]
    list_display_links = ["clip_id"]
    change_list_template = "admin/studyapp/clip/change_list.html"
    fieldsets = [
        (None, {"fields": ["video", "clip_id", "dataset", *DESCRIPTION]}),
        ("Source", {"fields": ["source_name", "source_sha256", "start_s", "created_at"]}),
        ("Master", {"fields": ["length", "size", "frame_rate", "original_audio", "master_sha256"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        fixed = [
            "video",
            "clip_id",
            "dataset",
            "source_name",
            "source_sha256",
            "start_s",
            "created_at",
            "length",
            "size",
        ]
        fixed += ["frame_rate", "original_audio", "master_sha256"]
        return [*fixed, *DESCRIPTION] if obj is not None and is_settled(obj) else fixed

    def has_add_permission(self, request: HttpRequest) -> bool:
        # A clip comes from a video: the import page makes it.
        return False

    def is_unused(self, obj: Clip) -> bool:
        return not obj.stimuli.exists() and not obj.studies.exists()

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        changes = {name: form.cleaned_data[name] for name in form.changed_data}
        if changes:
            describe_clip(clip=obj, by=researcher(request), **changes)

    @admin.display(description="")
    def poster(self, clip: Clip) -> SafeString:
        # What the picture shows is said by the clip's name beside it.
        source = reverse("research-clip-poster", args=[clip.pk])
        return format_html('<img class="poster" src="{}" alt="" width="96" height="54" loading="lazy">', source)

    @admin.display(description="video, silent")
    def video(self, clip: Clip) -> SafeString:
        return video(reverse("research-clip-video", args=[clip.pk]))

    @admin.display(description="length", ordering="duration_s")
    def length(self, clip: Clip) -> str:
        return f"{clip.duration_s:g} s"

    @admin.display(description="picture")
    def size(self, clip: Clip) -> str:
        return f"{clip.width} × {clip.height}"

    @admin.display(description="original audio", boolean=True)
    def original_audio(self, clip: Clip) -> bool:
        return bool(clip.audio_file)

    @admin.display(description="caption")
    def short_caption(self, clip: Clip) -> str:
        return clip.caption if len(clip.caption) <= 60 else f"{clip.caption[:60]}…"

    def get_urls(self) -> list[URLPattern]:
        page = path("import/", self.admin_site.admin_view(self.import_view), name="studyapp_clip_import")
        return [page, *super().get_urls()]

    def import_view(self, request: HttpRequest) -> HttpResponseBase:
        """Two ways in, upload or folder; what becomes of each file is shown as it happens."""
        if not self.has_change_permission(request):
            raise PermissionDenied
        by_folder = "folder-folder" in request.POST
        sent = request.method == "POST"
        upload = ClipUploadForm(request.POST, request.FILES) if sent and not by_folder else ClipUploadForm()
        folder = ClipFolderForm(request.POST) if by_folder else ClipFolderForm()
        asked = folder if by_folder else upload
        work = self._work(request, asked) if sent and asked.is_valid() else None
        context = {
            **self.admin_site.each_context(request),
            "title": "Import clips",
            "opts": self.opts,
            "upload": upload,
            "folder": folder,
            "importing": work is not None,
        }
        page = TemplateResponse(request, "admin/studyapp/clip/import.html", context)
        return streamed(page.render().text, work) if work else page

    def _work(self, request: HttpRequest, form: ClipFolderForm | ClipUploadForm) -> Work | None:
        """The import that a form asks for; None, with a message, when what was sent cannot be unpacked."""
        asked = form.cleaned_data
        choices = {"dataset": asked["dataset"], "length_s": asked["length_s"], "by": researcher(request)}
        if isinstance(form, ClipFolderForm):
            return partial(_import, Path(asked["folder"]), choices, None)
        # Kept beyond this request: the import outlives it when the browser leaves.
        scratch = Path(tempfile.mkdtemp(prefix="duet-upload-", dir=media_store.scratch()))
        try:
            return partial(_import, unpack(asked["uploads"], scratch), choices, scratch)
        except DuetError as error:
            shutil.rmtree(scratch, ignore_errors=True)
            messages.error(request, str(error))
            return None
        except BaseException:
            shutil.rmtree(scratch, ignore_errors=True)
            raise


def _import(source: Path, choices: dict[str, Any], scratch: Path | None, progress: ImportProgress) -> ImportReport:
    try:
        return import_clips(source=source, progress=progress, **choices)
    finally:
        if scratch:
            shutil.rmtree(scratch, ignore_errors=True)
