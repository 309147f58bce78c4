"""The researchers' home: what needs somebody, their studies, and which step comes next."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.urls import reverse

from studyapp import history
from studyapp.desk import desk
from studyapp.models import Clip, Study, System
from studyapp.views.staff import researcher

LINES = 10


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
        found = desk(Study.objects.visible_to(request.user))
        # By id and not by time: the index leads to the newest lines, whoever's they are.
        lines = history.told_to(researcher(request)).order_by("-id")
        context = {
            "clip_count": Clip.objects.count(),
            "system_count": System.objects.count(),
            "groups": found.groups,
            "attention": [(one, reverse(one.page, args=[one.study.slug])) for one in found.attention],
            "audit_lines": lines.select_related("by", "study")[:LINES],
        }
        return super().index(request, {**context, **(extra_context or {})})
