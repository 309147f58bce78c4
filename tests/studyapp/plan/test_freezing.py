"""What opening freezes: every part is covered, a change shows, and an amendment explains its own part alone."""

from __future__ import annotations

from typing import Any

import pytest

from studyapp.actions.amendments import amend_study
from studyapp.errors import NotReady
from studyapp.models import Stimulus, Study, StudyText, Trial
from studyapp.plan.analysis_plan import check_plan
from studyapp.plan.freezing import PARTS, QUICK, Checked, as_frozen, frozen_parts, verify_frozen
from tests.studyapp.factories import make_study, open_study

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    opened = open_study(clips=2, blocks=2, pay="3.00")
    StudyText.objects.create(study=opened, language="de", consent_text="Ja?", instructions="Hören.")
    opened.refresh_from_db()
    opened.frozen = frozen_parts(opened)
    opened.save(update_fields=["frozen"])
    return opened


def standing(study: Study) -> dict[str, str]:
    return {
        one.part: "agrees" if one.agrees else f"amended {one.amended}" if one.amended else "broken"
        for one in verify_frozen(study)
    }


def test_what_was_frozen_agrees_with_itself(study: Study) -> None:
    assert verify_frozen(study) == tuple(Checked(part, agrees=True) for part in PARTS)
    assert set(study.frozen) == {*PARTS, "all", "versions"}


def test_a_study_that_has_frozen_nothing_has_nothing_to_check() -> None:
    assert verify_frozen(make_study()) == ()


@pytest.mark.parametrize(
    ("part", "fields"),
    [
        ("texts", {"consent_text": "No?"}),
        ("texts", {"instructions": "Run."}),
        ("texts", {"understanding_text": "Is it? \n* yes\n- no"}),
        ("texts", {"contact": "somebody"}),
        ("texts", {"pay": "9.00"}),
        ("rules", {"min_gold_right": 0.9}),
        ("rules", {"margin": 0.3}),
        ("rules", {"primary_pairs": [["a", "b"]]}),
        ("settings", {"min_coverage": 0.1}),
        ("settings", {"break_after": 3}),
        ("settings", {"asks_background": True}),
    ],
)
def test_a_change_that_is_no_amendment_shows_in_its_part(study: Study, part: str, fields: dict[str, Any]) -> None:
    Study.objects.filter(pk=study.pk).update(**fields)
    assert standing(study) == {name: "broken" if name == part else "agrees" for name in PARTS}


def test_a_changed_translation_stimulus_or_trial_shows(study: Study) -> None:
    StudyText.objects.filter(study=study).update(instructions="Lauf.")
    Stimulus.objects.filter(pk=study.comparisons.earliest("pk").stimulus_1_id).update(file_sha256="0" * 64)
    Trial.objects.filter(block__study=study, position=1).update(played_first="right")
    assert {part for part, how in standing(study).items() if how == "broken"} == {"texts", "stimuli", "design"}


def test_where_the_plan_was_registered_is_no_part_of_it(study: Study) -> None:
    Study.objects.filter(pk=study.pk).update(registration_url="https://osf.io/abcde")
    assert set(standing(study).values()) == {"agrees"}


def test_an_amendment_explains_its_part(study: Study) -> None:
    amend_study(study=study, by=None, reason="a reviewer asked", margin=0.2)
    study.refresh_from_db()
    amend_study(study=study, by=None, reason="more", pay="4.00", consent_text__de="Ja!")
    assert standing(study) == {
        "design": "agrees",
        "stimuli": "agrees",
        "texts": "amended (2, 3, 4)",
        "rules": "amended (1,)",
        "settings": "agrees",
    }


def test_an_amendment_does_not_excuse_another_change_of_the_same_part(study: Study) -> None:
    amend_study(study=study, by=None, reason="a reviewer asked", margin=0.2)
    Study.objects.filter(pk=study.pk).update(min_gold_right=0.1)
    assert standing(study)["rules"] == "broken"


def test_with_its_amendments_undone_a_study_is_as_it_was_frozen_and_nothing_is_written(study: Study) -> None:
    for margin in (0.2, 0.3):
        amend_study(study=study, by=None, reason="why", margin=margin)
        study.refresh_from_db()
    before = as_frozen(study)
    assert before.study.margin == 0.1
    study.refresh_from_db()
    assert study.margin == 0.3


def test_quick_parts_ask_nothing_of_a_large_design(study: Study, django_assert_max_num_queries: Any) -> None:
    with django_assert_max_num_queries(5):
        verify_frozen(study, QUICK)


def test_a_plan_for_pairs_that_are_not_compared_is_not_frozen() -> None:
    study = open_study(clips=1, blocks=1, primary_pairs=[["nobody", "knows"]])
    with pytest.raises(NotReady, match="nobody vs knows: not among the pairs"):
        check_plan(study)
    pair = study.pairs.get()
    study.primary_pairs = [[pair.system_2.slug, pair.system_1.slug]]
    check_plan(study)
