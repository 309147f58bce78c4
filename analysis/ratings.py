"""A table of ratings that keeps the contract, and all that is estimated from it: what a notebook works with.

import analysis as da
ratings = da.read("ratings.csv")
ratings.win_rates(by="genre").to_frame()
"""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pandas as pd

from analysis import paper, schema
from analysis.agreement import Agreement, agreements
from analysis.answers import Answers
from analysis.asked import Covariance
from analysis.checks import check_choice, check_level, named_pairs
from analysis.genre_strengths import GenreStrengths, genre_strengths
from analysis.importing import AlikeRows, ColumnMap, import_ratings
from analysis.ranking import Ranking, rankings
from analysis.raters import NO_RULES, PassRules, RaterFigures, rater_figures
from analysis.resampling import Resampled, resampled_rankings
from analysis.results import TIES_IN_DENOMINATOR, AnalysisError, WinRates
from analysis.sensitivity import MARGIN, Sensitivity, sensitivity
from analysis.sequential import Family, StoppingRule, Watched, watch, watched_family
from analysis.signed_rank import SignedRank, signed_rank
from analysis.step_down import romano_wolf
from analysis.variance import Clips
from analysis.win_rates import CONVENTIONS, Ties, win_rates

if TYPE_CHECKING:
    from analysis.ordinal import OrdinalRanking
    from analysis.report import Report


class Ratings:
    """One study's ratings. Only test trials count, and people's answers unless ``include_simulated``.

    ``frame`` is what ``schema.read`` returned. Nothing here changes it, and every figure comes from it alone.
    """

    def __init__(self, frame: pd.DataFrame, *, include_simulated: bool = False) -> None:
        self.frame = frame
        self.include_simulated = include_simulated

    def __repr__(self) -> str:
        return f"Ratings({len(self.frame):,} rows, include_simulated={self.include_simulated})"

    @property
    def name(self) -> str:
        """The study's short name; "study" where the table has no row."""
        return str(self.frame["study"].iloc[0]) if len(self.frame) else "study"

    @cached_property
    def answers(self) -> Answers:
        """The answers that are estimated from, as codes. Raises AnalysisError when there are none."""
        return Answers.of(self.frame, include_simulated=self.include_simulated)

    @cached_property
    def rater_figures(self) -> tuple[RaterFigures, ...]:
        """How each rater answered: checks, sides, times; of simulated ones only where those count."""
        frame = self.frame
        return tuple(rater_figures(frame if self.include_simulated else frame[~frame["simulated"]]))

    def win_rates(
        self,
        *,
        by: str = "genre",
        ties: Ties = "denominator",
        clips: Clips = "random",
        level: float = 0.95,
        primary: Collection[tuple[str, str]] = (),
    ) -> WinRates:
        """Wins, ties, losses and net preference; ``by`` any column that a clip has one value of, or "clip".

        With ``clips="fixed"`` results are about the clips of the study and no others. Single clips are listed by
        ``by="clip", clips="fixed"``. ``primary`` are the pairs that were declared primary; none: every pair.
        Raises AnalysisError for a choice that there is not, and for a primary pair that nobody judged.
        """
        check_choice("ties", ties, CONVENTIONS)
        _check(level, clips)
        declared = self._declared(primary)
        return win_rates(self.grouped(by), level=level, ties=ties, clips=clips, primary=declared)

    def rankings(
        self,
        *,
        clips: Clips = "random",
        level: float = 0.95,
        side: bool = True,
        covariance: Covariance = "clustered",
    ) -> tuple[Ranking, ...]:
        """Strength of every system over all opponents, by question, with ranks that hold.

        ``side=False`` leaves out the effect of standing on the left, as most published models do.
        ``covariance="independent"`` gives the standard errors that those print: each answer counts as if from a
        rater and about a clip of its own, so they are too small wherever raters answer more than once. Raises
        AnalysisError for a choice that there is not, and for independent answers with fixed clips.
        """
        _check(level, clips)
        check_choice("covariance", covariance, get_args(Covariance))
        return rankings(self.answers, level=level, clips=clips, side=side, covariance=covariance)

    def agreement(self, *, level: float = 0.95) -> tuple[Agreement, ...]:
        """How far raters agree, by question."""
        check_level(level)
        return agreements(self.answers, level=level)

    def sensitivity(
        self, *, rules: PassRules = NO_RULES, margin: float = MARGIN, rates: WinRates | None = None
    ) -> Sensitivity:
        """The primary results under other choices; ``rates`` are all results where they are at hand.

        Raises AnalysisError for rates by another column, of fixed clips, or with another convention for ties.
        """
        rates = rates or self.win_rates()
        if (rates.by, rates.clips, rates.convention) != ("genre", "random", TIES_IN_DENOMINATOR):
            raise AnalysisError(
                "other choices are set beside results by genre, with random clips and ties in the denominator; "
                f"these are by {rates.by}, with {rates.clips} clips and {rates.convention}"
            )
        return sensitivity(self.answers, rates, self.rater_figures, rules=rules, margin=margin)

    def romano_wolf(self, rates: WinRates | None = None, *, seed: int = 1) -> dict[tuple[str, str, str], float]:
        """Step-down adjusted p values of the primary family, by question and pair."""
        return romano_wolf(self.answers, rates or self.win_rates(), seed=seed)

    def signed_rank(self) -> tuple[SignedRank, ...]:
        """Wilcoxon with Bonferroni, as older papers have it; mind its warning."""
        return signed_rank(self.answers)

    def cumulative_logit(self, *, level: float = 0.95) -> tuple[OrdinalRanking, ...]:
        """Strengths from a cumulative-logit model, to check the ranking against."""
        # statsmodels' models take a second to import, and few ask for them.
        from analysis.ordinal import cumulative_logit

        check_level(level)
        return cumulative_logit(self.answers, level=level)

    def genre_strengths(
        self, *, by: str = "genre", level: float = 0.95, side: bool = True
    ) -> tuple[GenreStrengths, ...]:
        """Strength of every system in every genre, raw and shrunken, by question."""
        check_level(level)
        return genre_strengths(self.grouped(by), level=level, side=side)

    def resampled_rankings(
        self, *, resamples: int = 1000, seed: int = 1, level: float = 0.95, side: bool = True
    ) -> tuple[Resampled, ...]:
        """Strengths with intervals from resampling raters, by question."""
        check_level(level)
        return resampled_rankings(self.answers, resamples=resamples, seed=seed, level=level, side=side)

    def paper_table_1(self, *, level: float = 0.95) -> tuple[paper.Won, ...]:
        """The subjective columns of V2Meow's Table 1: decided ratings won over all opponents, by dataset."""
        check_level(level)
        return paper.table_1(self.grouped("dataset"), level=level)

    def paper_table_4(self, *, level: float = 0.95) -> tuple[paper.Won, ...]:
        """V2Meow's Table 4: decided ratings won, averaged over genres."""
        check_level(level)
        return paper.table_4(self.answers, level=level)

    def watch(
        self,
        rule: StoppingRule = StoppingRule(),  # noqa: B008  frozen
        *,
        ended: bool = False,
    ) -> tuple[Watched, ...]:
        """What a running study shows so far, which may be looked at as often as one likes.

        Raters count once they have finished; ``ended``: nobody answers any more, so all have.
        """
        return watch(self.frame, rule, ended=ended, include_simulated=self.include_simulated)

    def watched_family(self, rule: StoppingRule = StoppingRule()) -> Family:  # noqa: B008  frozen
        """What ``watch`` shares alpha by, in words too."""
        return watched_family(self.frame, rule, include_simulated=self.include_simulated)

    def report(self, *, primary: Collection[tuple[str, str]] = (), **options: Any) -> Report:
        """Everything at once; ``options`` are those of ``analysis.report.build``, ``title`` among them.

        Raises AnalysisError for a primary pair that nobody judged.
        """
        from analysis.report import build

        return build(self, **{"title": self.name, "primary": self._declared(primary), **options})

    def grouped(self, by: str) -> Answers:
        """The answers with their clips grouped by a column, or each by itself ("clip"). Raises AnalysisError."""
        if by == "genre":
            return self.answers
        return Answers.of(self.frame, include_simulated=self.include_simulated, by=by)

    def _declared(self, primary: Collection[tuple[str, str]]) -> list[tuple[str, str]]:
        """The pairs that were named, which somebody must have judged: a slip would make every pair exploratory."""
        pairs = named_pairs(primary)
        if pairs:
            self.answers.check_compared(pairs)
        return pairs


def _check(level: float, clips: str) -> None:
    check_level(level)
    check_choice("clips", clips, get_args(Clips))


def read(
    source: schema.Source,
    *,
    map: ColumnMap | Path | str | None = None,
    alike_rows: AlikeRows = "refuse",
    include_simulated: bool = False,
) -> Ratings:
    """Read and check a table of ratings (.csv, .parquet or a frame).

    Another platform's is read through ``map``, a column map by name ("votes"), from a .toml file or as a
    ``ColumnMap``; ``alike_rows`` says what becomes of rows that repeat an earlier one, see ``import_ratings``.
    Raises SchemaError for what a table has wrong, TypeError for what is none, and AnalysisError for a choice that
    there is not.
    """
    if map is not None:
        frame = import_ratings(source, map, alike_rows=alike_rows)
    elif alike_rows != "refuse":
        raise AnalysisError("alike_rows is about another platform's rows: give its column map too")
    else:
        frame = schema.read(source)
    return Ratings(frame, include_simulated=include_simulated)
