"""Gold and identical pairs: planned into blocks, answered as any trial, told apart in the export alone."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest
from django.utils import timezone

from studyapp.actions import datasets, studies
from studyapp.actions.endings import expire_sessions
from studyapp.actions.sessions import enrol
from studyapp.errors import DuetError
from studyapp.models import Study, System, Trial
from studyapp.results.exports import ratings_frame
from studyapp.watching.quality import rater_lines, rules_of
from tests.studyapp.factories import make_clip, make_system
from tests.studyapp.results.test_exports import answer_everything
from tests.studyapp.test_studies import render_everything

pytestmark = pytest.mark.django_db


def checked_study(**numbers: object) -> Study:
    """Random shuffle against an imported system; gold pairs of the ground truth and random shuffle."""
    truth, foil = make_system("ground-truth"), make_system("random-shuffle")
    other = make_system("v2meow-clip", preset="tiny")
    values = {
        "clips_per_cell": 3, "ratings_per_comparison": 2, "trials_per_block": 4, "gold_truth": truth,
        "gold_foil": foil, "gold_per_block": 1, "identical_per_block": 1, **numbers,
    }  # fmt: skip
    return studies.create_study(
        title="Checked",
        slug=f"checked-{Study.objects.count()}",
        clips=[make_clip(genre=("Rock", "Jazz")[n % 2]) for n in range(6)],
        pairs=[(foil, other)],
        by=None,
        **values,
    )


def opened(study: Study) -> Study:
    studies.build_design(study=study, by=None)
    render_everything(study)
    return studies.open_study(study=study, by=None)


def test_every_block_gets_its_checks_and_the_summary_counts_them() -> None:
    study = checked_study()
    summary = studies.build_design(study=study, by=None)
    assert summary.checks == 2 * summary.blocks
    for block in study.blocks.all():
        kinds = Counter(block.trials.values_list("kind", flat=True))
        assert (kinds["gold"], kinds["identical"]) == (1, 1)
    for comparison in study.comparisons.filter(kind="gold"):
        assert comparison.expected == study.gold_truth
        assert comparison.expected in (comparison.stimulus_1.system, comparison.stimulus_2.system)
    for comparison in study.comparisons.filter(kind="identical"):
        assert comparison.stimulus_1 == comparison.stimulus_2
    assert study.comparisons.filter(kind="test").count() == 6


def test_the_frozen_plan_says_what_is_expected_and_reads_back_equal() -> None:
    study = checked_study()
    studies.build_design(study=study, by=None)
    rows = studies.design_rows(study)
    assert {row["expected"] for row in rows if row["kind"] == "gold"} == {study.gold_truth.slug}
    assert {row["expected"] for row in rows if row["kind"] != "gold"} == {""}
    again = checked_study(gold_per_block=0, identical_per_block=0)
    studies.build_design(study=again, by=None)
    assert "expected" not in studies.design_rows(again)[0]


def test_a_draft_whose_checks_changed_is_built_again_before_it_opens() -> None:
    study = checked_study()
    studies.build_design(study=study, by=None)
    render_everything(study)
    studies.change_study(study=study, by=None, gold_per_block=0)
    with pytest.raises(DuetError, match="build the design again"):
        studies.open_study(study=study, by=None)


def test_gold_pairs_need_two_different_systems() -> None:
    with pytest.raises(DuetError, match="two different systems"):
        checked_study(gold_foil=None)
    truth = make_system("ground-truth", slug="own")
    with pytest.raises(DuetError, match="two different systems"):
        checked_study(gold_truth=truth, gold_foil=truth)


def test_checks_that_were_not_answered_are_packed_again_as_what_they_were() -> None:
    study = opened(checked_study())
    session = enrol(study=study, now=timezone.now())
    before = Counter(session.block.trials.values_list("kind", flat=True))
    expire_sessions(now=timezone.now() + timedelta(days=1), study=study)
    packed = Trial.objects.filter(block__study=study, block__wave=1)
    assert Counter(packed.values_list("kind", flat=True)) == before
    assert all(trial.kind == trial.comparison.kind for trial in packed.select_related("comparison"))


def test_the_export_tells_them_apart_and_raters_are_held_to_the_declared_rules() -> None:
    study = opened(checked_study(min_gold_right=0.5, max_same_choice=0.9, min_identical_near=None))
    session = answer_everything(study, choice=2)
    frame = ratings_frame(study)
    gold = frame[frame["kind"] == "gold"]
    assert set(gold["expected"].astype(str)) == {study.gold_truth.slug}
    assert frame.loc[frame["kind"] != "gold", "expected"].isna().all()
    assert rules_of(study).min_gold_right == 0.5
    (line,) = rater_lines(study, [session.pk])
    assert line.figures.tests == session.block.trials.filter(kind="test").count()
    assert line.figures.identical_near == 1
    assert line.broken == ("100% of the answers to one question alike, at most 90% allowed",)


def test_a_dataset_has_a_line_for_each_rater() -> None:
    study = opened(checked_study(max_same_choice=0.9))
    answer_everything(study)
    dataset = datasets.freeze_dataset(study=study, by=None, include_simulated=False)
    dataset = datasets.build_dataset(dataset_id=dataset.pk)
    header, line = (dataset.path / "raters.csv").read_text().splitlines()
    assert header.startswith("rater_id,tests,gold,gold_right,")
    assert "alike, at most 90% allowed" in line


def test_identical_pairs_show_only_systems_that_the_study_compares() -> None:
    study = checked_study(gold_per_block=0, gold_truth=None, gold_foil=None)
    studies.build_design(study=study, by=None)
    shown = study.comparisons.filter(kind="identical").values_list("stimulus_1__system", flat=True)
    compared = {pk for pair in study.pairs.all() for pk in (pair.system_1_id, pair.system_2_id)}
    assert set(shown) == compared
    assert System.objects.filter(pk__in=shown).count() == 2
