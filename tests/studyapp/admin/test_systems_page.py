"""The systems' list by standing and use, and settings that can change until something was made with them."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from studyapp.actions.stimuli import retry_one
from studyapp.actions.systems import change_settings, ensure_system
from studyapp.actions.trying import try_on
from studyapp.errors import DuetError, WrongState
from studyapp.models import AuditLine, Stimulus, System, User
from studyapp.states import StimulusState
from tests.studyapp.factories import (
    make_clip,
    make_member,
    make_researcher,
    make_stimulus,
    make_study,
    make_system,
    open_study,
)

pytestmark = pytest.mark.django_db

LIST = reverse("admin:studyapp_system_changelist")


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_researcher(is_superuser=False))
    return client


@pytest.fixture
def clip_system() -> System:
    return ensure_system(key="v2meow-clip", preset="tiny", by=None)


def listed(staff: Client, **filters: str) -> list[str]:
    return [system.slug for system in staff.get(LIST, filters).context["cl"].result_list]


def messages(response: Any) -> list[str]:
    return [str(message) for message in response.context["messages"]]


def test_systems_are_listed_by_standing_and_can_be_filtered_by_it(staff: Client, clip_system: System) -> None:
    ensure_system(key="ground-truth", by=None)
    ensure_system(key="v2meow-clip", preset="base", by=None)
    assert listed(staff) == ["v2meow-clip-base", "v2meow-clip-tiny", "ground-truth"]
    assert listed(staff, standing="stand_in") == ["v2meow-clip-tiny"]
    assert listed(staff, standing="published") == []
    assert listed(staff, standing="no such standing") == listed(staff)


def test_the_list_says_how_often_each_is_used(staff: Client) -> None:
    busy, idle = make_system(slug="busy"), make_system(slug="idle")
    opened = open_study(clips=2, blocks=1, systems=(busy, make_system(slug="other")))
    study = make_study()
    study.pairs.create(system_1=busy, system_2=idle)
    make_study().pairs.create(system_1=busy, system_2=idle)
    for mine in (opened, study):
        make_member(mine, User.objects.get())
    rows = {system.slug: (system.used, system.made) for system in staff.get(LIST).context["cl"].result_list}
    assert rows == {"busy": (2, 2), "other": (1, 2), "idle": (1, 0)}
    text = staff.get(reverse("admin:studyapp_system_change", args=[busy.pk])).content.decode()
    assert "Compared in 2 of your studies, 2 soundtracks made." in text


def test_the_list_takes_as_many_queries_for_many_systems_as_for_one(staff: Client) -> None:
    counts = []
    for _ in (1, 2):
        for _ in range(5):
            make_stimulus(make_clip(), make_system())
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(LIST).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8


def test_settings_change_until_something_was_made(staff: Client, clip_system: System) -> None:
    before = clip_system.digest
    address = reverse("admin:studyapp_system_settings", args=[clip_system.pk])
    page = staff.get(reverse("admin:studyapp_system_change", args=[clip_system.pk])).content.decode()
    assert address in page
    form = staff.get(reverse("admin:studyapp_system_change", args=[clip_system.pk])).context["settings_form"]
    given = {form.add_prefix(name): field.initial for name, field in form.fields.items()}
    answer = staff.post(address, {**given, "v2meow-clip-temperature_coarse": "0.55"}, follow=True)
    assert messages(answer) == ["v2meow-clip-tiny has other settings. Drafts with it build their design again."]
    clip_system.refresh_from_db()
    assert clip_system.settings == {"temperature_coarse": 0.55}
    assert clip_system.digest != before
    assert AuditLine.objects.get(verb="system's settings changed").details["before"] == {}
    assert answer.context["settings_form"].fields["temperature_coarse"].initial == 0.55
    wrong = staff.post(address, {**given, "v2meow-clip-temperature_coarse": "warm"}, follow=True)
    assert messages(wrong) == ["Nothing was saved. temperature_coarse: Enter a number."]
    assert 'value="warm"' in wrong.content.decode()
    clip_system.refresh_from_db()
    assert clip_system.settings == {"temperature_coarse": 0.55}


def test_what_was_made_keeps_its_settings(staff: Client, clip_system: System) -> None:
    make_stimulus(make_clip(), clip_system)
    page = staff.get(reverse("admin:studyapp_system_change", args=[clip_system.pk])).content.decode()
    assert "was made with these settings, so they stand" in page
    answer = staff.post(reverse("admin:studyapp_system_settings", args=[clip_system.pk]), {}, follow=True)
    assert messages(answer)[0].startswith("Nothing was saved. ")
    with pytest.raises(WrongState, match="1 soundtracks were made with the settings"):
        change_settings(system=clip_system, settings={"temperature_coarse": 0.5}, by=None)
    clip_system.refresh_from_db()
    assert clip_system.settings == {}


def test_a_soundtrack_under_way_is_waited_for(clip_system: System) -> None:
    make_stimulus(make_clip(), clip_system, state=StimulusState.RENDERING, file="", file_sha256="")
    with pytest.raises(WrongState, match="at work on a soundtrack"):
        change_settings(system=clip_system, settings={"temperature_coarse": 0.5}, by=None)


def test_what_was_asked_for_is_made_by_the_new_settings(clip_system: System) -> None:
    stimulus = try_on(system=clip_system, clip=make_clip(), by=None)
    failed = try_on(system=clip_system, clip=make_clip(), by=None)
    Stimulus.objects.filter(pk=failed.pk).update(state=StimulusState.FAILED, error="no")
    old = {row.pk: row.key for row in (stimulus, failed)}
    change_settings(system=clip_system, settings={"temperature_coarse": 0.5}, by=None)
    clip_system.refresh_from_db()
    for row in Stimulus.objects.all():
        assert row.key != old[row.pk]
        assert row.settings_digest == clip_system.digest
    assert retry_one(stimulus=failed, by=None)
    # Asked for again, the same soundtrack is found and not a second one made.
    assert try_on(system=clip_system, clip=stimulus.clip, by=None).pk == stimulus.pk


def test_settings_that_a_system_does_not_take_are_refused_by_name(clip_system: System) -> None:
    with pytest.raises(DuetError, match="tempo"):
        change_settings(system=clip_system, settings={"tempo": 120}, by=None)
    clip_system.refresh_from_db()
    assert clip_system.settings == {}


def test_brought_files_have_no_settings_to_change() -> None:
    brought = make_system("imported", settings={"folder": "imported/x", "model": "X"})
    with pytest.raises(WrongState, match="is its files"):
        change_settings(system=brought, settings={}, by=None)


def test_strangers_change_nothing(client: Client, clip_system: System) -> None:
    answer = client.post(reverse("admin:studyapp_system_settings", args=[clip_system.pk]), {})
    assert "/login/" in answer["Location"]
