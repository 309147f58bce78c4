"""A study as it is simulated: the pairs that it compares, those that it declares, and the command for them."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analysis.__main__ import main
from studyapp.models import Study, System, SystemPair
from studyapp.plan.planning import Shape, chance, command, shape_of
from studyapp.plan.sampling import DesignSummary
from tests.studyapp.factories import make_clip, make_study, make_system

pytestmark = pytest.mark.django_db
VARIANTS = ("a", "b", "d", "e", "f")


@pytest.fixture
def systems() -> dict[str, System]:
    return {slug: make_system(slug=slug) for slug in (*VARIANTS, "cmt")}


def compares(systems: dict[str, System], *pairs: Sequence[str], primary: Sequence[Sequence[str]] = ()) -> Study:
    study = make_study(clips_per_cell=2, ratings_per_comparison=4, trials_per_block=10, primary_pairs=[*primary])
    study.clips.set([make_clip(genre=genre) for genre in ("Rock", "Rock", "Reggae", "Reggae")])
    for one, other in pairs:
        first, second = sorted((systems[one], systems[other]), key=lambda system: system.pk)
        SystemPair.objects.create(study=study, system_1=first, system_2=second)
    return study


def shaped(study: Study) -> Shape:
    comparisons = 4 * study.pairs.count()
    summary = DesignSummary(comparisons, comparisons * 4, 0, comparisons * 4, 8, 10, 10, 0, (), ())
    return shape_of(study, summary)


def test_one_against_all_is_simulated_as_that(systems: dict[str, System]) -> None:
    shape = shaped(compares(systems, *((slug, "cmt") for slug in VARIANTS)))
    assert (shape.systems, shape.pairs, shape.answers) == (6, 5, 5 * 4 * 4)
    assert shape.compared == tuple((0, n) for n in range(1, 6))
    assert shape.primary == ()


def test_number_0_is_the_system_in_most_primary_pairs_then_in_most_pairs_then_first_by_slug(
    systems: dict[str, System],
) -> None:
    pairs = [("a", "b"), ("b", "d"), ("b", "e"), ("a", "e")]
    most = shaped(compares(systems, *pairs))
    # b has three pairs; a and e have two, d one.
    assert most.compared == ((0, 1), (0, 2), (0, 3), (1, 2))
    declared = shaped(compares(systems, *pairs, primary=[["a", "e"], ["b", "a"]]))
    # a is in both primary pairs; b has more pairs than e.
    assert (declared.compared, declared.primary) == (((0, 1), (0, 2), (1, 2), (1, 3)), ((0, 1), (0, 2)))


def test_declared_pairs_count_in_either_order_and_one_whose_system_is_gone_for_nothing(
    systems: dict[str, System],
) -> None:
    star = [(slug, "cmt") for slug in VARIANTS]
    shape = shaped(compares(systems, *star, primary=[["cmt", "b"], ["a", "gone"], ["d", "cmt"]]))
    assert (shape.systems, shape.primary) == (6, ((0, 1), (0, 2)))
    assert shaped(compares(systems, *star, primary=[["a", "gone"]])).primary == ()


def test_a_shape_takes_two_questions_to_the_database(
    systems: dict[str, System], django_assert_num_queries: Any
) -> None:
    study = compares(systems, *((slug, "cmt") for slug in VARIANTS))
    summary = DesignSummary(20, 80, 0, 80, 8, 10, 10, 0, (), ())
    with django_assert_num_queries(2):
        shape_of(study, summary)


@pytest.mark.parametrize(
    ("pairs", "primary", "said"),
    [
        ([("a", "b")], [], "--systems 2 --genres 2 --clips 2 --ratings 4 --trials 4 --checks 0"),
        ([*itertools.combinations("abd", 2)], [], "--systems 3 --genres 2"),
        ([(slug, "cmt") for slug in VARIANTS], [], "--systems 6 --one-against-all --genres 2"),
        (
            [("a", "b"), ("a", "d"), ("b", "e")],
            [["a", "d"]],
            "--systems 4 --pairs 0-1,0-2,2-3 --primary 0-1",
        ),
    ],
)
def test_the_command_simulates_the_same_plan(
    systems: dict[str, System], tmp_path: Path, pairs: Any, primary: list[list[str]], said: str
) -> None:
    shape = shaped(compares(systems, *pairs, primary=primary))
    found = chance(shape, net=0.6)
    told = command(shape)
    assert said in told
    file = tmp_path / "power.csv"
    arguments = shlex.split(told)[3:]
    assert main([*arguments, "--net", "0.6", "--studies", str(found.studies), "-o", str(file)]) == 0
    row = pd.read_csv(file).iloc[0]
    assert (round(100 * row["power"]), round(100 * row["together"])) == (found.power, found.together)
    assert row["width"] == pytest.approx(found.width)
    assert 0 < found.power < 100
