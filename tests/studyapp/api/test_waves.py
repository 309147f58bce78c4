"""Further waves through the API: asked for by raters or by ratings, listed, and refused where they cannot be."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from studyapp.models import Amendment, Block, Study, StudyMember, User
from studyapp.states import StudyState
from tests.studyapp.api.caller import Caller, caller_for
from tests.studyapp.factories import make_member, make_researcher
from tests.studyapp.test_waves import designed_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def editor() -> User:
    return make_researcher(username="ada", is_superuser=False)


@pytest.fixture
def study(editor: User) -> Study:
    study = designed_study()
    make_member(study, editor, role=StudyMember.Role.EDITOR)
    return study


@pytest.fixture
def call(editor: User) -> Caller:
    return caller_for(editor)


def test_a_wave_is_added_for_so_many_raters_and_listed(call: Caller, study: Study) -> None:
    made = call("POST", f"studies/{study.slug}/waves", {"raters": 4, "reason": "too few"})
    assert made.status == 201
    added = study.blocks.filter(origin=Block.Origin.EXTENDED)
    assert (made.said["first_block"], made.said["last_block"]) == (added[0].number, added.latest("number").number)
    plain = {name: made.said[name] for name in ("wave", "by", "ratings", "pairs", "reason", "amendment")}
    assert plain == {"wave": 1, "by": "ada", "ratings": 2, "pairs": None, "reason": "too few", "amendment": 1}
    assert call("GET", f"studies/{study.slug}/waves").said == {"items": [made.said], "next": None}


def test_pairs_are_topped_up_by_number_and_no_answer_names_a_system(call: Caller, study: Study) -> None:
    given = {"ratings": 1, "pairs": ["Pair 2"], "reason": "close"}
    made = call("POST", f"studies/{study.slug}/waves", given)
    assert (made.status, made.said["pairs"]) == (201, 1)
    (pair,) = Amendment.objects.get().after["pairs"]
    assert not any(slug in str(made.said) for slug in pair)
    refused = call("POST", f"studies/{study.slug}/waves", given | {"pairs": ["Pair 9"]})
    assert refused.status == 422
    assert refused.said["error"] == "The study does not compare “Pair 9”; choose among Pair 1, Pair 2"


def test_what_is_sent_twice_adds_one_wave_where_its_number_is_said(call: Caller, study: Study) -> None:
    given = {"ratings": 1, "reason": "too few", "wave": 1}
    assert call("POST", f"studies/{study.slug}/waves", given).status == 201
    again = call("POST", f"studies/{study.slug}/waves", given)
    assert (again.status, "was given wave 1 meanwhile" in again.said["error"]) == (409, True)
    assert Amendment.objects.count() == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({}, "either “raters”, or “ratings”"),
        ({"raters": 4, "ratings": 1}, "either “raters”, or “ratings”"),
        ({"raters": 4, "pairs": ["Pair 1"]}, "either “raters”, or “ratings”"),
        ({"raters": 1}, "cannot rate each of 12 comparisons once"),
        ({"ratings": 0}, "greater than or equal to 1"),
        ({"ratings": 1, "pairs": []}, "at least 1 item"),
        ({"ratings": 1, "reason": " "}, "say why"),
    ],
)
def test_what_makes_no_wave_is_refused_in_words(
    call: Caller, study: Study, wrong: dict[str, Any], said: str
) -> None:
    refused = call("POST", f"studies/{study.slug}/waves", {"reason": "too few", **wrong})
    assert refused.status == 422
    assert said.lower() in refused.said["error"].lower()
    assert not Amendment.objects.exists()


def test_a_closed_study_gets_no_wave(call: Caller, study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(state=StudyState.CLOSED, closed_at=timezone.now())
    refused = call("POST", f"studies/{study.slug}/waves", {"raters": 4, "reason": "too few"})
    assert (refused.status, "open or paused" in refused.said["error"]) == (409, True)
