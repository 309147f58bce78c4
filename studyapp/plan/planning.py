"""What a plan costs, and how likely it is to find what it looks for. Counting is free; simulating is capped.

NumPy and SciPy come in with the simulation only, in the process and at the moment somebody asks for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from studyapp.errors import DuetError
from studyapp.models import Study
from studyapp.overview import Follows
from studyapp.plan.analysis_plan import Pair, pairs_of
from studyapp.plan.sampling import DesignSummary

if TYPE_CHECKING:
    from analysis.assumptions import Assumptions
    from analysis.power import Edges, Power, StudyPlan

QUESTIONS = 2
USUAL_PER_HOUR = Decimal(12)
MOST_SIMULATED = 12_000
"""Answers to a question: a larger plan takes longer than anybody waits for a page."""
_WORK_TYPING, _WORK_ASKED = 250_000, 900_000
_FEWEST, _MOST = 40, 400
SEED = 1

PRESETS: Mapping[str, str] = {
    "typical": "Typical: raters and clips differ as in most studies",
    "close": "Close: two variants of one model, many ties",
    "clear": "Clear: a model against a weak baseline",
    "divided": "Divided: tastes differ a lot",
    "uneven": "Uneven: clips differ a lot",
}
"""Names of ``analysis.assumptions.PRESETS``, in words, without importing it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A study as the simulation takes it; ``raters`` are the study's own.

    ``compared`` are its pairs of systems, numbered from 0, and ``primary`` those declared so, none where all are.
    """

    systems: int
    compared: Edges
    primary: Edges
    genres: int
    clips: int
    ratings: int
    trials: int
    checks: int
    raters: int

    @property
    def pairs(self) -> int:
        return len(self.compared)

    @property
    def answers(self) -> int:
        """To one question, in the simulation."""
        return self.pairs * self.genres * self.clips * self.ratings


@dataclass(frozen=True, slots=True)
class Cost:
    """Money for raters. ``assumed``: the study states no pay, so each gets what the time is worth by the hour."""

    raters: int
    each: Decimal
    per_hour: Decimal
    fee: Decimal
    total: Decimal
    hours: float
    currency: str
    assumed: bool


@dataclass(frozen=True, slots=True)
class Chance:
    """What ``studies`` simulations found of the primary pairs: percentages, with the bounds that chance leaves."""

    net: float
    power: int
    low: int
    high: int
    together: int
    width: float
    raters: int
    studies: int
    seed: int
    shape: Shape
    source: str


def shape_of(study: Study, summary: DesignSummary) -> Shape:
    """The numbers of a design, built or expected. Raises DuetError without pairs or clips."""
    pairs = pairs_of(study)
    genres = study.clips.order_by().values("genre").distinct().count()
    if not pairs or not genres:
        raise DuetError("choose clips and pairs first")
    checks = study.gold_per_block + study.identical_per_block + study.repeats_per_block + study.training_per_block
    declared = {frozenset(pair) for pair in study.primary_pairs}
    primary = [pair for pair in pairs if frozenset(pair) in declared]
    number = _numbered(pairs, primary)
    # Cells with fewer clips than asked for count as they are.
    clips = max(1, round(summary.comparisons / (len(pairs) * genres)))
    return Shape(
        systems=len(number),
        compared=_edges(pairs, number),
        primary=_edges(primary, number),
        genres=genres,
        clips=clips,
        ratings=study.ratings_per_comparison,
        # Nobody gets a comparison twice, and cells with few clips leave fewer.
        trials=min(study.trials_per_block, len(pairs) * genres * clips),
        checks=checks,
        raters=summary.blocks,
    )


def _numbered(pairs: Sequence[Pair], primary: Sequence[Pair]) -> dict[str, int]:
    """Systems by number from 0, which is the one in most primary pairs, then in most pairs, then first by slug."""
    within = Counter(slug for pair in pairs for slug in pair)
    declared = Counter(slug for pair in primary for slug in pair)
    ordered = sorted(within, key=lambda slug: (-declared[slug], -within[slug], slug))
    return {slug: number for number, slug in enumerate(ordered)}


def _edges(pairs: Sequence[Pair], number: Mapping[str, int]) -> Edges:
    numbers = [(number[one], number[other]) for one, other in pairs]
    return tuple(sorted((min(pair), max(pair)) for pair in numbers))


def cost_of(study: Study, follows: Follows, *, per_hour: Decimal | None = None, fee: Decimal = Decimal(0)) -> Cost:
    """What all raters are paid: the study's pay for each, or so much an hour where it states none.

    ``fee`` is what the panel adds, as a share. Who leaves early and is replaced is not reckoned in.
    """
    raters, minutes = follows.summary.blocks, follows.minutes_longest
    assumed = study.pay is None or per_hour is not None
    if assumed:
        hourly = USUAL_PER_HOUR if per_hour is None else per_hour
        each = hourly * minutes / 60
    else:
        assert study.pay is not None
        each = study.pay
        hourly = each * 60 / minutes
    return Cost(
        raters=raters,
        each=_cents(each),
        per_hour=_cents(hourly),
        fee=fee,
        total=_cents(each * raters * (1 + fee)),
        hours=raters * minutes / 60,
        currency=study.pay_currency,
        assumed=assumed,
    )


def simulations_for(shape: Shape, *, asked: bool) -> int:
    """How many studies to simulate: more when somebody asked for it than while they type.

    Raises DuetError for a plan that is too large for a page, with the command that takes it.
    """
    if shape.answers > MOST_SIMULATED:
        raise DuetError(
            f"{shape.answers:,} answers to a question are too many to simulate here; run: {command(shape)}"
        )
    work = _WORK_ASKED if asked else _WORK_TYPING
    return max(_FEWEST, min(_MOST, work // max(shape.answers, 1)))


def command(shape: Shape) -> str:
    """The shell command that simulates the same plan, and whatever is larger."""
    compared = ""
    if shape.compared == tuple((0, n) for n in range(1, shape.systems)) and shape.systems > 2:
        compared = " --one-against-all"
    elif shape.pairs < shape.systems * (shape.systems - 1) // 2:
        compared = f" --pairs {_spelled(shape.compared)}"
    if shape.primary:
        compared += f" --primary {_spelled(shape.primary)}"
    return (
        f"python -m analysis power --systems {shape.systems}{compared} --genres {shape.genres} "
        f"--clips {shape.clips} --ratings {shape.ratings} --trials {shape.trials} --checks {shape.checks}"
    )


def _spelled(edges: Edges) -> str:
    return ",".join(f"{one}-{other}" for one, other in edges)


def chance(shape: Shape, *, net: float, preset: str = "typical", asked: bool = False) -> Chance:
    """Simulate the plan: how often a pair that differs by ``net`` is shown to. Seeded, so the same every time.

    Raises DuetError where the plan is too large or the assumptions are impossible.
    """
    studies = simulations_for(shape, asked=asked)
    # NumPy, SciPy and pandas: a second and 100 MB that no other page pays for.
    from dataclasses import replace

    from analysis.assumptions import PRESETS as KNOWN
    from analysis.power import StudyPlan
    from analysis.results import AnalysisError

    try:
        assumed = replace(KNOWN[preset], net=net)
        plan = StudyPlan(
            systems=shape.systems,
            genres=shape.genres,
            clips=shape.clips,
            ratings=shape.ratings,
            trials=shape.trials,
            questions=QUESTIONS,
            checks=shape.checks,
            compared=shape.compared,
            primary=shape.primary,
        )
        found = _simulated(plan, assumed, studies)
    except AnalysisError as error:
        raise DuetError(str(error)) from None
    return Chance(
        net=net,
        power=_percent(found.power),
        low=_percent(found.low),
        high=_percent(found.high),
        together=_percent(found.together),
        width=found.width,
        raters=shape.raters + round(shape.raters * assumed.dropout),
        studies=studies,
        seed=SEED,
        shape=shape,
        source=assumed.source,
    )


@lru_cache(maxsize=128)
def _simulated(plan: StudyPlan, assumed: Assumptions, studies: int) -> Power:
    # Seeded and pure: who types a number and takes it back need not wait twice.
    from analysis.power import power

    return power(plan, assumed, studies=studies, seed=SEED)


def _percent(share: float) -> int:
    return round(100 * share)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"))
