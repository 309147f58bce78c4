"""Clips: browse, describe, import."""

from __future__ import annotations

import shutil
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, TextField
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponseBase
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from studyapp import manifest, media_store
from studyapp.actions.clip_descriptions import with_standing_tags
from studyapp.actions.clips import ImportProgress, ImportReport, describe_clip, import_clips, is_settled
from studyapp.admin import refusals
from studyapp.admin.base import ResearchAdmin, video
from studyapp.admin.clip_forms import ClipFolderForm, ClipForm, ClipUploadForm
from studyapp.admin.import_stream import Work, streamed
from studyapp.admin.uploads import unpack
from studyapp.clips import genres, import_folders
from studyapp.clips import sampling as clip_sampling
from studyapp.errors import DuetError
from studyapp.models import Clip, Study
from studyapp.views.staff import researcher

STANDS = ("genre", "caption")
"""What cannot be changed once a soundtrack or an open study rests on it."""


class HasAudioFilter(admin.SimpleListFilter):
    title = "original audio"
    parameter_name = "audio"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "With"), ("no", "Without")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if self.value() == "yes":
            return queryset.exclude(audio_file="")
        return queryset.filter(audio_file="") if self.value() == "no" else queryset


class InUseFilter(admin.SimpleListFilter):
    title = "use"
    parameter_name = "used"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "In a study of yours"), ("no", "In none of yours")]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        mine = Study.objects.visible_to(request.user).order_by().values("pk")
        used = Exists(Study.clips.through.objects.filter(clip=OuterRef("pk"), study__in=mine))
        if self.value() == "yes":
            return queryset.filter(used)
        return queryset.exclude(used) if self.value() == "no" else queryset


class TagFilter(admin.SimpleListFilter):
    title = "tag"
    parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(tag, tag) for tag in clip_sampling.known_tags()]

    def queryset(self, request: HttpRequest, queryset: Any) -> Any:
        if not self.value():
            return queryset
        # As text: SQLite cannot look into a list.
        return queryset.annotate(words=Cast("tags", TextField())).filter(words__contains=f'"{self.value()}"')


@admin.register(Clip)
class ClipAdmin(ResearchAdmin):
    list_display = [
        "poster",
        "clip_id",
        "dataset",
        "genre",
        "tag_words",
        "length",
        "original_audio",
        "short_caption",
        "licence",
    ]
    list_filter = ["dataset", "genre", TagFilter, HasAudioFilter, InUseFilter]
    form = ClipForm
    search_fields = ["clip_id", "caption", "source_name"]
    list_display_links = ["clip_id"]
    change_list_template = "admin/studyapp/clip/change_list.html"
    fieldsets = [
        (None, {"fields": ["video", "clip_id", "dataset", "genre", "made_by", "caption", "tags"]}),
        ("Source", {"fields": ["licence", "source_url", "source_name", "source_sha256", "start_s", "created_at"]}),
        ("Master", {"fields": ["length", "size", "frame_rate", "original_audio", "master_sha256"]}),
    ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        fixed = [
            "video",
            "clip_id",
            "dataset",
            "made_by",
            "source_name",
            "source_sha256",
            "start_s",
            "created_at",
            "length",
            "size",
        ]
        fixed += ["frame_rate", "original_audio", "master_sha256"]
        if obj is None:
            return fixed
        tags = ["tags"] if with_standing_tags(Clip.objects.filter(pk=obj.pk)).exists() else []
        return [*fixed, *tags, *(STANDS if is_settled(obj) else ())]

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

    @admin.display(description="tags")
    def tag_words(self, clip: Clip) -> str:
        return ", ".join(clip.tags)

    @admin.display(description="labels")
    def made_by(self, clip: Clip) -> str:
        """Where the genre comes from: labels and rule, or a person."""
        labels = ", ".join(map(genres.name_of, clip.labels))
        if not labels:
            return "none"
        if clip.genre_rule:
            return f"{labels}; genre by the rule {clip.genre_rule}"
        candidates = genres.one_genre(clip.labels).candidates
        if clip.genre == manifest.UNLABELLED:
            return f"{labels}; {' or '.join(candidates) or 'none of them'} gives the genre"
        return f"{labels}; genre given"

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
        refused = self.admin_site.admin_view(self.refused_view)
        return [
            page,
            path("import/refused/<str:key>.csv", refused, name="studyapp_clip_refused"),
            *super().get_urls(),
        ]

    def refused_view(self, request: HttpRequest, key: str) -> HttpResponseBase:
        """Everything an import refused, line by line."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        return refusals.response(key)

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
            "shapes": manifest.SHAPES,
            "columns": manifest.COLUMNS,
            "rule": genres.RULE,
            "statement": genres.STATEMENT,
            "dance_statement": genres.DANCE_STATEMENT,
            "papers": genres.PAPERS,
            "offered": import_folders.offered(),
        }
        page = TemplateResponse(request, "admin/studyapp/clip/import.html", context)
        return streamed(page.render().text, work) if work else page

    def _work(self, request: HttpRequest, form: ClipFolderForm | ClipUploadForm) -> Work | None:
        """The import that a form asks for; None, with a message, when what was sent cannot be unpacked."""
        asked = form.cleaned_data
        choices = {name: asked[name] for name in ("dataset", "length_s", "licence")} | {"by": researcher(request)}
        if isinstance(form, ClipFolderForm):
            source, root = asked["folder"]
            return partial(_import, source, {**choices, "within": root}, None)
        # Kept beyond this request: the import outlives it when the browser leaves.
        scratch = Path(tempfile.mkdtemp(prefix="duet-upload-", dir=media_store.scratch()))
        try:
            return partial(_import, unpack(asked["uploads"], scratch), {**choices, "within": scratch}, scratch)
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
