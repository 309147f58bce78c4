"""What every admin page shares: staff are researchers, evidence stands, nothing is deleted by the handful."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin import ModelAdmin
from django.db import transaction
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.html import format_html
from django.utils.safestring import SafeString

from studyapp.errors import DuetError
from studyapp.models import AuditLine
from studyapp.views.staff import researcher

# Generic for the type checker only.
if TYPE_CHECKING:
    _ModelAdmin = ModelAdmin[Any]
else:
    _ModelAdmin = ModelAdmin


def video(source: str) -> SafeString:
    """A player for an address of ours."""
    return format_html('<video class="look" src="{}" controls preload="metadata" playsinline></video>', source)


class ResearchAdmin(_ModelAdmin):
    """Rows that researchers make. Every active staff account is a researcher; there is no finer matrix."""

    show_full_result_count = False
    list_per_page = 50
    # Deleting goes one row at a time: a bulk action would not ask has_delete_permission for each.
    actions = None

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Under the name of what it lists, for there is nothing to select."""
        title = str(self.opts.verbose_name_plural).capitalize()
        return super().changelist_view(request, {"title": title, **(extra_context or {})})

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and request.user.is_staff)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_module_permission(request)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return self.has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return self.has_module_permission(request)

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return obj is not None and self.has_module_permission(request) and self.is_unused(obj)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """What an action refuses is told on the form, as it was found."""
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DuetError as error:
            text = str(error)
            messages.error(request, text[:1].upper() + text[1:])
            return HttpResponseRedirect(request.get_full_path())

    def is_unused(self, obj: Any) -> bool:
        """Whether the row holds no evidence and nothing rests on it."""
        return False

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        with transaction.atomic():
            AuditLine.write(f"{obj._meta.verbose_name} deleted", by=researcher(request), name=str(obj))
            super().delete_model(request, obj)


class EvidenceAdmin(ResearchAdmin):
    """Rows that only the work itself writes: to be read, never added, changed or deleted here."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
