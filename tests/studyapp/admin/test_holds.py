"""Held stimuli: who sees and lifts them, and what they tell of the system."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from studyapp.actions.sessions import enrol
from studyapp.models import StimulusHold, Study, StudyMember
from tests.studyapp.factories import make_member, make_researcher, make_system, open_study

pytestmark = pytest.mark.django_db
LIST = reverse("admin:studyapp_stimulushold_changelist")
SLUG = "a-system-of-note"


@pytest.fixture
def study() -> Study:
    return open_study(systems=(make_system(slug=SLUG), make_system(slug="another-one")))


@pytest.fixture
def hold(study: Study) -> StimulusHold:
    """Of a file, which no session found."""
    stimulus = study.comparisons.order_by("pk")[0].stimulus_1
    return StimulusHold.objects.create(stimulus=stimulus, reason="file", held_at=timezone.now())


def researcher(study: Study | None, role: str = StudyMember.Role.EDITOR, *, sees_names: bool = False) -> Client:
    user = make_researcher(is_superuser=False)
    if study is not None:
        make_member(study, user, role=role, sees_names=sees_names)
    client = Client()
    client.force_login(user)
    return client


def lift(client: Client, hold: StimulusHold) -> int:
    return client.post(reverse("admin:stimulushold-lift", args=[hold.pk])).status_code


def test_nobody_but_editors_of_a_study_that_shows_it_sees_or_lifts_a_hold(
    study: Study, hold: StimulusHold
) -> None:
    change = reverse("admin:studyapp_stimulushold_change", args=[hold.pk])
    named = reverse("admin:studyapp_stimulushold_changelist") + f"?session__study__id__exact={study.pk}"
    hold.session = enrol(study=study, now=timezone.now())
    for session in (None, hold.session):
        StimulusHold.objects.update(session=session)
        for client in (researcher(None), researcher(open_study()), researcher(study, StudyMember.Role.VIEWER)):
            assert list(client.get(LIST).context["cl"].queryset) == []
            assert hold.stimulus.clip.clip_id not in client.get(named, follow=True).content.decode()
            assert client.get(change).status_code == 302
            assert lift(client, hold) == 404
    hold.refresh_from_db()
    assert hold.lifted_at is None
    editor = researcher(study)
    assert list(editor.get(LIST).context["cl"].queryset) == [hold]
    assert editor.get(change).status_code == 200
    assert lift(editor, hold) == 302
    hold.refresh_from_db()
    assert hold.lifted_at is not None


def test_an_editor_of_another_study_that_shows_the_same_may_lift_it(study: Study, hold: StimulusHold) -> None:
    other = open_study()
    shown = study.comparisons.order_by("pk")[0]
    other.comparisons.create(clip=shown.clip, stimulus_1=shown.stimulus_2, stimulus_2=shown.stimulus_1)
    hold.session = enrol(study=study, now=timezone.now())
    hold.save()
    assert lift(researcher(other), hold) == 302


def test_a_hold_names_its_system_only_to_who_may_see_names(study: Study, hold: StimulusHold) -> None:
    change = reverse("admin:studyapp_stimulushold_change", args=[hold.pk])
    for sees_names in (True, False):
        client = researcher(study, sees_names=sees_names)
        pages = [client.get(LIST).content.decode(), client.get(change).content.decode()]
        assert all(hold.stimulus.clip.clip_id in page for page in pages)
        assert [SLUG in page for page in pages] == [sees_names, sees_names]
        again = client.post(reverse("admin:stimulushold-lift", args=[hold.pk]), follow=True)
        assert (SLUG in again.content.decode()) is sees_names
        assert ("let back in already" in again.content.decode()) is not sees_names


def test_a_hold_is_looked_at_without_its_sound_by_who_may_not_see_names(study: Study, hold: StimulusHold) -> None:
    change = reverse("admin:studyapp_stimulushold_change", args=[hold.pk])
    heard = reverse("research-stimulus-video", args=[hold.stimulus_id])
    silent = reverse("research-clip-video", args=[hold.stimulus.clip_id])
    for sees_names in (True, False):
        page = researcher(study, sees_names=sees_names).get(change).content.decode()
        assert (heard in page, silent in page) == (sees_names, not sees_names)
        assert ("without its soundtrack" in page) is not sees_names


def test_the_list_of_holds_asks_as_much_for_many_as_for_one(
    study: Study, hold: StimulusHold, django_assert_max_num_queries: object
) -> None:
    client = researcher(study)
    for comparison in study.comparisons.order_by("pk")[1:]:
        StimulusHold.objects.create(stimulus=comparison.stimulus_2, reason="file", held_at=timezone.now())
    with django_assert_max_num_queries(10):  # type: ignore[operator]
        client.get(LIST)
