"""The admin's lists of what was done: in words, and with the day first."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.test import Client
from django.urls import reverse

from studyapp.models import AuditLine
from tests.studyapp.factories import make_researcher, make_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def listed(client: Client) -> str:
    """The audit log as its list shows it."""
    user = make_researcher()
    client.force_login(user)
    line = AuditLine.write(
        "study changed",
        by=user,
        study=make_study(),
        before={"ratings_per_comparison": 3},
        after={"ratings_per_comparison": 6},
    )
    AuditLine.objects.filter(pk=line.pk).update(at=datetime(2026, 11, 26, 14, 5, tzinfo=UTC))
    return client.get(reverse("admin:studyapp_auditline_changelist")).content.decode()


def test_the_audit_list_tells_what_changed_in_words(listed: str) -> None:
    assert "ratings per comparison 3 → 6" in listed
    assert "ratings_per_comparison" not in listed


def test_dates_of_the_admin_have_the_day_first(listed: str) -> None:
    assert "26 Nov 2026, 14:05" in listed


def test_a_list_is_reached_from_the_records_and_says_so(listed: str) -> None:
    assert f'<a href="{reverse("admin:app_list", args=["studyapp"])}">Records</a> &rsaquo; Audit lines' in listed
