"""The team page: who sees it, who changes what, and what is said when it cannot be."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from studyapp.models import AuditLine, Participant, Rater, Study, StudyMember, User
from tests.studyapp.factories import make_member, make_researcher, make_study, sha

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> User:
    return make_researcher(is_superuser=False)


@pytest.fixture
def study(owner: User) -> Study:
    return make_study(by=owner)


@pytest.fixture
def staff(client: Client, owner: User) -> Client:
    client.force_login(owner)
    return client


def changes(study: Study) -> list[tuple[str, dict[str, str]]]:
    """Every address that changes something, and what is sent."""
    member = study.members.get(role=StudyMember.Role.OWNER)
    grace = make_researcher(is_superuser=False)
    return [
        (reverse("research-member-add", args=[study.slug]), {"who": grace.username, "role": "viewer"}),
        (reverse("research-member-change", args=[study.slug, member.pk]), {"role": "owner", "wants_mail": ""}),
        (reverse("research-member-remove", args=[study.slug, member.pk]), {}),
        (reverse("research-keep-ids", args=[study.slug]), {"keep_ids_until": "2100-01-01"}),
        (reverse("research-purge-personal", args=[study.slug]), {}),
    ]


def test_strangers_and_other_researchers_find_nothing_here(client: Client, study: Study) -> None:
    page = reverse("research-team", args=[study.slug])
    assert client.get(page)["Location"].startswith("/admin/login/")
    client.force_login(make_researcher(is_superuser=False))
    assert client.get(page).status_code == 404
    for address, data in changes(study):
        assert client.post(address, data).status_code == 404


@pytest.mark.parametrize("role", ["viewer", "editor"])
def test_members_who_are_no_owners_look_and_change_nothing(client: Client, study: Study, role: str) -> None:
    grace = make_researcher(is_superuser=False)
    make_member(study, grace, role=role)
    client.force_login(grace)
    page = client.get(reverse("research-team", args=[study.slug])).content.decode()
    assert "What each role may do" in page
    assert "Let somebody in" not in page
    before = AuditLine.objects.count()
    for address, data in changes(study):
        assert client.post(address, data).status_code == 403
    assert AuditLine.objects.count() == before


def test_nothing_is_changed_by_a_get(staff: Client, study: Study) -> None:
    assert {staff.get(address).status_code for address, _ in changes(study)} == {405}


def test_an_owner_lets_somebody_in_changes_and_removes_them(staff: Client, study: Study) -> None:
    grace = make_researcher(is_superuser=False, email="grace@example.org")
    data = {"who": "grace@example.org", "role": "viewer", "sees_names": "on"}
    page = staff.post(reverse("research-member-add", args=[study.slug]), data, follow=True).content.decode()
    assert f"{grace} is in, as a viewer." in page
    member = study.members.get(user=grace)
    assert (member.role, member.sees_names, member.wants_mail) == ("viewer", True, False)
    staff.post(
        reverse("research-member-change", args=[study.slug, member.pk]), {"role": "editor", "wants_mail": "on"}
    )
    member.refresh_from_db()
    assert (member.role, member.sees_names, member.wants_mail) == ("editor", False, True)
    staff.post(reverse("research-member-remove", args=[study.slug, member.pk]))
    assert not study.members.filter(user=grace).exists()
    verbs = AuditLine.objects.filter(study=study).order_by("pk").values_list("verb", flat=True)
    assert list(verbs) == ["member added", "member changed", "member removed"]


def test_a_mistake_is_said_on_the_form_as_it_was_filled(staff: Client, study: Study) -> None:
    data = {"who": "nobody", "role": "editor", "sees_names": "on"}
    page = staff.post(reverse("research-member-add", args=[study.slug]), data)
    assert page.status_code == 200
    text = page.content.decode()
    assert "There is no account “nobody”" in text
    assert 'value="nobody"' in text
    assert study.members.count() == 1


def test_the_last_owner_cannot_leave(staff: Client, study: Study, owner: User) -> None:
    member = study.members.get(user=owner)
    page = staff.post(reverse("research-member-remove", args=[study.slug, member.pk]), follow=True)
    assert "would have no owner left" in page.content.decode()
    assert study.members.filter(user=owner).exists()


def test_who_leaves_is_led_home(staff: Client, study: Study, owner: User) -> None:
    make_member(study, make_researcher(is_superuser=False), role="owner")
    member = study.members.get(user=owner)
    response = staff.post(reverse("research-member-remove", args=[study.slug, member.pk]))
    assert response["Location"] == reverse("admin:index")
    assert staff.get(reverse("research-team", args=[study.slug])).status_code == 404


def test_a_member_of_another_study_is_not_found(staff: Client, study: Study) -> None:
    other = make_member(make_study(), make_researcher(is_superuser=False))
    assert staff.post(reverse("research-member-remove", args=[study.slug, other.pk])).status_code == 404
    assert StudyMember.objects.filter(pk=other.pk).exists()


def test_personal_data_is_told_kept_until_a_day_and_deleted(staff: Client, study: Study) -> None:
    Participant.objects.create(
        study=study,
        panel="sona",
        panel_id="7",
        digest=sha("7"),
        rater=Rater.objects.create(),
        arrived_at=timezone.now(),
    )
    page = staff.get(reverse("research-team", args=[study.slug])).content.decode()
    assert "1 kept" in page
    late = staff.post(reverse("research-keep-ids", args=[study.slug]), {"keep_ids_until": "2001-01-01"})
    assert "choose a later day" in late.content.decode()
    staff.post(reverse("research-keep-ids", args=[study.slug]), {"keep_ids_until": "2100-01-01"})
    study.refresh_from_db()
    assert str(study.keep_ids_until) == "2100-01-01"
    gone = staff.post(reverse("research-purge-personal", args=[study.slug]), follow=True).content.decode()
    assert "ids of 1 participant, and 0 notes of invitations" in gone
    assert "0 kept, 1 deleted" in gone


def test_the_page_takes_as_many_queries_however_many_members_there_are(staff: Client, study: Study) -> None:
    page = reverse("research-team", args=[study.slug])
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(page).status_code == 200
        counts.append(len(queries))
        for _ in range(4):
            make_member(study, make_researcher(is_superuser=False))
    assert counts[0] == counts[1] <= 15


def test_the_table_of_roles_and_the_help_tell_what_names_open(staff: Client, study: Study) -> None:
    page = staff.get(reverse("research-team", args=[study.slug])).content.decode()
    assert "invite raters; freeze datasets</th>" in page
    assert 'take files of datasets away</th><td colspan="3">members who may see names' in page
    assert "reports and files of datasets stay shut" in page
