"""How many answers there are, who gave them, how sides and order were used: the denominators of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from analysis.answers import Answers
from analysis.table import Row, Table
from analysis.variance import Layout, dense, t_interval, two_way_moments
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


def came(study: StudyCounts | None) -> tuple[tuple[str, int], ...]:
    """Sessions before anything is analysed, for the picture of who came; nothing without a study."""
    if study is None:
        return ()
    begun = (study.completed, study.expired, study.under_way, study.screened_out, study.withdrawn, study.erased)
    steps = (
        ("sessions that began", sum(begun)),
        ("screened out before the first trial", study.screened_out),
        ("erased by the rater", study.erased),
    )
    return tuple(step for place, step in enumerate(steps) if step[1] or not place)


def balance_table(used: pd.DataFrame, answers: Answers, level: float) -> Table:
    """How evenly sides and order were used, and whether answers lean to a side or to what was played first.

    Nothing is said of the order where the table does not tell it.
    """
    known = used["played_first"].notna().to_numpy()
    left_first = (used["played_first"] == "left").to_numpy()
    sign = np.sign(used["score_presented"].to_numpy(dtype=np.float64))
    trials = ~used["trial_id"].duplicated().to_numpy()
    everything = np.ones(len(used), dtype=np.bool_)
    asked = ", both questions" if used["question"].nunique() > 1 else ""
    shares = [("Trials with system 1 on the left", answers.left[trials])]
    leanings = [(f"Net preference for the left side{asked}", sign, everything)]
    if known.any():
        shares.append(("Trials with the left version played first", left_first[trials & known]))
        first = np.where(left_first, sign, -sign)
        leanings.append((f"Net preference for what came first{asked}", first, known))
    rows = [Row((label, percent(float(holds.mean())))) for label, holds in shares if len(holds)]
    for label, values, among in leanings:
        layout = Layout.of_one_cell(dense(answers.rater[among]), dense(answers.clip[among]))
        moments = two_way_moments(values[among], layout)
        told = signed_percent(moments.mean)
        if moments.variance is not None:
            low, high = t_interval(moments, level)
            told += f" [{signed_percent(low)[:-1]}, {signed_percent(high)[:-1]}]"
        rows.append(Row((label, told)))
    return Table("Sides and order", ("", "Share"), tuple(rows))


def told_deviations(study: StudyCounts | None, declared: Sequence[str], *, answered: int) -> tuple[str, ...]:
    """What was done otherwise than planned: in the researchers' words, and what the counts show by themselves."""
    if study is None and not declared:
        return ("The table does not say what was planned, so deviations cannot be told from it.",)
    told = list(declared)
    if study is not None:
        if study.expired:
            told.append(f"{_sessions(study.expired)} expired before the end; what was left was offered again.")
        if study.withdrawn:
            told.append(f"{_sessions(study.withdrawn)} ended with the rater leaving, answers kept.")
        if study.erased:
            told.append(
                f"{_sessions(study.erased)} had all answers erased by the rater; nothing here counts them."
            )
        if study.under_way:
            told.append(
                f"{_sessions(study.under_way)} still under way: this is an interim look, and p values "
                "and intervals are those of a study that ends here."
            )
        missing = study.planned_trials - answered
        if missing > 0:
            told.append(f"{missing:,} of {study.planned_trials:,} planned trials have no answer.")
    return tuple(told) or ("None were declared, and the counts show none.",)


def _sessions(count: int) -> str:
    return f"{count:,} session" + ("s" if count != 1 else "")
