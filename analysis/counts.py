"""How many answers there are, who gave them, how sides and order were used: the denominators of a report."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.tables import Row, Table
from analysis.variance import Layout, t_interval, two_way_moments
from analysis.wording import percent, signed_percent


@dataclass(frozen=True, slots=True)
class StudyCounts:
    """What only the study knows of its course; the sessions are those whose answers are exported.

    ``planned_trials`` are those of the design, repeats included; ``simulated_left_out`` are answers, two a trial;
    ``erased`` are sessions whose raters had their answers removed.
    """

    planned_trials: int
    completed: int
    expired: int
    under_way: int
    simulated_left_out: int
    screened_out: int = 0
    withdrawn: int = 0
    erased: int = 0


def counts_table(ratings: pd.DataFrame, used: pd.DataFrame, study: StudyCounts | None) -> Table:
    """From what was planned and exported (``ratings``) to what is analysed (``used``)."""
    left_out = ratings.drop(used.index)
    other = left_out[left_out["kind"] != "test"]["kind"].astype(object).value_counts().sort_index()
    simulated = int((left_out["kind"] == "test").sum())
    rows = _study_rows(study, answered=ratings["trial_id"].nunique()) if study else []
    rows += [("Answers in the table", len(ratings))]
    rows += [(f"left out: {kind} trials", -int(n)) for kind, n in other.items()]
    rows += [("left out: simulated answers", -simulated)] if simulated else []
    rows += [
        ("Answers analysed", len(used)),
        ("Raters", used["rater_id"].nunique()),
        ("Sessions", used["session_id"].nunique()),
        ("Trials", used["trial_id"].nunique()),
        ("Clips", len(used[["dataset", "clip_id"]].drop_duplicates())),
        ("Genres", used["genre"].nunique()),
        ("System pairs", len(used[["system_1", "system_2"]].drop_duplicates())),
    ]
    printed = [Row((label, f"{n:,}".replace("-", "−")), strong=label == "Answers analysed") for label, n in rows]
    times = used["response_time_ms"].dropna()
    if len(times):
        printed.append(Row(("Median time to answer, after both were played", f"{times.median() / 1000:.0f} s")))
    played = used[["coverage_left", "coverage_right"]].to_numpy(dtype=np.float64)
    if np.isfinite(played).any():
        printed.append(Row(("Least share of a version played", percent(float(np.nanmin(played))))))
    return Table("Answers and who gave them", ("", "Number"), tuple(printed))


def _study_rows(study: StudyCounts, *, answered: int) -> list[tuple[str, int]]:
    rows = [
        ("Trials planned, repeats included", study.planned_trials),
        ("Trials answered, repeats included", answered),
        ("Sessions completed", study.completed),
        ("Sessions expired before the end", study.expired),
        ("Sessions under way", study.under_way),
    ]
    for label, sessions in (
        ("Sessions screened out before the first trial", study.screened_out),
        ("Sessions withdrawn by the rater, answers kept", study.withdrawn),
        ("Sessions erased by the rater", study.erased),
    ):
        if sessions:
            rows.append((label, sessions))
    if study.simulated_left_out:
        rows.append(("Simulated answers left out of the table", study.simulated_left_out))
    return rows


def balance_table(used: pd.DataFrame, level: float) -> Table:
    """How evenly sides and order were used, and whether answers lean to a side or to what was played first."""
    layout = Layout.of_one_cell(
        pd.factorize(used["rater_id"].astype(object), sort=True)[0],
        pd.factorize(pd.MultiIndex.from_frame(used[["dataset", "clip_id"]].astype(object)), sort=True)[0],
    )
    sign = np.sign(used["score_presented"].to_numpy(dtype=np.float64))
    first = np.where(used["played_first"] == "left", sign, -sign)
    trials = used.drop_duplicates(["trial_id"])
    left_is_1 = trials["system_left"].astype(object) == trials["system_1"].astype(object)
    left_first = trials["played_first"] == "left"
    rows = [
        Row(("Trials with system 1 on the left", percent(float(left_is_1.mean())))),
        Row(
            (
                "Trials with the left version played first",
                percent(float(left_first.mean())),
            )
        ),
    ]
    for label, values in (
        ("Net preference for the left side, both questions", sign),
        ("Net preference for what came first, both questions", first),
    ):
        moments = two_way_moments(values, layout)
        told = signed_percent(moments.mean)
        if moments.variance is not None:
            low, high = t_interval(moments, level)
            told += f" [{signed_percent(low)[:-1]}, {signed_percent(high)[:-1]}]"
        rows.append(Row((label, told)))
    return Table("Sides and order", ("", "Share"), tuple(rows))
