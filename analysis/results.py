"""What an analysis returns: frozen, and complete enough to be printed without looking anything up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from analysis.variance import Clips

if TYPE_CHECKING:
    import pandas as pd

TIES_IN_DENOMINATOR = "ties in the denominator"
TIES_SPLIT = "ties split: half a win for either"
TIES_LEFT_OUT = "ties left out"
WILSON: Mapping[Clips, str] = {
    "random": "Wilson at the effective sample size (rater × clip, Satterthwaite)",
    "fixed": "Wilson at the effective sample size (rater; clips fixed)",
}
MOVER: Mapping[Clips, str] = {
    "random": "MOVER of Wilson limits (two-way rater × clip variance, Satterthwaite)",
    "fixed": "MOVER of Wilson limits (rater variance; clips fixed)",
}
BOUND = "MOVER of Wilson limits at the pooled design effect (no spread)"


class AnalysisError(ValueError):
    """The table is valid but the question cannot be answered from it; the message says why."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A share (0 to 1) or a net preference (−1 to 1) with its interval, or the reason why it has none."""

    value: float
    low: float | None
    high: float | None
    method: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class NetTest:
    """Test of net preference = 0, with the p value corrected within its family.

    Holm's in the primary family, Benjamini and Hochberg's in the exploratory ones. Where no answers of a genre
    differ the statistic is that of the MOVER limits, and ``se`` is half the interval's width by the t quantile.
    """

    statistic: float
    se: float
    df: float
    p: float
    p_adjusted: float
    adjustment: Literal["none", "Holm", "Benjamini–Hochberg"]


@dataclass(frozen=True, slots=True)
class PairRate:
    """One system against another for one question: in one genre, or (``genre`` None) averaged over genres.

    ``genre`` is the value of another column where clips were grouped by that.
    Shares count out of all answers, ties included, so win_1 + tie + win_2 = 1; under another convention for ties
    win_1 + win_2 = 1, and ``tie`` is the share that was split, or 0. In all of them net = win_1 − win_2.
    ``strengths`` are the five shares from "system_1 much better" to "system_2 much better".
    ``test`` is None where no test is possible, with one rater or one clip; ``flags`` then say why. ``simulated``
    of the ``n`` answers were given by a program. ``primary``: one of the declared family. ``shrunken`` is net
    preference drawn towards the average over genres by as much as it is uncertain; only cells of several genres
    have it.
    """

    question: str
    genre: str | None
    genres: int
    system_1: str
    system_2: str
    n: int
    raters: int
    clips: int
    win_1: Estimate
    tie: Estimate
    win_2: Estimate
    net: Estimate
    strengths: tuple[float, float, float, float, float]
    n_eff: float | None
    test: NetTest | None
    flags: tuple[str, ...]
    simulated: int
    primary: bool = False
    shrunken: Estimate | None = None


@dataclass(frozen=True, slots=True)
class SystemRate:
    """One system over its opponents, each opponent and genre weighing the same; ``genre`` None is the average."""

    question: str
    genre: str | None
    system: str
    opponents: int
    n: int
    raters: int
    clips: int
    win: Estimate
    tie: Estimate
    loss: Estimate
    net: Estimate
    flags: tuple[str, ...]
    simulated: int


@dataclass(frozen=True, slots=True)
class SystemGrid:
    """One question's systems by genre, as tables and pictures lay them out; the average (None) comes last.

    A lone genre has no row of its own: the average says the same.
    """

    systems: tuple[str, ...]
    genres: tuple[str | None, ...]
    rates: Mapping[tuple[str | None, str], SystemRate]

    def of(self, genre: str | None) -> tuple[SystemRate | None, ...]:
        """A genre's rates in the order of the systems; None where a system was not compared."""
        return tuple(self.rates.get((genre, system)) for system in self.systems)

    def answers(self, genre: str | None) -> int:
        """How many a genre has; each is about two systems."""
        return sum(rate.n for rate in self.of(genre) if rate is not None) // 2


@dataclass(frozen=True, slots=True)
class WinRates:
    """All win rates of a study. ``primary`` of the ``averages`` were declared; all else is exploratory.

    ``by`` is the column that grouped the clips, "genre" unless another was asked for.
    """

    by: str
    level: float
    clips: Clips
    convention: str
    cells: tuple[PairRate, ...]
    averages: tuple[PairRate, ...]
    systems: tuple[SystemRate, ...]

    @property
    def primary(self) -> tuple[PairRate, ...]:
        """The declared family: averages over genres whose tests are corrected together by Holm's method."""
        return tuple(rate for rate in self.averages if rate.primary)

    @property
    def undeclared(self) -> tuple[PairRate, ...]:
        """Averages of the other pairs, exploratory; none where every pair is primary."""
        return tuple(rate for rate in self.averages if not rate.primary)

    def to_frame(self) -> pd.DataFrame:
        """The per-genre preference export: a row per question, genre and pair, and the averages over genres."""
        from analysis.frames import pair_frame

        return pair_frame(self)

    def systems_to_frame(self) -> pd.DataFrame:
        """A row per question, genre and system over all its opponents, and the averages over genres."""
        from analysis.frames import system_frame

        return system_frame(self)

    def grid(self, question: str) -> SystemGrid:
        """The systems' rates for one question."""
        asked = [rate for rate in self.systems if rate.question == question]
        genres = set() if self.only_genre else {rate.genre for rate in asked if rate.genre is not None}
        return SystemGrid(
            systems=tuple(sorted({rate.system for rate in asked})),
            genres=(*sorted(genres), None),
            rates={(rate.genre, rate.system): rate for rate in asked},
        )

    @property
    def only_genre(self) -> str | None:
        """The genre of all clips where there is one; the averages then repeat its cells."""
        genres = {rate.genre for rate in self.cells if rate.genre is not None}
        return genres.pop() if len(genres) == 1 else None
