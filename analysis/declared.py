"""The declared primary family where it is not every pair: its tests, corrected together and with no others."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from analysis.report import Report, Section
from analysis.results import PairRate, WinRates
from analysis.table import Row, Table
from analysis.win_rates import holm
from analysis.wording import QUESTION_TITLES, interval, p_value, signed_percent

TITLE = "What was declared before the study opened"


def with_declared(
    report: Report, paragraphs: Collection[str], primary_pairs: Collection[tuple[str, str]]
) -> Report:
    """The report with the plan of its analysis after the first section; results of a declared family with it.

    ``primary_pairs`` are two slugs each, in either order; none where every pair is primary.
    """
    tables = (primary_family(report.rates, primary_pairs),) if report.rates and primary_pairs else ()
    declared = Section(TITLE, paragraphs=tuple(paragraphs), tables=tables)
    first, *rest = report.sections
    return replace(report, sections=(first, declared, *rest))


def primary_family(rates: WinRates, pairs: Collection[tuple[str, str]]) -> Table:
    """Net preference of the declared pairs over both questions, p values by Holm within them alone."""
    declared = {frozenset(pair) for pair in pairs}
    family = holm([rate for rate in rates.averages if frozenset((rate.system_1, rate.system_2)) in declared])
    return Table(
        "The declared primary family, averaged over genres",
        ("Question", "System 1", "System 2", "Net preference for system 1", "p (Holm, this family)", "Remarks"),
        tuple(_row(rate) for rate in family),
        headings=3,
        notes=("Elsewhere in this report p values are corrected over all pairs, which is stricter.",),
    )


def _row(rate: PairRate) -> Row:
    return Row(
        (
            QUESTION_TITLES[rate.question],
            rate.system_1,
            rate.system_2,
            f"{signed_percent(rate.net.value)} {interval(rate.net, signed=True)}",
            p_value(rate.test.p_adjusted) if rate.test else "–",
            "; ".join(rate.flags),
        ),
        faint=bool(rate.flags),
    )
