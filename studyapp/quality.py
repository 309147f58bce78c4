"""What a study's raters are held to, and how each of them answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from studyapp.models import Study

if TYPE_CHECKING:
    import pandas as pd

    from analysis.raters import PassRules, RaterFigures


@dataclass(frozen=True, slots=True)
class RaterLine:
    """One rater's figures and the declared rules that they break, in words."""

    figures: RaterFigures
    broken: tuple[str, ...]


def rules_of(study: Study) -> PassRules:
    """The rules that the study declared before it opened."""
    from analysis.raters import PassRules

    return PassRules(
        min_gold_right=study.min_gold_right,
        min_identical_near=study.min_identical_near,
        max_same_choice=study.max_same_choice,
        min_median_response_ms=study.min_median_response_ms,
    )


def rater_lines(study: Study, frame: pd.DataFrame) -> list[RaterLine]:
    """Every rater of a study's ratings, who breaks a rule first."""
    # pandas takes 0.5 s and 60 MB: only whoever looks pays for it.
    from analysis.raters import rater_figures

    rules = rules_of(study)
    lines = [RaterLine(figures, rules.broken_by(figures)) for figures in rater_figures(frame)]
    return sorted(lines, key=lambda line: (not line.broken, line.figures.rater_id))
