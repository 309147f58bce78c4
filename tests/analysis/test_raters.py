"""Figures of single raters, and the rules that they are held to."""

from __future__ import annotations

import pandas as pd
import pytest

from analysis import schema
from analysis.raters import PassRules, RaterFigures, rater_figures

from .simulate import row, simulate

SIDES = schema.SIDES
FIT, TASTE = "visual_relevance", "music_preference"


def trial(
    number: int, kind: str, scores: tuple[int, int], *, left_is_1: bool = True, **more: object
) -> list[dict[str, object]]:
    """The two answers to one trial; ``scores`` favour system_1 where they are above zero: fit, then taste."""
    same = kind == "identical"
    first, second = ("truth", "foil") if kind == "gold" else ("alpha", "alpha" if same else "beta")
    rows = []
    for question, score in zip((FIT, TASTE), scores, strict=True):
        presented = score if left_is_1 else -score
        rows.append({
            "study": "s", "rater_id": "r1", "session_id": "s1", "block": 1, "trial_id": f"t{number}",
            "position": number, "kind": kind, "repeat_of": None, "dataset": "d", "clip_id": f"c{number}",
            "genre": "Rock", "question": question, "played_first": "left", "choice": 3 - presented,
            "score_presented": presented, "system_1": first, "system_2": second, "score": score,
            "simulated": False, "coverage_left": 1.0, "coverage_right": 1.0, "response_time_ms": 1000 * number,
            "answered_at": "2026-01-31T12:00:00Z", "expected": "truth" if kind == "gold" else None,
            "system_left": first if left_is_1 or same else second,
            "system_right": second if left_is_1 or same else first,
            **{f"{name}_{side}": None for name in ("stimulus", "lufs", "gain_db", "seed") for side in SIDES},
            **more,
        })  # fmt: skip
    return rows


def figures_of(*trials: list[dict[str, object]]) -> RaterFigures:
    (figures,) = rater_figures(schema.read(pd.DataFrame([row for rows in trials for row in rows])))
    return figures


def test_gold_counts_by_fit_alone_and_in_the_known_direction() -> None:
    found = figures_of(
        trial(1, "gold", (2, -2)), trial(2, "gold", (1, 0), left_is_1=False), trial(3, "gold", (0, 2)),
        trial(4, "gold", (-1, 2)),
    )  # fmt: skip
    assert (found.gold, found.gold_right) == (4, 0.5)
    turned = [row | {"expected": "foil"} for row in trial(1, "gold", (-2, 0))]
    assert figures_of(turned).gold_right == 1


def test_identical_pairs_and_repeats_check_the_rater_against_himself() -> None:
    found = figures_of(
        trial(1, "test", (2, 0)),
        trial(2, "test", (-1, 1)),
        trial(3, "identical", (1, 0)),
        trial(4, "identical", (2, -1)),
        trial(5, "repeat", (1, 0), left_is_1=False, repeat_of="t1", clip_id="c1"),
        trial(6, "repeat", (2, 1), left_is_1=False, repeat_of="t2", clip_id="c2"),
    )
    assert (found.identical, found.identical_near) == (2, 0.75)
    assert (found.repeats, found.repeat_near) == (2, 0.75)


def test_a_repeat_in_a_later_session_of_the_rater_is_set_beside_its_original() -> None:
    later = trial(2, "repeat", (-1, 0), session_id="s2", repeat_of="t1", clip_id="c1")
    found = figures_of(trial(1, "test", (2, 0)), later)
    assert (found.repeats, found.repeat_near) == (1, 0.5)


def test_sides_sameness_and_pace_come_from_test_trials_alone() -> None:
    found = figures_of(
        trial(1, "test", (2, 2)), trial(2, "test", (2, -1), left_is_1=False), trial(3, "test", (2, 0)),
        trial(4, "gold", (2, 2)), trial(9, "identical", (0, 0)),
    )  # fmt: skip
    assert found.tests == 3
    assert found.left_share == pytest.approx(4 / 5)
    assert found.same_choice == pytest.approx(2 / 3)
    assert found.median_response_ms == 2000


def test_what_a_rater_never_met_is_none() -> None:
    found = figures_of(trial(1, "test", (0, 0)))
    assert found.gold_right is found.identical_near is found.repeat_near is found.left_share is None
    assert PassRules(min_gold_right=1, min_identical_near=1).broken_by(found) == ()


def test_rules_are_told_in_words_and_one_miss_proves_nothing() -> None:
    wrong = [trial(number, "gold", (-2, 0)) for number in (1, 2)]
    rules = PassRules(min_gold_right=0.5, min_identical_near=0.5, max_same_choice=0.9, min_median_response_ms=1500)
    assert rules.broken_by(figures_of(wrong[0])) == ()
    assert rules.broken_by(figures_of(*wrong)) == ("0% of gold pairs right, 50% needed",)
    lazy = figures_of(*(trial(number, "test", (1, 1), response_time_ms=700) for number in range(1, 9)))
    assert rules.broken_by(lazy) == (
        "100% of the answers to one question alike, at most 90% allowed",
        "half of the answers within 700 ms, 1500 ms needed",
    )


def test_every_declared_bound_is_told_whether_anybody_breaks_it_or_not() -> None:
    assert PassRules().told == ""
    rules = PassRules(
        min_gold_right=0.5, min_identical_near=0.875, max_same_choice=0.9, min_median_response_ms=1500
    )
    assert rules.told == (
        "Rules for raters, as declared: at least 50% of gold pairs right (from 2 pairs on); at least 87.5% of "
        "answers to identical pairs near no preference (from 2 pairs on); at most 90% of the answers to one "
        "question alike; a median time to answer of at least 1500 ms."
    )
    assert PassRules(max_same_choice=0).told == (
        "Rules for raters, as declared: at most 0% of the answers to one question alike."
    )


def test_every_rater_of_a_table_has_one_line() -> None:
    frame = schema.read(simulate(seed=1, raters=5, per_rater=4, systems=("alpha", "beta")))
    found = rater_figures(frame)
    assert [figures.rater_id for figures in found] == sorted(set(frame["rater_id"].astype(str)))
    assert all(figures.tests == 4 for figures in found)


@pytest.mark.parametrize(("kind", "expected"), [("gold", None), ("test", "alpha"), ("gold", "gamma")])
def test_a_gold_pair_names_one_of_its_systems_and_nothing_else_does(kind: str, expected: str | None) -> None:
    rows = [answer | {"expected": expected} for answer in trial(1, kind, (1, 1))]
    with pytest.raises(schema.SchemaError, match="a gold pair names one of its two systems"):
        schema.read(pd.DataFrame(rows))


def test_a_table_from_before_gold_pairs_is_read() -> None:
    old = pd.DataFrame(trial(1, "test", (1, 1))).drop(columns="expected")
    assert schema.read(old)["expected"].isna().all()


def test_the_longest_run_is_of_one_choice_to_one_question_in_one_session() -> None:
    """2 2 1 1 1 0 to the one question, always 1 to the other, in two sessions that do not add up."""
    rows = []
    for session, scores in (("s1", (2, 2, 1, 1, 1, 0)), ("s2", (1, 1))):
        for place, score in enumerate(scores, start=1):
            for question, given in (
                ("visual_relevance", score),
                ("music_preference", 1 if session == "s1" else -1),
            ):
                trial = f"{session}-{place}"
                made = row(
                    rater="r",
                    trial=trial,
                    genre="g",
                    clip=f"c{trial}",
                    pair=("a", "b"),
                    score=given,
                    question=question,
                )
                rows.append(made | {"session_id": session, "position": place})
    (figures,) = rater_figures(schema.read(pd.DataFrame(rows).sample(frac=1, random_state=1)))
    assert figures.longest_run == 6
    varied = pd.DataFrame([one for one in rows if one["question"] == "visual_relevance"])
    (figures,) = rater_figures(schema.read(varied))
    assert figures.longest_run == 3
