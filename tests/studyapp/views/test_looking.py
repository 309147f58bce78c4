"""Clips and soundtracks are shown to researchers, whole and in ranges, and to nobody else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from studyapp.models import Clip, Comparison, Stimulus, StudyMember
from studyapp.states import StimulusState
from tests.studyapp.factories import make_clip, make_member, make_researcher, open_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def stimulus() -> Stimulus:
    """With a real video, which also becomes the clip's master."""
    study = open_study(clips=1, blocks=1, real_media=True)
    found: Stimulus = study.comparisons.get().stimulus_1
    Clip.objects.update(master_file=found.file)
    return Stimulus.objects.get(pk=found.pk)


def addresses(stimulus: Stimulus) -> list[str]:
    return [
        reverse("research-clip-video", args=[stimulus.clip_id]),
        reverse("research-clip-poster", args=[stimulus.clip_id]),
        reverse("research-stimulus-video", args=[stimulus.pk]),
    ]


def body(response: Any) -> bytes:
    return b"".join(response.streaming_content)


def test_researchers_see_and_hear_everything(client: Client, stimulus: Stimulus) -> None:
    client.force_login(make_researcher(is_superuser=False))
    video, poster, heard = (client.get(address) for address in addresses(stimulus))
    assert body(video) == body(heard) == stimulus.path.read_bytes()
    assert (video["Content-Type"], poster["Content-Type"]) == ("video/mp4", "image/jpeg")
    picture = body(poster)
    assert picture.startswith(b"\xff\xd8")
    # Made once, then kept.
    kept = Path(settings.MEDIA_ROOT) / "posters" / f"{stimulus.clip.master_sha256}.jpg"
    assert kept.read_bytes() == picture


def test_a_soundtrack_is_not_played_to_who_works_blind_in_a_study_that_shows_it(
    client: Client, stimulus: Stimulus
) -> None:
    video, poster, heard = addresses(stimulus)
    user = make_researcher(is_superuser=False)
    client.force_login(user)
    # Their own study of the same, where they see every name, does not help.
    shown = Comparison.objects.get(stimulus_1=stimulus)
    own = open_study(by=user)
    own.comparisons.create(clip=shown.clip, stimulus_1=shown.stimulus_1, stimulus_2=shown.stimulus_2)
    assert client.get(heard).status_code == 200
    membership = make_member(shown.study, user)
    assert [client.get(address).status_code for address in (video, poster, heard)] == [200, 200, 404]
    StudyMember.objects.filter(pk=membership.pk).update(sees_names=True)
    assert client.get(heard).status_code == 200


def test_a_player_can_seek(client: Client, stimulus: Stimulus) -> None:
    client.force_login(make_researcher())
    response = client.get(addresses(stimulus)[2], headers={"Range": "bytes=5-9"})
    assert response.status_code == 206
    assert body(response) == stimulus.path.read_bytes()[5:10]


def test_nobody_else_gets_a_byte(client: Client, stimulus: Stimulus) -> None:
    for address in addresses(stimulus):
        assert client.get(address)["Location"].startswith("/admin/login/")
    client.force_login(make_researcher(is_staff=False, is_superuser=False))
    for address in addresses(stimulus):
        assert client.get(address).status_code == 403


def test_what_is_not_there_is_not_found(client: Client, stimulus: Stimulus) -> None:
    client.force_login(make_researcher())
    Stimulus.objects.filter(pk=stimulus.pk).update(state=StimulusState.REQUESTED)
    assert client.get(reverse("research-stimulus-video", args=[stimulus.pk])).status_code == 404
    lost = make_clip()
    assert client.get(reverse("research-clip-video", args=[lost.pk])).status_code == 404
    assert client.get(reverse("research-clip-poster", args=[lost.pk])).status_code == 404


def test_lists_and_pages_show_them(client: Client, stimulus: Stimulus) -> None:
    client.force_login(make_researcher())
    video, poster, heard = addresses(stimulus)
    pages = {
        reverse("admin:studyapp_clip_changelist"): poster,
        reverse("admin:studyapp_clip_change", args=[stimulus.clip_id]): video,
        reverse("admin:studyapp_stimulus_change", args=[stimulus.pk]): heard,
    }
    for page, shown in pages.items():
        assert f'src="{shown}"' in client.get(page).content.decode()
