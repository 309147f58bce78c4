"""How often intervals hold the truth and tests raise false alarms, in designs with raters and clips that differ.

The seven designs are raters × clips (× ratings of each clip), logit spread of raters and of clips 0.7 unless said.
Their figures stand in docs/statistics.md; a coverage or a rate outside the bounds there fails.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from scipy import special

from analysis.net import net_interval, parts
from analysis.ratings import read
from analysis.sequential import StoppingRule, evidence
from analysis.variance import (
    Layout,
    dense,
    design_effect,
    effective_n,
    t_interval,
    t_test,
    two_way_moments,
    wilson,
)
from tests.analysis.simulate import simulate
from tests.analysis.test_sequential import crowd, leaving, looked_at

pytestmark = pytest.mark.calibration
STUDIES = 1000


@dataclass(frozen=True)
class World:
    raters: int
    clips: int
    each: int | None = None  # ratings of each clip; None: every rater judges every clip
    share: float = 0.5
    spread: float = 0.7

    def layout(self, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        if self.each is None:
            return np.repeat(np.arange(self.raters), self.clips), np.tile(np.arange(self.clips), self.raters)
        # Dealt in turn, so that raters get the same number, as blocks do.
        clip = np.tile(np.arange(self.clips), self.each)
        order = rng.permutation(self.raters)
        rater = order[np.arange(len(clip)) % self.raters]
        return rater, clip

    def latent(self, rng: np.random.Generator, rater: np.ndarray, clip: np.ndarray) -> np.ndarray:
        """Raters' and clips' leanings and logistic noise, 0 in the middle."""
        leaning = rng.normal(0, self.spread, self.raters)[rater] + rng.normal(0, self.spread, self.clips)[clip]
        return leaning + rng.logistic(size=len(rater))


WORLDS = {
    "20×10 full": World(20, 10),
    "30×20, 3 a clip": World(30, 20, 3),
    "30×20 full": World(30, 20),
    "60×40, 5 a clip": World(60, 40, 5),
    "20×10, share .75": World(20, 10, share=0.75),
    "12×8 full": World(12, 8),
    "30×20, 3 a clip, no spread": World(30, 20, 3, spread=0.0),
}


def threshold(world: World) -> float:
    """Where the latent scale is cut for the share that is wanted, averaged over raters and clips."""
    nodes, weights = np.polynomial.hermite_e.hermegauss(61)
    spread = np.sqrt(2) * world.spread * nodes
    low, high = -8.0, 8.0
    for _ in range(80):
        middle = (low + high) / 2
        above = float(special.expit(spread - middle) @ weights / weights.sum())
        low, high = (middle, high) if above > world.share else (low, middle)
    return (low + high) / 2


@pytest.mark.parametrize("name", WORLDS)
def test_the_interval_of_a_share_holds_it(name: str) -> None:
    world, rng = WORLDS[name], np.random.default_rng(11)
    cut, held, widths = threshold(world), 0, []
    for _ in range(STUDIES):
        rater, clip = world.layout(rng)
        won = (world.latent(rng, rater, clip) > cut).astype(float)
        moments = two_way_moments(won, Layout.of_one_cell(rater, clip))
        low, high = wilson(moments.mean, effective_n(moments, None), moments.df, 0.95)
        held += low <= world.share <= high
        widths.append(high - low)
    print(f"\n{name}: holds {held / STUDIES:.3f}, width {np.mean(widths):.2f}")
    assert 0.93 <= held / STUDIES <= 0.99


@pytest.mark.parametrize("name", WORLDS)
def test_net_preference_of_nothing_is_called_something_one_time_in_twenty(name: str) -> None:
    world, rng = WORLDS[name], np.random.default_rng(12)
    wrong = naive = 0
    for _ in range(STUDIES):
        rater, clip = world.layout(rng)
        latent = world.latent(rng, rater, clip)
        sign = np.sign(latent) * (np.abs(latent) > 0.5)
        moments = two_way_moments(sign, Layout.of_one_cell(rater, clip))
        wrong += t_test(moments)[1] < 0.05
        naive += abs(sign.mean()) / (sign.std(ddof=1) / np.sqrt(len(sign))) > 1.96
    print(f"\n{name}: false alarms {wrong / STUDIES:.3f}, independent answers {naive / STUDIES:.3f}")
    assert 0.03 <= wrong / STUDIES <= 0.07


@pytest.mark.parametrize(("raters", "clips"), [(15, 6), (30, 8), (20, 10)])
@pytest.mark.parametrize("effect", [0.0, 0.7, 1.5, 2.2, 3.0])
def test_the_interval_of_net_preference_holds_it_from_none_to_nearly_all(
    raters: int, clips: int, effect: float
) -> None:
    """Every rater judges every clip; ties lie within half a logit of the middle."""
    world, rng = World(raters, clips), np.random.default_rng(31)
    drawn = effect + world.spread * np.sqrt(2) * rng.normal(size=400_000)
    truth = float((special.expit(drawn - 0.5) - special.expit(-drawn - 0.5)).mean())
    held, by_t = 0, 0
    for _ in range(STUDIES):
        rater, clip = world.layout(rng)
        latent = effect + world.latent(rng, rater, clip)
        sign = np.sign(latent) * (np.abs(latent) > 0.5)
        win, _, loss, net = parts(sign, Layout.of_one_cell(rater, clip))
        low, high = net_interval(win, loss, net, level=0.95)
        held += low <= truth <= high
        if net.variance:
            low, high = t_interval(net, 0.95)
        by_t += low <= truth <= high
    print(f"\n{raters}×{clips}, net {truth:.2f}: holds {held / STUDIES:.3f}, a t interval {by_t / STUDIES:.3f}")
    assert 0.93 <= held / STUDIES <= 0.99


@pytest.mark.parametrize(
    "answers",
    [(60, *[10] * 9), (*[40] * 3, *[8] * 17), tuple([20] * 20)],
    ids=["one of ten", "three of 20", "all"],
)
@pytest.mark.parametrize("spreads", [(0.7, 0.7), (1.0, 0.3)])
def test_raters_who_gave_most_answers_raise_no_more_false_alarms(
    answers: tuple[int, ...], spreads: tuple[float, float]
) -> None:
    """Some raters gave several times the answers of others, on clips dealt at random."""
    rng, wrong = np.random.default_rng(32), 0
    rater = np.repeat(np.arange(len(answers)), answers)
    for _ in range(STUDIES):
        clip = np.concatenate([rng.permutation(60)[:n] for n in answers])
        latent = rng.normal(0, spreads[0], len(answers))[rater] + rng.normal(0, spreads[1], 60)[clip]
        latent += rng.logistic(size=len(rater))
        sign = np.sign(latent) * (np.abs(latent) > 0.5)
        wrong += t_test(two_way_moments(sign, Layout.of_one_cell(rater, dense(clip))))[1] < 0.05
    print(f"\nanswers {answers[:4]} …, spreads {spreads}: false alarms {wrong / STUDIES:.3f}")
    assert 0.02 <= wrong / STUDIES <= 0.085


@pytest.mark.parametrize("share", [0.02, 0.98])
def test_cells_at_none_or_all_keep_the_level_by_what_the_others_say(share: float) -> None:
    """Ten genres of one study, 15 raters × 6 clips: where a share is 0 or 1, the others' design effect counts."""
    world, rng = World(15, 6, share=share), np.random.default_rng(13)
    cut = threshold(world)
    held = edge = edge_held = 0
    for _ in range(STUDIES // 5):
        cells = []
        for _ in range(10):
            rater, clip = world.layout(rng)
            won = (world.latent(rng, rater, clip) > cut).astype(float)
            cells.append(two_way_moments(won, Layout.of_one_cell(rater, clip)))
        known = [(cell.n, effect) for cell in cells if (effect := design_effect(cell)) is not None]
        pooled = sum(n * effect for n, effect in known) / sum(n for n, _ in known) if known else None
        for cell in cells:
            low, high = wilson(cell.mean, effective_n(cell, pooled), cell.df, 0.95)
            inside = low <= share <= high
            held += inside
            if cell.mean in (0.0, 1.0):
                edge, edge_held = edge + 1, edge_held + inside
    at_edge = f"{edge} cells at the edge, {edge_held / edge:.3f} of them"
    print(f"\nshare {share}: holds {held / (2 * STUDIES):.3f}; {at_edge}")
    assert edge > 200
    assert held / (2 * STUDIES) >= 0.93
    assert edge_held / edge >= 0.93


@pytest.mark.parametrize("spread", [0.0, 0.7, 1.2])
def test_evidence_by_rater_raises_a_false_alarm_in_fewer_than_one_study_of_twenty(spread: float) -> None:
    """Looked at after each of 60 raters with 20 ratings, a third of them ties; single ratings for comparison."""
    rng = np.random.default_rng(14)
    by_rater = by_rating = 0
    for _ in range(STUDIES):
        latent = rng.normal(0, spread, 60)[:, None] + rng.logistic(size=(60, 20))
        sign = np.sign(latent) * (np.abs(latent) > 0.7)
        by_rater += evidence((1 + sign.mean(axis=1)) / 2, 0.5).max() >= 20
        by_rating += evidence((1 + sign.ravel()) / 2, 0.5).max() >= 20
    print(
        f"\nrater SD {spread}: false alarms {by_rater / STUDIES:.3f}, fed single ratings {by_rating / STUDIES:.3f}"
    )
    assert by_rater / STUDIES <= 0.05


@pytest.mark.parametrize("spread", [0.0, 0.7, 1.2])
def test_evidence_of_those_who_finished_holds_while_a_crowd_is_under_way_at_once(spread: float) -> None:
    """200 studies of 60 raters who begin together and finish one after another, looked at every 30 answers."""
    wrong = back = 0
    for seed in range(200):
        course = looked_at(leaving(crowd(30_000 + seed, sd=spread)), 30, StoppingRule(quiet_minutes=3))
        stops = [one.decision.startswith("stop") for one in course]
        wrong += any(stops)
        back += stops != sorted(stops)
    print(f"\nrater SD {spread}, crowd: false alarms {wrong / 200:.3f}, taken back {back / 200:.3f}")
    assert wrong / 200 <= 0.05
    assert back == 0


def test_averages_over_genres_of_whole_studies_hold_the_truth_and_shrunken_genres_too() -> None:
    """300 studies through everything, no system better: averages, and genres drawn towards them."""
    averages = shrunken = cells = 0
    for seed in range(300):
        rates = read(simulate(seed=20_000 + seed, raters=40, per_rater=30, genres=tuple("abcdef"))).win_rates()
        for rate in rates.averages:
            averages += rate.net.low <= 0 <= rate.net.high  # type: ignore[operator]
        for cell in rates.cells:
            cells += 1
            assert cell.shrunken is not None
            shrunken += cell.shrunken.low <= 0 <= cell.shrunken.high  # type: ignore[operator]
    print(f"\naverages hold {averages / 600:.3f}, shrunken genres {shrunken / cells:.3f}")
    assert 0.93 <= averages / 600 <= 0.99
    assert shrunken / cells >= 0.93
