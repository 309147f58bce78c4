"""Raters' figures: a page's own rows give what the whole table gives, and a worker finds who breaks a rule."""

from __future__ import annotations

import random
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from analysis.raters import RaterFigures, rater_figures
from studyapp.actions import studies
from studyapp.actions.pilots import _copy
from studyapp.models import Rater, Response, Study, StudySession
from studyapp.questions import Question
from studyapp.results.exports import ratings_frame
from studyapp.results.pseudonyms import pseudonym
from studyapp.states import StudyState
from studyapp.watching import monitoring, quality
from studyapp.watching.figures import PEOPLE, SIMULATED, Figures
from tests.studyapp.factories import make_clip, make_system
from tests.studyapp.test_studies import render_everything

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    """With gold pairs on either side, identical pairs and repeats, and a rule of each kind."""
    truth, foil = make_system("ground-truth"), make_system("random-shuffle")
    study = studies.create_study(
        title="Checked",
        slug="checked",
        clips=[make_clip(genre=("Rock", "Jazz")[number % 2]) for number in range(8)],
        pairs=[(foil, make_system("v2meow-clip", preset="tiny"))],
        by=None,
        clips_per_cell=4,
        ratings_per_comparison=4,
        trials_per_block=5,
        gold_truth=truth,
        gold_foil=foil,
        gold_per_block=2,
        identical_per_block=2,
        repeats_per_block=1,
        training_per_block=1,
        min_gold_right=0.75,
        min_identical_near=0.75,
        max_same_choice=0.55,
        min_median_response_ms=2000,
    )
    studies.build_design(study=study, by=None)
    render_everything(study)
    return studies.open_study(study=study, by=None)


def answer(study: Study, draw: random.Random, *, pilot: bool = False, **fields: Any) -> StudySession:
    """A session that answers the next free block by chance, save for its last trial."""
    now = timezone.now()
    blocks = study.blocks.of_pilot() if pilot else study.blocks.counted()
    block = blocks.filter(session__isnull=True).earliest("pk")
    values = {"consent_version": "1", "consented_at": now, "last_seen_at": now, "expires_at": now, **fields}
    session = StudySession.objects.create(study=study, rater=Rater.objects.create(), block=block, **values)
    Response.objects.bulk_create(
        Response(
            session=session,
            trial=trial,
            question=question,
            choice=draw.randint(1, 5),
            coverage_left=1,
            coverage_right=1,
            response_time_ms=draw.randint(500, 4000),
            answered_at=now,
        )
        for trial in list(block.trials.order_by("position"))[:-1]
        for question in Question
    )
    StudySession.objects.filter(pk=session.pk).update(answer_count=session.responses.count())
    return session


def answered_by_chance(study: Study) -> list[StudySession]:
    draw = random.Random(5)
    people = [answer(study, draw) for _ in range(4)]
    return [*people, answer(study, draw, simulated=True), answer(study, draw, archived_rater="r0123456789abcdef")]


def test_a_page_of_raters_has_the_figures_of_the_whole_table(study: Study) -> None:
    sessions = answered_by_chance(study)
    whole = {one.rater_id: one for one in rater_figures(ratings_frame(study, include_simulated=True))}
    kinds = {kind: sum(getattr(one, kind) for one in whole.values()) for kind in ("gold", "identical", "repeats")}
    assert all(kinds.values()), kinds
    for page in (sessions[3:], sessions[:3]):
        lines = quality.rater_lines(study, [session.pk for session in reversed(page)])
        named = [one.archived_rater or pseudonym(study, one.rater.code, prefix="r") for one in reversed(page)]
        assert [line.figures for line in lines] == [whole[name] for name in named]
        rules = quality.rules_of(study)
        assert [line.broken for line in lines] == [rules.broken_by(line.figures) for line in lines]


def test_a_page_asks_as_often_for_many_raters_as_for_one(study: Study) -> None:
    sessions = [session.pk for session in answered_by_chance(study)]
    counts = []
    for page in (sessions[:1], sessions):
        with CaptureQueriesContext(connection) as queries:
            assert len(quality.rater_lines(study, page)) == len(page)
        counts.append(len(queries))
    assert counts == [2, 2]


def test_without_raters_there_is_no_line(study: Study) -> None:
    assert quality.rater_lines(study, []) == []


def broken(study: Study, *, simulated: bool) -> list[int]:
    """By the figures of the whole table."""
    rules = quality.rules_of(study)
    frame = ratings_frame(study, include_simulated=True)
    figures: dict[str, RaterFigures] = {one.rater_id: one for one in rater_figures(frame)}
    sessions = quality.answered(study, include_simulated=True).filter(simulated=simulated)
    names = {one.pk: one.archived_rater or pseudonym(study, one.rater.code, prefix="r") for one in sessions}
    return [pk for pk, name in names.items() if rules.broken_by(figures[name])]


RULES = {
    "min_gold_right": 0.5,
    "min_identical_near": 0.75,
    "max_same_choice": 0.5,
    "min_median_response_ms": 2200,
}


@pytest.mark.parametrize("rule", RULES)
def test_a_worker_finds_who_breaks_each_rule_as_the_whole_table_does(study: Study, rule: str) -> None:
    answered_by_chance(study)
    Study.objects.filter(pk=study.pk).update(**{**dict.fromkeys(RULES), rule: RULES[rule]})
    study.refresh_from_db()
    found = monitoring.figures(study, now=timezone.now())
    assert found.breaking == {who: broken(study, simulated=who == SIMULATED) for who in (PEOPLE, SIMULATED)}
    # Some do and some do not: else nothing is shown.
    assert 0 < len(found.breaking[PEOPLE]) < 5
    assert Figures.from_json(found.to_json()) == found


def test_without_a_rule_nobody_breaks_one(study: Study) -> None:
    answered_by_chance(study)
    Study.objects.filter(pk=study.pk).update(**dict.fromkeys(RULES))
    study.refresh_from_db()
    assert monitoring.figures(study, now=timezone.now()).breaking == {PEOPLE: [], SIMULATED: []}


def test_those_of_a_pilot_are_told_while_it_runs_and_never_after(study: Study) -> None:
    _copy(study.blocks.earliest("pk"), 1)
    piloted, own = answer(study, random.Random(2), pilot=True), answer(study, random.Random(3))
    assert [one.pk for one in quality.answered(study, include_simulated=True)] == [own.pk]
    study.state = StudyState.PILOT
    assert [one.pk for one in quality.answered(study, include_simulated=True)] == [piloted.pk]
