"""The pictures of a report, in reading order."""

from __future__ import annotations

from analysis.bars import diverging_bars
from analysis.drawing import Figure
from analysis.forest import forest
from analysis.results import WinRates
from analysis.schema import QUESTIONS

__all__ = ["Figure", "all_figures"]


def all_figures(rates: WinRates) -> tuple[Figure, ...]:
    """Diverging bars per question, then a forest plot per system pair."""
    questions = [question for question in QUESTIONS if any(rate.question == question for rate in rates.averages)]
    pairs = dict.fromkeys((rate.system_1, rate.system_2) for rate in rates.averages)
    bars = [diverging_bars(rates, question) for question in questions]
    return (*bars, *(forest(rates, pair, number) for number, pair in enumerate(pairs, start=1)))
