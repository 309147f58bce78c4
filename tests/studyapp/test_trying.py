"""Trying a system on one clip, and asking again for what failed."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from studyapp.actions.stimuli import retry_one
from studyapp.actions.trying import find_clip, latest, try_on
from studyapp.errors import DuetError
from studyapp.models import AuditLine, Clip, Stimulus, System
from studyapp.plan.sampling import ask
from studyapp.states import StimulusState
from tests.studyapp.factories import make_clip, make_researcher, make_stimulus, make_system

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_researcher(is_superuser=False))
    return client


@pytest.fixture
def system() -> System:
    return make_system("ground-truth", slug="ground-truth")


def page(system: System) -> str:
    return reverse("admin:studyapp_system_change", args=[system.pk])


def test_trying_asks_for_one_soundtrack_and_says_so_in_the_audit_trail(system: System) -> None:
    clip = make_clip()
    stimulus = try_on(system=system, clip=clip, by=None)
    assert (stimulus.state, stimulus.seed, stimulus.sends) == (StimulusState.REQUESTED, 1, 0)
    assert Stimulus.objects.get().sends == 1
    assert AuditLine.objects.get(verb="system tried").details["system"] == "ground-truth"
    assert try_on(system=system, clip=clip, by=None).pk == stimulus.pk


def test_a_shuffle_may_read_its_clips_dataset_and_no_other() -> None:
    shuffle = make_system("random-shuffle")
    alone, _ = make_clip(dataset="mine"), make_clip(dataset="theirs")
    with pytest.raises(DuetError, match="no clip other than"):
        try_on(system=shuffle, clip=alone, by=None)
    neighbour = make_clip(dataset="mine")
    assert set(try_on(system=shuffle, clip=alone, by=None).audio_pool) == {alone.pk, neighbour.pk}


def test_a_shuffle_borrows_from_clips_that_are_long_enough_alone() -> None:
    shuffle, long = make_system("random-shuffle"), make_clip(duration_s=10.0)
    make_clip(duration_s=6.0)
    with pytest.raises(DuetError, match=r"the longest original audio of another clip 6\.00 s"):
        try_on(system=shuffle, clip=long, by=None)
    _facts, refusals = ask(list(Clip.objects.all()), [shuffle])
    assert [refused.clip_id for refused in refusals] == [long.clip_id]


def test_a_clip_that_the_system_cannot_score_is_refused_with_its_reason(staff: Client, system: System) -> None:
    clip = make_clip(with_audio=False, clip_id="mute")
    answer = staff.post(reverse("admin:studyapp_system_try", args=[system.pk]), {"clip": "mute"}, follow=True)
    (message,) = answer.context["messages"]
    assert str(message).startswith(f"{clip.clip_id.capitalize()} has no original audio")
    assert not Stimulus.objects.exists()


def test_a_clip_is_found_by_its_id_or_with_its_dataset() -> None:
    one, two = make_clip(dataset="a", clip_id="forest"), make_clip(dataset="b", clip_id="forest")
    assert find_clip("b/forest") == two
    with pytest.raises(DuetError, match="write one of a/forest, b/forest"):
        find_clip("forest")
    with pytest.raises(DuetError, match="there is no clip 'lake'"):
        find_clip(" lake ")
    two.delete()
    assert find_clip("forest") == one


def test_the_page_shows_the_card_the_button_and_what_was_tried(staff: Client, system: System) -> None:
    make_stimulus(make_clip(clip_id="ready"), system)
    failed = make_stimulus(
        make_clip(clip_id="broken"), system, state=StimulusState.FAILED, error="the model said nothing", file=""
    )
    text = staff.get(page(system)).content.decode()
    for part in ("Try it on one clip", "control", "48 kHz", "the model said nothing", "-23.0 LUFS", "/ready"):
        assert part in text or part.lstrip("/") in text
    assert reverse("admin:studyapp_stimulus_again", args=[failed.pk]) in text


def test_the_page_looks_again_only_while_something_is_under_way(staff: Client, system: System) -> None:
    fragment = reverse("admin:studyapp_system_tried", args=[system.pk])
    make_stimulus(make_clip(), system)
    assert 'data-poll="0"' in staff.get(fragment).content.decode()
    try_on(system=system, clip=make_clip(), by=None)
    assert 'data-poll="2"' in staff.get(fragment).content.decode()
    assert len(latest(system, to=make_researcher())) == 2


def test_one_failed_soundtrack_is_asked_for_again_by_its_button(staff: Client, system: System) -> None:
    failed, other = (
        make_stimulus(make_clip(), system, state=StimulusState.FAILED, error="no luck", file="") for _ in range(2)
    )
    answer = staff.post(reverse("admin:studyapp_stimulus_again", args=[failed.pk]), {"next": page(system)})
    assert answer["Location"] == page(system)
    failed.refresh_from_db()
    other.refresh_from_db()
    assert (failed.state, failed.error) == (StimulusState.REQUESTED, "")
    assert other.state == StimulusState.FAILED


def test_pressing_again_on_what_has_not_failed_sends_and_writes_nothing(system: System) -> None:
    for state in (StimulusState.REQUESTED, StimulusState.RENDERING, StimulusState.READY):
        one = make_stimulus(make_clip(), system, state=state)
        assert not retry_one(stimulus=one, by=None)
        one.refresh_from_db()
        assert (one.state, one.sends) == (state, 0)
    assert not AuditLine.objects.filter(verb__contains="again").exists()


def test_a_home_that_nobody_has_is_told_on_the_page(staff: Client) -> None:
    band = make_system("cmt", preset="tiny", settings={"font": "~nobody-of-that-name/font.sf2"})
    make_clip(clip_id="forest")
    answer = staff.post(reverse("admin:studyapp_system_try", args=[band.pk]), {"clip": "forest"}, follow=True)
    (message,) = answer.context["messages"]
    assert "whose home folder is unknown; write the whole path" in str(message)


@pytest.mark.parametrize("back", ["https://elsewhere.example/", "//elsewhere.example/"])
def test_the_button_leads_nowhere_else(staff: Client, system: System, back: str) -> None:
    ready = make_stimulus(make_clip(), system)
    answer = staff.post(reverse("admin:studyapp_stimulus_again", args=[ready.pk]), {"next": back})
    assert answer["Location"] == reverse("admin:studyapp_stimulus_change", args=[ready.pk])
    ready.refresh_from_db()
    assert ready.state == StimulusState.READY


def test_strangers_can_press_neither_button(client: Client, system: System) -> None:
    stimulus = make_stimulus(make_clip(), system, state=StimulusState.FAILED, error="no luck", file="")
    for name, pk in (("studyapp_system_try", system.pk), ("studyapp_stimulus_again", stimulus.pk)):
        assert "/login/" in client.post(reverse(f"admin:{name}", args=[pk]))["Location"]
    stimulus.refresh_from_db()
    assert stimulus.state == StimulusState.FAILED


def test_every_system_of_the_registry_shows_its_card_where_it_is_added(staff: Client) -> None:
    text = staff.get(reverse("admin:studyapp_system_add")).content.decode()
    assert "tiny stand-in" in text
    assert "Di et al. 2021" in text
    assert "published model" in text


def test_a_command_is_chosen_from_the_servers_list_and_from_nothing_else(
    staff: Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = reverse("admin:studyapp_system_add")
    monkeypatch.delenv("DUET_OUTSIDE", raising=False)
    assert "This server allows no outside systems" in staff.get(add).content.decode()
    (tmp_path / "outside.toml").write_text('[commands.composer]\nargv = ["/usr/bin/true", "{output}"]\n')
    monkeypatch.setenv("DUET_OUTSIDE", str(tmp_path / "outside.toml"))
    assert '<option value="composer">' in staff.get(add).content.decode()
    chosen = {"command-preset": "default", "command-command": "rm -rf /", "command-model": "Composer"}
    address = reverse("admin:studyapp_system_add_key", args=["command"])
    staff.post(address, {**chosen, "command-slug": "composer"})
    assert not System.objects.filter(key="command").exists()
    staff.post(address, {**chosen, "command-command": "composer", "command-slug": "composer"})
    made = System.objects.get(key="command")
    assert made.settings == {"command": "composer", "model": "Composer"}
    assert made.label == "Composer (outside system)"
