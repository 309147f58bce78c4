"""What is known of the systems, beside the ratings and in the report."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis import page, report
from analysis.files import SchemaError, csv_text
from analysis.ratings import read
from analysis.system_cards import SystemCard, cards_frame, cards_table, read_cards

from .simulate import simulate

ALPHA = SystemCard(
    "alpha",
    "Alpha (tiny)",
    "tiny stand-in",
    "video",
    "16 kHz",
    "MIT",
    "CC0",
    "Doe 2021",
    "says nothing about Alpha",
)
BETA = SystemCard("beta", "Beta", "control", "neither", "48 kHz", "MIT", "none")


def test_cards_survive_the_way_through_a_file(tmp_path: Path) -> None:
    path = tmp_path / "systems.csv"
    path.write_text(csv_text(cards_frame((ALPHA, BETA))), encoding="utf-8")
    assert read_cards(path) == (ALPHA, BETA)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("system,label\nalpha,Alpha\n", "has no column standing, sees"),
        (csv_text(cards_frame((ALPHA, ALPHA))), "has 'alpha' twice"),
    ],
)
def test_a_table_of_cards_that_is_wrong_is_refused(text: str, says: str, tmp_path: Path) -> None:
    path = tmp_path / "systems.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(SchemaError, match=says):
        read_cards(path)


def test_only_what_was_compared_is_told() -> None:
    table = cards_table((ALPHA, BETA), {"alpha", "gamma"})
    assert table is not None
    assert [row.cells[0] for row in table.rows] == ["alpha"]
    assert table.rows[0].cells[2] == "tiny stand-in"
    assert table.notes == ("alpha: Doe 2021. Licences: code MIT, weights CC0. Says nothing about Alpha.",)
    assert cards_table((ALPHA,), {"gamma"}) is None


def test_the_report_says_what_is_a_stand_in() -> None:
    ratings = read(simulate(seed=1, systems=("alpha", "beta")))
    built = report.build(ratings, title="Pilot", systems=(ALPHA, BETA))
    assert built.warnings[0] == "Stand-ins, not the published systems: alpha is Alpha (tiny)."
    html = page.html(built)
    assert "What the systems are" in html
    assert "tiny stand-in" in html
    assert "What the systems are" not in page.html(report.build(ratings, title="Pilot"))
