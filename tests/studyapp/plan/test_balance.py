"""Balance tables: counted from the rows of the design, and the largest imbalance named."""

from __future__ import annotations

from typing import Any

import pytest

from studyapp.actions.designs import build_design
from studyapp.actions.pilots import _copy
from studyapp.models import Block, Comparison, Study, SystemPair, Trial
from studyapp.plan.balance import balance, kept_balance
from tests.studyapp.factories import make_clip, make_study, make_system, open_study

pytestmark = pytest.mark.django_db


def built(**fields: Any) -> Study:
    numbers = {"clips_per_cell": 2, "ratings_per_comparison": 4, "trials_per_block": 6}
    study = make_study(**{**numbers, **fields})
    study.clips.set([make_clip(genre=genre) for genre in ("Rock", "Rock", "Reggae", "Reggae")])
    systems = [make_system(slug="own"), make_system("random-shuffle", slug="other"), make_system(slug="third")]
    for one in (1, 2):
        SystemPair.objects.create(study=study, system_1=systems[0], system_2=systems[one])
    build_design(study=study, by=None)
    study.refresh_from_db()
    return study


def test_a_dealt_design_is_level_in_sides_order_pairs_and_genres() -> None:
    found = balance(built())
    assert found is not None
    assert found.genres == ("Reggae", "Rock")
    lines = {line.system: line for line in found.systems}
    assert (lines["own"].trials, lines["own"].left, lines["own"].first) == (32, 16, 16)
    assert (lines["other"].trials, lines["third"].trials) == (16, 16)
    assert [(line.name, line.trials) for line in found.pairs] == [
        ("own vs other", (8, 8)),
        ("own vs third", (8, 8)),
    ]
    shares = {one.kind: one.share for one in found.imbalances}
    assert shares["side"] == shares["first"] == shares["pair and genre"] == 0
    assert sum(line.mean for line in found.mix) * found.blocks == 32


def test_the_largest_imbalance_is_named() -> None:
    study = built()
    own = study.comparisons.filter(stimulus_2__system__slug="third")
    Trial.objects.filter(comparison__in=own).update(left_is_1=False)
    found = balance(study)
    assert found is not None
    assert found.imbalances[0].kind == "side"
    assert found.in_words == "The largest imbalance: third is on the left in 16 of 16 trials."


def test_a_genre_that_some_blocks_lack_and_a_pair_that_comes_late_show() -> None:
    study = open_study(clips=2, blocks=2, genres=("Rock", "Reggae"))
    Trial.objects.filter(block__number=2, comparison__clip__genre="Reggae").delete()
    found = balance(study)
    assert found is not None
    reggae, rock = found.mix
    assert (reggae.genre, reggae.fewest, reggae.most, reggae.mean) == ("Reggae", 0, 1, 0.5)
    assert (rock.fewest, rock.most) == (1, 1)
    (line,) = found.pairs
    assert line.trials == (1, 2)


def test_checks_pilots_and_what_was_packed_later_are_not_counted() -> None:
    study = built(repeats_per_block=1)
    before = balance(study)
    block = Block.objects.filter(study=study).first()
    assert block is not None
    _copy(block, 1)
    later = Block.objects.create(study=study, number=99, origin=Block.Origin.PACKED, wave=1)
    comparison = Comparison.objects.filter(study=study).earliest("pk")
    Trial.objects.create(block=later, position=1, comparison=comparison, left_is_1=True, played_first="left")
    assert balance(study) == before
    assert before is not None
    assert sum(line.total for line in before.pairs) == 32


def test_without_a_design_there_is_nothing_to_balance() -> None:
    assert balance(make_study()) is None


def test_it_asks_four_questions_however_large_the_design(django_assert_num_queries: Any) -> None:
    study = built()
    with django_assert_num_queries(4):
        balance(study)


def test_what_was_counted_when_the_design_was_built_is_kept_with_it() -> None:
    study = built()
    assert kept_balance(study) == balance(study)
    own = study.comparisons.filter(stimulus_2__system__slug="third")
    Trial.objects.filter(comparison__in=own).update(left_is_1=False)
    assert kept_balance(study) != balance(study)
    build_design(study=study, by=None)
    study.refresh_from_db()
    assert kept_balance(study) == balance(study)


def test_a_design_of_an_older_duet_has_nothing_kept() -> None:
    study = built()
    del study.design_summary["balance"]
    assert kept_balance(study) is None
    assert kept_balance(make_study()) is None
