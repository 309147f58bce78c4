"""The declared primary family: corrected within itself, and only it."""

from __future__ import annotations

from pathlib import Path

import pytest

import analysis as da
from analysis.declared import TITLE, primary_family, with_declared
from analysis.wording import p_value

GOLDEN = Path(__file__).parent.parent / "golden" / "ratings_small.csv"


def test_the_family_is_corrected_by_holm_within_itself() -> None:
    rates = da.read(GOLDEN, include_simulated=True).win_rates()
    first = rates.averages[0]
    table = primary_family(rates, [(first.system_2, first.system_1)])
    mine = [rate for rate in rates.averages if (rate.system_1, rate.system_2) == (first.system_1, first.system_2)]
    ps = sorted(rate.test.p for rate in mine if rate.test)
    # Holm, of two: twice the smaller; the larger, but never less than that.
    expected = {p_value(min(1.0, 2 * ps[0])), p_value(min(1.0, max(2 * ps[0], ps[1])))}
    assert len(table.rows) == len(mine) == len(ps) == 2
    assert {row.cells[4] for row in table.rows} == expected


@pytest.mark.parametrize("pairs", [[], [("a", "b")]])
def test_what_was_declared_stands_second_and_a_table_only_where_there_is_a_family(
    pairs: list[tuple[str, str]],
) -> None:
    plain = da.read(GOLDEN, include_simulated=True).report()
    told = with_declared(plain, ["Expected: nothing."], pairs)
    assert [section.title for section in told.sections][1] == TITLE
    assert told.sections[1].paragraphs == ("Expected: nothing.",)
    assert len(told.sections[1].tables) == len(pairs)
    assert len(told.sections) == len(plain.sections) + 1
