"""Which trial a researcher's preview shows: by its number, block after block, however long each is."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from studyapp.actions.pilots import _copy
from studyapp.models import Block, Study, Trial
from tests.studyapp.factories import make_researcher, open_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def staff(client: Client) -> Client:
    client.force_login(make_researcher())
    return client


def address(study: Study, number: int) -> str:
    return reverse("research-preview", args=[study.slug, number])


def shown(staff: Client, study: Study) -> list[str]:
    """Tokens of the trials that the numbers from 1 on lead to, until there is none."""
    found: list[str] = []
    while (response := staff.get(address(study, len(found) + 1))).status_code == 200:
        assert response.context["place"] == len(found) + 1
        found.append(response.context["config"]["token"])
    assert response.status_code == 404
    return found


def test_who_is_no_member_finds_nothing(client: Client) -> None:
    study = open_study()
    client.force_login(make_researcher(is_superuser=False))
    assert client.get(address(study, 1)).status_code == 404


def test_trials_come_in_the_order_of_blocks_and_places(staff: Client) -> None:
    open_study()
    study = open_study(clips=3, blocks=3)
    Trial.objects.filter(block__study=study, block__number=2, position__gt=1).delete()
    Block.objects.create(study=study, number=4)  # nothing is in it
    # Packed later, numbered in between.
    Block.objects.filter(study=study, number=1).update(number=7)
    trials = Trial.objects.filter(block__study=study).order_by("block__number", "position")
    tokens = shown(staff, study)
    assert tokens == [trial.token for trial in trials]
    assert len(tokens) == 7


def test_a_copy_for_a_pilot_comes_after_its_original_whole(staff: Client) -> None:
    study = open_study(clips=2, blocks=1)
    original = study.blocks.get()
    _copy(original, original.number)
    blocks = [trial.block_id for token in shown(staff, study) for trial in Trial.objects.filter(token=token)]
    assert blocks == [original.pk] * 2 + [study.blocks.of_pilot().get().pk] * 2


def test_first_and_last_lead_no_further(staff: Client) -> None:
    study = open_study(clips=2, blocks=2)
    first, last = (staff.get(address(study, number)).context["preview"] for number in (1, 4))
    assert (first.previous, first.next) == ("", address(study, 2))
    assert (last.previous, last.next) == (address(study, 3), "")


def test_it_asks_as_often_for_many_blocks_as_for_few(staff: Client) -> None:
    counts = []
    for blocks in (2, 12):
        study = open_study(clips=2, blocks=blocks)
        with CaptureQueriesContext(connection) as queries:
            assert staff.get(address(study, 2 * blocks)).status_code == 200
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] <= 8
