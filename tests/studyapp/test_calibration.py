"""A hundred simulated studies of one real design: intervals hold the truth, and no preference is called one.

Answers are drawn without the pages, for speed; two of the seeds also run through the pages, and give the same.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from django.conf import settings
from django.utils import timezone

from analysis import schema
from analysis.ratings import Ratings
from analysis.results import PairRate
from studyapp.actions import studies
from studyapp.models import Clip, Stimulus, Study, System
from studyapp.preferences import Preferences
from studyapp.questions import Question
from studyapp.results.exports import ratings_frame
from studyapp.simulation import simulate
from studyapp.states import StimulusState
from tests.studyapp.factories import make_clip, make_system, sha

pytestmark = pytest.mark.django_db

SYSTEMS = ("good", "bad")
SEEDS = range(100)
THROUGH_THE_PAGES = (0, 1)
RATER_SD = CLIP_SD = 0.5
EFFECT = 1.5


def make_open(slug: str, clips: list[Clip], systems: tuple[System, System]) -> Study:
    """12 raters, each for 8 clips of two genres; every study of these clips has the same design."""
    study = studies.create_study(
        title=slug,
        slug=slug,
        clips=clips,
        pairs=[systems],
        by=None,
        clips_per_cell=4,
        ratings_per_comparison=12,
        trials_per_block=8,
    )
    studies.build_design(study=study, by=None)
    for stimulus in Stimulus.objects.filter(state=StimulusState.REQUESTED):
        name = f"{stimulus.key}.mp4"
        Path(settings.MEDIA_ROOT).mkdir(exist_ok=True)
        (Path(settings.MEDIA_ROOT) / name).write_bytes(b"video")
        Stimulus.objects.filter(pk=stimulus.pk).update(
            state=StimulusState.READY,
            ready_at=timezone.now(),
            file=name,
            file_sha256=sha(b"video"),
            file_bytes=5,
            duration_s=10.0,
            lufs=-23.0,
            true_peak_dbtp=-3.0,
            gain_db=0.0,
        )
    return studies.open_study(study=study, by=None)


@pytest.fixture
def scene() -> tuple[list[Clip], tuple[System, System]]:
    clips = [make_clip(clip_id=f"clip{n}", genre=("Rock", "Jazz")[n % 2]) for n in range(8)]
    return clips, (make_system("ground-truth", slug="good"), make_system("random-shuffle", slug="bad"))


def answers(study: Study, preferences: Preferences) -> pd.DataFrame:
    """The export's columns that matter, drawn straight from the design."""
    rows = []
    for trial in studies.design_rows(study):
        left, right = str(trial["system_left"]), str(trial["system_right"])
        for question in Question:
            choice = preferences.choose(
                rater=int(trial["block"]),
                trial=f"{trial['block']}/{trial['position']}",
                clip_id=str(trial["clip_id"]),
                system_left=left,
                system_right=right,
                question=question,
            )
            rows.append(
                dict.fromkeys(schema.COLUMN_NAMES)
                | {
                    "study": "s",
                    "rater_id": f"r{trial['block']}",
                    "session_id": f"s{trial['block']}",
                    "block": trial["block"],
                    "trial_id": f"b{trial['block']}t{trial['position']}",
                    "position": trial["position"],
                    "kind": "test",
                    "dataset": "d",
                    "clip_id": trial["clip_id"],
                    "genre": trial["genre"],
                    "question": question.value,
                    "system_left": left,
                    "system_right": right,
                    "played_first": trial["played_first"],
                    "choice": choice,
                    "score_presented": 3 - choice,
                    "system_1": trial["system_1"],
                    "system_2": trial["system_2"],
                    "score": (3 - choice) * (1 if left == trial["system_1"] else -1),
                    "simulated": True,
                    "answered_at": "2026-01-31T12:00:00Z",
                }
            )
    return schema.read(pd.DataFrame(rows))


def preferences_of(seed: int, effect: float) -> Preferences:
    return Preferences({"good": effect}, rater_sd=RATER_SD, clip_sd=CLIP_SD, seed=seed)


def true_net(effect: float) -> float:
    """Net preference over all raters and clips: both systems carry a rater's and a clip's effect, both normal."""
    spread = math.sqrt(2 * (RATER_SD**2 + CLIP_SD**2))
    nodes, weights = np.polynomial.hermite_e.hermegauss(60)
    lead = effect + spread * nodes
    weak = Preferences().weak
    net = 1 / (1 + np.exp(weak - lead)) - 1 / (1 + np.exp(weak + lead))
    return float(weights @ net / weights.sum())


def averages(frame: pd.DataFrame) -> tuple[PairRate, ...]:
    return Ratings(frame, include_simulated=True).win_rates().averages


@pytest.mark.calibration
@pytest.mark.parametrize("effect", [0.0, EFFECT])
def test_the_interval_holds_the_truth_in_ninety_of_a_hundred_studies(
    effect: float, scene: tuple[list[Clip], tuple[System, System]]
) -> None:
    study = make_open("design", *scene)
    truth = true_net(effect)
    held = dict.fromkeys(Question.values, 0)
    called = dict.fromkeys(Question.values, 0)
    for seed in SEEDS:
        for rate in averages(answers(study, preferences_of(seed, effect))):
            assert rate.net.low is not None
            assert rate.net.high is not None
            assert rate.test is not None
            held[rate.question] += rate.net.low <= truth <= rate.net.high
            called[rate.question] += rate.test.p_adjusted < 0.05
    assert min(held.values()) >= 90
    if effect == 0:
        assert max(called.values()) <= 10
    else:
        assert min(called.values()) >= 80


@pytest.mark.parametrize("seed", THROUGH_THE_PAGES)
def test_the_pages_give_the_answers_that_were_calibrated(
    seed: int, scene: tuple[list[Clip], tuple[System, System]]
) -> None:
    study = make_open("pages", *scene)
    simulate(study, raters=12, effects={"good": EFFECT}, rater_sd=RATER_SD, clip_sd=CLIP_SD, seed=seed)
    columns = ["trial_id", "question", "clip_id", "system_left", "system_1", "played_first", "choice", "score"]
    order = ["trial_id", "question"]
    seen = ratings_frame(study, include_simulated=True)
    drawn = answers(study, preferences_of(seed, EFFECT))
    tables = [frame[columns].astype(str).sort_values(order, ignore_index=True) for frame in (seen, drawn)]
    pd.testing.assert_frame_equal(*tables)
    for through_pages, offline in zip(averages(seen), averages(drawn), strict=True):
        ends = [(rate.net.value, rate.net.low, rate.net.high) for rate in (through_pages, offline)]
        assert ends[0] == pytest.approx(ends[1], abs=1e-9)  # rows come in another order, and sums round
        assert through_pages.net.low is not None
        assert through_pages.net.low > 0
