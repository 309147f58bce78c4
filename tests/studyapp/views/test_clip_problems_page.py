"""The page of what is wrong with clips, and its ways out."""

from __future__ import annotations

import csv

import pytest
from django.test import Client
from django.urls import reverse

from studyapp.models import AuditLine, Clip
from tests.studyapp.factories import make_clip, make_researcher, make_stimulus, make_system

pytestmark = pytest.mark.django_db
PAGE = "research-clip-problems"


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_researcher(is_superuser=False))
    return client


@pytest.fixture
def tied() -> Clip:
    return make_clip(genre="unlabelled", labels=["/m/06by7", "/m/064t9"], licence="CC0")


def test_strangers_sign_in_and_people_without_staff_rights_are_refused(client: Client, tied: Clip) -> None:
    requests = [
        (client.get, reverse(PAGE)),
        (client.get, reverse("research-clip-problems-file")),
        (client.post, reverse("research-clip-genre", args=[tied.pk])),
        (client.post, reverse("research-clip-licence")),
    ]
    for method, address in requests:
        assert method(address)["Location"].startswith("/admin/login/")
    client.force_login(make_researcher(is_staff=False, is_superuser=False))
    for method, address in requests:
        assert method(address).status_code == 403


def test_without_a_clip_the_page_leads_to_the_import(staff: Client) -> None:
    assert reverse("admin:studyapp_clip_import") in staff.get(reverse(PAGE)).content.decode()


def test_problems_are_counted_by_kind_and_dataset_and_the_rest_is_a_file(staff: Client) -> None:
    for number in range(30):
        make_clip(dataset="other" if number == 0 else "test")
    shown = {one["kind"].key: one for one in staff.get(reverse(PAGE)).context["problems"]}
    assert (shown["licence"]["count"], len(shown["licence"]["clips"]), shown["licence"]["further"]) == (30, 25, 5)
    (other, _) = staff.get(reverse(PAGE), {"dataset": "other"}).context["problems"]
    assert other["count"] == 1
    rows = list(csv.DictReader(staff.get(reverse("research-clip-problems-file")).content.decode().splitlines()))
    assert sum(row["problem"] == "No licence" for row in rows) == 30
    assert "There is no dataset “gone”" in staff.get(reverse(PAGE), {"dataset": "gone"}).content.decode()


def test_a_genre_is_chosen_among_those_the_labels_name(staff: Client, tied: Clip) -> None:
    address = reverse("research-clip-genre", args=[tied.pk])
    assert 'value="Pop music">Pop music</button>' in staff.get(reverse(PAGE)).content.decode()
    response = staff.post(address, {"genre": "Jazz", "dataset": "test"}, follow=True)
    assert "none of the genres" in str(next(iter(response.context["messages"])))
    assert response.redirect_chain[0][0] == f"{reverse(PAGE)}?dataset=test"
    staff.post(address, {"genre": "Rock"})
    tied.refresh_from_db()
    assert (tied.genre, tied.genre_rule) == ("Rock", "")
    assert AuditLine.objects.get().verb == "clip described anew"


def test_the_genre_of_a_clip_in_use_stands(staff: Client, tied: Clip) -> None:
    make_stimulus(tied, make_system())
    assert "rests on it: its genre stands" in staff.get(reverse(PAGE)).content.decode()
    response = staff.post(reverse("research-clip-genre", args=[tied.pk]), {"genre": "Rock"}, follow=True)
    assert "in use with another genre" in str(next(iter(response.context["messages"])))
    tied.refresh_from_db()
    assert tied.genre == "unlabelled"


def test_a_licence_is_said_for_all_of_a_dataset_without_one(staff: Client, tied: Clip) -> None:
    without = make_clip()
    address = reverse("research-clip-licence")
    staff.post(address, {"of": "test", "licence": "CC-BY-4.0"}, follow=True)
    assert {clip.pk: clip.licence for clip in Clip.objects.all()} == {tied.pk: "CC0", without.pk: "CC-BY-4.0"}
    response = staff.post(address, {"of": "test", "licence": ""}, follow=True)
    assert "No licence was given" in str(next(iter(response.context["messages"])))
