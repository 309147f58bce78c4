"""Results as data frames, at full precision, to export."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import get_args

import pandas as pd

from analysis.assumptions import Assumptions
from analysis.costs import Prices, cost
from analysis.genre_strengths import GenreStrengths
from analysis.paper import Won
from analysis.power import Edges, Power
from analysis.ranking import DegreeName, PairFit, Ranking
from analysis.raters import PassRules, RaterFigures
from analysis.resampling import Resampled
from analysis.results import PairRate, SystemRate, WinRates
from analysis.wording import AVERAGE

_NESTED = {"plan", "assumed"}


def pair_frame(rates: WinRates) -> pd.DataFrame:
    """The per-genre preference export: a row per question, genre and pair, and the averages over genres.

    Where the clips were grouped by another column, that column stands in place of genre.
    ``low`` and ``high`` bound ``net``; an empty bound has its reason in ``flags``. ``simulated`` is
    how many of the ``n`` answers a program gave.
    """
    return pd.DataFrame(pair_records(rates, (*rates.cells, *rates.averages))).rename(columns={"genre": rates.by})


def with_romano_wolf(table: pd.DataFrame, adjusted: Mapping[tuple[str, str, str], float]) -> pd.DataFrame:
    """``pair_frame``'s table with step-down p values beside Holm's, of the averages alone."""
    keys = zip(table["question"], table["system_1"], table["system_2"], strict=True)
    of_averages = table["genre"] == f"({AVERAGE})"
    return table.assign(
        p_romano_wolf=pd.Series([adjusted.get(key) for key in keys], dtype=float).where(of_averages)
    )


def pair_records(rates: WinRates, shown: Iterable[PairRate]) -> tuple[dict[str, object], ...]:
    """Some of the pairs' rates, a record each, with the columns of ``pair_frame``."""
    return tuple(_pair_record(rate, rates) for rate in shown)


def _pair_record(rate: PairRate, rates: WinRates) -> dict[str, object]:
    test = rate.test
    return {
        "question": rate.question,
        "genre": _genre(rate.genre),
        "system_1": rate.system_1,
        "system_2": rate.system_2,
        "raters": rate.raters,
        "clips": rate.clips,
        "n": rate.n,
        "win_1": rate.win_1.value,
        "tie": rate.tie.value,
        "win_2": rate.win_2.value,
        "net": rate.net.value,
        "low": rate.net.low,
        "high": rate.net.high,
        "method": rate.net.method,
        "convention": rates.convention,
        "flags": "; ".join(rate.flags),
        "simulated": rate.simulated,
        "win_1_low": rate.win_1.low,
        "win_1_high": rate.win_1.high,
        "tie_low": rate.tie.low,
        "tie_high": rate.tie.high,
        "win_2_low": rate.win_2.low,
        "win_2_high": rate.win_2.high,
        "win_method": rate.win_1.method,
        "n_eff": rate.n_eff,
        "t": test.statistic if test else None,
        "df": test.df if test else None,
        "p": test.p if test else None,
        "p_adjusted": test.p_adjusted if test else None,
        "adjustment": test.adjustment if test else None,
        "shrunken_net": rate.shrunken.value if rate.shrunken else None,
        "shrunken_low": rate.shrunken.low if rate.shrunken else None,
        "shrunken_high": rate.shrunken.high if rate.shrunken else None,
        "level": rates.level,
    }


def system_frame(rates: WinRates) -> pd.DataFrame:
    """A row per question, genre and system over its opponents, and the averages over genres."""
    return pd.DataFrame(system_records(rates, rates.systems)).rename(columns={"genre": rates.by})


def system_records(rates: WinRates, shown: Iterable[SystemRate]) -> tuple[dict[str, object], ...]:
    """Some of the systems' rates, a record each, with the columns of ``system_frame``."""
    return tuple(_system_record(rate, rates) for rate in shown)


def _system_record(rate: SystemRate, rates: WinRates) -> dict[str, object]:
    record: dict[str, object] = {
        "question": rate.question,
        "genre": _genre(rate.genre),
        "system": rate.system,
        "opponents": rate.opponents,
        "raters": rate.raters,
        "clips": rate.clips,
        "n": rate.n,
    }
    for name, estimate in (("win", rate.win), ("tie", rate.tie), ("loss", rate.loss), ("net", rate.net)):
        record |= {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
    return record | {
        "win_method": rate.win.method,
        "net_method": rate.net.method,
        "convention": rates.convention,
        "flags": "; ".join(rate.flags),
        "simulated": rate.simulated,
        "level": rates.level,
    }


def _genre(genre: str | None) -> str:
    return f"({AVERAGE})" if genre is None else genre


def ranking_frame(rankings: Sequence[Ranking]) -> pd.DataFrame:
    """A row per question and system, strongest first; strengths in logits, 0 the mean of the systems."""
    return pd.DataFrame([record for ranking in rankings for record in strength_records(ranking)])


def strength_records(ranking: Ranking) -> tuple[dict[str, object], ...]:
    """One question's systems, a record each, with the columns of ``ranking_frame``."""
    beside = {
        "n": ranking.n,
        "raters": ranking.raters,
        "clips": ranking.clips,
        "level": ranking.level,
        "left": ranking.left.value if ranking.left else None,
        "left_se": ranking.left.se if ranking.left else None,
        "left_p": ranking.left.p if ranking.left else None,
        "left_reason": ranking.left_reason,
        **_degrees(ranking),
        "transitivity_p": ranking.transitivity.p if ranking.transitivity else None,
        "method": ranking.method,
        "reason": ranking.reason,
    }
    return tuple({"question": ranking.question, **asdict(one), **beside} for one in ranking.strengths)


def _degrees(ranking: Ranking) -> dict[str, object]:
    """The model's τ of either weaker degree, in logits against the strongest; empty where nobody gave it."""
    found = {one.degree: one for one in ranking.degrees}
    record: dict[str, object] = {}
    for name in get_args(DegreeName):
        one = found.get(name)
        record |= {f"{name}_logit": one.value if one else None, f"{name}_logit_se": one.se if one else None}
    return record


def fit_frame(rankings: Sequence[Ranking]) -> pd.DataFrame:
    """A row per question and pair: its shares as seen, and as one strength a system has them."""
    return pd.DataFrame(
        [
            {"question": ranking.question, **asdict(fit), "method": ranking.method}
            for ranking in rankings
            for fit in ranking.fits
        ],
        columns=["question", *(each.name for each in fields(PairFit)), "method"],
    )


def genre_strength_frame(found: Sequence[GenreStrengths]) -> pd.DataFrame:
    """A row per question, genre and system, and the averages over genres."""
    rows = []
    for one in found:
        for each in one.strengths:
            rows.append(
                {
                    "question": one.question,
                    "genre": _genre(each.genre),
                    "system": each.system,
                    "value": each.strength.value,
                    "low": each.strength.low,
                    "high": each.strength.high,
                    "shrunken": each.shrunken.value if each.shrunken else None,
                    "shrunken_low": each.shrunken.low if each.shrunken else None,
                    "shrunken_high": each.shrunken.high if each.shrunken else None,
                    "method": each.strength.method,
                    "level": one.level,
                    "interaction_p": one.interaction.p if one.interaction else None,
                    "reason": each.strength.reason or one.reason,
                    "left_out": "; ".join(f"{genre}: {why}" for genre, why in one.left_out),
                }
            )
    return pd.DataFrame(rows)


def resampled_frame(found: Sequence[Resampled]) -> pd.DataFrame:
    """A row per question and system, and one for the side ("(left)")."""
    return pd.DataFrame(
        [
            {
                "question": one.question,
                **asdict(each),
                "level": one.level,
                "resamples": one.resamples,
                "unbounded": one.unbounded,
                "seed": one.seed,
                "left_reason": one.left_reason,
                "method": one.method,
            }
            for one in found
            for each in (*one.strengths, *([replace(one.left, system="(left)")] if one.left else []))
        ]
    )


def paper_frame(won: Sequence[Won]) -> pd.DataFrame:
    """One of the paper's tables, a row per dataset, system and question."""
    rows = []
    for one in won:
        record = {field.name: getattr(one, field.name) for field in fields(one) if field.name != "win"}
        rows.append(
            record | {name: getattr(one.win, name) for name in ("value", "low", "high", "method", "reason")}
        )
    return pd.DataFrame(rows).rename(columns={"value": "win"})


def rater_frame(figures: Sequence[RaterFigures], rules: PassRules) -> pd.DataFrame:
    """One row a rater: its figures, and the declared rules that they break, empty for a rater who passes."""
    names = [field.name for field in fields(RaterFigures)]
    return pd.DataFrame(rater_records(figures, rules), columns=[*names, "breaks"])


def rater_records(figures: Iterable[RaterFigures], rules: PassRules) -> tuple[dict[str, object], ...]:
    """A record a rater, with the columns of ``rater_frame``."""
    return tuple({**asdict(each), "breaks": "; ".join(rules.broken_by(each))} for each in figures)


def power_frame(found: Sequence[Power], assumed: Assumptions, prices: Prices) -> pd.DataFrame:
    """A row per simulated plan: the plan, its pairs as 0-1,0-2, what was assumed, power, widths and costs."""
    rows = []
    for one in found:
        figures = {field.name: getattr(one, field.name) for field in fields(one) if field.name not in _NESTED}
        edges = {"compared": _pairs_named(one.plan.edges), "primary": _pairs_named(one.plan.family)}
        costs = asdict(cost(one.plan, assumed, prices))
        rows.append({**asdict(one.plan), **edges, **asdict(one.assumed), **figures, **costs})
    return pd.DataFrame(rows)


def _pairs_named(edges: Edges) -> str:
    return ",".join(f"{one}-{other}" for one, other in edges)
