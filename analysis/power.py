"""How likely a planned study is to find a preference, by simulating the very blocks that it would deal.

The blocks are those of ``analysis.design.plan``; every simulated study is answered under ``Assumptions`` and then
tested as the report tests it: net preference averaged over genres, two-way variance, Satterthwaite's t, Holm over
the primary pairs and all questions. All simulated studies are computed at once; a test holds that each has the
numbers that ``win_rates`` gives for its answers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import special

from analysis import design
from analysis.assumptions import Assumptions
from analysis.batched import batched_moments
from analysis.corrections import holm
from analysis.design import DesignError, PlannedComparison
from analysis.net import net_interval, parts
from analysis.results import AnalysisError
from analysis.variance import NO_SPREAD, Codes, Floats, Layout, dense, wilson

AT_ONCE = 4_000_000
"""Simulated answers in memory at a time."""
WIDTHS, FEWEST_WIDTHS = 1_000, 30
"""Intervals that the mean width is taken over, and the fewest studies: each takes longer than a p value."""
CARELESS_SIGNS = (0.4, 0.2, 0.4)
"""Loss, tie and win of who answers at random on five points."""
Edges = tuple[tuple[int, int], ...]
"""Pairs of system numbers from 0: the lower first, sorted, each once."""


@dataclass(frozen=True, slots=True)
class StudyPlan:
    """A study as a researcher sets it up: each compared pair of systems on ``clips`` clips of each genre.

    ``compared`` are those pairs (none given: every pair), and ``primary`` those whose tests are corrected together
    (none given: all that are compared). System 0 is the one that differs, from each that it is compared with.
    Each comparison gets ``ratings`` ratings and a rater up to ``trials`` comparisons; raters follow from that.
    ``checks`` are the gold, identical, repeated and practice trials of a block: they take time and change nothing
    of how ratings are dealt.
    """

    systems: int = 2
    genres: int = 5
    clips: int = 4
    ratings: int = 5
    trials: int = 20
    questions: int = 2
    checks: int = 0
    compared: Edges = ()
    primary: Edges = ()

    def __post_init__(self) -> None:
        for name in ("systems", "genres", "clips", "ratings", "trials", "questions"):
            least = 2 if name == "systems" else 1
            if getattr(self, name) < least:
                raise AnalysisError(f"{name} is at least {least}, not {getattr(self, name)}")
        if self.checks < 0:
            raise AnalysisError(f"checks is 0 or more, not {self.checks}")
        self._check_edges("compared", self.compared)
        self._check_edges("primary", self.primary)
        if alone := set(range(self.systems)).difference(*self.edges):
            raise AnalysisError(
                f"system {min(alone)} is in no compared pair; compare it, or number only the systems that are"
            )
        if strange := set(self.primary).difference(self.edges):
            one, other = min(strange)
            raise AnalysisError(f"the primary pair {one}-{other} is not compared; compare it or do not declare it")
        if not any(one == 0 for one, _ in self.family):
            raise AnalysisError(
                "system 0, which is simulated to differ, is in no primary pair; number the systems so that it is"
            )

    def _check_edges(self, name: str, edges: Edges) -> None:
        last = self.systems - 1
        for one, other in edges:
            if one == other:
                raise AnalysisError(f"{name}: {one}-{other} is a system beside itself; name two systems")
            if not (0 <= one <= last and 0 <= other <= last):
                raise AnalysisError(
                    f"{name}: {one}-{other} is no pair of {self.systems} systems; number them from 0 to {last}"
                )
        if edges != tuple(sorted({(min(edge), max(edge)) for edge in edges})):
            raise AnalysisError(f"{name}: name each pair once, lower numbers first, and sort them")

    @property
    def edges(self) -> Edges:
        """The compared pairs."""
        return self.compared or tuple(itertools.combinations(range(self.systems), 2))

    @property
    def family(self) -> Edges:
        """The primary pairs."""
        return self.primary or self.edges

    @property
    def pairs(self) -> int:
        return len(self.edges)

    @property
    def comparisons(self) -> int:
        return self.pairs * self.genres * self.clips

    @property
    def blocks(self) -> int:
        """Blocks, and raters if nobody leaves."""
        return max(math.ceil(self.comparisons * self.ratings / self.trials), self.ratings)

    @property
    def answers(self) -> int:
        """To one question."""
        return self.comparisons * self.ratings

    def raters(self, assumed: Assumptions) -> int:
        """Raters who come, with those who leave early and whose rest somebody else takes."""
        return self.blocks + round(self.blocks * assumed.dropout)


@dataclass(frozen=True, slots=True)
class Power:
    """What simulation found of the primary pairs.

    ``power`` is the chance that one given pair that differs by ``net`` is shown to. ``low`` and ``high`` bound it
    by Monte Carlo error (Wilson, 95 %); ``together`` is the chance that every pair that differs is shown to, on
    every question. ``width`` is the mean width of the interval of net preference, cut at −1 and 1 as the report
    cuts it; where a study can give none it counts as all there is. ``false_alarms`` is how often a pair that does
    not differ is said to, in any one study; None where all differ. ``kept`` is the power without careless raters,
    as declared rules on gold would have it.
    """

    plan: StudyPlan
    assumed: Assumptions
    level: float
    studies: int
    seed: int
    raters: int
    power: float
    together: float
    low: float
    high: float
    width: float
    kept: float
    false_alarms: float | None


@dataclass(frozen=True, slots=True)
class Dealt:
    """Test trials as they would be answered, as codes (N,): whose, which clip, genre and edge of the plan."""

    rater: Codes
    clip: Codes
    genre: Codes
    pair: Codes
    raters: int


def power(
    plan: StudyPlan, assumed: Assumptions, *, studies: int = 1000, seed: int = 1, level: float = 0.95
) -> Power:
    """Simulate ``studies`` studies in which system 0 differs by ``assumed.net`` from all that it is compared with.

    Raises AnalysisError for fewer than two studies, a level that is no chance, and a design that does not exist.
    """
    if studies < 2:
        raise AnalysisError(f"studies to simulate are at least 2, not {studies}")
    if not 0 < level < 1:
        raise AnalysisError(f"the level is a chance between 0 and 1, not {level:g}")
    dealt = deal(plan, assumed, seed=seed)
    differs = np.array([one == 0 for one, _ in plan.family])
    to_measure = max(FEWEST_WIDTHS, WIDTHS // (plan.questions * len(plan.family)))
    found, kept, alarms = [], [], []
    widths = np.zeros(0)
    for signs, careless in simulate(plan, assumed, dealt, studies=studies, seed=seed):
        everybody = np.ones((len(signs), dealt.raters), dtype=np.bool_)
        shown = _shown(signs, dealt, everybody, plan, assumed.net, level)
        found.append(shown[:, :, differs])
        more = signs[: max(0, to_measure - len(widths))]
        widths = np.concatenate([widths, _width(more, dealt, plan, level)])
        alarms.append(shown[:, :, ~differs].any(axis=(1, 2)))
        without = found[-1]
        if careless.any():
            without = _shown(signs, dealt, ~careless, plan, assumed.net, level)[:, :, differs]
        kept.append(without)
    every = np.concatenate(found)
    share = every.mean(axis=(1, 2))
    mean = float(share.mean())
    # A study's pairs and questions share its clips and raters: the study is what is drawn.
    variance = float(share.var(ddof=1)) / studies if studies > 1 else 0.25
    n_eff = mean * (1 - mean) / variance if variance > 0 and 0 < mean < 1 else studies
    low, high = wilson(mean, n_eff, 1e6, 0.95)
    return Power(
        plan=plan,
        assumed=assumed,
        level=level,
        studies=studies,
        seed=seed,
        raters=plan.raters(assumed),
        power=mean,
        together=float(every.all(axis=(1, 2)).mean()),
        low=low,
        high=high,
        width=float(widths.mean()),
        kept=float(np.concatenate(kept).mean()),
        false_alarms=float(np.concatenate(alarms).mean()) if (~differs).any() else None,
    )


def deal(plan: StudyPlan, assumed: Assumptions, *, seed: int) -> Dealt:
    """The blocks that the plan would be dealt into, and who would answer what.

    A rater who leaves does so anywhere in the block; the rest goes to a further rater. Raises AnalysisError where
    no such design exists.
    """
    pairs = [(f"s{one}", f"s{other}") for one, other in plan.edges]
    comparisons = [
        PlannedComparison(f"g{genre}c{clip}", f"g{genre}", *pair)
        for pair in pairs
        for genre in range(plan.genres)
        for clip in range(plan.clips)
    ]
    try:
        blocks = design.plan(
            comparisons, ratings_per_comparison=plan.ratings, trials_per_block=plan.trials, seed=seed
        ).blocks
    except DesignError as error:
        raise AnalysisError(str(error)) from error
    ordered = sorted(comparisons)
    rng = np.random.default_rng([seed, 1])
    leaving = set(rng.choice(len(blocks), round(len(blocks) * assumed.dropout), replace=False).tolist())
    raters, seen = 0, []
    for number, block in enumerate(blocks):
        length = len(block.trials)
        until = int(rng.integers(1, length)) if number in leaving and length > 1 else length
        seen += [(raters + (place >= until), trial.comparison) for place, trial in enumerate(block.trials)]
        raters += 1 + (until < length)
    rater, comparison = np.array(seen, dtype=np.intp).T
    told = [ordered[place] for place in comparison]
    clips = sorted({one.clip_id for one in told})
    return Dealt(
        rater=rater,
        clip=np.array([clips.index(one.clip_id) for one in told], dtype=np.intp),
        genre=np.array([int(one.genre[1:]) for one in told], dtype=np.intp),
        pair=np.array([pairs.index(one.pair) for one in told], dtype=np.intp),
        raters=raters,
    )


def simulate(
    plan: StudyPlan, assumed: Assumptions, dealt: Dealt, *, studies: int, seed: int
) -> Iterator[tuple[Floats, np.ndarray[tuple[int, int], np.dtype[np.bool_]]]]:
    """Signs of answers (S, Q, N), + for the first of the pair, and who was careless (S, R), some at a time."""
    effect, band = assumed.latent()
    first = np.array([one == 0 for one, _ in plan.edges])
    mean = np.where(first[dealt.pair], effect, 0.0)
    leaning = dense(dealt.rater * plan.pairs + dealt.pair)
    drawing = dense(dealt.clip * plan.pairs + dealt.pair)
    rng = np.random.default_rng([seed, 2])
    answers = len(dealt.rater)
    for start in range(0, studies, at_once := max(1, AT_ONCE // (plan.questions * answers))):
        some = min(at_once, studies - start)
        raters = rng.normal(0, assumed.rater_sd, (some, int(leaning.max()) + 1))[:, leaning]
        clips = rng.normal(0, assumed.clip_sd, (some, int(drawing.max()) + 1))[:, drawing]
        latent = (mean + raters + clips)[:, None, :] + rng.logistic(size=(some, plan.questions, answers))
        signs = np.sign(latent) * (np.abs(latent) > band)
        careless = rng.random((some, dealt.raters)) < assumed.careless
        if careless.any():
            noise = rng.choice((-1.0, 0.0, 1.0), size=signs.shape, p=CARELESS_SIGNS)
            signs = np.where(careless[:, None, dealt.rater], noise, signs)
        yield signs, careless


def _shown(
    signs: Floats,
    dealt: Dealt,
    counted: np.ndarray[tuple[int, int], np.dtype[np.bool_]],
    plan: StudyPlan,
    net: float,
    level: float,
) -> np.ndarray[tuple[int, int, int], np.dtype[np.bool_]]:
    """Whether each primary pair was shown to differ, the right way round (S, Q, primary)."""
    p_values, right = [], []
    for edge in plan.family:
        rows = np.flatnonzero(dealt.pair == plan.edges.index(edge))
        keep = np.broadcast_to(counted[:, None, dealt.rater[rows]], (len(signs), plan.questions, len(rows)))
        columns = (dealt.rater[rows], dealt.clip[rows], dealt.genre[rows])
        mean, variance, df = batched_moments(
            signs[:, :, rows].reshape(-1, len(rows)), keep.reshape(-1, len(rows)), *columns
        )
        error = np.sqrt(variance)
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(variance > NO_SPREAD, mean / error, 0.0)
        # All answers alike: the report's test there, at the fewest answers that they may be worth.
        t = np.where((variance <= NO_SPREAD) & (np.abs(mean) > 1 - 1e-9), np.copysign(np.sqrt(df + 1), mean), t)
        p_values.append((2 * special.stdtr(df, -np.abs(t))).reshape(-1, plan.questions))
        right.append(((np.sign(mean) == np.sign(net)) | (net == 0)).reshape(-1, plan.questions))
    p, way = np.stack(p_values, axis=2), np.stack(right, axis=2)
    shown = holm(p.reshape(len(signs), -1)).reshape(p.shape) < 1 - level
    # A pair that does not differ is a false alarm whichever way it is said to.
    differs = np.array([one == 0 for one, _ in plan.family])
    return np.asarray(shown & (way | ~differs))


def _width(signs: Floats, dealt: Dealt, plan: StudyPlan, level: float) -> Floats:
    """Mean width (S,) of the intervals of the primary pairs' net preferences."""
    widths = np.full((len(signs), plan.questions, len(plan.family)), 2.0)
    for place, edge in enumerate(plan.family):
        rows = np.flatnonzero(dealt.pair == plan.edges.index(edge))
        genre = dense(dealt.genre[rows])
        weights = np.full(int(genre.max()) + 1, 1 / (int(genre.max()) + 1))
        layout = Layout(dense(dealt.rater[rows]), dense(dealt.clip[rows]), genre, genre, weights)
        for study, question in np.ndindex(widths.shape[:2]):
            win, _, loss, net = parts(signs[study, question, rows], layout)
            if net.variance is not None:
                low, high = net_interval(win, loss, net, level=level)
                widths[study, question, place] = high - low
    return np.asarray(widths.mean(axis=(1, 2)))
