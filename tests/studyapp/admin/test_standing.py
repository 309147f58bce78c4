"""Nothing that rests on evidence is deleted, changed or added in the admin; lists stay quick and close-lipped."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin import ModelAdmin
from django.db import connection
from django.db.models import Model
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from studyapp.admin import lists
from studyapp.admin.base import EvidenceAdmin, ManyRowsAdmin
from studyapp.models import AuditLine, Response, Study, StudyMember, StudySession, User
from tests.benchmarks.million_rows import Built, build
from tests.studyapp.factories import make_clip, make_member, make_researcher, make_study, make_system

pytestmark = pytest.mark.django_db
REGISTERED = sorted(admin.site._registry.items(), key=lambda item: item[0].__name__)


@pytest.fixture
def built() -> Built:
    """Two studies with rows in nearly every table: three sessions each."""
    return build(3, clips=2)


def page(model: type[Model], what: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=args)


def test_no_row_is_deleted_by_an_administrator_once_a_study_rests_on_it(client: Client, built: Built) -> None:
    client.force_login(built.administrator)
    tried = 0
    # Texts belong to a draft or are refused; the study is open.
    for model, _ in REGISTERED:
        row = model._default_manager.order_by("pk").first()
        if row is None:
            continue
        tried += 1
        address = page(model, "delete", row.pk)
        assert client.get(address).status_code == 403, model
        assert client.post(address, {"post": "yes"}).status_code == 403, model
        assert model._default_manager.filter(pk=row.pk).exists()
    assert tried >= 18


def test_no_list_offers_to_delete_by_the_handful(client: Client, built: Built) -> None:
    client.force_login(built.administrator)
    for model, rows in REGISTERED:
        row = model._default_manager.first()
        if row is None:
            continue
        sent = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
        client.post(page(model, "changelist"), sent)
        assert model._default_manager.filter(pk=row.pk).exists(), model
        assert not rows.actions, model


@pytest.mark.parametrize("model", [model for model, rows in REGISTERED if isinstance(rows, EvidenceAdmin)])
def test_evidence_is_read_and_neither_added_nor_changed(client: Client, model: type[Model]) -> None:
    client.force_login(make_researcher())
    assert client.get(page(model, "add")).status_code == 403
    assert client.post(page(model, "add"), {}).status_code == 403


@pytest.mark.parametrize(("model", "rows"), REGISTERED)
def test_every_list_says_what_it_is_of_and_what_to_do_while_it_is_empty(
    client: Client, model: type[Model], rows: ModelAdmin[Any]
) -> None:
    if model is User:
        return  # whoever looks has an account
    client.force_login(make_researcher())
    text = client.get(page(model, "changelist")).content.decode()
    assert 'class="nothing-yet"' in text
    assert len(rows.nothing_yet) > 10  # type: ignore[attr-defined]


def test_filters_name_no_study_that_one_is_no_member_of(client: Client, built: Built) -> None:
    client.force_login(built.owner)
    secret = Study.objects.exclude(pk=built.study.pk).get()
    secret.title = "Nobody may know of this"
    secret.save(update_fields=["title"])
    for model, _ in REGISTERED:
        if model is User:
            continue
        assert secret.title not in client.get(page(model, "changelist")).content.decode(), model


def test_forms_offer_no_study_that_one_is_no_member_of(client: Client, built: Built) -> None:
    client.force_login(built.owner)
    Study.objects.exclude(pk=built.study.pk).update(title="Nobody may know of this")
    text = client.get(reverse("admin:studyapp_studytext_add")).content.decode()
    assert built.study.title in text
    assert "Nobody may know of this" not in text


def test_a_long_list_is_counted_to_its_bound(
    monkeypatch: pytest.MonkeyPatch, client: Client, built: Built
) -> None:
    monkeypatch.setattr(lists, "MOST_COUNTED", 60)
    client.force_login(built.administrator)
    text = client.get(page(Response, "changelist")).content.decode()
    assert "The first 60 responses; filter to reach the others." in text
    monkeypatch.setattr(lists, "MOST_COUNTED", 10_000)
    text = client.get(page(Response, "changelist")).content.decode()
    assert "240 responses" in text


def test_a_list_of_answers_shows_the_newest_sessions_and_any_one_that_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, client: Client, built: Built
) -> None:
    monkeypatch.setattr(lists, "NEWEST", 1)
    client.force_login(built.owner)
    oldest, *_, newest = StudySession.objects.filter(study=built.study).order_by("pk")

    def shown(query: str) -> set[int]:
        return {
            row.session_id for row in client.get(page(Response, "changelist") + query).context["cl"].result_list
        }

    assert shown("") == {newest.pk}
    assert "Of the newest sessions only." in client.get(page(Response, "changelist")).content.decode()
    assert shown(f"?q={oldest.pk}") == {oldest.pk}
    assert shown("?q=words") == set()
    elsewhere = StudySession.objects.exclude(study=built.study).earliest("pk")
    assert shown(f"?q={elsewhere.pk}") == set()


def test_a_filter_looks_for_the_newest_sessions_that_it_leaves(
    monkeypatch: pytest.MonkeyPatch, client: Client, built: Built
) -> None:
    monkeypatch.setattr(lists, "NEWEST", 1)
    client.force_login(built.administrator)
    for model, path in ((Response, "session"), (admin_model("PlayEvent"), "presentation__session")):
        address = f"{page(model, 'changelist')}?{path}__study__id__exact={built.study.pk}"
        assert client.get(address).context["cl"].result_count > 0, model
    address = f"{page(Response, 'changelist')}?session__simulated__exact=1"
    assert client.get(address).context["cl"].result_count == 0
    assert "Nothing is like that." in client.get(address).content.decode()


def admin_model(name: str) -> type[Model]:
    return next(model for model, _ in REGISTERED if model.__name__ == name)


def test_lists_of_many_rows_take_few_queries_and_are_never_sorted_otherwise(client: Client, built: Built) -> None:
    client.force_login(built.owner)
    for model, rows in REGISTERED:
        if not isinstance(rows, ManyRowsAdmin):
            continue
        with CaptureQueriesContext(connection) as queries:
            client.get(page(model, "changelist") + "?o=1")
        assert len(queries) <= 12, model
        for query in queries.captured_queries:
            if f'FROM "{model._meta.db_table}"' in query["sql"] and "LIMIT 50" in query["sql"]:
                assert f'ORDER BY "{model._meta.db_table}"."id" DESC' in query["sql"], model


def test_accounts_are_changed_with_a_line_and_never_deleted(client: Client) -> None:
    boss = make_researcher()
    grace = make_researcher(is_superuser=False)
    client.force_login(boss)
    address = reverse("admin:studyapp_user_change", args=[grace.pk])
    form = {"username": grace.username, "email": "grace@example.org", "is_active": "on"}
    client.post(address, form)
    grace.refresh_from_db()
    assert not grace.is_staff
    line = AuditLine.objects.get(verb="account changed")
    assert line.details["account"] == grace.username
    assert (line.details["before"]["is_staff"], line.details["after"]["is_staff"]) == (True, False)
    assert line.details["after"]["email"] == "grace@example.org"
    words = "another-long-passphrase"
    client.post(
        reverse("admin:auth_user_password_change", args=[grace.pk]),
        {"usable_password": "true", "password1": words, "password2": words},
    )
    assert AuditLine.objects.get(verb="account's password set").details == {"account": grace.username}
    assert words not in str(list(AuditLine.objects.values_list("details", flat=True)))


def test_the_last_administrator_is_not_locked_out(client: Client) -> None:
    boss = make_researcher()
    client.force_login(boss)
    address = reverse("admin:studyapp_user_change", args=[boss.pk])
    page = client.post(address, {"username": boss.username, "is_active": "on", "is_staff": "on"})
    assert "Nobody could make accounts any more" in page.content.decode()
    boss.refresh_from_db()
    assert boss.is_superuser


def test_accounts_are_for_administrators_alone(client: Client) -> None:
    client.force_login(make_researcher(is_superuser=False))
    assert client.get(reverse("admin:studyapp_user_changelist")).status_code == 403


def test_what_tells_names_is_kept_from_who_may_not_see_them(client: Client, built: Built) -> None:
    looker = make_researcher(is_superuser=False)
    make_member(built.study, looker, role=StudyMember.Role.EDITOR)
    client.force_login(looker)
    for name in ("Comparison", "Trial", "Amendment"):
        assert client.get(page(admin_model(name), "changelist")).context["cl"].result_count == 0
    assert client.get(page(Response, "changelist")).context["cl"].result_count > 0


def test_what_nothing_rests_on_may_go(client: Client) -> None:
    client.force_login(make_researcher())
    for row in (make_clip(), make_system(), make_study()):
        assert client.post(page(type(row), "delete", row.pk), {"post": "yes"}).status_code == 302
        assert not type(row)._default_manager.filter(pk=row.pk).exists()
