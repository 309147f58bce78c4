"""What a plan costs in hours and money, and the cheapest way to more power: clips, raters, or more of each."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from analysis.assumptions import Assumptions, clip_spread
from analysis.power import Power, StudyPlan, power
from analysis.results import AnalysisError

MOST_ANSWERS = 60_000
"""To one question: plans beyond are not simulated; nobody runs them."""
LONGEST_SESSION = 60
"""Comparisons that one rater is asked for at most: half an hour and more of clips."""


@dataclass(frozen=True, slots=True)
class Prices:
    """``per_hour`` is a rater's pay, ``fee`` what the panel adds to it, as a share.

    ``seconds_per_trial`` holds both versions, played to their ends, and two answers; ``minutes_before`` consent,
    checks and practice. ``per_version`` is what one more rendered version of a clip costs: licence, generation,
    and somebody who looks at it.
    """

    per_hour: float = 12.0
    fee: float = 0.33
    seconds_per_trial: float = 45.0
    minutes_before: float = 5.0
    per_version: float = 0.5

    def __post_init__(self) -> None:
        for name in ("per_hour", "fee", "seconds_per_trial", "minutes_before", "per_version"):
            if getattr(self, name) < 0:
                raise AnalysisError(f"{name} is 0 or more, not {getattr(self, name):g}")


@dataclass(frozen=True, slots=True)
class Cost:
    """Hours of raters, minutes of one, and money, in the currency of the prices."""

    hours: float
    minutes_each: float
    money: float


@dataclass(frozen=True, slots=True)
class Way:
    """One way to more power: what was turned up, and the plan that first reached the target, or why none did."""

    name: str
    found: Power | None
    cost: Cost | None
    reason: str


def cost(plan: StudyPlan, assumed: Assumptions, prices: Prices) -> Cost:
    """Of a whole study; who leaves early is paid for what was done, and so are the checks of who comes after."""
    raters = plan.raters(assumed)
    trials = plan.answers + raters * plan.checks
    hours = (trials * prices.seconds_per_trial / 60 + raters * prices.minutes_before) / 60
    each = (plan.trials + plan.checks) * prices.seconds_per_trial / 60 + prices.minutes_before
    versions = plan.systems * plan.genres * plan.clips
    money = hours * prices.per_hour * (1 + prices.fee) + versions * prices.per_version
    return Cost(hours, each, money)


def ways(
    plan: StudyPlan,
    assumed: Assumptions,
    prices: Prices,
    *,
    target: float = 0.8,
    studies: int = 400,
    seed: int = 1,
    level: float = 0.95,
    told: Callable[[StudyPlan], None] = lambda plan: None,
) -> tuple[Way, ...]:
    """More clips, more raters, more of each rater, or clips for ratings, each until ``target`` is reached.

    Cheapest first; ways that reach nothing come last with their reason. ``told`` hears of each plan before it is
    simulated. Raises AnalysisError for a target that is no chance.
    """
    if not 0 < target < 1:
        raise AnalysisError(f"the target is a chance between 0 and 1, not {target:g}")
    if assumed.net == 0:
        raise AnalysisError("there is no preference to find at net 0; give the smallest one that matters")

    def simulated(tried: StudyPlan) -> Power:
        told(tried)
        return power(tried, assumed, studies=studies, seed=seed, level=level)

    fewest = max(1, plan.ratings // 2)
    each_way = {
        "more clips": lambda times: replace(plan, clips=round(plan.clips * times)),
        "more raters": lambda times: replace(plan, ratings=round(plan.ratings * times)),
        "more of each rater": lambda times: _longer(plan, round(plan.ratings * times)),
        "more clips, fewer ratings of each": lambda times: replace(
            plan, clips=round(plan.clips * times), ratings=fewest
        ),
    }
    found = []
    for name, grown in each_way.items():
        least = _least(grown, simulated, target)
        if least is None:
            found.append(Way(name, None, None, f"a session would be longer than {LONGEST_SESSION} comparisons"))
        elif least.power < target:
            found.append(Way(name, least, None, _why_not(name, least, target)))
        else:
            found.append(Way(name, least, cost(least.plan, assumed, prices), ""))
    return tuple(sorted(found, key=lambda way: (way.cost is None, way.cost.money if way.cost else 0.0)))


def _longer(plan: StudyPlan, ratings: int) -> StudyPlan | None:
    """As many raters as now, each asked for more, so that a comparison gets more ratings."""
    trials = math.ceil(plan.comparisons * ratings / plan.blocks)
    longest = min(LONGEST_SESSION, plan.comparisons)
    return None if trials > longest else replace(plan, ratings=ratings, trials=trials)


def _least(
    grown: Callable[[float], StudyPlan | None], simulated: Callable[[StudyPlan], Power], target: float
) -> Power | None:
    """The smallest plan that reaches the target, to a twentieth; else the most powerful; None where none is."""
    best: Power | None = None
    below, times = 1.0, 1.0
    while (plan := grown(times)) is not None and plan.answers <= MOST_ANSWERS:
        found = simulated(plan)
        if found.power >= target:
            return _between(grown, simulated, target, below, times, found)
        best = found if best is None or found.power > best.power else best
        below, times = times, 2 * times
    return best


def _between(
    grown: Callable[[float], StudyPlan | None],
    simulated: Callable[[StudyPlan], Power],
    target: float,
    below: float,
    above: float,
    found: Power,
) -> Power:
    while above / below > 1.05:
        middle = math.sqrt(below * above)
        plan = grown(middle)
        if plan is None or plan == found.plan:
            break
        tried = simulated(plan)
        if tried.power >= target:
            above, found = middle, tried
        else:
            below = middle
    return found


def _why_not(name: str, best: Power, target: float) -> str:
    told = f"reaches {best.power:.0%}, not {target:.0%}"
    if name.startswith("more clips"):
        return f"{told}, with {MOST_ANSWERS:,} answers to a question"
    if name == "more of each rater":
        longest = min(LONGEST_SESSION, best.plan.comparisons)
        return f"{told}: a rater is asked for at most {longest} comparisons, none of them twice"
    clips = best.plan.genres * best.plan.clips
    # However many ratings: the mean over clips is no more certain than clips are alike.
    least = 100 * clip_spread(best.assumed) / math.sqrt(clips)
    return (
        f"{told}: {clips} clips differ among themselves, and however many ratings they get, the standard error "
        f"stays above {least:.1f} points"
    )
