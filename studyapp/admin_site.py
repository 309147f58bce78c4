"""The researchers' home: what there is, and which step comes next."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse

from studyapp.models import AuditLine, Clip, Study, System


class DuetAdminSite(AdminSite):
    site_header = "Duet"
    site_title = "Duet"
    index_title = "Home"
    index_template = "admin/home.html"
    site_url = None
    # The few rooms there are fit into the header; Django's sidebar repeats the model list.
    enable_nav_sidebar = False

    def app_index(
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        return super().app_index(request, app_label, {"title": "Records", **(extra_context or {})})

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        context = {
            "clip_count": Clip.objects.count(),
            "system_count": System.objects.count(),
            "studies": Study.objects.select_related("created_by")[:12],
            "audit_lines": AuditLine.objects.select_related("by", "study")[:10],
        }
        return super().index(request, {**context, **(extra_context or {})})
