"""Letters for names: whole words alone, in an order that tells nothing, and nothing that people wrote."""

from __future__ import annotations

import pytest

from studyapp import blinding
from studyapp.models import Study
from tests.studyapp.factories import make_study, make_system

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    """Compares cmt with cmt-tiny; there are also the systems “an” and “rock”."""
    made = make_study(salt="a")
    made.pairs.create(system_1=make_system(slug="cmt"), system_2=make_system(slug="cmt-tiny"))
    for slug in ("an", "rock"):
        make_system(slug=slug)
    return made


def test_a_slug_is_masked_where_it_stands_by_itself_and_nowhere_else(study: Study) -> None:
    told = blinding.without_names(study)
    called = blinding.names(study, ["cmt", "cmt-tiny"], shown=False)
    assert told("cmt-tiny: too loud; (cmt), “cmt”.") == "{1}: too loud; ({0}), “{0}”.".format(*called.values())
    assert told("clip7/cmt") == f"clip7/{called['cmt']}"
    untouched = "answers of anna for rocky cmt-base, cmt_2, my-cmt and Cmt"
    assert told(untouched) == untouched
    assert told("rock") == "another system"


def test_what_people_wrote_and_digests_stand_as_they_are(study: Study) -> None:
    told = blinding.without_names(study)
    line = {"member": "an", "by": "cmt", "name": "rock", "reason": "we rock", "sha256": "an", "plan_sha256": "cmt"}
    assert told(line) == line
    assert told({"reason": "cmt", "system": "cmt", "cmt": 1}) == {
        "reason": "cmt",
        "system": (letter := blinding.names(study, ["cmt"], shown=False)["cmt"]),
        letter: 1,
    }


@pytest.mark.parametrize("salt", ["a", "b", "c", "d"])
def test_pairs_come_in_the_order_of_letters_not_in_that_in_which_systems_were_made(
    study: Study, salt: str
) -> None:
    Study.objects.filter(pk=study.pk).update(salt=salt)
    study.refresh_from_db()
    told = blinding.without_names(study)
    assert told("cmt vs cmt-tiny in Rock") == "System A vs System B in Rock"
    assert told({"pairs": [["cmt", "cmt-tiny"]]}) == {"pairs": [["System A", "System B"]]}
    assert blinding.lettered_pairs(study, [("cmt", "cmt-tiny")]) == [("System A", "System B")]
    # What names no system keeps its order.
    assert told({"block_numbers": [9, 4], "fields": ["title", "seed"]}) == {
        "block_numbers": [9, 4],
        "fields": ["title", "seed"],
    }


def star(study: Study, salt: str) -> list[tuple[str, str]]:
    """One system against five others, in the order of their numbers."""
    Study.objects.filter(pk=study.pk).update(salt=salt)
    study.refresh_from_db()
    compared = study.pairs.values_list("system_1__slug", "system_2__slug")
    called = blinding.pairs(study, compared, shown=False)
    assert list(called.values()) == [f"Pair {number}" for number in range(1, 6)]
    return list(called)


def test_numbers_of_pairs_do_not_say_which_share_a_system_and_are_drawn_for_each_study() -> None:
    study = make_study(salt="a")
    one = make_system(slug="one")
    for number in range(5):
        study.pairs.create(system_1=one, system_2=make_system(slug=f"other-{number}"))
    orders = {tuple(star(study, salt)) for salt in "abcdefgh"}
    assert len(orders) > 4
    assert star(study, "a") == star(study, "a")
    # A page that tells of one pair calls it as the others do, whichever way round.
    known = blinding.pairs(study, study.pairs.values_list("system_1__slug", "system_2__slug"), shown=False)
    alone = blinding.pairs(study, [("other-3", "one")], shown=False)
    assert alone == {("other-3", "one"): known["one", "other-3"]}
    assert blinding.pairs(study, [("one", "other-3")], shown=True) == {("one", "other-3"): "one vs other-3"}
    # One version beside itself takes no number from the others, and neither does what is not compared any more.
    for slug in ("one", *(f"other-{number}" for number in range(5))):
        beside = blinding.pairs(study, [("gone", "one"), (slug, slug), *known], shown=False)
        last = {("gone", "one"): "Another pair", (slug, slug): "Identical pair"}
        assert beside == {**known, **last}
        assert set(list(beside)[-2:]) == set(last)


@pytest.mark.parametrize("name", ["contact", "title", "consent_text__de"])
def test_no_text_that_somebody_can_write_tells_whose_letter_is_whose(study: Study, name: str) -> None:
    told = blinding.without_names(study)
    amended = {"what": name, "before": "", "after": "cmt", "reason": "cmt"}
    assert told(amended) == amended
    changed = {"after": {name.partition("__")[0]: "cmt"}, "changes": {"caption": "cmt", "tags": ["cmt"]}}
    assert told(changed) == changed
    pairs = {"what": "primary_pairs", "before": [], "after": [["cmt", "cmt-tiny"]]}
    assert told(pairs)["after"] == [["System A", "System B"]]


def test_hypotheses_are_kept_back_whole(study: Study) -> None:
    told = blinding.without_names(study)
    assert told({"what": "hypotheses", "before": "", "after": "cmt wins"}) == {
        "what": "hypotheses",
        "before": "",
        "after": blinding.HYPOTHESES_KEPT_BACK,
    }
    assert told({"after": {"hypotheses": "cmt wins"}})["after"] == {"hypotheses": blinding.HYPOTHESES_KEPT_BACK}
    assert blinding.hypotheses(study) == ""
