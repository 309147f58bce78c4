"""A clip's page in the admin: its tags as words, where its genre is from, and what stands once it is in use."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from studyapp.models import AuditLine, User
from tests.studyapp.factories import make_clip, make_researcher, make_stimulus, make_study, make_system

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_researcher(is_superuser=False))
    return client


def test_tags_are_written_as_words_and_put_in_order(staff: Client) -> None:
    clip = make_clip(tags=["live"], genre="Rock")
    address = reverse("admin:studyapp_clip_change", args=[clip.pk])
    assert 'value="live"' in staff.get(address).content.decode()
    form = {"genre": "Rock", "caption": "", "licence": "", "source_url": ""}
    assert staff.post(address, {**form, "tags": "Music Scene, live; dance"}).status_code == 302
    clip.refresh_from_db()
    assert clip.tags == ["dance", "live", "music-scene"]
    assert AuditLine.objects.get().details["changes"] == {"tags": ["dance", "live", "music-scene"]}
    # The same tags in another order are no change.
    staff.post(address, {**form, "tags": "live, dance, music-scene"})
    assert AuditLine.objects.count() == 1


def test_a_tag_that_cannot_be_used_is_told_at_its_field(staff: Client) -> None:
    clip = make_clip()
    page = staff.post(
        reverse("admin:studyapp_clip_change", args=[clip.pk]), {"genre": "Rock", "tags": "!!", "licence": ""}
    )
    assert page.status_code == 200
    assert "the tag “!!” cannot be used" in page.content.decode()


def test_labels_are_read_by_name_with_the_rule_that_used_them(staff: Client) -> None:
    clip = make_clip(genre="Rock", genre_rule="audioset-1", labels=["/m/0dls3", "/m/02sgy"])
    text = staff.get(reverse("admin:studyapp_clip_change", args=[clip.pk])).content.decode()
    assert "Grunge, /m/02sgy; genre by the rule audioset-1" in text
    clip = make_clip(genre="unlabelled", labels=["/m/06by7", "/m/064t9"])
    text = staff.get(reverse("admin:studyapp_clip_change", args=[clip.pk])).content.decode()
    assert "Rock music, Pop music; Pop music or Rock gives the genre" in text


def test_of_a_clip_in_use_tags_and_licence_can_still_be_changed(staff: Client) -> None:
    clip = make_clip(genre="Rock", caption="loud")
    make_stimulus(clip, make_system())
    address = reverse("admin:studyapp_clip_change", args=[clip.pk])
    assert 'name="genre"' not in staff.get(address).content.decode()
    staff.post(address, {"genre": "Reggae", "caption": "", "licence": "CC0", "tags": "live", "source_url": ""})
    clip.refresh_from_db()
    assert (clip.genre, clip.caption, clip.licence, clip.tags) == ("Rock", "loud", "CC0", ["live"])


def test_the_list_is_narrowed_down_by_tag_and_by_use(staff: Client) -> None:
    tagged, used = make_clip(tags=["live"]), make_clip(tags=["live-music"])
    make_study(by=User.objects.get()).clips.add(used)
    make_study().clips.add(tagged)
    address = reverse("admin:studyapp_clip_changelist")

    def listed(query: str) -> list[int]:
        return [clip.pk for clip in staff.get(address + query).context["cl"].result_list]

    assert listed("?tag=live") == [tagged.pk]
    assert listed("?used=yes") == [used.pk]
    assert listed("?used=no") == [tagged.pk]
